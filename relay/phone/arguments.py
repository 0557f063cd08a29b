"""The words of `relay phone …`, as argparse takes them. Codes and passphrases are never among them."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from relay.errors import Rejected
from relay.protocol import codes
from relay.protocol.statements import REVISION_MAX

Run = Callable[[argparse.Namespace], int]
OUTBOX_DEFAULT = Path.home() / ".relay-phone"


def parser(run: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser; each command's function is `options.run`."""
    top = argparse.ArgumentParser(prog="relay phone", description="Sign, hand over, keep until the receipt.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(word: str, about: str) -> argparse.ArgumentParser:
        made = commands.add_parser(word, help=about, description=about)
        made.set_defaults(run=run[word])
        made.add_argument(
            "--outbox", type=Path, default=OUTBOX_DEFAULT, metavar="DIR", help="(default: ~/.relay-phone)"
        )
        return made

    _init(command("init", "take the officer's key from its PKCS#12 file, and make the outbox"))
    _enrol(command("enrol", "make a key here and have it certified by a relay, with a one-time code"))
    _sign_tally(command("sign-tally", "sign the figures of one form; blank boxes are allowed"))
    _sign_documents(command("sign-documents", "sign the list of page photographs, and keep the originals"))
    _find(command("find", "list the relays near by"))
    _send(command("send", "hand over all that is open; may be done again at any time"))
    command("status", "where every statement is").add_argument("--json", action="store_true")
    _forget(command("forget", "remove photographs that the centre has recorded; proofs stay"))
    export = command("export", "one statement with all its proof, for: relay verify --export")
    export.add_argument("id", help="the statement's id, or how it begins")
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    return top


def _init(command: argparse.ArgumentParser) -> None:
    command.add_argument("--identity", type=Path, required=True, metavar="P12", help="the officer's PKCS#12 file")
    command.add_argument("--code-file", type=Path, metavar="FILE", help="its one-time code (mode 0600); else asked for")
    command.add_argument("--root", type=Path, required=True, metavar="PEM", help="the root that this phone trusts")
    command.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="encrypts the key in the outbox (mode 0600)"
    )


def _enrol(command: argparse.ArgumentParser) -> None:
    command.add_argument("--relay", required=True, metavar="URL", help="its address, such as https://10.0.0.1:8443")
    command.add_argument("--name", required=True, help="your name, as it shall stand in the certificate")
    command.add_argument("--code-file", type=Path, metavar="FILE", help="the one-time code (mode 0600); else asked for")
    command.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="for an authority elsewhere")
    command.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="encrypts the key in the outbox (mode 0600)"
    )


def _signing(command: argparse.ArgumentParser) -> None:
    command.add_argument("--tps", required=True, type=_tps, metavar="CODE", help="13 digits")
    command.add_argument("--form", type=int, required=True, metavar="CODE", help="such as 2401")
    command.add_argument("--revision", type=_revision, default=1, metavar="N", help="a correction is the next one")
    command.add_argument("--anyway", action="store_true", help="sign other content under a revision that exists")
    command.add_argument("--passphrase-file", type=Path, metavar="FILE", help="if the key is encrypted; else asked for")


def _sign_tally(command: argparse.ArgumentParser) -> None:
    _signing(command)
    command.add_argument(
        "--figures",
        action="extend",
        nargs="+",
        required=True,
        metavar="FILE.json|NAME=VALUE",
        help="a JSON object, or figures by name (votes.1=97, or votes.1= for blank); what is not named is blank",
    )


def _sign_documents(command: argparse.ArgumentParser) -> None:
    _signing(command)
    command.add_argument(
        "--page", action="append", required=True, type=_page, metavar="N=PHOTO", help="the whole list; repeat"
    )


def _find(command: argparse.ArgumentParser) -> None:
    command.add_argument("--tps", default="", help="list the relay of this station first")
    command.add_argument("--seconds", type=float, default=4.0)
    command.add_argument("--interface", action="append", default=[], metavar="ADDR", help="look only there; repeat")
    command.add_argument("--json", action="store_true")


def _send(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--relay", action="append", default=[], metavar="URL", help="a fixed address, tried in order; else mDNS; repeat"
    )
    command.add_argument("--interface", action="append", default=[], metavar="ADDR", help="for mDNS; repeat")
    command.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="go on until the receipts are here")
    command.add_argument("--public-tls", action="store_true", help="the relay has a public CA's certificate")
    command.add_argument("--forget-after", type=float, metavar="DAYS", help="afterwards: forget --after DAYS")
    command.add_argument("--json", action="store_true")


def _forget(command: argparse.ArgumentParser) -> None:
    command.add_argument("id", nargs="*", help="ids, or how they begin")
    command.add_argument("--after", type=float, metavar="DAYS", help="all whose receipt is at least this old")


def _page(text: str) -> tuple[int, Path]:
    number, equals, path = text.partition("=")
    if not equals or not number.isdigit() or not 1 <= int(number) <= 99:
        raise argparse.ArgumentTypeError(f"{text!r} is not PAGE=PHOTO, such as 1=page-1.jpg")
    return int(number), Path(path)


def _tps(text: str) -> codes.TpsCode:
    try:
        return codes.tps_code(text)
    except Rejected as error:
        raise argparse.ArgumentTypeError(error.sentence) from error


def _revision(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= REVISION_MAX:
        raise argparse.ArgumentTypeError(f"a revision is 1 to {REVISION_MAX}")
    return int(text)
