"""`relay drive export | import | status`: a USB stick as the operator of a relay meets it.

A running relay does all of this by itself where sticks are mounted in the folder of an uplink of kind "drive"; these
commands are for a stick that is mounted elsewhere, and for looking. They work beside a running relay.
"""

import argparse
import asyncio
import json
import ssl
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relay import config as config_module
from relay import identity
from relay.clock import Clock
from relay.config import CentreConfig, RelayConfig, UplinkConfig
from relay.drive import answers, batches
from relay.drive.export import Exporter
from relay.drive.progress import Progress
from relay.drive.replay import Replay, Told
from relay.drive.stick import Stick
from relay.drive.uplink import sticks_in
from relay.errors import Code, Rejected, UplinkDown
from relay.identity import NodeIdentity
from relay.node_commands import get_json, own_tls
from relay.protocol import messages, trust
from relay.protocol.cose import X5t
from relay.protocol.roles import Role
from relay.status_screen import span
from relay.store.custody import open_custody
from relay.store.documents import DocumentFiles
from relay.uplink.https import HttpsUplink
from relay.uplink.port import Uplink
from relay.verifier import Verifier

if TYPE_CHECKING:
    from rich.console import Console

_CONFIG_DEFAULT = Path("/etc/relay/relay.toml")
_POST_BYTES_MAX = 512 * 1024


