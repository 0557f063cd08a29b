"""Running totals and sheets of a relay, from its board: nothing is read from the database a second time."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from relay.clock import Clock
from relay.errors import Code, Rejected
from relay.protocol import codes
from relay.protocol.forms import Form
from relay.web import sheets
from relay.web.board import Board
from relay.web.sessions import Session
from relay.web.sheets import Asked, Printer
from relay.web.totals import on_board, totals

_KEPT_MAX = 32


class BoardSheets:
    """The handlers. `guard` is asked who may look; `name` is the relay's."""

    def __init__(self, board: Board, name: str, clock: Clock, guard: Callable[[web.Request], Session]) -> None:
        self._board = board
        self._name = name
        self._clock = clock
        self._guard = guard
        self._printer = Printer()
        self._totals: dict[tuple[int, int, str], dict[str, Any]] = {}  # by change of the board, form and scope

    def routes(self) -> list[web.RouteDef]:
        """What to serve."""
        return [web.get("/v1/totals", self.get_totals), web.get("/v1/sheets/{sheet}", self.get_sheet)]

    async def get_totals(self, request: web.Request) -> web.Response:
        """The running totals of a form; unofficial. Computed once for each change of the board."""
        self._guard(request)
        form, scope = sheets.asked_form(request), self._scope(request)
        if form is None:
            raise Rejected(Code.BAD_REQUEST, "Say which form: /v1/totals?form=2401.")
        await self._board.refresh()
        name = (self._board.at, form.code, scope)
        if name not in self._totals:
            found = await asyncio.to_thread(_totals, self._board.stations(), form, scope, self._has_list)
            while len(self._totals) >= _KEPT_MAX:
                del self._totals[next(iter(self._totals))]
            self._totals[name] = found
        return web.json_response(self._totals[name], headers={"Cache-Control": "no-cache"})

    async def get_sheet(self, request: web.Request) -> web.Response:
        """A sheet of this relay's stations, or of their totals."""
        self._guard(request)
        wanted, scope, made_at = sheets.asked(request), self._scope(request), self._clock.now()
        return await self._printer.answer(wanted, scope, made_at, lambda: self._described(wanted, scope, made_at))

    async def _described(self, wanted: Asked, scope: str, made_at: int) -> bytes:
        await self._board.refresh()
        kecamatan = self._board.kecamatan
        head = {
            "sheet": wanted.sheet,
            "format": wanted.format,
            "language": wanted.language,
            "node": self._name,
            "scope": scope,
            "name": kecamatan.names.get(scope, ""),
            "made_at": made_at,
            "clock_sure": self._clock.sure,
            "has_list": self._has_list,
            "forms": [wanted.form.code] if wanted.form else list(kecamatan.forms),
            "villages": self._board.head()["villages"],
        }
        stations = b",".join(self._board.stations())
        return json.dumps(head).encode().removesuffix(b"}") + b',"stations":[' + stations + b"]}"

    @property
    def _has_list(self) -> bool:
        return bool(self._board.kecamatan.stations)

    def _scope(self, request: web.Request) -> str:
        own = self._board.kecamatan.scope
        scope = codes.scope(request.query.get("scope", own))
        if not codes.covers(own, scope):
            raise Rejected(
                Code.BAD_REQUEST, f"This relay knows {own}; {scope or 'the whole country'} is not within it."
            )
        return scope


def _totals(stations: list[bytes], form: Form, scope: str, has_list: bool) -> dict[str, Any]:
    within = [station for station in map(json.loads, stations) if station["tps"].startswith(scope)]
    listed = sum(station["listed"] for station in within) if has_list else 0
    return totals(form, (on_board(station, form.code) for station in within)).as_json(scope, listed)
