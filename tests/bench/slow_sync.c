/* For LD_PRELOAD: every fsync takes 10 ms longer, about as on an SD card. Nothing else changes. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

#define SLOWER_MICROSECONDS 10000

static int slowly(const char *name, int file)
{
	int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

	usleep(SLOWER_MICROSECONDS);
	return sync(file);
}

int fsync(int file)
{
	return slowly("fsync", file);
}

int fdatasync(int file)
{
	return slowly("fdatasync", file);
}
