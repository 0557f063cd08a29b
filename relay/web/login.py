"""The routes of a session: a challenge, logging in, who I am, logging out."""

from aiohttp import web

from relay.errors import Code, Rejected
from relay.http import COSE_TYPE, read_body, text64
from relay.protocol import cose
from relay.web.sessions import CHALLENGE_SECONDS, COOKIE, Sessions

_NOT_KEPT = {"Cache-Control": "no-store"}


class Login:
    """The handlers."""

    def __init__(self, sessions: Sessions, request_seconds_max: float) -> None:
        self._sessions = sessions
        self._request_seconds_max = request_seconds_max

    def routes(self) -> list[web.RouteDef]:
        """What to serve."""
        return [
            web.post("/v1/session/challenge", self.challenge),
            web.post("/v1/session", self.begin),
            web.get("/v1/session", self.show),
            web.delete("/v1/session", self.end),
        ]

    async def challenge(self, _request: web.Request) -> web.Response:
        """What the operator's key is to sign now."""
        challenge = text64(self._sessions.challenges.new())
        return web.json_response({"challenge": challenge, "expires_in": CHALLENGE_SECONDS}, headers=_NOT_KEPT)

    async def begin(self, request: web.Request) -> web.Response:
        """Takes a signed login, and gives the session as a cookie that no script can read."""
        origin = self._sessions.check_origin(request)
        if request.content_type != COSE_TYPE:
            raise Rejected(Code.UNSUPPORTED_MEDIA_TYPE, f"A login is posted as {COSE_TYPE}.")
        body = await read_body(request, cose.MESSAGE_BYTES_MAX, self._request_seconds_max)
        secret, session = await self._sessions.begin(body, origin)
        self._sessions.end(request)  # of another operator at the same browser
        answer = web.json_response(session.view(), headers=_NOT_KEPT)
        answer.set_cookie(
            COOKIE, secret, max_age=self._sessions.seconds, path="/", secure=True, httponly=True, samesite="Strict"
        )
        return answer

    async def show(self, request: web.Request) -> web.Response:
        """The session of whoever asks."""
        return web.json_response(self._sessions.reader(request).view(), headers=_NOT_KEPT)

    async def end(self, request: web.Request) -> web.Response:
        """Logs out; without a session there is nothing to do."""
        self._sessions.check_origin(request)
        self._sessions.end(request)
        answer = web.Response(status=204, headers=_NOT_KEPT)
        answer.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
        return answer
