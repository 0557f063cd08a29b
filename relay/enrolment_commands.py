"""`relay enrolments export | import`: requests that wait at a relay without a CA go to an authority; answers back."""

import argparse
import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from relay import config as config_module
from relay.config import RelayConfig
from relay.errors import Code, Rejected, UplinkDown
from relay.files import write_durably
from relay.node_commands import own_tls
from relay.store.database import open_database
from relay.store.enrolments import Enrolments, HeldRequest, requests_file

_CONFIG_DEFAULT = Path("/etc/relay/relay.toml")
_TOGETHER = 100  # answers in one request


def main(words: list[str]) -> int:
    """Dispatches the commands."""
    parser = argparse.ArgumentParser("relay enrolments", description="Requests for certificates that wait here.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    export = commands.add_parser("export", help="write the requests that wait into a file for the authority")
    export.set_defaults(command=_export)
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
    load = commands.add_parser("import", help="hand the authority's answers to the running relay")
    load.set_defaults(command=_import)
    load.add_argument("answers", type=Path, metavar="FILE", help="as `relay authority answer` wrote it")
    load.add_argument("--url", help="the running relay; default: this machine's own")
    for command in (export, load):
        command.add_argument("--config", type=Path, default=_CONFIG_DEFAULT, help="default: %(default)s")
    options = parser.parse_args(words[1:])
    return int(options.command(options, config_module.load(options.config, RelayConfig)))


def _export(options: argparse.Namespace, config: RelayConfig) -> int:
    path = config.node.data_directory / "relay.db"
    if not path.exists():
        raise Rejected(Code.NOT_FOUND, f"There is nothing in {config.node.data_directory} yet: the relay has not run.")
    waiting = asyncio.run(_waiting(path))
    write_durably(options.out, json.dumps(requests_file(waiting), indent=1).encode() + b"\n", mode=0o600)
    print(f"{len(waiting)} requests in {options.out}. Take it to the authority; there: relay authority answer")
    return 0


async def _waiting(path: Path) -> list[HeldRequest]:
    async with open_database(path, "relay") as database:
        return await Enrolments(database).waiting()


def _import(options: argparse.Namespace, config: RelayConfig) -> int:
    url = options.url or f"https://127.0.0.1:{config.listen.port}"
    if not url.startswith("https://"):
        raise Rejected(Code.BAD_REQUEST, f"{url} does not begin with https://.")
    answers = _read(options.answers)
    taken, passed_over = 0, []
    for at in range(0, len(answers), _TOGETHER):
        told = _post(url, answers[at : at + _TOGETHER], config)
        taken += told["taken"]
        passed_over += told["passed_over"]
    for item in passed_over:
        print(f"not taken: {item['detail']} [{item['code']}]")
    print(f"{taken} of {len(answers)} answers taken; the phones see them when they ask next.")
    return 0 if taken == len(answers) else 1


def _read(path: Path) -> list[Any]:
    try:
        answers = json.loads(path.read_bytes())["answers"]
        if not isinstance(answers, list):
            raise TypeError
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Rejected(Code.BAD_REQUEST, f"{path} is no file of answers of an authority.") from error
    return answers


def _post(url: str, answers: list[Any], config: RelayConfig) -> dict[str, Any]:
    body = json.dumps({"answers": answers}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/enrolments/answers", body, headers)  # noqa: S310 (https only)
    try:
        with urllib.request.urlopen(request, timeout=60, context=own_tls(config)) as answer:  # noqa: S310
            told: dict[str, Any] = json.load(answer)
            return told
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise UplinkDown(f"The relay at {url} did not take the answers ({error}). Is it running?") from error
