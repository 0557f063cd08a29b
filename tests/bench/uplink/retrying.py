"""A sender that only knows how to try: run again, half a second after it has ended, until it says that all is done."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PAUSE_SECONDS = 0.5
_END_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    output: str


class Attempts:
    """Runs commands, one at a time, until it is ended itself."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def run(self, words: list[str]) -> Ended:
        """Runs a command to its end, which comes at once if everything is to end."""
        with self._log.open("a", encoding="utf-8") as log, self._lock:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
            self._process = process
            if self._over.is_set():
                process.terminate()
        output, _ = process.communicate()
        return Ended(process.returncode, output)

    def until_done(self, attempt: Callable[["Attempts"], bool]) -> None:
        """Tries until `attempt` returns true."""
        while not self._over.is_set() and not attempt(self):
            self._over.wait(_PAUSE_SECONDS)

    def end(self) -> None:
        """Ends what runs, and lets nothing run any more."""
        self._over.set()
        with self._lock:
            process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(_END_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def trying(attempt: Callable[[Attempts], bool], log: Path) -> Iterator[None]:
    """Tries beside the block, and ends with it."""
    attempts = Attempts(log)
    thread = threading.Thread(target=attempts.until_done, args=[attempt])
    thread.start()
    try:
        yield
    finally:
        attempts.end()
        thread.join()
