"""`relay demo` as its own process, and what it leaves behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def demo(tmp_path: Path, *options: str) -> "subprocess.Popen[str]":
    """The demo, with its temporary folder in `tmp_path`."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "relay", "demo", "--plain", "--fast", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path), "COLUMNS": "100"},
    )


def stopped_leaves_nothing(
    process: "subprocess.Popen[str]", tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    """Stops a demo with a signal once it has said `moment`, and checks that no process and no folder is left."""
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if moment in line:
                break
        else:
            pytest.fail("it ended by itself")
        children = _below(process.pid)
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == (-9 if number is signal.SIGKILL else 130)
    deadline = time.monotonic() + 20
    while any(_alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [child for child in children if _alive(child)]
    if number is not signal.SIGKILL:
        assert not list(tmp_path.glob("relay-demo-*"))


def _below(pid: int) -> set[int]:
    """All processes below one (Linux)."""
    found: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found |= {int(path.parent.name)} | _below(int(path.parent.name))
    return found


def _alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
