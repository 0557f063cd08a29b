"""What operators sign: notes about statements, and logins; as they must be, and each with one mistake."""

from collections.abc import Iterator
from typing import Any

from relay.errors import Code
from relay.protocol import cbor, codes, cose, login, statements
from relay.protocol.statements import StatementId
from tests.vectors import country
from tests.vectors.country import Party
from tests.vectors.example import Example, bad
from tests.vectors.signed import PRESIDENT, SIGNED_AT, described, sample, signed, slip_payload, tally_payload

OTHER = StatementId(cose.sha256(b"another tally of that station"))
ABOUT = tuple(sorted((StatementId(sample().id), OTHER)))
TEXT = "Dicocokkan dengan C.HASIL di kotak: paslon 2 benar 165 suara.\nDisaksikan 3 saksi – setuju."
CHALLENGE = cose.sha256(b"a challenge of the relay's")
ORIGIN = "https://10.42.0.1:8443"


def note_payload(
    about: tuple[StatementId, ...] = ABOUT, favours: StatementId | None = None, text: str = TEXT, revision: int = 1
) -> bytes:
    """The payload of a note about the sample's station."""
    return statements.note(
        tps=codes.TpsCode(country.TPS),
        form=PRESIDENT,
        revision=revision,
        signed_at=SIGNED_AT,
        about=about,
        favours=favours,
        text=text,
    )


def notes() -> Iterator[Example]:
    """Notes that are accepted."""
    sixteen = tuple(sorted(StatementId(cose.sha256(bytes((at,)))) for at in range(16)))
    longest = "é" * 500
    for name, what, about, favours, text, revision in (
        ("note", "Of two tallies in conflict the operator favours the sample.", ABOUT, sample().id, TEXT, 1),
        (
            "note-favours-none",
            "A note that favours none, of statements that need not be known.",
            (OTHER,),
            None,
            "?",
            1,
        ),
        ("note-longest", "16 statements and 1,000 bytes of text, the second revision.", sixteen, None, longest, 2),
    ):
        favoured = None if favours is None else StatementId(favours)
        message = country.OPERATOR.signer.sign(note_payload(about, favoured, text, revision))
        said: dict[str, Any] = {"kind": "note", "tps": country.TPS, "form": PRESIDENT, "revision": revision}
        said |= {"signed_at": SIGNED_AT, "about": [item.hex() for item in about], "text": text}
        said |= {"favours": favoured and favoured.hex()}
        yield signed(name, "statement", what, message, country.OPERATOR, described(message, country.OPERATOR, **said))


def bad_notes() -> Iterator[Example]:
    """Notes that are refused; the signatures are good."""
    parts = cbor.decode(note_payload())
    malformed, allowed = Code.STATEMENT_MALFORMED, Code.ROLE_NOT_ALLOWED
    first, second = ABOUT
    good = note_payload()
    for name, what, payload, by, code, cddl in (
        ("note-by-officer", "An officer signs a note.", good, country.OFFICER, allowed, True),
        (
            "note-by-relay",
            "A relay signs a note: it is trusted with custody alone.",
            good,
            country.RELAY,
            allowed,
            True,
        ),
        ("tally-by-an-operator", "An operator signs a tally.", tally_payload(b"\x00" * 35), None, allowed, True),
        (
            "note-next-door",
            "The operator of 650109 signs a note about a station of 650108.",
            good,
            country.OPERATOR_NEXT_DOOR,
            Code.STATION_NOT_SIGNERS,
            True,
        ),
        ("note-descending", "The ids do not ascend.", parts | {19: [second, first]}, None, malformed, True),
        ("note-id-twice", "An id stands there twice.", parts | {19: [first, first]}, None, malformed, True),
        ("note-about-none", "A note about no statement.", parts | {19: []}, None, malformed, False),
        (
            "note-about-17",
            "A note about 17 statements.",
            parts | {19: sorted(cose.sha256(bytes((at,))) for at in range(17))},
            None,
            malformed,
            False,
        ),
        ("note-short-id", "An id has 31 bytes.", parts | {19: [first[:31]]}, None, malformed, False),
        ("note-favours-another", "It favours what it is not about.", parts | {20: bytes(32)}, None, malformed, True),
        ("note-favours-false", "None is null, not false.", parts | {20: False}, None, malformed, False),
        ("note-empty", "A text of no bytes.", parts | {21: ""}, None, malformed, False),
        (
            "note-too-long",
            "A text of 1,002 bytes, which are 501 characters.",
            parts | {21: "é" * 501},
            None,
            malformed,
            False,
        ),
        ("note-text-bytes", "The text is a byte string.", parts | {21: b"benar"}, None, malformed, False),
        (
            "note-not-utf-8",
            "The text is said to be UTF-8 and is not.",
            good.replace("–".encode(), b"\xff\xfe\xfd"),
            None,
            Code.MALFORMED_CBOR,
            False,
        ),
        ("note-with-figures", "A note with figures (6).", parts | {6: bytes(35)}, None, malformed, False),
        (
            "note-without-favours",
            "Key 20 is missing: who favours none says null.",
            {key: value for key, value in parts.items() if key != 20},
            None,
            malformed,
            False,
        ),
    ):
        yield _bad(name, "statement", what, payload, by or country.OPERATOR, code, cddl=cddl)


