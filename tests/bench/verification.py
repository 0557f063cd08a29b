"""The yardstick: what one ES256 verification costs here and now, in a process of its own.

As a program it reads seconds from standard input and answers with how many verifications it made in about
that time and what they cost in CPU seconds. `busy` keeps the other core as busy as a load generator did.
"""

import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from relay.protocol import cbor
from tests.bench.figures import Broken
from tests.bench.processes import running

_ES256 = ec.ECDSA(hashes.SHA256())
_MODULE = "tests.bench.verification"
_BUSY_PERIOD_SECONDS = 0.01


class Verification:
    """The child, asked for one round at a time."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self._log = log

    def cpu_each(self, seconds: float, busy_share: float = 0.0) -> float:
        """CPU seconds of one verification, with the other core busy for `busy_share` of the time."""
        if busy_share <= 0:
            return self._ask(seconds)
        words = [sys.executable, "-m", _MODULE, "busy", f"{min(1.0, busy_share):.3f}"]
        with running(words, self._log):
            time.sleep(0.1)
            return self._ask(seconds)

    def _ask(self, seconds: float) -> float:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("it is talked to by pipes")
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        count, _, cost = self._process.stdout.readline().partition(" ")
        if not cost:
            raise Broken("The process that verifies has ended.")
        return float(cost) / int(count)


@contextmanager
def verifying(signatures: Path) -> Iterator[Verification]:
    """A child that verifies what `material.write_signatures` wrote."""
    words = [sys.executable, "-m", _MODULE, "verify", str(signatures)]
    with running(words, signatures.with_suffix(".log"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        yield Verification(child.process, signatures.with_suffix(".busy.log"))


def verify(signatures: Path) -> None:
    """Serves rounds until standard input ends."""
    rows = [
        (ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point), signature, message)
        for point, signature, message in cbor.decode(signatures.read_bytes())
    ]
    for line in sys.stdin:
        count, before = 0, time.process_time()
        until = time.monotonic() + float(line)
        while time.monotonic() < until:
            for key, signature, message in rows:
                key.verify(signature, message, _ES256)
            count += len(rows)
        print(count, time.process_time() - before, flush=True)


def busy(share: float) -> None:
    """Computes for `share` of the time, until it is ended."""
    block = bytes(65536)
    while True:
        until = time.monotonic() + share * _BUSY_PERIOD_SECONDS
        while time.monotonic() < until:
            hashlib.sha256(block).digest()
        time.sleep((1 - share) * _BUSY_PERIOD_SECONDS)


if __name__ == "__main__":
    verify(Path(sys.argv[2])) if sys.argv[1] == "verify" else busy(float(sys.argv[2]))
