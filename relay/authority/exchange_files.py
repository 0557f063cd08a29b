"""The two files that go between a relay without a CA and its authority: requests that wait, and the answers to them."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from relay.authority import requests
from relay.authority.desk import Desk
from relay.errors import Code, Rejected
from relay.protocol.enrolment import Answer, bytes64

_REQUESTS_MAX = 100_000


def read_requests(data: bytes) -> list[bytes]:
    """The requests (PKCS#10) in a file that a relay has exported, or `Rejected(bad-request)`."""
    try:
        rows: Any = json.loads(data)["requests"]
        found = [bytes64(row["request"]) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Rejected(
            Code.BAD_REQUEST, "This is no file of requests; make one at the relay with: relay enrolments export"
        ) from error
    if len(found) > _REQUESTS_MAX:
        raise Rejected(Code.BAD_REQUEST, f"A file has at most {_REQUESTS_MAX} requests.")
    return found


def answer(
    desk: Desk, asked: Sequence[bytes], now: datetime, progress: Callable[[int, int], None] | None = None
) -> list[Answer]:
    """The desk's answer to each request that can be read; asked again, it gives the same."""
    answers = []
    for done, request in enumerate(asked, start=1):
        if _is_readable(request):  # else no phone made it, and nobody waits for its answer
            answers.append(desk.answer(request, now)[0])
        if progress:
            progress(done, len(asked))
    return answers


def answers_file(answers: Iterable[Answer]) -> bytes:
    """What is taken back to the relay."""
    return json.dumps({"answers": [item.as_json() for item in answers]}, indent=1).encode() + b"\n"


def _is_readable(request: bytes) -> bool:
    try:
        requests.read_enrolment(request)
    except Rejected:
        return False
    return True
