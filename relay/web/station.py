"""One station as the PPK's board shows it: what is here, what is missing, what disagrees. Values in, JSON out."""

import json
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from relay.protocol import forms, statements
from relay.protocol.flags import figures_and_flags
from relay.protocol.lifecycle import State
from relay.protocol.parcels import SHORT_BYTES
from relay.protocol.statements import Kind, Statement
from relay.store.board import ShownPage, ShownStatement

_HERE = frozenset({"at-relay", "dropped"})


@dataclass(frozen=True, slots=True)
class Around:
    """What is known beside the database: documents of which a part is here, statements under way (8 bytes)."""

    arriving: Container[bytes]
    under_way: Container[bytes]


def view(
    tps: str,
    *,
    listed: bool,
    last_contact: int | None,
    held: Sequence[ShownStatement],
    expected: Sequence[int],
    around: Around,
) -> dict[str, Any]:
    """A station; `held` is all that is in custody of it, `expected` the forms that it should fill in."""
    newest_first = sorted(held, key=lambda item: (item.form, -item.revision, -item.number))
    tallies, notes = ([_read(item) for item in newest_first if item.kind is kind] for kind in (Kind.TALLY, Kind.NOTE))
    documents = [_documents(item, around) for item in newest_first if item.kind is Kind.DOCUMENTS]
    return {
        "tps": tps,
        "listed": listed,
        "last_contact": last_contact,
        "tallies": [_tally(item, said, around) for item, said in tallies],
        "documents": documents,
        "notes": [_note(item, said) for item, said in notes],
        "conflicts": conflicts(tallies),
        "missing": _missing(expected, {item.form for item, _ in tallies if item.state is not State.REFUSED}, documents),
    }


def encoded(station: dict[str, Any]) -> bytes:
    """As JSON without a space too many, on one line."""
    return json.dumps(station, separators=(",", ":"), ensure_ascii=False).encode()


def conflicts(tallies: Iterable[tuple[ShownStatement, Statement]]) -> list[int]:
    """The forms whose newest revision says different things, or is in conflict as the centre tells; refused: no."""
    newest: dict[int, int] = {}
    contents: dict[int, set[bytes]] = {}
    told: set[int] = set()
    for item, said in tallies:  # of each form the newest revision first
        if item.state is State.REFUSED or newest.setdefault(item.form, item.revision) != item.revision:
            continue
        contents.setdefault(item.form, set()).add(said.content)
        if item.state is State.IN_CONFLICT:
            told.add(item.form)
    return sorted(told | {form for form, different in contents.items() if len(different) > 1})


def last_contact(held: Iterable[ShownStatement]) -> int | None:
    """When a phone last handed over something new of a station here, Unix seconds."""
    own = [item for item in held if item.origin is None]
    times = [item.held_at for item in own] + [page.held_at for item in own for page in item.pages if page.held_at]
    return max(times, default=None)


def _read(item: ShownStatement) -> tuple[ShownStatement, Statement]:
    return item, statements.parse(item.cose)


def _tally(item: ShownStatement, said: Statement, around: Around) -> dict[str, Any]:
    taken = item.is_elsewhere or item.id[:SHORT_BYTES] in around.under_way
    figures, flags = figures_and_flags(said, item.held_at)
    return {
        **_head(item),
        "flags": flags,
        "signed_at": said.signed_at,
        "held_at": item.held_at,
        "number": item.number,
        "origin": item.origin,
        "under_way": item.verdict is None and taken,
        "figures": figures,
    }


def _documents(item: ShownStatement, around: Around) -> dict[str, Any]:
    pages = [
        {
            "page": page.page,
            "document": page.document.hex(),
            "size_bytes": page.size_bytes,
            "state": _page_state(page, settled=item.verdict is not None, around=around),
        }
        for page in item.pages
    ]
    return {**_head(item), "held_at": item.held_at, "pages": pages}


def _note(item: ShownStatement, said: Statement) -> dict[str, Any]:
    return {
        **_head(item),
        "about": [about.hex() for about in said.about],
        "favours": said.favours and said.favours.hex(),
        "text": said.text,
        "signed_at": said.signed_at,
    }


def _head(item: ShownStatement) -> dict[str, Any]:
    """What every statement has; `reasons` are what the receipt says beside its verdict."""
    return {
        "id": item.id.hex(),
        "form": item.form,
        "revision": item.revision,
        "state": item.state,
        "verdict": item.verdict.name.lower() if item.verdict else None,
        "reasons": item.notes,
    }


def _page_state(page: ShownPage, *, settled: bool, around: Around) -> str:
    """As in the view of a statement."""
    if page.held_at is not None and not (page.dropped_at and not settled):
        return "dropped" if page.dropped_at else "at-relay"
    return "arriving" if page.document in around.arriving else "awaited"


def _missing(expected: Iterable[int], with_tally: Container[int], documents: list[dict[str, Any]]) -> list[Any]:
    """For each form that is expected and not whole: whether its tally is missing, and how many of its pages.

    Pages None: how many the form has is not known here.
    """
    pages: set[tuple[int, int]] = {
        (listing["form"], page["page"])
        for listing in documents
        if listing["state"] is not State.REFUSED
        for page in listing["pages"]
        if page["state"] in _HERE
    }
    held = Counter(form for form, _ in pages)
    found = []
    for code in expected:
        form = forms.catalogue().get(code)
        lacking = max(0, form.pages - held[code]) if form else None
        if code not in with_tally or lacking:
            found.append({"form": code, "tally": code not in with_tally, "pages": lacking})
    return found
