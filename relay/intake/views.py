"""What a relay tells about what it holds, as JSON: the same words everywhere."""

import json
from collections.abc import Sequence
from typing import Any

from relay.http import text64
from relay.protocol import statements
from relay.protocol.flags import flags
from relay.protocol.lifecycle import EVENT_OF, Event, state_of
from relay.protocol.receipts import Verdict
from relay.protocol.statements import Kind
from relay.store.database import Row
from relay.store.holdings import HeldDocument, HeldStatement
from relay.store.neighbours import Holder


def statement(
    held: HeldStatement,
    pages: Sequence[HeldDocument],
    arrived: Sequence[int],
    also_at: Sequence[Holder],
    *,
    under_way: bool,
) -> dict[str, Any]:
    """One statement; `arrived` counts the bytes of each page's photograph that are here.

    `origin` is the relay that handed it over (null: a phone), `also_at` the neighbours that have taken it over;
    `under_way`: a stream, a stick or a neighbour has it, and there is no receipt yet.
    """
    parsed = statements.parse(held.cose)
    return {
        "id": held.id.hex(),
        "state": held.state,
        "kind": held.kind.name.lower(),
        "tps": held.tps,
        "form": held.form,
        "revision": held.revision,
        "signed_at": parsed.signed_at,
        "held_at": held.held_at,
        "number": held.number,
        "flags": list(flags(parsed, held.held_at)),
        "notes": list(held.notes),
        "about": [item.hex() for item in parsed.about],
        "favours": parsed.favours and parsed.favours.hex(),
        "text": parsed.text,
        "slip": text64(held.slip),
        "receipt": text64(held.receipt),
        "origin": held.origin,
        "under_way": under_way,
        "also_at": [
            {"relay": item.name, "scope": item.scope, "held_at": item.held_at, "slip": text64(item.slip)}
            for item in also_at
        ],
        "documents": [
            _document(page, count, held.verdict is not None) for page, count in zip(pages, arrived, strict=True)
        ],
    }


def station_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The PPK's overview: one entry a statement, grouped by TPS by whoever shows it."""
    return [
        {
            "tps": tps,
            "id": identifier.hex(),
            "kind": Kind(kind).name.lower(),
            "form": form,
            "revision": revision,
            "held_at": held_at,
            "number": number,
            "state": state_of([Event.SLIP] + ([EVENT_OF[Verdict(verdict)]] if verdict else [])),
            "pages": pages,
            "pages_held": pages_held,
            "origin": origin,
            "also_at": json.loads(also_at),
        }
        for (
            tps,
            identifier,
            kind,
            form,
            revision,
            held_at,
            verdict,
            number,
            pages,
            pages_held,
            origin,
            also_at,
        ) in rows
    ]


def _document(page: HeldDocument, arrived_bytes: int, settled: bool) -> dict[str, Any]:
    if page.slip is not None and not (page.dropped_at and not settled):
        state, held = ("dropped" if page.dropped_at else "at-relay"), page.size_bytes
    else:
        state, held = ("arriving" if arrived_bytes else "awaited"), arrived_bytes
    return {
        "page": page.page,
        "document": page.document.hex(),
        "size_bytes": page.size_bytes,
        "held_bytes": held,
        "state": state,
        "slip": text64(page.slip),
    }
