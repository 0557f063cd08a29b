"""Enrolment at a relay: phones ask for certificates, an authority answers, at once or later; lost phones are replaced.

A relay that holds the CA of its kecamatan answers at once and offline. Another one keeps requests until the answers of
an authority elsewhere are brought to it. Answers prove themselves: the relay is trusted with nothing.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from aiohttp import web

from relay.authority import requests
from relay.authority.desk import Desk, Replacement
from relay.clock import Clock
from relay.config import EnrolmentConfig
from relay.errors import Code, NotNow, Rejected
from relay.http import hex_name, read_body
from relay.intake.throttle import Throttle
from relay.protocol import codes, enrolment
from relay.protocol.codes import Scope
from relay.protocol.enrolment import Answer, State, read_answer
from relay.protocol.identities import check_role
from relay.protocol.messages import TrustNews
from relay.protocol.roles import Role
from relay.store.changes import KeepRequest
from relay.store.custody import CustodyStore
from relay.store.enrolments import requests_file
from relay.trust_book import TrustBook
from relay.verifier import Verifier

log = logging.getLogger(__name__)

Result = TypeVar("Result")

REQUEST_TYPE = "application/pkcs10"
ANSWERS_BYTES_MAX = 2**20
_ANSWERS_MAX = 1024
_REPLACEMENT_BYTES_MAX = 1024
_RETRY_SECONDS = 60.0
_CANNOT_NOW = frozenset(
    {
        Code.DISK_FULL,
        Code.CONFIG_INVALID,
        Code.FILE_UNREADABLE,
        Code.PERMISSIONS_TOO_OPEN,
        Code.CSV_INVALID,
        Code.CERTIFICATE_NOT_VALID_NOW,
    }
)
"""What is wrong with the relay's own authority, and nothing that a phone could mend."""


class Operator(Protocol):
    """Who has logged in; see `web.sessions`."""

    @property
    def name(self) -> str:
        """The name in the operator's certificate."""

    @property
    def scope(self) -> str:
        """Where the operator may act."""


