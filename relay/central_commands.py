"""`relay central run | import | import-registry | status`: the centre as its operators meet it."""

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relay import config as config_module
from relay import registry
from relay.central.results import status
from relay.config import CentreConfig
from relay.errors import Code, Rejected
from relay.protocol import codes
from relay.store.record import open_record

if TYPE_CHECKING:
    from rich.console import Console

_CONFIG_DEFAULT = Path("/etc/relay/central.toml")


def main(words: list[str]) -> int:
    """Dispatches the commands."""
    parser = argparse.ArgumentParser("relay central", description="The centre.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run the centre until it is told to stop")
    run.set_defaults(command=_run)
    stick = commands.add_parser("import", help="hand what relays wrote onto a stick over to the running centre")
    stick.add_argument("folder", type=Path, help="where the stick is mounted")
    stick.add_argument("--url", help="the running centre; default: this machine's own")
    stick.set_defaults(command=_import_stick)
    load = commands.add_parser("import-registry", help="add the list of polling stations, so that shares can be told")
    load.add_argument("csv", type=Path, help="CSV with a column tps_code")
    load.add_argument("--regions", type=Path, help="CSV with kpu_code and name_kpu_2024 (or scope and name)")
    load.set_defaults(command=_import)
    show = commands.add_parser("status", help="how far a region is")
    show.add_argument("--scope", default="", help="2, 4, 6, 10 or 13 digits; empty: the country")
    show.add_argument("--form", type=int, help="one form only, such as 2401")
    show.add_argument("--json", action="store_true")
    show.set_defaults(command=_status)
    for command in (run, stick, load, show):
        command.add_argument("--config", type=Path, default=_CONFIG_DEFAULT, help="default: %(default)s")
    options = parser.parse_args(words[1:])
    return int(options.command(options, config_module.load(options.config, CentreConfig)))


def _run(_options: argparse.Namespace, config: CentreConfig) -> int:
    from relay.node import centre, process

    process.set_up_logging(config.log.level)
    process.run(centre.run_centre(config))
    return 0


def _import_stick(options: argparse.Namespace, config: CentreConfig) -> int:
    """A stick is replayed into the centre's own exchange; receipts go onto it, for the relays that wrote it."""
    from relay import drive_commands
    from relay.drive import screen
    from relay.identity import ROOT_FILE
    from relay.uplink.https import HttpsUplink

    url, root = options.url or f"https://127.0.0.1:{config.listen.port}", config.node.identity_directory / ROOT_FILE
    uplink = HttpsUplink(drive_commands.own_exchange(url, config), root)
    console = screen.console()
    told = asyncio.run(drive_commands.hand_over(options.folder, uplink, root, console))
    drive_commands.show_told(options.folder, told, console)
    return 0 if told.complete else 1


def _import(options: argparse.Namespace, config: CentreConfig) -> int:
    stations = registry.read_stations(options.csv)
    regions = registry.read_regions(options.regions) if options.regions else []

    async def add() -> None:
        config.node.data_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with open_record(config.node.data_directory / "centre.db", _never_signs, queue_max=1) as store:
            await store.registry.import_registry(stations, regions)

    asyncio.run(add())
    print(f"{len(stations)} TPS and {len(regions)} names of regions are in the registry.")
    return 0


def _status(options: argparse.Namespace, config: CentreConfig) -> int:
    """Reads the database beside a running centre; nothing needs to answer for this."""
    scope = codes.scope(options.scope)
    path = config.node.data_directory / "centre.db"
    if not path.exists():
        print(f"There is no record in {config.node.data_directory} yet: the centre has not run.")
        return 1

    async def read() -> dict[str, Any]:
        async with open_record(path, _never_signs, queue_max=1) as store:
            return await status(store, scope, options.form)

    told = asyncio.run(read())
    if options.json:
        print(json.dumps(told, indent=2))
    else:
        from rich.console import Console

        show_status(told, Console())
    return 0


def show_status(told: dict[str, Any], console: "Console") -> None:
    """How far a region is, as "231 of 713", and the same for each part."""
    total = told["total"]
    name = told["name"] or told["scope"] or "Indonesia"
    share = f" ({100 * total['with_tally'] / total['tps']:.0f} %)" if total["tps"] else ""
    console.print(f"[bold]{name}[/bold] ({told['level']}): {total['with_tally']} of {total['tps']} TPS{share}")
    if not total["tps"] and not told["parts"]:
        console.print("The registry has no TPS here; import it with: relay central import-registry tps.csv")
        return
    from rich.table import Table

    table = Table()
    for column in ("code", "name"):
        table.add_column(column)
    for column in ("TPS", "with tally", "photographs", "flagged", "in conflict"):
        table.add_column(column, justify="right")
    for part in told["parts"]:
        numbers = (part[key] for key in ("tps", "with_tally", "with_photographs", "flagged", "in_conflict"))
        table.add_row(part["scope"], part["name"], *(str(number) for number in numbers))
    if told["parts"]:
        console.print(table)


def _never_signs(_outcomes: object) -> tuple[bytes, int]:
    raise Rejected(Code.INTERNAL, "Only a running centre signs receipts.")
