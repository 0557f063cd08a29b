"""What people carry files with today, each given its best: tallies sorted first, no TLS where it can do without.

Every sender is tried again half a second after it gives up. Arrived is what is whole under its final name.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import zstandard

from tests.bench.processes import running
from tests.bench.uplink.job import Job
from tests.bench.uplink.receivers import Account, Arrived, Receiver, System, leashed
from tests.bench.uplink.retrying import Attempts, trying
from tests.world.links import Address, BadLink

_BATCH = "0-tallies"
_PARALLEL = 8
_LISTENS_SECONDS_MAX = 20.0


class _Folder:
    """A folder in which files arrive: of one tally each, or one of all of them, and the photographs."""

    def __init__(self, job: Job, folder: Path, *, batched: bool) -> None:
        self._job = job
        self._folder = folder
        self._wanted = _files(job, batched=batched)
        self._here: set[str] = set()

    def arrived(self) -> Arrived:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name not in self._here and entry.name in self._wanted and self._is_whole(entry):
                    self._here.add(entry.name)
        photographs = sum(name.startswith("1") for name in self._here)
        tallies = len(self._here) - photographs
        return Arrived(len(self._job.tallies) if _BATCH in self._here else tallies, photographs)

    def _is_whole(self, entry: "os.DirEntry[str]") -> bool:
        try:
            return entry.stat().st_size == len(self._wanted[entry.name])
        except FileNotFoundError:  # it was a name for a moment only
            return False

    def account(self) -> Account:
        here = {path.name: path.read_bytes() for path in self._folder.iterdir() if not path.name.startswith(".")}
        missing = sum(here.get(name) != data for name, data in self._wanted.items())
        wanted = set(self._wanted.values())
        return Account(missing, doubled=sum(here[name] in wanted for name in here.keys() - self._wanted.keys()))


@contextmanager
def rsync(link: BadLink, job: Job, folder: Path, *, batched: bool) -> Iterator[Receiver]:
    """`rsync --partial` to a daemon."""
    outbox, inbox = _boxes(job, folder, batched=batched)
    settings = folder / "rsyncd.conf"
    settings.write_text(f"use chroot = no\nuid = 0\ngid = 0\n[inbox]\npath = {inbox}\nread only = no\n")
    host, port = link.listens
    daemon = ["rsync", "--daemon", "--no-detach", f"--config={settings}", f"--address={host}", f"--port={port}"]
    words = ["rsync", "--recursive", "--times", "--partial", "--timeout=30", "--contimeout=30"]
    command = leashed(link.near, *words, f"{outbox}/", f"rsync://{_joined(link.reaches)}/inbox/")

    def attempt(attempts: Attempts) -> bool:
        return attempts.run(command).status == 0

    with (
        running(leashed(link.far, *daemon), folder / "daemon.log"),
        trying(attempt, folder / "sender.log"),
    ):
        yield _Folder(job, inbox, batched=batched)


@contextmanager
def curl(link: BadLink, job: Job, folder: Path, *, batched: bool, parallel: bool) -> Iterator[Receiver]:
    """A PUT a file over connections that are kept, one after the other or eight at once; what failed is sent again."""
    outbox, inbox = _boxes(job, folder, batched=batched)
    address = _joined(link.reaches)
    pending = [path.name for path in sorted(outbox.iterdir())]
    listing = folder / "curl.config"
    options = [
        "--no-progress-meter",
        "--header",
        "Expect:",
        "--connect-timeout",
        "15",
        "--speed-limit",
        "1",
        "--speed-time",
        "30",
    ]
    options += ["--parallel", "--parallel-max", str(_PARALLEL)] if parallel else []
    command = leashed(link.near, "curl", *options, "--write-out", "%{http_code} %{url}\n", "--config", str(listing))

    def attempt(attempts: Attempts) -> bool:
        listing.write_text(
            "".join(f'upload-file = "{outbox / name}"\nurl = "http://{address}/{name}"\n' for name in pending)
        )
        for name in re.findall(r"^204 http://\S+/(\S+)$", attempts.run(command).output, re.MULTILINE):
            pending.remove(name)
        return not pending

    with _storing(link, inbox, folder), trying(attempt, folder / "sender.log"):
        yield _Folder(job, inbox, batched=batched)


@contextmanager
def tus(link: BadLink, job: Job, folder: Path, *, batched: bool) -> Iterator[Receiver]:
    """tuspy: one file after the other, each going on where it was cut."""
    outbox, inbox = _boxes(job, folder, batched=batched)
    pending = sorted(map(str, outbox.iterdir()))
    client = [sys.executable, "-m", "tests.bench.uplink.tusing", f"http://{_joined(link.reaches)}"]

    def attempt(attempts: Attempts) -> bool:
        ended = attempts.run(leashed(link.near, *client, *pending))
        del pending[: len(ended.output.split())]
        return not pending

    with _storing(link, inbox, folder), trying(attempt, folder / "sender.log"):
        yield _Folder(job, inbox, batched=batched)


@contextmanager
def _storing(link: BadLink, inbox: Path, folder: Path) -> Iterator[None]:
    """The server of those that speak HTTP."""
    host, port = link.listens
    words = leashed(link.far, sys.executable, "-m", "tests.bench.uplink.storing", host, str(port), str(inbox))
    with running(words, folder / "server.log") as child:
        child.wait_for(re.compile("listens"), _LISTENS_SECONDS_MAX)
        yield


@contextmanager
def nncp(link: BadLink, job: Job, folder: Path, *, batched: bool) -> Iterator[Receiver]:
    """`nncp-call` to `nncp-daemon`; the tallies are of a higher priority than the photographs."""
    outbox, inbox = _boxes(job, folder, batched=batched)
    near, far = _nncp_nodes(folder, inbox, link.reaches)
    for path in sorted(outbox.iterdir()):
        nice = "P" if path.name.startswith("0") else "B"
        _nncp("nncp-file", near, "-nice", nice, str(path), f"far:{path.name}")
    daemon = leashed(link.far, "nncp-daemon", "-quiet", "-cfg", str(far), "-bind", _joined(link.listens), "-autotoss")
    call = leashed(link.near, "nncp-call", "-quiet", "-cfg", str(near), "far")

    def attempt(attempts: Attempts) -> bool:
        attempts.run(call)
        return False

    with (
        running(daemon, folder / "daemon.log"),
        trying(attempt, folder / "sender.log"),
    ):
        yield _Folder(job, inbox, batched=batched)


PEERS: dict[str, System] = {
    "rsync": partial(rsync, batched=False),
    "rsync-batched": partial(rsync, batched=True),
    "tus": partial(tus, batched=True),
    "nncp": partial(nncp, batched=False),
    "nncp-batched": partial(nncp, batched=True),
    "curl": partial(curl, batched=False, parallel=False),
    "curl-parallel": partial(curl, batched=False, parallel=True),
}
"""By name; `-batched`: all tallies in one compressed file."""


def _nncp_nodes(folder: Path, inbox: Path, address: Address) -> tuple[Path, Path]:
    """The configurations of two nodes that know each other."""
    keys = {}
    for name in ("near", "far"):
        made = subprocess.run(["nncp-cfgnew", "-nocomments"], check=True, capture_output=True, text=True, timeout=20)
        keys[name] = dict(re.findall(r"(\w+): ([A-Z2-7]{40,})$", made.stdout.split("neigh:")[0], re.MULTILINE))
    paths = []
    for own, other in (("near", "far"), ("far", "near")):
        public = {key: value for key, value in keys[other].items() if not key.endswith("prv")}
        spool = folder / f"spool-{own}"
        spool.mkdir()
        # addrs of the far one are known to the near one alone
        neighbour = public | ({"addrs": {"link": _joined(address)}} if own == "near" else {"incoming": str(inbox)})
        told = {
            "spool": str(spool),
            "log": str(folder / f"nncp-{own}.log"),
            "self": keys[own],
            "neigh": {"self": {key: value for key, value in keys[own].items() if not key.endswith("prv")}}
            | {other: neighbour},
        }
        paths.append(folder / f"{own}.hjson")
        paths[-1].write_text(json.dumps(told, indent=1))
    return paths[0], paths[1]


def _joined(address: Address) -> str:
    return f"{address[0]}:{address[1]}"


def _nncp(program: str, settings: Path, *words: str) -> None:
    subprocess.run([program, "-quiet", "-cfg", str(settings), *words], check=True, capture_output=True, timeout=20)


def missing_program(system: str) -> str:
    """The program that a peer needs and that is not here; empty if it is, or for this relay."""
    name = system.partition("-")[0]
    program = {"rsync": "rsync", "curl": "curl", "nncp": "nncp-call"}.get(name)
    return program if program and not shutil.which(program) else ""


def _files(job: Job, *, batched: bool) -> dict[str, bytes]:
    """What is to be sent: name -> bytes, tallies sorted first."""
    if batched:
        tallies = {_BATCH: zstandard.compress(b"".join(job.tallies), 19)}
    else:
        tallies = {f"0-{at:03}": data for at, data in enumerate(job.tallies)}
    return tallies | {f"1-{at:02}": data for at, data in enumerate(job.photographs)}


def _boxes(job: Job, folder: Path, *, batched: bool) -> tuple[Path, Path]:
    outbox, inbox = folder / "outbox", folder / "inbox"
    outbox.mkdir()
    inbox.mkdir()
    for name, data in _files(job, batched=batched).items():
        (outbox / name).write_bytes(data)
    return outbox, inbox
