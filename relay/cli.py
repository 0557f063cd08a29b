"""The command: `relay ROOM …`. Imports only the room that is asked for, so that starting stays quick on a Pi."""

import importlib
import sys
from collections.abc import Sequence

from relay import __version__
from relay.errors import RelayError

_COMMANDS = {
    "run": ("relay.node_commands", "run the relay of a kecamatan"),
    "status": ("relay.node_commands", "what a running relay holds, and what waits"),
    "check-config": ("relay.node_commands", "check a relay.toml or central.toml and explain it"),
    "drive": ("relay.drive_commands", "a USB stick: write what waits onto it, take in what comes back"),
    "enrolments": ("relay.enrolment_commands", "requests for certificates that wait here: to the authority and back"),
    "central": ("relay.central_commands", "run the centre, import its registry of TPS, or sticks; show its counts"),
    "phone": ("relay.phone.commands", "the reference client: sign, find a relay, hand over, keep until the receipt"),
    "authority": ("relay.authority.commands", "make and revoke certificates"),
    "verify": ("relay.verify", "check a statement and its receipt, offline"),
    "demo": ("relay.demo.commands", "the main job on real figures, from phones to receipts"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit status is 0 only if it did what was asked."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(_usage())
        return 0 if words else 2
    if words[0] == "--version":
        print(f"relay {__version__}")
        return 0
    if words[0] not in _COMMANDS:
        print(f"relay: there is no command {words[0]!r}.\n\n{_usage()}", file=sys.stderr)
        return 2
    module = importlib.import_module(_COMMANDS[words[0]][0])
    try:
        return int(module.main(words))
    except RelayError as error:
        print(f"relay: {error.sentence} [{error.code}]", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _usage() -> str:
    rows = "\n".join(f"  {name:<14}{words}" for name, (_, words) in _COMMANDS.items())
    return f"usage: relay COMMAND …   (each command has --help)\n\n{rows}"
