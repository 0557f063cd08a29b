"""An operator at the kecamatan office, reduced to requests: logging in, and what a browser sends from then on."""

import base64
from typing import Any

import aiohttp

from relay.protocol import login
from relay.web.sessions import COOKIE
from tests.authorities import Party
from tests.world.http import COSE, Answer, ask


async def challenge(http: aiohttp.ClientSession, url: str) -> bytes:
    """What to sign."""
    told = (await ask(http, "POST", f"{url}/v1/session/challenge")).json
    return base64.urlsafe_b64decode(told["challenge"] + "=")


def signed_login(operator: Party, asked: bytes, origin: str) -> bytes:
    """A login as the page sends it."""
    signer, chain = operator
    return signer.sign(login.payload(1_763_700_000, asked, origin)).with_chain(chain)


async def log_in(
    http: aiohttp.ClientSession, url: str, operator: Party, *, headers: dict[str, str] | None = None, **said: Any
) -> Answer:
    """Begins a session; `said` may replace the `origin` or the `challenge` that is signed."""
    asked = said.get("challenge") or await challenge(http, url)
    body = signed_login(operator, asked, said.get("origin", url))
    return await ask(http, "POST", f"{url}/v1/session", data=body, headers={**COSE, **(headers or from_page(url))})


def from_page(url: str) -> dict[str, str]:
    """What a browser adds to a request that the node's own page makes."""
    return {"Origin": url, "Sec-Fetch-Site": "same-origin"}


async def session(http: aiohttp.ClientSession, url: str, operator: Party) -> dict[str, str]:
    """The headers of an operator's requests, after logging in."""
    answer = await log_in(http, url, operator)
    assert answer.status == 200, answer.body
    return {**from_page(url), "Cookie": cookie_of(answer)}


def cookie_of(answer: Answer) -> str:
    """What a browser sends back."""
    found = answer.headers["Set-Cookie"].partition(";")[0]
    assert found.startswith(f"{COOKIE}=")
    return found
