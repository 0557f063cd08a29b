"""The words of `relay authority …`, as argparse takes them. Passphrases are never among them."""

import argparse
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path

from relay.authority import authority as house
from relay.protocol.roles import Role

Run = Callable[[argparse.Namespace], int]
_DNS = re.compile(r"(?=.{1,253}$)(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9-]{1,63})*")


def parser(run: Mapping[str, Run], reasons: list[str]) -> argparse.ArgumentParser:
    """The parser; each command's function is `options.run`."""
    top = argparse.ArgumentParser(prog="relay authority", description="Make and revoke certificates.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(word: str, about: str) -> argparse.ArgumentParser:
        made = commands.add_parser(word, help=about, description=about)
        made.set_defaults(run=run[word])
        made.add_argument("--authority", type=Path, required=True, metavar="DIR", help="the authority's folder")
        made.add_argument("--passphrase-file", type=Path, metavar="FILE", help="mode 0600; else it is asked for")
        return made

    _init(command("init", "a new root; or, with --scope and then --certificate, a CA whose key never leaves here"))
    _issue_ca(command("issue-ca", "a CA for a kabupaten or kecamatan"))
    _node(command("issue-relay", "the identity folder of a relay"), scope=True)
    _node(command("issue-centre", "the identity folder of the centre (from the root)"), scope=False)
    _enrol(command("enrol", "keys for the officers of polling stations, or for operators"))
    _codes(command("codes", "one-time codes with which officers and operators enrol, and cards to hand out"))
    _answer(command("answer", "certify the requests that wait at relays without a CA, by their one-time codes"))
    _revoke(command("revoke", "revoke certificates for ever, and write a new CRL"), reasons)
    _days(command("crl", "write a new CRL"), house.CRL_DAYS, "until the next CRL is due")
    command("show", "what this authority is and has done").add_argument("--json", action="store_true")
    return top


def _init(command: argparse.ArgumentParser) -> None:
    command.add_argument("--name", default="KPU Root", help="of a root")
    how = command.add_mutually_exclusive_group()
    how.add_argument("--scope", help="no root: make a key and a request for the CA of this region")
    how.add_argument("--certificate", type=Path, metavar="FILE", help="the answer to the request")
    _days(command, house.ROOT_DAYS, "of validity of a root")


def _issue_ca(command: argparse.ArgumentParser) -> None:
    command.add_argument("--scope", required=True, help="first 2, 4 or 6 digits of its TPS codes")
    command.add_argument("--csr", type=Path, metavar="FILE", help="certify this request; --out is then a file")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new CA's folder")
    command.add_argument("--new-passphrase-file", type=Path, metavar="FILE", help="of the new CA")
    command.add_argument("--name")
    _days(command, house.CA_DAYS, "of validity")


def _node(command: argparse.ArgumentParser, *, scope: bool) -> None:
    if scope:
        command.add_argument("--scope", required=True, help="the kecamatan, such as 650108")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    command.add_argument("--dns", action="append", default=[], type=_dns, metavar="NAME", help="also its name; repeat")
    command.add_argument("--ip", action="append", default=[], type=ip_address, metavar="ADDR", help="repeat")
    command.add_argument("--node-passphrase-file", type=Path, metavar="FILE", help="encrypts the node's key")
    _days(command, house.LEAF_DAYS, "of validity")


def _enrol(command: argparse.ArgumentParser) -> None:
    who = command.add_mutually_exclusive_group()
    who.add_argument("--tps", metavar="CODE", help="one polling station")
    who.add_argument("--csv", type=Path, metavar="FILE", help="many: columns tps_code and perhaps name")
    who.add_argument("--scope", help="with --role, or with --csr")
    command.add_argument("--role", choices=[Role.KPPS.value, Role.PPK.value], default=Role.KPPS.value)
    command.add_argument("--csr", type=Path, metavar="FILE", help="certify the phone's own key; --out is then a file")
    command.add_argument("--name")
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    command.add_argument("--renew", action="store_true", help="new ones, beside those that are there")
    _days(command, house.LEAF_DAYS, "of validity")


def _codes(command: argparse.ArgumentParser) -> None:
    who = command.add_mutually_exclusive_group(required=True)
    who.add_argument("--csv", type=Path, metavar="FILE", help="many: columns tps_code (a village: 10 digits), name")
    who.add_argument("--scope", help="one: of officers a TPS or a village, of operators any region; with --role")
    command.add_argument("--role", choices=[Role.KPPS.value, Role.PPK.value], default=Role.KPPS.value)
    command.add_argument("--name", help="with --scope: whose card it is")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")


def _answer(command: argparse.ArgumentParser) -> None:
    command.add_argument("--codes", type=Path, required=True, metavar="FILE", help="enrolment-codes.csv")
    command.add_argument("--requests", type=Path, required=True, metavar="FILE", help="as the relay has exported it")
    command.add_argument("--out", type=Path, required=True, metavar="FILE", help="the answers, to take back there")


def _revoke(command: argparse.ArgumentParser, reasons: list[str]) -> None:
    command.add_argument("--tps", action="append", default=[], metavar="CODE", help="all of a station's; repeat")
    command.add_argument("--urn", action="append", default=[], help="such as urn:kpu:relay:650108; repeat")
    command.add_argument("--serial", action="append", default=[], metavar="HEX", help="repeat")
    command.add_argument("--certificate", action="append", default=[], type=Path, metavar="FILE", help="repeat")
    command.add_argument("--reason", choices=reasons, default="unspecified")
    _days(command, house.CRL_DAYS, "until the next CRL is due")


def _days(command: argparse.ArgumentParser, default: int, what: str) -> None:
    command.add_argument("--days", type=_positive, default=default, help=f"days {what} (default {default})")


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 36500:
        raise argparse.ArgumentTypeError("between 1 and 36500")
    return number


def _dns(text: str) -> str:
    if not _DNS.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a host name")
    return text
