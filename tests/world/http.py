"""A phone reduced to its requests, so that tests can send what no proper phone would."""

import base64
import hashlib
import io
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.world.waiting import eventually

COSE = {"Content-Type": "application/cose"}
TUS = {"Tus-Resumable": "1.0.0"}


@dataclass(frozen=True)
class Answer:
    """Status, body and headers of an answer; `code` is that of problem details."""

    status: int
    body: bytes
    headers: dict[str, str]
    json: Any

    @property
    def code(self) -> str:
        """The stable code, or empty."""
        return str(self.json.get("code", "")) if isinstance(self.json, dict) else ""


async def ask(http: aiohttp.ClientSession, method: str, url: str, **arguments: Any) -> Answer:
    """One request; every problem must be proper problem details."""
    async with http.request(method, url, **arguments) as answer:
        body = await answer.read()
        json = await answer.json(content_type=None) if "json" in answer.content_type and body else None
        if answer.status >= 400 and method != "HEAD":
            assert answer.content_type == "application/problem+json", body
            assert json is not None
            assert json["status"] == answer.status
            assert json["detail"]
        return Answer(answer.status, body, dict(answer.headers), json)


async def post(http: aiohttp.ClientSession, url: str, statement: bytes) -> Answer:
    """Hands a statement over."""
    return await ask(http, "POST", f"{url}/v1/statements", data=statement, headers=COSE)


async def where(http: aiohttp.ClientSession, url: str, statement: bytes) -> Any:
    """What a node says of a statement, None if it has none of that id."""
    answer = await ask(http, "GET", f"{url}/v1/statements/{statement.hex()}")
    return answer.json if answer.status == 200 else None


async def settled(http: aiohttp.ClientSession, url: str, statement: bytes) -> Any:
    """What a node says of a statement once the centre has answered for it."""

    async def look() -> Any:
        told = await where(http, url, statement)
        return told if told and told["receipt"] else None

    return await eventually(look)


async def create_upload(http: aiohttp.ClientSession, url: str, data: bytes, *, length: int | None = None) -> Answer:
    """Begins a photograph's upload."""
    name = base64.b64encode(hashlib.sha256(data).hexdigest().encode()).decode()
    size = len(data) if length is None else length
    headers = {**TUS, "Upload-Metadata": f"sha256 {name}", "Upload-Length": str(size)}
    return await ask(http, "POST", f"{url}/v1/documents", headers=headers)


async def patch_upload(http: aiohttp.ClientSession, url: str, name: str, offset: int, data: bytes) -> Answer:
    """Appends to a photograph's upload."""
    headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return await ask(http, "PATCH", f"{url}/v1/documents/{name}", headers=headers, data=io.BytesIO(data))


async def upload(http: aiohttp.ClientSession, url: str, data: bytes) -> Answer:
    """A photograph from beginning to end."""
    created = await create_upload(http, url, data)
    assert created.status == 201, created.body
    return await patch_upload(http, url, hashlib.sha256(data).hexdigest(), 0, data)