def main(words: list[str]) -> int:
    """Dispatches the commands."""
    parser = argparse.ArgumentParser("relay drive", description="A USB stick as an uplink that is carried.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    export = commands.add_parser("export", help="write what has no receipt yet onto a stick")
    export.set_defaults(command=_export)
    load = commands.add_parser("import", help="take in receipts from a stick, and what other relays wrote on it")
    load.set_defaults(command=_import)
    show = commands.add_parser("status", help="what is on a stick, and what the running relay does with it")
    show.set_defaults(command=_status)
    show.add_argument("--json", action="store_true")
    for command in (export, load, show):
        command.add_argument(
            "folder", type=Path, nargs="?", help="where the stick is mounted; default: every one found"
        )
        command.add_argument("--config", type=Path, default=_CONFIG_DEFAULT, help="default: %(default)s")
    load.add_argument("--url", help="the running relay; default: this machine's own")
    options = parser.parse_args(words[1:])
    return int(options.command(options, config_module.load(options.config, RelayConfig)))


def _export(options: argparse.Namespace, config: RelayConfig) -> int:
    from relay.drive import screen

    console = screen.console()
    for folder in _sticks_at_least_one(options, config):
        progress = asyncio.run(export(folder, config, console))
        console.print(f"{folder}: [bold]{progress.state}[/bold]. {progress.sentence}")
    return 0


async def export(folder: Path, config: RelayConfig, console: "Console") -> Progress:
    """Writes what the relay of this machine holds; its database is only read."""
    from relay.drive import screen

    node = _identity(config)
    path = config.node.data_directory / "relay.db"
    if not path.exists():
        raise Rejected(Code.NOT_FOUND, f"There is nothing in {config.node.data_directory} yet: the relay has not run.")
    clock = Clock(config.node.clock_sure_file, floor=int(node.identity.not_before.timestamp()))
    async with open_custody(path, _never_signs, queue_max=1) as store:
        clock.saw_signed_time(await store.receipts.newest_time())
        files = DocumentFiles(config.node.data_directory, 0)
        with screen.shown(console) as progress:
            progress.begin(folder.name)
            progress.enter(*await Exporter(Stick(folder), store, files, node, clock).export(progress))
    return progress


def _import(options: argparse.Namespace, config: RelayConfig) -> int:
    from relay.drive import screen

    console = screen.console()
    complete = True
    for folder in _sticks_at_least_one(options, config):
        url = options.url or f"https://127.0.0.1:{config.listen.port}"
        filed = asyncio.run(hand_answers(Stick(folder), url, own_tls(config)))
        console.print(f"{folder}: {filed} receipts were new here.")
        root = config.node.identity_directory / identity.ROOT_FILE
        uplink = HttpsUplink(own_exchange(url, config), root, Role.RELAY)
        told = asyncio.run(hand_over(folder, uplink, root, console, but_not=_identity(config).signer.x5t))
        show_told(folder, told, console)
        complete = complete and told.complete
    return 0 if complete else 1


async def hand_over(
    folder: Path, uplink: Uplink, root: Path, console: "Console", *, but_not: X5t | None = None
) -> Told:
    """Hands what relays wrote onto a stick over to a running node, with a bar or lines."""
    from relay.drive import screen

    async def nobody(_: object) -> None:
        return None

    verifier = Verifier(trust.pin(identity.read_certificates(root)[0]), nobody, cached_max=1024)
    with screen.shown(console) as progress:
        progress.begin(folder.name)
        return await Replay(Stick(folder), uplink, verifier, progress, but_not=but_not).run()


def own_exchange(url: str, config: RelayConfig | CentreConfig) -> UplinkConfig:
    """How this machine's own node is reached, as an uplink."""
    return UplinkConfig(url=url, name="drive", tls="public" if config.listen.tls_certificate else "authority")


def show_told(folder: Path, told: Told, console: "Console") -> None:
    """What came of a stick, for a person."""
    what = f"{told.files} files of {told.relays} relays with {told.statements} statements were handed over"
    back = f"{told.receipts} receipts and {told.slips} slips came back"
    console.print(f"{folder}: {what}; {back}.")
    for sentence in told.sentences:
        console.print(f"  {sentence}", style="yellow", markup=False)


def _status(options: argparse.Namespace, config: RelayConfig) -> int:
    from relay.drive import screen

    told: dict[str, Any] = {"sticks": [describe(Stick(folder)) for folder in _sticks(options, config)]}
    try:
        status = get_json(f"https://127.0.0.1:{config.listen.port}/v1/status", own_tls(config))
        told["drives"] = status["drives"]
    except UplinkDown as error:
        told["drives"] = []
        told["relay"] = error.sentence
    if options.json:
        print(json.dumps(told, indent=2))
    else:
        _show_status(told, screen.console())
    return 0


def describe(stick: Stick) -> dict[str, Any]:
    """What lies on a stick, by the names and sizes of files; what is in them is only read when it is handed over."""
    relays = []
    for folder in batches.relay_folders(stick):
        paths = batches.batch_paths(stick, folder)
        try:
            manifest = batches.read_manifest(stick, folder)
        except Rejected:
            manifest = None
        finished = manifest is not None and batches.MARKER not in stick.names(folder)
        relays.append(
            {
                "folder": folder,
                "files": len(paths),
                "bytes": sum(stick.stamp(path)[0] for path in paths),
                "finished": finished and manifest is not None and manifest.files == len(paths),
                "written_at": manifest.made_at if manifest else None,
            }
        )
    return {"stick": str(stick.folder), "free_bytes": stick.free_bytes(), "relays": relays}


def _show_status(told: dict[str, Any], console: "Console") -> None:
    for stick in told["sticks"]:
        console.print(
            f"[bold]{stick['stick']}[/bold]: {stick['free_bytes'] / 1e6:.0f} MB free", highlight=False, soft_wrap=True
        )
        for relay in stick["relays"]:
            when = datetime.fromtimestamp(relay["written_at"] or 0, UTC).strftime("%Y-%m-%d %H:%M UTC")
            state = f"finished {when}" if relay["finished"] else "[yellow]not finished: pulled out too early[/yellow]"
            size = f"{relay['files']} files, {relay['bytes'] / 1e6:.1f} MB"
            console.print(f"  {relay['folder']}: {size}, {state}")
    if not told["sticks"]:
        console.print("There is no stick.")
    for drive in told["drives"]:
        left = f", {span(drive['seconds_left'])} left" if drive["seconds_left"] else ""
        console.print(f"drive {drive['name']}: [bold]{drive['state']}[/bold] {drive['stick']}{left}", highlight=False)
        if drive["reason"]:
            console.print(f"  {drive['reason']}")
    if "relay" in told:
        console.print(told["relay"], style="yellow", markup=False)


async def hand_answers(stick: Stick, url: str, tls: ssl.SSLContext) -> int:
    """Gives the running relay what came back on a stick; how many receipts were news to it."""
    filed, body = 0, b""
    async for message in answers.read(stick):
        data = messages.encode(message)
        if len(body) + len(data) > _POST_BYTES_MAX:
            filed, body = filed + await asyncio.to_thread(_post, url, body, tls), b""
        body += data
    return filed + (await asyncio.to_thread(_post, url, body, tls) if body else 0)


def _post(url: str, body: bytes, tls: ssl.SSLContext) -> int:
    if not url.startswith("https://"):
        raise Rejected(Code.BAD_REQUEST, f"{url} does not begin with https://.")
    headers = {"Content-Type": "application/cbor-seq"}
    request = urllib.request.Request(f"{url}/v1/receipts", body, headers)  # noqa: S310 (https only, checked above)
    try:
        with urllib.request.urlopen(request, timeout=60, context=tls) as answer:  # noqa: S310
            return int(json.load(answer)["filed"])
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise UplinkDown(f"The relay at {url} did not take the receipts ({error}). Is it running?") from error


def _sticks(options: argparse.Namespace, config: RelayConfig) -> list[Path]:
    """The stick that is named, or every one that is mounted where an uplink looks for them."""
    if options.folder is not None:
        if not options.folder.is_dir():
            raise Rejected(Code.FILE_UNREADABLE, f"{options.folder} is no folder; is the stick mounted there?")
        return [options.folder]
    folders = [item.folder for item in config.uplink if item.kind == "drive" and item.folder is not None]
    return [stick for folder in folders for stick in sticks_in(folder)]


def _sticks_at_least_one(options: argparse.Namespace, config: RelayConfig) -> list[Path]:
    found = _sticks(options, config)
    if not found:
        raise Rejected(Code.NOT_FOUND, "There is no stick. Put one in, or name the folder where it is mounted.")
    return found


def _identity(config: RelayConfig) -> NodeIdentity:
    secret = config.node.passphrase_file
    passphrase = identity.read_passphrase(secret) if secret else None
    return identity.load(config.node.identity_directory, Role.RELAY, passphrase=passphrase)


def _never_signs(_kind: object, _subject: bytes, _number: int) -> tuple[bytes, int]:
    raise Rejected(Code.INTERNAL, "Only a running relay signs slips.")
