"""Enrolment by a one-time code: what a phone asks, how both sides prove that they know the code, and the answer.

The code is never sent. The phone proves it over its new public key; whoever answers proves it over the certificate
and the root, so that a phone which has never met anybody knows which root to pin.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NewType

from relay.errors import Code, Rejected
from relay.protocol import cose

EnrolmentCode = NewType("EnrolmentCode", str)
"""12 characters of Crockford's base 32 in capitals: 60 bits."""

CODE_LENGTH = 12
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
QR_PREFIX = "kpu-enrol:"
REQUEST_BYTES_MAX = 2048
_GROUP = 4
_REQUEST, _ANSWER = b"kpu-enrol-request", b"kpu-enrol-answer"
_FORGIVEN = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_CERTIFICATES_MAX = 3


class State(StrEnum):
    """What became of a request."""

    ISSUED = "issued"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: certificates (DER, leaf first, without the root) and proof, or why not, or not yet.

    `id` is SHA-256 of the SubjectPublicKeyInfo of the key that asks.
    """

    id: bytes
    state: State
    certificates: tuple[bytes, ...] = ()
    root: bytes | None = None
    proof: bytes | None = None
    code: Code | None = None
    sentence: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As it travels."""
        return {
            "id": self.id.hex(),
            "state": self.state,
            "certificates": [text64(der) for der in self.certificates] or None,
            "root": text64(self.root) if self.root else None,
            "proof": text64(self.proof) if self.proof else None,
            "code": self.code,
            "detail": self.sentence,
        }


def refused(identifier: bytes, error: Rejected) -> Answer:
    """The answer that says why not."""
    return Answer(identifier, State.REFUSED, code=error.code, sentence=error.sentence)


def read_answer(fields: object) -> Answer:
    """The answer in JSON, or `Rejected(bad-request)`; nothing in it is believed yet."""
    try:
        if not isinstance(fields, Mapping):
            raise TypeError
        certificates = tuple(bytes64(item) for item in fields["certificates"] or ())
        if len(certificates) > _CERTIFICATES_MAX:
            raise ValueError
        identifier = bytes.fromhex(fields["id"])
        if len(identifier) != 32:
            raise ValueError
        return Answer(
            id=identifier,
            state=State(fields["state"]),
            certificates=certificates,
            root=bytes64(fields["root"]) if fields["root"] else None,
            proof=bytes64(fields["proof"]) if fields["proof"] else None,
            code=Code(fields["code"]) if fields["code"] else None,
            sentence=str(fields["detail"])[:400] if fields["detail"] else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Rejected(Code.BAD_REQUEST, "This is not the answer to an enrolment request.") from error


def enrolment_code(text: str) -> EnrolmentCode:
    """The code in what somebody typed or scanned; case, dashes, spaces, O for 0, I and L for 1 are forgiven.

    `Rejected(code-unknown)` if it cannot be one.
    """
    typed = text.strip()
    if typed.lower().startswith(QR_PREFIX):
        typed = typed[len(QR_PREFIX) :]
    tidied = typed.upper().translate(_FORGIVEN)
    if len(tidied) != CODE_LENGTH or not set(tidied) <= set(ALPHABET):
        raise Rejected(
            Code.CODE_UNKNOWN,
            f"A one-time code has {CODE_LENGTH} letters and digits, such as K7Q2-M4XD-9FTA; type it again as printed.",
        )
    return EnrolmentCode(tidied)


def grouped(code: EnrolmentCode) -> str:
    """The code as it is printed: K7Q2-M4XD-9FTA."""
    return "-".join(code[start : start + _GROUP] for start in range(0, CODE_LENGTH, _GROUP))


def request_proof(code: EnrolmentCode, public_key: bytes) -> str:
    """What a request for `public_key` (SubjectPublicKeyInfo, DER) says as its challengePassword: base64url text."""
    return text64(hmac.digest(code.encode(), _REQUEST + cose.sha256(public_key), "sha256"))


def proven(codes: Iterable[EnrolmentCode], public_key: bytes, proof: str) -> EnrolmentCode | None:
    """Which of the codes a request's proof shows: a code does not travel, so each is tried."""
    message = _REQUEST + cose.sha256(public_key)
    try:
        said = bytes64(proof)
    except ValueError:
        return None
    tried = (code for code in codes if hmac.compare_digest(hmac.digest(code.encode(), message, "sha256"), said))
    return next(tried, None)


def answer_proof(code: EnrolmentCode, leaf: bytes, root: bytes) -> bytes:
    """What only somebody who knows the code can say of a certificate and a root (DER): 32 bytes."""
    return hmac.digest(code.encode(), _ANSWER + cose.sha256(leaf) + cose.sha256(root), "sha256")


def is_proven(answer: Answer, code: EnrolmentCode) -> bool:
    """Whether an issued answer comes from somebody who knows the code: then its root may be pinned."""
    if not answer.certificates or answer.root is None or answer.proof is None:
        return False
    return hmac.compare_digest(answer_proof(code, answer.certificates[0], answer.root), answer.proof)


def bytes64(text: str) -> bytes:
    """Bytes from base64url without padding; `ValueError` if it is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error


def text64(data: bytes) -> str:
    """Base64url without padding (RFC 4648 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