def logins() -> Iterator[Example]:
    """Logins, at the page of a relay of kecamatan 650108."""
    message = country.OPERATOR.signer.sign(login.payload(SIGNED_AT, CHALLENGE, ORIGIN))
    said = {"signed_at": SIGNED_AT, "challenge": CHALLENGE.hex(), "origin": ORIGIN}
    ok = described(message, country.OPERATOR, **said)
    what = "An operator logs in at the page of a relay."
    yield signed("login", "login", what, message, country.OPERATOR, ok, with_chain=True)


def bad_logins() -> Iterator[Example]:
    """Logins that are refused, and what is taken for one, or one for something else; the signatures are good."""
    good = login.payload(SIGNED_AT, CHALLENGE, ORIGIN)
    parts = cbor.decode(good)
    malformed, allowed, kind = Code.STATEMENT_MALFORMED, Code.ROLE_NOT_ALLOWED, Code.KIND_UNEXPECTED
    outside = Code.STATION_NOT_SIGNERS
    for name, rule, what, payload, by, code, cddl in (
        ("login-by-officer", "login", "An officer logs in at the PPK's page.", good, country.OFFICER, allowed, True),
        ("login-by-relay", "login", "A relay logs in.", good, country.RELAY, allowed, True),
        ("login-next-door", "login", "The operator of 650109.", good, country.OPERATOR_NEXT_DOOR, outside, True),
        ("login-short-challenge", "login", "31 bytes.", parts | {22: CHALLENGE[:31]}, None, malformed, False),
        ("login-challenge-text", "login", "A challenge as text.", parts | {22: "a" * 32}, None, malformed, False),
        ("login-no-origin", "login", "An empty origin.", parts | {23: ""}, None, malformed, False),
        ("login-long-origin", "login", "256 bytes.", parts | {23: "https://" + "a" * 248}, None, malformed, False),
        ("login-extra-key", "login", "A login with a TPS (2).", parts | {2: 1}, None, malformed, False),
        ("login-as-statement", "statement", "A login is no statement.", good, None, kind, False),
        ("note-as-login", "login", "A note where a login is wanted.", note_payload(), None, kind, False),
        ("slip-as-login", "login", "A slip where a login is wanted.", slip_payload(OTHER), None, kind, False),
    ):
        yield _bad(name, rule, what, payload, by or country.OPERATOR, code, cddl=cddl)


def all_noted() -> list[Example]:
    """Everything that operators sign."""
    return [*notes(), *bad_notes(), *logins(), *bad_logins()]


def _bad(
    name: str, rule: str, what: str, payload: bytes | dict[int, Any], by: Party, code: Code, *, cddl: bool
) -> Example:
    encoded = payload if isinstance(payload, bytes) else cbor.encode(payload)
    data = by.signer.sign(encoded).bare
    return bad(name, rule, what, data, code, cddl=cddl, chain=by.chain, signature=True, signer=by.chain[0])