class Enrolments:
    """The handlers. Without `desk`, requests wait; `operator` is the guard of what only operators may do."""

    def __init__(
        self,
        store: CustodyStore,
        verifier: Verifier,
        book: TrustBook,
        clock: Clock,
        desk: Desk | None,
        operator: Callable[[web.Request], Operator],
        config: EnrolmentConfig,
        request_seconds_max: float,
    ) -> None:
        self._store = store
        self._verifier = verifier
        self._book = book
        self._clock = clock
        self._desk = desk
        self._operator = operator
        self._config = config
        self._request_seconds_max = request_seconds_max
        self._signing = asyncio.Lock()
        self._asked = Throttle(config.requests_per_minute, "Many phones enrol at once; ask again in a moment.")
        self._wrong = Throttle(config.wrong_codes_per_minute, "Too many wrong one-time codes; wait a minute.")

    @property
    def mode(self) -> str:
        """Said to whoever wants to know before asking: "at-once" or "waits"."""
        return "at-once" if self._desk else "waits"

    def routes(self) -> list[web.RouteDef]:
        """The routes of enrolment."""
        return [
            web.post("/v1/enrolments", self.post),
            web.get("/v1/enrolments", self.get_waiting),
            web.get("/v1/enrolments/{enrolment}", self.get),
            web.post("/v1/enrolments/answers", self.post_answers),
            web.post("/v1/replacements", self.replace),
        ]

    async def recover(self) -> None:
        """At the start: the CA of this relay, and what it has revoked, hold here and are owed to the centre."""
        if self._desk is not None:
            crl = await asyncio.to_thread(self._desk.crl, self._now())
            await self._learn(self._desk, crl)

    async def post(self, request: web.Request) -> web.Response:
        """Takes a request for a certificate: 201 issued, 200 issued before or refused, 202 waiting."""
        if request.content_type != REQUEST_TYPE:
            raise Rejected(Code.UNSUPPORTED_MEDIA_TYPE, f"A request for a certificate is posted as {REQUEST_TYPE}.")
        peer = request.remote or ""
        self._asked.check()
        self._wrong.check(peer)
        body = await read_body(request, enrolment.REQUEST_BYTES_MAX, self._request_seconds_max)
        self._check_readable(body, peer)
        self._asked.count()
        if self._desk is None:
            answer = await self._wait(body, peer)
            return _told(answer, 202 if answer.state is State.WAITING else 200)
        answer, is_new = await self._certify(self._desk, body)
        if answer.state is State.REFUSED:
            self._wrong.count(peer)
        log.info("enrolment %s: %s %s", answer.id.hex()[:8], answer.state, answer.code or "")
        return _told(answer, 201 if is_new else 200)

    async def get(self, request: web.Request) -> web.Response:
        """What has become of a request, by the id of its key."""
        identifier = hex_name(request, "enrolment")
        answer = None
        if self._desk is not None:
            async with self._signing:
                answer = await asyncio.to_thread(self._desk.find, identifier)
        held = await self._store.enrolments.find(identifier) if answer is None else None
        answer = held.told if held else answer
        if answer is None:
            raise Rejected(Code.NOT_FOUND, "This relay has no request of that key; send it again.")
        return _told(answer, 200)

    async def get_waiting(self, request: web.Request) -> web.Response:
        """The requests that wait, as a file for the authority."""
        self._operator(request)
        waiting = await self._store.enrolments.waiting()
        headers = {"Content-Disposition": 'attachment; filename="enrolment-requests.json"'}
        return web.json_response(requests_file(waiting), headers=headers)

    async def post_answers(self, request: web.Request) -> web.Response:
        """Files an authority's answers, whoever brings them: each is checked from the root."""
        body = await read_body(request, ANSWERS_BYTES_MAX, self._request_seconds_max)
        answers = _json(body).get("answers")
        if not isinstance(answers, list) or len(answers) > _ANSWERS_MAX:
            raise Rejected(Code.BAD_REQUEST, f'This is no file of at most {_ANSWERS_MAX} answers: {{"answers": […]}}.')
        taken, passed_over = 0, []
        for fields in answers:
            await asyncio.sleep(0)
            try:
                await self._file(read_answer(fields))
                taken += 1
            except Rejected as error:
                passed_over.append({"code": error.code, "detail": error.sentence})
        return web.json_response({"taken": taken, "passed_over": passed_over})

    async def replace(self, request: web.Request) -> web.Response:
        """A lost phone: its certificates are revoked here and now, and there is a new code for its successor."""
        operator = self._operator(request)
        if self._desk is None:
            raise Rejected(
                Code.NOT_FOUND, "This relay has no authority; have the kabupaten revoke the lost phone's certificate."
            )
        fields = _json(await read_body(request, _REPLACEMENT_BYTES_MAX, self._request_seconds_max))
        scope = codes.scope(str(fields.get("scope", "")))
        if not codes.covers(operator.scope, scope):
            raise Rejected(
                Code.ROLE_NOT_ALLOWED, f"{operator.name} may act in {operator.scope}; {scope} is outside of it."
            )
        made = await self._replace(self._desk, scope)
        log.warning("%s replaced the phone of %s: %d certificates revoked", operator.name, scope, made.revoked)
        return web.json_response(
            {"code": enrolment.grouped(made.code), "scope": made.scope, "revoked": made.revoked},
            headers={"Cache-Control": "no-store"},
        )

    async def _certify(self, desk: Desk, body: bytes) -> tuple[Answer, bool]:
        async with self._signing:
            return await self._at_work(asyncio.to_thread(desk.answer, body, self._now()))

    async def _replace(self, desk: Desk, scope: Scope) -> Replacement:
        async with self._signing:
            made = await self._at_work(asyncio.to_thread(desk.replace, scope, self._now()))
        await self._learn(desk, made.crl)  # from here on the lost phone is refused
        return made

    async def _learn(self, desk: Desk, crl: bytes | None) -> None:
        await self._book.learn(TrustNews(desk.authority.chain, (crl,) if crl else ()), owed=True)

    async def _at_work(self, work: Awaitable[Result]) -> Result:
        try:
            return await work
        except Rejected as error:
            if error.code not in _CANNOT_NOW:
                raise
            log.error("this relay's authority cannot work: %s [%s]", error.sentence, error.code)
            sentence = "This relay's authority cannot sign now; tell the PPK staff. Nothing is lost: ask again later."
            raise NotNow(Code.BUSY, sentence, _RETRY_SECONDS) from error

    def _check_readable(self, body: bytes, peer: str) -> None:
        """What cannot be read counts against who sends it, and takes no other phone's turn."""
        try:
            requests.read_enrolment(body)
        except Rejected:
            self._wrong.count(peer)
            raise

    async def _wait(self, body: bytes, peer: str) -> Answer:
        """Keeps a request until it is answered; the same again is one row, and gets the answer that came.

        Nobody here can tell a good code from a wrong one: so that one phone cannot take all the room, each new request
        counts against its address as a wrong one does.
        """
        asked = requests.read_enrolment(body)
        held = await self._store.enrolments.find(asked.id)
        if held is not None and requests.read_enrolment(held.request).proof == asked.proof:
            return held.told
        if held is None and await self._store.enrolments.waiting_count() >= self._config.waiting_max:
            raise NotNow(Code.BUSY, "Very many requests wait here for the kabupaten; ask again later.", _RETRY_SECONDS)
        self._wrong.count(peer)
        await self._store.keep_request(KeepRequest(asked.id, body, asked.name, self._clock.now()))
        log.info("enrolment %s waits for the authority", asked.id.hex()[:8])
        return Answer(asked.id, State.WAITING)

    async def _file(self, answer: Answer) -> None:
        if await self._store.enrolments.find(answer.id) is None:
            raise Rejected(Code.NOT_FOUND, f"Nobody asked for {answer.id.hex()[:8]} here; was it another relay?")
        if answer.state is State.WAITING:
            raise Rejected(Code.BAD_REQUEST, f"{answer.id.hex()[:8]} has no answer yet.")
        if answer.state is State.ISSUED:
            self._check_issued(answer)
        await self._store.keep_answer(answer)

    def _check_issued(self, answer: Answer) -> None:
        """From the pinned root, and for the very key that asked. Who knows the code, only the phone can tell."""
        identity = self._verifier.trust.identify(answer.certificates, at=None)
        check_role(identity, Role.KPPS, Role.PPK)
        if requests.key_id(identity.public_key) != answer.id:
            raise Rejected(Code.CHAIN_BROKEN, f"The certificate of {identity.name} is for another key.")
        if answer.root != self._verifier.trust.authority_certificates[0] or answer.proof is None:
            raise Rejected(Code.CHAIN_BROKEN, f"The answer for {identity.name} names another root, or proves nothing.")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)


def _told(answer: Answer, status: int) -> web.Response:
    return web.json_response(answer.as_json(), status=status, headers={"Cache-Control": "no-store"})


def _json(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Rejected(Code.BAD_REQUEST, "This is not JSON.") from error
    if not isinstance(fields, dict):
        raise Rejected(Code.BAD_REQUEST, "This is not a JSON object.")
    return fields
