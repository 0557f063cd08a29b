"""`relay verify …`: whether a statement and its proofs hold, offline, in plain words and for scripts.

Needs nothing but the files and a root that whoever verifies trusts.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rich.console import Console

from relay.errors import Code, Rejected
from relay.identity import read_certificates
from relay.phone import given_away, photographs, report
from relay.phone.evidence import Evidence, Given, judge
from relay.protocol import cose
from relay.protocol.certificates import der_of, parse_certificate
from relay.protocol.receipts import Verdict

RECORDED, FALSE, USAGE, NO_RECEIPT, NOT_ACCEPTED = 0, 1, 2, 3, 4
_FILE_BYTES_MAX = 1 << 24
_PEM = b"-----BEGIN"
_STATUSES = """exit status:
  0  the signature holds, and the centre has recorded the statement
  1  something is false, altered, revoked or cannot be verified
  2  the command was not understood
  3  the signature holds; no receipt was given
  4  the signature holds; the centre refused the statement, or recorded it in conflict with another one
"""


def main(arguments: list[str]) -> int:
    """Runs `relay verify …`; see `_STATUSES`."""
    options = _parser().parse_args(arguments[1:])
    if (options.statement is None) == (options.export is None):
        _parser().error("name one STATEMENT, or a folder with --export")
    if options.export is None and options.root is None:
        _parser().error("--root is needed: the root certificate that you trust")
    if options.export is not None:
        with given_away.folder_of(options.export) as folder:
            given = _given(options, folder)
    else:
        given = _given(options, None)
    found = judge(given)
    status = _status(found)
    _tell(options, given, found, status)
    return status


def _tell(options: argparse.Namespace, given: Given, found: Evidence, status: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    root = cose.sha256(given.root).hex()
    if options.json:
        told = {"status": status, "verdict": _verdict(found, status), "root_sha256": root, **report.as_json(found)}
        console.print(json.dumps(told, indent=2, ensure_ascii=False), markup=False)
        return
    report.show(found, console)
    console.print(f"root        SHA-256 {root}")
    if options.root is None:
        console.print("            It came with the export: compare it with the root that you know, or give --root.")
    console.print(f"\n{_verdict(found, status)}", markup=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "relay verify",
        description="Check a statement, its slips, its receipt and its photographs. Asks nobody; works offline.",
        epilog=_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "statement",
        nargs="?",
        type=Path,
        metavar="STATEMENT",
        help="COSE_Sign1, bare or with x5chain; or the text of a phone's QR code in a file",
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="DIR|ZIP",
        help="a folder from: relay phone export; or a file from a phone's page",
    )
    parser.add_argument("--root", type=Path, metavar="FILE", help="the root that you trust (PEM)")
    parser.add_argument("--receipt", type=Path, metavar="FILE", help="what the centre signed")
    many = {"action": "append", "type": Path, "default": [], "metavar": "FILE"}
    parser.add_argument("--slip", **many, help="what a relay signed; repeat")  # type: ignore[arg-type]
    parser.add_argument("--document", **many, help="a photograph; repeat")  # type: ignore[arg-type]
    parser.add_argument("--crl", **many, help="a revocation list (DER or PEM); repeat")  # type: ignore[arg-type]
    parser.add_argument("--certificate", **many, help="certificates (DER or PEM); repeat")  # type: ignore[arg-type]
    parser.add_argument(
        "--at", type=_date, metavar="DATE", help="also judge validity in time, on this date (2024-02-14)"
    )
    parser.add_argument("--json", action="store_true", help="all findings as JSON")
    return parser


def _given(options: argparse.Namespace, folder: Path | None) -> Given:
    inside = sorted(path for path in folder.iterdir() if path.is_file()) if folder and folder.is_dir() else []
    if folder and not inside:
        raise Rejected(Code.FILE_UNREADABLE, f"{options.export} is not a folder made by: relay phone export")

    def some(given: list[Path], beginning: str) -> list[Path]:
        return [*given, *(path for path in inside if path.name.startswith(beginning))]

    receipts = some([options.receipt] if options.receipt else [], "receipt")
    statement, receipt, slip = _read(folder / "statement.cose" if folder else options.statement), None, None
    if statement.startswith(given_away.TEXT_START):
        statement, receipt, slip = given_away.read_text(statement)
    slips = [(path.name, _read(path)) for path in some(options.slip, "slip-")]
    return Given(
        statement=statement,
        root=read_certificates(options.root or (folder or Path()) / "root.pem")[0],
        receipt=_read(receipts[0]) if receipts else receipt,
        slips=(*slips, *([("in the text", slip)] if slip else [])),
        documents=tuple((path.name, photographs.measure(path)[0]) for path in some(options.document, "page-")),
        certificates=tuple(der for path in options.certificate for der in _certificates(path)),
        crls=tuple((path.name, _crl(path)) for path in some(options.crl, "crl-")),
        at=options.at,
    )


def _status(found: Evidence) -> int:
    if found.problems or found.signer is None:
        return FALSE
    if found.outcome is None:
        return NO_RECEIPT
    return RECORDED if found.outcome.verdict is Verdict.RECORDED else NOT_ACCEPTED


def _verdict(found: Evidence, status: int) -> str:
    match status:
        case _ if status == RECORDED:
            return "The signature holds, and the centre has recorded it."
        case _ if status == NO_RECEIPT:
            return "The signature holds. No receipt was given, so nothing is said of the centre."
        case _ if status == NOT_ACCEPTED:
            if found.outcome is not None and found.outcome.verdict is Verdict.REFUSED:
                return f"The signature holds; the centre refused it: {', '.join(found.outcome.notes)}."
            return "The signature holds; the centre recorded it in conflict with another statement of this station."
    return "This does not hold; see FALSE above. Do not rely on it."


def _date(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2024-02-14 or 2024-02-14T19:30") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > _FILE_BYTES_MAX:
        raise Rejected(Code.STATEMENT_TOO_LARGE, f"{path} is far larger than what it should be; is it the right file?")
    return data


def _certificates(path: Path) -> list[bytes]:
    data = _read(path)
    if data.lstrip().startswith(_PEM):
        return read_certificates(path)
    return [der_of(parse_certificate(data))]


def _crl(path: Path) -> bytes:
    data = _read(path)
    try:
        return x509.load_pem_x509_crl(data).public_bytes(Encoding.DER) if data.lstrip().startswith(_PEM) else data
    except ValueError as error:
        raise Rejected(Code.CRL_MALFORMED, f"{path} is not a revocation list.") from error
