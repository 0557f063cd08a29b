"""Pages without script, for when the real ones cannot be shown; and the one that is served without TLS.

The words are in `words/plain.toml`: of each page `PAGE.title`, then `PAGE.say.N` and `PAGE.step.N`.
"""

import base64
import hashlib
import html
import logging
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from relay.config import ListenConfig
from relay.errors import Rejected
from relay.listening import listening

_WORDS = Path(__file__).parent / "words" / "plain.toml"
_CONNECTIONS_MAX, _CONNECTIONS_PER_ADDRESS_MAX = 64, 16
_LANGUAGES = ("id", "en")
_STYLE = (
    ":root{color-scheme:light dark}body{margin:0 auto;max-width:34rem;padding:1rem;font:1.125rem/1.5 system-ui,"
    "sans-serif}h1{font-size:1.4rem}section+section{border-top:1px solid;margin-top:2rem}"
    "a{display:inline-block;padding:.75rem 0;overflow-wrap:anywhere}code{overflow-wrap:anywhere}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_ROOT_HEADERS = {
    "Content-Type": "application/x-x509-ca-cert",
    "Content-Disposition": 'attachment; filename="kpu-root.crt"',
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

log = logging.getLogger(__name__)


def answer(page: str, values: Mapping[str, str] | None = None, *, status: int = 200) -> web.Response:
    """One of these pages in both languages; `{name}` in its words stands for `values[name]`."""
    return web.Response(status=status, body=_written(page, values or {}), headers=_HEADERS)


def root_certificate(der: bytes) -> web.Response:
    """The root as phones install it."""
    return web.Response(body=der, headers=_ROOT_HEADERS)


@asynccontextmanager
async def explaining(config: ListenConfig, plain_port: int, url: str, root: bytes) -> AsyncIterator[None]:
    """Serves the page that leads to `url`, and the root (DER), on `plain_port` without TLS; 0: not at all.

    Nothing else: every other address answers 404 with the same page. So the probes by which phones look for the
    internet (`/generate_204` and its like) are told truthfully that it is not here. A port that cannot be had is
    said in the log, and keeps no phone waiting.
    """
    async with AsyncExitStack() as stack:
        if plain_port:
            app = _application("plain-public" if config.tls_certificate else "plain-root", url, root)
            here = replace(
                config,
                port=plain_port,
                local_port=0,
                connections_max=_CONNECTIONS_MAX,
                connections_per_address_max=_CONNECTIONS_PER_ADDRESS_MAX,
            )
            try:
                await stack.enter_async_context(listening(app, here, None))
            except Rejected as refused:
                log.error("no page on web.plain_port: %s", refused.sentence)
        yield


def _application(page: str, url: str, root: bytes) -> web.Application:
    values = {"url": url, "fingerprint": fingerprint(root)}

    async def front(_request: web.Request) -> web.Response:
        return answer(page, values)

    async def certificate(_request: web.Request) -> web.Response:
        return root_certificate(root)

    async def elsewhere(_request: web.Request) -> web.Response:
        return answer(page, values, status=404)

    app = web.Application(client_max_size=1)
    app.add_routes([web.get("/", front), web.get("/root.crt", certificate), web.get("/{path:.*}", elsewhere)])
    return app


def fingerprint(der: bytes) -> str:
    """The SHA-256 of a certificate as people compare it with their paper: `AB12 CD34 …`."""
    digits = hashlib.sha256(der).hexdigest().upper()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _written(page: str, values: Mapping[str, str]) -> bytes:
    words = tomllib.loads(_WORDS.read_text("utf-8"))
    escaped = {name: html.escape(value) for name, value in values.items()}
    sections = "".join(_section(page, language, words, escaped) for language in _LANGUAGES)
    title = html.escape(words[f"{page}.title"][_LANGUAGES[0]])
    return (
        f'<!doctype html><html lang="id"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>{sections}</main></body></html>"
    ).encode()


def _section(page: str, language: str, words: Mapping[str, Mapping[str, str]], values: Mapping[str, str]) -> str:
    """What one language says. Words may hold the tags `<a>`, `<b>` and `<code>`; values cannot bring any."""

    def lines(part: str) -> list[str]:
        return [entry[language].format_map(values) for key, entry in words.items() if key.startswith(f"{page}.{part}.")]

    said = "".join(f"<p>{line}</p>" for line in lines("say"))
    steps = "".join(f"<li>{line}</li>" for line in lines("step"))
    title = html.escape(words[f"{page}.title"][language])
    return f'<section lang="{language}"><h1>{title}</h1>{said}{f"<ol>{steps}</ol>" if steps else ""}</section>'
