"""Sheets to take away: asks a process of its own to make one, and sends it on. See `sheet_maker`."""

import asyncio
import datetime
import logging
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from relay.errors import Code, NotNow, Rejected, RelayError
from relay.protocol import forms
from relay.protocol.forms import Form
from relay.web import wording
from relay.web.wording import Words

_SECONDS_MAX = 120.0
_WAITING_MAX = 4
_RETRY_SECONDS = 10.0
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
NAMES = ("stations.csv", "stations.xlsx", "stations.pdf", "totals.csv", "totals.xlsx")

Describe = Callable[[], Awaitable[bytes]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for; `form` None: every form that is expected."""

    sheet: str
    format: str
    language: str
    form: Form | None


def asked(request: web.Request) -> Asked:
    """What `GET /v1/sheets/{sheet}?form=&language=` asks for, or `Rejected`."""
    name = request.match_info["sheet"]
    if name not in NAMES:
        raise Rejected(Code.NOT_FOUND, f"There is no such sheet; there are {', '.join(NAMES)}.")
    sheet, _, kind = name.partition(".")
    form = asked_form(request)
    if sheet == "totals" and form is None:
        raise Rejected(Code.BAD_REQUEST, f"Say which form: /v1/sheets/{name}?form=2401.")
    return Asked(sheet, kind, wording.language(request.query.get("language", "")), form)


def asked_form(request: web.Request) -> Form | None:
    """The form that a request names, or None if it names none; `Rejected` if there is none of that number."""
    text = request.query.get("form")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 5:
        raise Rejected(Code.BAD_REQUEST, "form must be a form's number, such as 2401.")
    form = forms.catalogue().get(int(text))
    if form is None:
        known = ", ".join(str(code) for code in forms.catalogue())
        raise Rejected(Code.FORM_UNKNOWN, f"There is no form {text} here; there are {known}.")
    return form


class Printer:
    """Makes sheets, one at a time; a few may wait."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0

    async def answer(self, wanted: Asked, scope: str, made_at: int, describe: Describe) -> web.Response:
        """The sheet that is described (JSON, see `sheet_rows.read`), as a file with a name of its own.

        It is described when its turn has come: who waits, or is sent away, costs no memory and no database.
        """
        if self._waiting >= _WAITING_MAX:
            raise NotNow(Code.BUSY, "Other sheets are being made; ask again in a moment.", _RETRY_SECONDS)
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                body = await _made(await describe())
        finally:
            self._waiting -= 1
        name = Words(wanted.language, "sheets").say(f"file.{wanted.sheet}")
        form = f"-{wanted.form.code}" if wanted.form else ""
        when = f"{datetime.datetime.fromtimestamp(made_at).astimezone():%Y%m%d-%H%M}"
        shown = "inline" if wanted.format == "pdf" else "attachment"
        file_name = f"{name}{form}-{scope or 'indonesia'}-{when}.{wanted.format}"
        return web.Response(
            body=body,
            headers={
                "Content-Type": _TYPES[wanted.format],
                "Content-Disposition": f'{shown}; filename="{file_name}"',
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            },
        )


async def _made(data: bytes) -> bytes:
    """What the process makes; it ends with us, whatever happens."""
    pipe = asyncio.subprocess.PIPE
    words = (sys.executable, "-m", "relay.web.sheet_maker")
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(_SECONDS_MAX):
            made, said = await process.communicate(data)
    except TimeoutError as error:
        raise NotNow(Code.BUSY, "This machine is too busy to make a sheet now; ask again.", _RETRY_SECONDS) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        log.error("a sheet could not be made (%s): %s", process.returncode, said.decode(errors="replace")[-2000:])
        raise RelayError(Code.INTERNAL, "The sheet could not be made. Everything else goes on; see this node's log.")
    return made
