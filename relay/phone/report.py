"""The findings about a statement, for a person and for a program."""

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from relay.errors import Rejected
from relay.phone import words
from relay.phone.evidence import Evidence
from relay.protocol import codes, forms
from relay.protocol.forms import Figures, Form
from relay.protocol.receipts import Verdict
from relay.protocol.slips import Slip, Subject
from relay.protocol.statements import Kind, Statement

_VERDICTS = {
    Verdict.RECORDED: "recorded",
    Verdict.CONFLICT: "recorded, in conflict with another statement of this station",
    Verdict.REFUSED: "refused",
}

_WHAT = {Kind.TALLY: "TALLY", Kind.DOCUMENTS: "PHOTOGRAPHS", Kind.NOTE: "NOTE"}


def show(found: Evidence, console: Console) -> None:
    """For a person: who signed what, with every proof and every doubt."""
    if found.statement is not None:
        _show_statement(console, found, found.statement)
        _show_pages(console, found, found.statement)
        _show_note(console, found.statement)
    _show_proofs(console, found)
    for note in found.notes:
        console.print(f"note        {escape(note)}")
    for _, sentence in found.problems:
        console.print(f"[bold red]FALSE[/bold red]       {escape(sentence)}")


def _show_statement(console: Console, found: Evidence, statement: Statement) -> None:
    form = forms.catalogue().get(statement.form)
    name = f"{form.name} ({statement.form})" if form else f"form {statement.form}, which this version does not know"
    what = _WHAT[statement.kind]
    console.print(f"[bold]{what} of TPS {statement.tps}, {name}, revision {statement.revision}[/bold]")
    console.print(f"id          {statement.id.hex()}")
    signer = found.signer
    if signer is not None:
        console.print(f"signed by   {escape(signer.name)}, {signer.role}, certified for {_region(signer.scope)}")
        when = datetime.fromtimestamp(statement.signed_at, UTC)
        console.print(f"signed at   {_time(statement.signed_at)} by the signer's clock")
        inside = "within" if signer.valid_at(when) else "OUTSIDE"
        console.print(
            f"certificate serial {signer.serial:X}, valid {signer.not_before:%Y-%m-%d} to {signer.not_after:%Y-%m-%d}; "
            f"that time is {inside} it"
        )
    if statement.kind is Kind.TALLY and form is not None:
        _show_figures(console, form, _figures(form, statement))


def _show_figures(console: Console, form: Form, figures: Figures | None) -> None:
    if figures is None:
        console.print("figures     are not packed as this form's are, and cannot be shown")
        return
    for paper, label, figure in words.figure_rows(form, figures):
        console.print(f"  {paper:<6} {label:<46} {figure:>5}")
    broken = list(words.broken_rules(form, figures))
    console.print("arithmetic  holds" if not broken else "arithmetic  does not hold:")
    for rule, sentence in broken:
        console.print(f"  {rule}: {sentence}")


def _show_pages(console: Console, found: Evidence, statement: Statement) -> None:
    for page in statement.pages:
        names = [name for name, pages in found.documents.items() if page.number in pages]
        state = f"{', '.join(names)} is exactly what was signed" if names else "not given, not checked"
        console.print(f"page {page.number:<6} {page.size_bytes} bytes, {page.document.hex()[:16]}…: {escape(state)}")


def _show_note(console: Console, statement: Statement) -> None:
    if statement.kind is not Kind.NOTE:
        return
    for item in statement.about:
        favoured = ", which the operator favours" if item == statement.favours else ""
        console.print(f"about       {item.hex()}{favoured}")
    if statement.favours is None:
        console.print("favours     none of them")
    for line in statement.text.splitlines():
        console.print(f"says        {escape(''.join(letter if letter.isprintable() else ' ' for letter in line))}")
    console.print("A note overwrites nothing: what it is about stays as it was signed.")


def _show_proofs(console: Console, found: Evidence) -> None:
    for _, slip, relay in found.slips:
        sure = "its clock was sure" if slip.clock_sure else "its clock was NOT sure"
        console.print(
            f"slip        number {slip.number} of {escape(relay.name)} ({relay.scope}) for {_subject(found, slip)}, "
            f"{_time(slip.held_at)}, {sure}"
        )
    if found.receipt is not None and found.outcome is not None and found.centre is not None:
        notes = f" ({', '.join(found.outcome.notes)})" if found.outcome.notes else ""
        console.print(
            f"receipt     of {escape(found.centre.name)}, {_time(found.receipt.issued_at)}: "
            f"{_VERDICTS[found.outcome.verdict]}{escape(notes)}"
        )


def as_json(found: Evidence) -> dict[str, Any]:
    """The same as plain values."""
    statement, signer, outcome = found.statement, found.signer, found.outcome
    form = forms.catalogue().get(statement.form) if statement else None
    figures = _figures(form, statement) if form and statement and statement.kind is Kind.TALLY else None
    return {
        "statement": statement
        and {
            "id": statement.id.hex(),
            "kind": statement.kind.name.lower(),
            "tps": statement.tps,
            "form": statement.form,
            "revision": statement.revision,
            "signed_at": statement.signed_at,
            "about": [item.hex() for item in statement.about],
            "favours": statement.favours and statement.favours.hex(),
            "text": statement.text,
        },
        "signer": signer
        and {
            "name": signer.name,
            "role": signer.role,
            "scope": signer.scope,
            "serial": f"{signer.serial:X}",
            "not_before": signer.not_before.isoformat(),
            "not_after": signer.not_after.isoformat(),
        },
        "figures": {field.id: value for field, value in zip(form.fields, figures, strict=True)}
        if form and figures
        else None,
        "flags": dict(words.broken_rules(form, figures)) if form and figures else {},
        "pages": [
            {
                "page": page.number,
                "document": page.document.hex(),
                "size_bytes": page.size_bytes,
                "matched_by": [name for name, pages in found.documents.items() if page.number in pages],
            }
            for page in (statement.pages if statement else ())
        ],
        "slips": [
            {
                "relay": relay.name,
                "scope": relay.scope,
                "number": slip.number,
                "about": _subject(found, slip),
                "held_at": slip.held_at,
                "clock_sure": slip.clock_sure,
            }
            for _, slip, relay in found.slips
        ],
        "receipt": outcome
        and found.receipt
        and {
            "issued_at": found.receipt.issued_at,
            "verdict": outcome.verdict.name.lower(),
            "notes": list(outcome.notes),
        },
        "notes": found.notes,
        "problems": [{"code": code, "sentence": sentence} for code, sentence in found.problems],
    }


def _figures(form: Form, statement: Statement) -> Figures | None:
    try:
        return forms.unpack(form, statement.figures)
    except Rejected:
        return None


def _subject(found: Evidence, slip: Slip) -> str:
    if slip.subject_kind is Subject.STATEMENT or found.statement is None:
        return "the statement"
    pages = [str(page.number) for page in found.statement.pages if page.document == slip.subject]
    return f"page {' and '.join(pages)}"


def _region(scope: codes.Scope) -> str:
    return f"{codes.level(scope)} {scope}".strip()


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
