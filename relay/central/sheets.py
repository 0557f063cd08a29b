"""Sheets of the centre: of a kabupaten or less the state of every station, of any region its totals."""

import asyncio
import json
from typing import Any

from aiohttp import web

from relay.central import results
from relay.central.counting import Counting
from relay.clock import Clock
from relay.errors import Code, Rejected
from relay.protocol import codes, forms
from relay.protocol.codes import Scope
from relay.protocol.forms import Form
from relay.store.progress import COUNTS
from relay.store.record import RecordStore
from relay.web import sheets
from relay.web.sheets import Asked, Printer

_STATIONS_DIGITS_LEAST = 4
_STATIONS_MAX = 20_000


class CentreSheets:
    """The handlers. Public, as results are; `name` is the centre's."""

    def __init__(self, store: RecordStore, counting: Counting, clock: Clock, name: str) -> None:
        self._store = store
        self._counting = counting
        self._clock = clock
        self._name = name
        self._printer = Printer()

    async def get_sheet(self, request: web.Request) -> web.Response:
        """A sheet of the region that `scope` names."""
        wanted, scope = sheets.asked(request), codes.scope(request.query.get("scope", ""))
        if wanted.sheet == "stations" and len(scope) < _STATIONS_DIGITS_LEAST:
            raise Rejected(
                Code.BAD_REQUEST, "Stations are listed of a kabupaten or less: add its scope, such as ?scope=6501."
            )
        made_at = self._clock.now()
        return await self._printer.answer(wanted, scope, made_at, lambda: self._described(wanted, scope, made_at))

    async def _described(self, wanted: Asked, scope: Scope, made_at: int) -> bytes:
        await self._counting.freshen()
        named = await self._store.registry.names_within(scope) if scope else []
        data: dict[str, Any] = {
            "sheet": wanted.sheet,
            "format": wanted.format,
            "language": wanted.language,
            "node": self._name,
            "scope": scope,
            "name": await self._store.registry.region_name(scope),
            "made_at": made_at,
            "clock_sure": self._clock.sure,
            "villages": [{"scope": code, "name": name} for code, name in named],
        }
        if wanted.form is not None and wanted.sheet == "totals":
            data |= {"forms": [wanted.form.code]} | await self._totals(wanted.form, scope)
        else:
            every = [wanted.form] if wanted.form else await self._forms_within(scope)
            data |= {"forms": [form.code for form in every]} | await self._rows(every, scope)
        return await asyncio.to_thread(lambda: json.dumps(data).encode())

    async def _totals(self, form: Form, scope: Scope) -> dict[str, Any]:
        """The totals of a region and of each of its parts."""
        parts = await results.parts(self._store, scope, form.code)
        return {
            "totals": await results.totals(self._store, form, scope),
            "parts": [
                await results.totals(self._store, form, codes.scope(part["scope"])) | {"name": part["name"]}
                for part in parts
            ],
        }

    async def _rows(self, every: list[Form], scope: Scope) -> dict[str, Any]:
        """Each station with a mark for each form, as `sheet_rows` reads them."""
        listed = await self._store.registry.stations_within(scope, "", _STATIONS_MAX)
        counted = {
            (tps, form): dict(zip(COUNTS, counts, strict=True))
            for tps, form, *counts in await self._store.progress.within(scope)
        }
        pages = {(tps, form): held for tps, form, held in await self._store.progress.pages_within(scope)}
        rows = [
            {
                "tps": tps,
                "listed": bool(registered),
                "marks": [
                    _mark(form, counted.get((tps, form.code), {}), pages.get((tps, form.code), 0)) for form in every
                ],
            }
            for tps, registered, *_ in listed
        ]
        return {"rows": rows, "has_list": any(row["listed"] for row in rows)}

    async def _forms_within(self, scope: Scope) -> list[Form]:
        """The forms of which anything is recorded there; without any, the first that is known."""
        found = {form for _, form, *_ in await self._store.progress.within(scope)}
        known = [form for code, form in sorted(forms.catalogue().items()) if code in found]
        return known or [forms.catalogue()[min(forms.catalogue())]]


def _mark(form: Form, counts: dict[str, int], held: int) -> list[Any]:
    if counts.get("in_conflict"):
        tally = "in-conflict"
    elif counts.get("resolved_by_note"):
        tally = "resolved"
    else:
        tally = "at-centre" if counts.get("with_tally") else "missing"
    return [form.code, tally, bool(counts.get("flagged")), min(held, form.pages), form.pages]
