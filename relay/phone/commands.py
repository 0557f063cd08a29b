"""`relay phone …`: the reference client as its officer meets it. Reads words, calls the library, says what was done."""

import argparse
import asyncio
import dataclasses
import getpass
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from relay.errors import Code, Rejected
from relay.identity import NodeIdentity, read_certificates, read_passphrase
from relay.phone import arguments, finder, identity, outbox, words
from relay.phone.entries import Entry
from relay.phone.export import export
from relay.phone.finder import Candidate
from relay.phone.outbox import Outbox
from relay.phone.sending import SendReport, send
from relay.protocol import forms
from relay.protocol.enrolment import enrolment_code
from relay.protocol.forms import FIGURE_MAX, Figures, Form
from relay.protocol.lifecycle import State
from relay.protocol.statements import DocumentHash, Kind

_SECONDS_A_DAY = 86400


def main(arguments_: list[str]) -> int:
    """Runs `relay phone COMMAND …`; 0 if it did what was asked."""
    options = arguments.parser(_RUN).parse_args(arguments_[1:])
    done: int = options.run(options)
    return done


def _clock() -> int:
    return int(time.time())


def _init(options: argparse.Namespace) -> int:
    root = read_certificates(options.root)[0]
    if options.code_file:
        code = read_passphrase(options.code_file).decode(errors="replace")
    else:
        code = _ask("One-time code: ", "--code-file")
    passphrase = read_passphrase(options.passphrase_file) if options.passphrase_file else None
    _say_whose(outbox.create(options.outbox, _bytes(options.identity), code, root, _clock, passphrase), passphrase)
    print(f"Keep the code no longer, and remove {options.identity}.")
    return 0


def _enrol(options: argparse.Namespace) -> int:
    from relay.phone.enrolling import enrol  # with what makes certificates' requests

    if options.code_file:
        typed = read_passphrase(options.code_file).decode(errors="replace")
    else:
        typed = _ask("One-time code: ", "--code-file")
    passphrase = read_passphrase(options.passphrase_file) if options.passphrase_file else None
    code = enrolment_code(typed)
    made = asyncio.run(
        enrol(
            options.outbox, options.relay, code, options.name, _clock, passphrase=passphrase, wait_seconds=options.wait
        )
    )
    _say_whose(made, passphrase)
    return 0


def _say_whose(made: Outbox, passphrase: bytes | None) -> None:
    who = made.officer(passphrase).identity
    print(f"{made.folder} is the outbox of {who.name}, certified for {who.scope} until {who.not_after:%Y-%m-%d}.")
    if passphrase is None:
        print("The key is not encrypted: whoever can read this folder can sign. --passphrase-file encrypts it.")


def _sign_tally(options: argparse.Namespace) -> int:
    kept = _outbox(options)
    form = _form(options.form)
    figures = _figures(form, options.figures)
    for rule, sentence in words.broken_rules(form, figures):
        print(f"check the paper: {sentence} [{rule}]", file=sys.stderr)
    officer = _officer(kept, options)
    entry = kept.sign_tally(officer, options.tps, options.form, figures, options.revision, anyway=options.anyway)
    return _signed(entry)


def _sign_documents(options: argparse.Namespace) -> int:
    pages = dict(options.page)
    if len(pages) != len(options.page):
        raise Rejected(Code.BAD_REQUEST, "A page was named twice; give each --page once.")
    kept = _outbox(options)
    entry = kept.sign_documents(
        _officer(kept, options), options.tps, options.form, pages, options.revision, anyway=options.anyway
    )
    return _signed(entry)


def _signed(entry: Entry) -> int:
    what = "Figures" if entry.statement.kind is Kind.TALLY else f"{len(entry.statement.pages)} photographs"
    print(f"{what} of TPS {entry.statement.tps} signed and on this phone's disk: {entry.statement.id.hex()}")
    print("It is nowhere else yet; hand it over with: relay phone send")
    return 0


