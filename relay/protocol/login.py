"""Logins: what an operator signs to begin a session at a relay or at the centre. Never a statement.

The challenge proves that it was signed now, the origin that it was signed for this page: whoever gave the one and is
the other compares them. Time is shown and not judged.
"""

from dataclasses import dataclass

from relay.errors import Code, Rejected
from relay.protocol import cbor, codes, cose
from relay.protocol.codes import Scope
from relay.protocol.identities import Identity, check_role
from relay.protocol.roles import Role
from relay.protocol.statements import TIME_MAX, Key, Kind, byte_string, payload_of, text_string, whole

CHALLENGE_BYTES = 32
ORIGIN_BYTES_MAX = 255


@dataclass(frozen=True, slots=True)
class Login:
    """`signed_at`: Unix seconds by the operator's clock; `origin` as a browser writes it, such as https://10.42.0.1."""

    signed_at: int
    challenge: bytes
    origin: str
    signed: cose.Sign1


def payload(signed_at: int, challenge: bytes, origin: str) -> bytes:
    """The payload of a login."""
    return cbor.encode(
        {
            int(Key.KIND): int(Kind.LOGIN),
            int(Key.TIME): signed_at,
            int(Key.CHALLENGE): challenge,
            int(Key.ORIGIN): origin,
        }
    )


def read(signed: cose.Sign1) -> Login:
    """The login in a parsed COSE_Sign1 (signature not checked here), or `Rejected`."""
    fields = payload_of(signed)
    if fields[Key.KIND] != Kind.LOGIN:
        raise Rejected(Code.KIND_UNEXPECTED, "This is not a login (kind 8).")
    if fields.keys() != {Key.KIND, Key.TIME, Key.CHALLENGE, Key.ORIGIN}:
        raise Rejected(Code.STATEMENT_MALFORMED, "The login does not have exactly the keys of a login.")
    return Login(
        whole(fields[Key.TIME], 0, TIME_MAX, "time"),
        byte_string(fields[Key.CHALLENGE], CHALLENGE_BYTES, CHALLENGE_BYTES, "challenge"),
        text_string(fields[Key.ORIGIN], 1, ORIGIN_BYTES_MAX, "origin"),
        signed,
    )


def check(identity: Identity, scope: Scope) -> None:
    """`Rejected` unless whoever signed a login is an operator certified for all of `scope`, the node's region."""
    check_role(identity, Role.PPK)
    if not codes.covers(identity.scope, scope):
        raise Rejected(
            Code.STATION_NOT_SIGNERS,
            f"{identity.name} is certified for {identity.scope}; this is the page of {scope or 'the whole country'}. "
            "Log in where you are certified.",
        )
