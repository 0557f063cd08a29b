"""Measurements: `python -m tests.bench` (`make bench`). CPU seconds of real processes, side by side in one run."""
