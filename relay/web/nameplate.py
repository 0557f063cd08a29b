"""What a node says of itself to a page that has just been opened: who it is, what it expects, who is looking."""

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from relay.clock import Clock
from relay.identity import NodeIdentity
from relay.protocol import cose
from relay.web.sessions import Session


class Nameplate:
    """`GET /v1/node`, at a relay and at the centre. `enrolment`: "at-once", "waits" or "none"."""

    def __init__(
        self,
        kind: str,
        node: NodeIdentity,
        clock: Clock,
        forms: Sequence[int],
        *,
        name: str = "",
        enrolment: Callable[[], str] = lambda: "none",
        session: Callable[[web.Request], Session | None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._enrolment = enrolment
        self._session = session
        self._lasting: dict[str, Any] = {
            "kind": kind,
            "id": node.identity.name,
            "scope": node.identity.scope,
            "name": name,
            "root": cose.sha256(node.trust.authority_certificates[0]).hex(),
            "forms": list(forms),
        }

    def routes(self) -> list[web.RouteDef]:
        """What to serve."""
        return [web.get("/v1/node", self.get)]

    async def get(self, request: web.Request) -> web.Response:
        """Who this is; public."""
        session = self._session(request)
        now = {
            "now": self._clock.now(),
            "clock_sure": self._clock.sure,
            "enrolment": self._enrolment(),
            "session": session.view() if session else None,
        }
        return web.json_response(self._lasting | now, headers={"Cache-Control": "no-store"})
