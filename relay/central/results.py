"""How far each region is, and its running totals: what the centre's page asks for, answered from running counts."""

import struct
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from relay.central.counting import Counting
from relay.errors import Code, Rejected
from relay.protocol import codes, forms, statements
from relay.protocol.codes import Scope
from relay.protocol.forms import Form
from relay.store.progress import ANY_FORM, COUNTS, REGION_DIGITS
from relay.store.record import RecordStore
from relay.web import sheets
from relay.web.totals import Totals

_STATIONS_LIMIT_MAX = 500
_PART_DIGITS = {0: 2, 2: 4, 4: 6, 6: 10, 10: 13}


class Results:
    """The handlers that tell how far everything is. Public, as results are."""

    def __init__(self, store: RecordStore, counting: Counting) -> None:
        self._store = store
        self._counting = counting

    async def get_status(self, request: web.Request) -> web.Response:
        """How far a region is: "231 of 713", and the same for each part of it."""
        scope, form = codes.scope(request.query.get("scope", "")), sheets.asked_form(request)
        await self._counting.freshen()
        return web.json_response(await status(self._store, scope, form.code if form else None))

    async def get_totals(self, request: web.Request) -> web.Response:
        """The running totals of a form within a region; unofficial."""
        scope, form = codes.scope(request.query.get("scope", "")), sheets.asked_form(request)
        if form is None:
            raise Rejected(Code.BAD_REQUEST, "Say which form: /v1/totals?form=2401.")
        await self._counting.freshen()
        return web.json_response(await totals(self._store, form, scope))

    async def list_tps(self, request: web.Request) -> web.Response:
        """Stations within a scope, in order, a page at a time."""
        scope = codes.scope(request.query.get("scope", ""))
        await self._counting.freshen()
        rows = await self._store.registry.stations_within(
            scope, request.query.get("after", "")[:13], _STATIONS_LIMIT_MAX
        )
        stands = await self._store.progress.stations([row[0] for row in rows])
        forms_of: dict[str, list[dict[str, Any]]] = {}
        for (tps, form), station in sorted(stands.items()):
            if form != ANY_FORM:
                forms_of.setdefault(tps, []).append({"form": form} | _named(map(bool, station.counts)))
        return web.json_response(
            {
                "scope": scope,
                "stations": [
                    {
                        "tps": tps,
                        "registered": bool(registered),
                        "statements": statements,
                        "tally_verdict": verdict,
                        "forms": forms_of.get(tps, []),
                    }
                    for tps, registered, statements, verdict in rows
                ],
                "next_after": rows[-1][0] if len(rows) == _STATIONS_LIMIT_MAX else None,
            }
        )


async def status(store: RecordStore, scope: Scope, form: int | None) -> dict[str, Any]:
    """How far `scope` is, and each part of it, for the status API and the status command."""
    counted, newest = await store.progress.behind()
    return {
        "scope": scope,
        "level": codes.level(scope),
        "name": await store.registry.region_name(scope),
        "total": await _total(store, scope, form or ANY_FORM),
        "parts": await parts(store, scope, form or ANY_FORM),
        "counts": await store.recorded.counts(),
        "receipts_uncounted": newest - counted,
    }


async def totals(store: RecordStore, form: Form, scope: Scope) -> dict[str, Any]:
    """The running totals of `form` within `scope`, as `/v1/totals` answers."""
    total = await _total(store, scope, form.code)
    found = Totals(form, *(total[name] for name in ("with_tally", "flagged", "in_conflict", "resolved_by_note")))
    if len(scope) not in REGION_DIGITS:
        for tally in await store.progress.tallies_within(form.code, scope):
            found.add_figures(forms.unpack_or_blank(form, statements.parse(tally).figures))
    elif region := await store.progress.region(form.code, scope):
        fields = len(form.fields)
        sums = struct.unpack(f">{2 * fields}I", region.sums)
        found.figures, found.blank = list(sums[:fields]), list(sums[fields:])
    return found.as_json(scope, total["tps"])


async def parts(store: RecordStore, scope: Scope, form: int) -> list[dict[str, Any]]:
    """How far each part of `scope` is; nothing of a single station."""
    digits = _PART_DIGITS.get(len(scope))
    return await _parts(store, scope, form, digits) if digits else []


async def _total(store: RecordStore, scope: Scope, form: int) -> dict[str, Any]:
    found = await _parts(store, scope, form, len(scope))
    nothing = {"scope": scope, "name": await store.registry.region_name(scope), "tps": 0} | _named([0] * len(COUNTS))
    return found[0] if found else nothing


async def _parts(store: RecordStore, scope: Scope, form: int, digits: int) -> list[dict[str, Any]]:
    rows = await store.progress.parts(form, scope, digits)
    return [{"scope": row[0], "name": row[1], "tps": row[2]} | _named(row[3:]) for row in rows]


def _named(counts: Iterable[int]) -> dict[str, int]:
    return dict(zip(COUNTS, counts, strict=True))