def _find(options: argparse.Namespace) -> int:
    found = asyncio.run(
        finder.find(options.tps, seconds=options.seconds, interfaces=options.interface, until_covered=False)
    )
    if options.json:
        print(json.dumps([{**dataclasses.asdict(item), "urls": item.urls} for item in found], indent=2))
    elif found:
        table = Table("relay", "scope", "address", "certificate SHA-256")
        for item in found:
            table.add_row(
                escape(item.name), item.scope, "\n".join(map(escape, item.urls)), escape(item.fingerprint[:16])
            )
        Console().print(table)
    if not found:
        print(_NOBODY, file=sys.stderr)
    return 0 if found else 1


def _send(options: argparse.Namespace) -> int:
    kept = _outbox(options)
    relays: Sequence[Candidate | str] = options.relay or _look(kept, options)
    progress = _Progress()
    report = asyncio.run(
        send(
            kept,
            relays,
            wait_seconds=options.wait,
            through_public_tls=options.public_tls,
            progress=None if options.json else progress,
        )
    )
    if options.json:
        print(json.dumps({**dataclasses.asdict(report), "handed_over": report.handed_over}, indent=2))
    else:
        _say(report)
    if options.forget_after is not None:
        _forget_after(kept, options.forget_after)
    settled = report.without_receipt == 0 or not options.wait
    return 0 if report.handed_over and settled else 1


def _look(kept: Outbox, options: argparse.Namespace) -> list[Candidate]:
    stations = [entry.statement.tps for entry in kept.entries() if not entry.settled]
    found = asyncio.run(finder.find(stations[0] if stations else "", interfaces=options.interface))
    if not found:
        raise Rejected(Code.RELAY_NOT_FOUND, _NOBODY)
    return found


def _say(report: SendReport) -> None:
    for problem in report.problems:
        print(f"{problem.about}: {problem.sentence} [{problem.code}]", file=sys.stderr)
    if report.relays:
        print(
            f"Relay {', '.join(report.relays)}: {report.slips} new slips, {report.receipts} new answers of the centre."
        )
    if report.handed_over:
        print("Nothing is on this phone alone.")
    else:
        print(
            f"Still on this phone alone: {report.on_phone} statements, {report.photographs_on_phone} photographs. "
            "Nothing is lost; send again."
        )
    if report.without_receipt:
        print(f"{report.without_receipt} statements have no receipt yet. Keep this phone; see: relay phone status")


def _status(options: argparse.Namespace) -> int:
    kept = _outbox(options)
    entries = kept.entries()
    for sentence in kept.damaged():
        print(sentence, file=sys.stderr)
    if options.json:
        print(json.dumps([_row(entry) for entry in entries], indent=2))
        return 0
    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(entries) if entries else "Nothing has been signed here yet.")
    for entry in entries:
        row = _row(entry)
        for remark in [*row["flags"], *row["notes"]]:
            console.print(f"{entry.statement.short_id}  {remark}", markup=False)
    return 0


def _table(entries: Sequence[Entry]) -> Table:
    """Fits 80 columns; `photos` counts those that some relay has."""
    table = Table(box=None, padding=(0, 1))
    for name in ("TPS", "what", "form", "rev", "signed", "state", "photos", "id"):
        table.add_column(name, no_wrap=True)
    for entry in entries:
        row = _row(entry)
        pages = f"{row['pages_held']} of {row['pages']}" if row["pages"] else ""
        signed = f"{datetime.fromtimestamp(row['signed_at'], UTC):%m-%d %H:%M}"
        cells = (row["tps"], row["kind"], str(row["form"]), str(row["revision"]), signed, row["state"], pages)
        table.add_row(*cells, entry.statement.short_id)
    return table


def _row(entry: Entry) -> dict[str, Any]:
    statement, outcome = entry.statement, entry.outcome
    return {
        "id": statement.id.hex(),
        "tps": statement.tps,
        "form": statement.form,
        "kind": statement.kind.name.lower(),
        "revision": statement.revision,
        "signed_at": statement.signed_at,
        "state": entry.state,
        "slips": len(entry.slips_of(statement.id)),
        "pages": len(statement.pages),
        "pages_held": entry.pages_held,
        "photographs_kept": len(entry.photographs),
        "flags": list(entry.flags),
        "notes": [note for note in outcome.notes if note not in entry.flags] if outcome else [],
        "receipt_at": entry.receipt.issued_at if entry.receipt else None,
    }


