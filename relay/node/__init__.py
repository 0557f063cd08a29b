"""The one place where parts are built and run: a relay, or a centre, as one TaskGroup in one process."""
