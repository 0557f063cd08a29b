"""Who may look, and who may change something: operators' sessions, and the relay's own screen.

A session begins with a login that an enrolled operator's key has signed, lives in memory alone, and ends after some
hours, at logout, when this process ends, or when the operator is revoked.
"""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from relay.clock import Clock
from relay.config import BoardConfig
from relay.errors import Code, Rejected
from relay.protocol import cose, login
from relay.protocol.codes import Scope
from relay.protocol.identities import Identity
from relay.protocol.roles import Role
from relay.protocol.trust import Trust
from relay.verifier import Verifier
from relay.web.origins import Names, is_own_screen, is_same_origin

COOKIE = "__Host-operator"
"""Bound by its name to this host, to TLS and to every path (RFC 6265bis 4.1.3.2)."""
CHALLENGE_SECONDS = 120
_SESSIONS_MAX = 64
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks. Of the relay's own screen only the role is known; `expires_at` in Unix seconds."""

    role: str
    name: str = ""
    scope: str = ""
    expires_at: int | None = None
    identity: Identity | None = None

    def view(self) -> dict[str, Any]:
        """For the page."""
        if self.identity is None:
            return {"role": self.role}
        return {"name": self.name, "role": self.role, "scope": self.scope, "expires_at": self.expires_at}


SCREEN = Session("screen")


@dataclass(frozen=True, slots=True)
class _Open:
    session: Session
    ends: float  # monotonic seconds: a Pi's clock jumps when it is set


class Challenges:
    """What a login signs: once, and soon. Giving one out keeps nothing, so that asking for many fills nothing.

    Each says until when it holds, sealed with a key of this process; only those that were used are remembered.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._key = secrets.token_bytes(32)
        self._used: dict[bytes, int] = {}

    def new(self) -> bytes:
        """32 bytes: the moment when it ends (8), chance (8), the seal (16)."""
        ends = int(self._monotonic()) + CHALLENGE_SECONDS
        body = ends.to_bytes(8, "big") + secrets.token_bytes(8)
        return body + self._seal(body)

    def check(self, challenge: bytes) -> None:
        """`Rejected(challenge-unknown)` unless it was given out here lately and has not been used."""
        body, ends = challenge[:16], int.from_bytes(challenge[:8], "big")
        sealed = hmac.compare_digest(challenge[16:], self._seal(body))
        if not sealed or ends <= self._monotonic() or challenge in self._used:
            raise Rejected(
                Code.CHALLENGE_UNKNOWN, "This login was not asked for here, is too old, or was used before. Try again."
            )

    def use(self, challenge: bytes) -> None:
        """From now on it does not hold any more."""
        now = self._monotonic()
        self._used = {item: ends for item, ends in self._used.items() if ends > now}
        self._used[challenge] = int.from_bytes(challenge[:8], "big")

    def _seal(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:16]


class Sessions:
    """The table of sessions, and the guards that routes call first."""

    def __init__(
        self,
        verifier: Verifier,
        scope: Scope,
        names: Names,
        clock: Clock,
        config: BoardConfig,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.challenges = Challenges(monotonic)
        self._verifier = verifier
        self._scope = scope
        self._names = names
        self._clock = clock
        self._config = config
        self._monotonic = monotonic
        self._open: dict[str, _Open] = {}
        self._checked_with: Trust | None = None

    def operator(self, request: web.Request) -> Session:
        """The operator who asks; whoever changes something must do so from this node's own page.

        `Rejected` with session-needed or origin-foreign.
        """
        session = self._of(request)
        if session is None:
            raise Rejected(Code.SESSION_NEEDED, "Log in with your operator key first.")
        if request.method not in _SAFE_METHODS:
            self.check_origin(request)
        return session

    def reader(self, request: web.Request) -> Session:
        """The operator who asks, or this machine's own screen, where that may look; else `Rejected(session-needed)`."""
        session = self.known(request)
        if session is None:
            raise Rejected(Code.SESSION_NEEDED, "Log in with your operator key first.")
        return session

    def known(self, request: web.Request) -> Session | None:
        """Who asks, as far as that is known."""
        if (session := self._of(request)) is not None:
            return session
        return SCREEN if self._config.screen and is_own_screen(request) else None

    def check_origin(self, request: web.Request) -> str:
        """This node's origin as its own page asked; `Rejected(origin-foreign)` if another page did."""
        own = self._names.own(request)
        if own is None:
            raise Rejected(
                Code.ORIGIN_FOREIGN, f"{request.host[:80]} is not a name of this node. Open its page at: {self._names}."
            )
        if not is_same_origin(request, own):
            raise Rejected(Code.ORIGIN_FOREIGN, f"Only the page of {own} itself may do this. Open that page.")
        return own

    async def begin(self, data: bytes, origin: str) -> tuple[str, Session]:
        """A session for whoever signed this login for `origin`: the secret that names it, and who it is.

        `Rejected` if the challenge, the origin, the signature, the role or the scope does not hold.
        """
        signed = cose.parse(data)
        said = login.read(signed)
        self.challenges.check(said.challenge)
        if said.origin != origin:
            raise Rejected(Code.ORIGIN_FOREIGN, f"This login was signed for {said.origin}, and this is {origin}.")
        identity = await self._verifier.verify_signer(signed, signed.chain, Role.PPK)
        login.check(identity, self._scope)
        self.challenges.check(said.challenge)  # again: somebody else may have used it while the signer was looked up
        self.challenges.use(said.challenge)
        return self._add(identity)

    def end(self, request: web.Request) -> None:
        """Logs out."""
        self._open.pop(request.cookies.get(COOKIE, ""), None)

    def stands(self, request: web.Request) -> bool:
        """Whether who began to ask some time ago may still do so."""
        return self.known(request) is not None

    @property
    def seconds(self) -> int:
        """How long a session lasts."""
        return self._config.session_hours * 3600

    def _add(self, identity: Identity) -> tuple[str, Session]:
        self._sweep()
        while len(self._open) >= _SESSIONS_MAX:
            del self._open[next(iter(self._open))]
        secret = secrets.token_urlsafe(32)
        expires_at = self._clock.now() + self.seconds
        session = Session(identity.role, identity.name, identity.scope, expires_at, identity)
        self._open[secret] = _Open(session, self._monotonic() + self.seconds)
        return secret, session

    def _of(self, request: web.Request) -> Session | None:
        self._sweep()
        found = self._open.get(request.cookies.get(COOKIE, ""))
        return found.session if found else None

    def _sweep(self) -> None:
        """Ends what is over, and, once anything was learned of revocations, the sessions of who was revoked."""
        now, trust = self._monotonic(), self._verifier.trust
        self._open = {secret: item for secret, item in self._open.items() if item.ends > now}
        if trust is not self._checked_with:
            self._checked_with = trust
            self._open = {secret: item for secret, item in self._open.items() if _stands(trust, item.session)}


def _stands(trust: Trust, session: Session) -> bool:
    try:
        if session.identity is not None:
            trust.still_stands(session.identity)
    except Rejected:
        return False
    return True