def _forget(options: argparse.Namespace) -> int:
    kept = _outbox(options)
    if bool(options.id) == (options.after is not None):
        raise Rejected(Code.BAD_REQUEST, "Say what to forget: ids, or --after DAYS.")
    if options.after is not None:
        return _forget_after(kept, options.after)
    for name in options.id:
        entry = kept.find(name)
        print(f"{entry.statement.short_id}: {kept.forget(entry)} photographs removed; the proofs stay.")
    return 0


def _forget_after(kept: Outbox, days: float) -> int:
    before = _clock() - days * _SECONDS_A_DAY
    old = [
        entry
        for entry in kept.entries()
        if entry.photographs
        and entry.state in (State.AT_CENTRE, State.IN_CONFLICT)
        and entry.receipt is not None
        and entry.receipt.issued_at <= before
    ]
    print(f"{sum(kept.forget(entry) for entry in old)} photographs removed that the centre has; the proofs stay.")
    return 0


def _export(options: argparse.Namespace) -> int:
    kept = _outbox(options)
    files = export(kept, kept.find(options.id), options.out)
    print(f"{len(files)} files in {options.out}: {', '.join(files)}. Check with: relay verify --export {options.out}")
    return 0


class _Progress:
    """Says on a terminal how far a photograph is."""

    def __call__(self, document: DocumentHash, arrived_bytes: int, size_bytes: int) -> None:
        if sys.stderr.isatty():
            end = "\n" if arrived_bytes == size_bytes else ""
            print(
                f"\r{document.hex()[:8]} {arrived_bytes * 100 // size_bytes:3} %", end=end, file=sys.stderr, flush=True
            )


def _outbox(options: argparse.Namespace) -> Outbox:
    return Outbox(options.outbox, _clock)


def _officer(kept: Outbox, options: argparse.Namespace) -> NodeIdentity:
    if options.passphrase_file:
        return kept.officer(read_passphrase(options.passphrase_file))
    if identity.is_encrypted(kept.identity_folder):
        return kept.officer(_ask("Passphrase of the key: ", "--passphrase-file").encode())
    return kept.officer()


def _form(code: int) -> Form:
    form = forms.catalogue().get(code)
    if form is None:
        known = ", ".join(f"{item.code} ({item.name})" for item in forms.catalogue().values())
        raise Rejected(Code.FORM_UNKNOWN, f"There is no form {code} in this version; there are {known}.")
    return form


def _figures(form: Form, given: Sequence[str]) -> Figures:
    named: dict[str, int | None] = {}
    for item in given:
        name, equals, value = item.partition("=")
        found = {name: value.strip() or None} if equals else _json_object(Path(item))
        named |= {field: _figure(field, figure) for field, figure in found.items()}
    return form.figures(named)


def _figure(field: str, value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if value is not None and (type(value) is not int or not 0 <= value <= FIGURE_MAX):
        raise Rejected(
            Code.FIGURES_MALFORMED,
            f"{field} is {value!r}; a figure is 0 to {FIGURE_MAX}, as three boxes on paper hold, or blank. Nothing was "
            "signed.",
        )
    return value


def _json_object(path: Path) -> dict[str, object]:
    try:
        found = json.loads(_bytes(path))
    except (ValueError, RecursionError) as error:
        raise Rejected(Code.FIGURES_MALFORMED, f"{path} is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise Rejected(Code.FIGURES_MALFORMED, f'{path} must be one JSON object, such as {{"votes.1": 97}}.')
    return found


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Rejected(Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror}.") from error


def _ask(prompt: str, option: str) -> str:
    try:
        return getpass.getpass(prompt)
    except EOFError as error:
        raise Rejected(Code.PASSPHRASE_WRONG, f"There is nobody to ask; give it with {option}.") from error


_NOBODY = (
    "No relay answers near by. Is the phone in the relay's Wi-Fi? Some networks block mDNS: give its address with "
    "--relay https://ADDRESS:8443"
)
_RUN: dict[str, arguments.Run] = {
    "init": _init,
    "enrol": _enrol,
    "sign-tally": _sign_tally,
    "sign-documents": _sign_documents,
    "find": _find,
    "send": _send,
    "status": _status,
    "forget": _forget,
    "export": _export,
}
