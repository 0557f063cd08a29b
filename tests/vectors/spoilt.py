"""Signed messages as they must not be: each has one mistake, and is refused for that one."""

from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from relay.errors import Code
from relay.protocol import cbor, cose, forms, manifests, receipts
from relay.protocol.receipts import Outcome, Verdict
from relay.protocol.statements import DocumentHash, Page, StatementId
from tests.vectors import country
from tests.vectors.country import OFFICER, Party
from tests.vectors.example import Example, bad
from tests.vectors.signed import (
    HELD_AT,
    ISSUED_AT,
    PESO_HILIR,
    PRESIDENT,
    SIGNED_AT,
    documents_payload,
    packed,
    pages,
    sample,
    slip_payload,
    tally_payload,
)

FIGURES = packed(dict(PESO_HILIR))


def _statement(
    name: str, what: str, data: bytes, code: Code, by: Party = OFFICER, signature: bool | None = None, **more: Any
) -> Example:
    return bad(
        name, "statement", what, data, code, **{"chain": by.chain, **more}, signature=signature, signer=by.chain[0]
    )


def _signed(name: str, what: str, payload: bytes, code: Code, by: Party = OFFICER, **more: Any) -> Example:
    """A payload with a mistake, under a good signature."""
    return _statement(name, what, by.signer.sign(payload).bare, code, by, signature=True, **more)


def signatures() -> Iterator[Example]:
    """What was signed or who signed it does not fit."""
    message = sample()
    altered = tally_payload(packed({**PESO_HILIR, "votes.2": 166}))
    forged = cose.put_together(message.protected, altered, message.signature)
    what = "One figure was altered after signing: 165 votes became 166."
    yield _statement("altered-figure", what, forged.bare, Code.SIGNATURE_INVALID, signature=False)
    flipped = cose.put_together(
        message.protected, message.payload, message.signature[:-1] + bytes((message.signature[-1] ^ 1,))
    )
    what = "One bit of the signature was flipped."
    yield _statement("altered-signature", what, flipped.bare, Code.SIGNATURE_INVALID, signature=False)
    zero = cose.put_together(message.protected, message.payload, bytes(64))
    what = "The signature is r = 0, s = 0, which some libraries once took for good."
    yield _statement("zero-signature", what, zero.bare, Code.SIGNATURE_INVALID, signature=False)
    other = cose.Signer(country.NEIGHBOUR.key, OFFICER.chain[0]).sign(message.payload)
    what = "Another key signed it, in the name of the officer's certificate (x5t)."
    yield _statement("wrong-key", what, other.bare, Code.SIGNATURE_INVALID, signature=False)
    what = "Nobody has handed over the signer's certificate: send it again with x5chain."
    yield _statement("signer-unknown", what, message.bare, Code.SIGNER_UNKNOWN, signature=True, chain=())
    what = "The certificate in x5chain is not the one that x5t names."
    data = message.with_chain(country.NEIGHBOUR.chain)
    yield _statement("wrong-certificate", what, data, Code.CHAIN_BROKEN, signature=True, chain=())
    what = "x5chain holds bytes that are no certificate (x5t names them rightly)."
    junk = b"this is no certificate"
    data = cose.Signer(OFFICER.key, junk).sign(message.payload).with_chain([junk])
    yield _statement("no-certificate", what, data, Code.CERTIFICATE_MALFORMED, chain=())


def trust() -> Iterator[Example]:
    """The signature is good; the signer may not say this."""
    payload = tally_payload(FIGURES)
    other = tally_payload(FIGURES, "6502012001001")
    for name, what, by, said, code in (
        (
            "wrong-station",
            "The officer of TPS 6501082001002 speaks for 6501082001001.",
            country.NEIGHBOUR,
            payload,
            Code.STATION_NOT_SIGNERS,
        ),
        (
            "revoked-officer",
            "The officer's certificate stands in the CA's revocation list.",
            country.REVOKED,
            payload,
            Code.SIGNER_REVOKED,
        ),
        (
            "expired-officer",
            "The officer's certificate has expired.",
            country.EXPIRED,
            payload,
            Code.CERTIFICATE_NOT_VALID_NOW,
        ),
        (
            "expired-ca",
            "The officer's certificate is valid, that of the CA above has expired.",
            country.UNDER_EXPIRED_CA,
            other,
            Code.CERTIFICATE_NOT_VALID_NOW,
        ),
        (
            "ca-outside-scope",
            "The CA of kabupaten 6501 certified an officer in 6502.",
            country.OUTSIDE,
            other,
            Code.CA_OUTSIDE_SCOPE,
        ),
        ("unknown-role", "The certificate says urn:kpu:dukun:….", country.UNKNOWN_ROLE, payload, Code.ROLE_UNKNOWN),
        (
            "another-root",
            "The chain ends in a root that is not the pinned one.",
            country.FOREIGNER,
            payload,
            Code.CHAIN_BROKEN,
        ),
        (
            "operator-signs-tally",
            "An operator of the kecamatan office signs a tally.",
            country.OPERATOR,
            payload,
            Code.ROLE_NOT_ALLOWED,
        ),
        ("relay-signs-tally", "A relay signs a tally.", country.RELAY, payload, Code.ROLE_NOT_ALLOWED),
    ):
        yield _signed(name, what, said, code, by)


def envelopes() -> Iterator[Example]:
    """COSE that is not as it must be. Whether its signature holds is nobody's concern."""
    message = sample()
    protected, payload, signature = message.protected, message.payload, message.signature
    alg, x5t = {1: -7}, {34: [-15, message.x5t]}
    malformed, other_encoding = Code.COSE_MALFORMED, Code.CBOR_NOT_DETERMINISTIC
    for name, what, parts, code in (
        (
            "wrong-alg",
            "The protected header says ES384 (-35).",
            [cbor.encode({1: -35} | x5t), {}, payload, signature],
            Code.ALGORITHM_UNSUPPORTED,
        ),
        (
            "eddsa",
            "The protected header says EdDSA (-8).",
            [cbor.encode({1: -8} | x5t), {}, payload, signature],
            Code.ALGORITHM_UNSUPPORTED,
        ),
        ("no-alg", "The protected header is empty.", [b"", alg, payload, signature], Code.ALGORITHM_UNSUPPORTED),
        ("no-x5t", "The protected header names no certificate.", [cbor.encode(alg), {}, payload, signature], malformed),
        (
            "x5t-sha-256",
            "x5t holds a whole SHA-256 (-16) in place of SHA-256/64 (-15).",
            [cbor.encode(alg | {34: [-16, cose.sha256(OFFICER.chain[0])]}), {}, payload, signature],
            malformed,
        ),
        (
            "extra-protected",
            "The protected header holds a content type (3) too.",
            [cbor.encode({1: -7, 3: 60} | x5t), {}, payload, signature],
            malformed,
        ),
        (
            "extra-unprotected",
            "The unprotected header holds a kid (4).",
            [protected, {4: b"me"}, payload, signature],
            malformed,
        ),
        ("x5chain-empty", "x5chain is an array of none.", [protected, {33: []}, payload, signature], malformed),
        (
            "x5chain-of-four",
            "x5chain has more certificates than this system has levels.",
            [protected, {33: [*OFFICER.chain] * 2}, payload, signature],
            malformed,
        ),
        (
            "x5chain-array-of-one",
            "One certificate in x5chain is a byte string, not an array (RFC 9360).",
            [protected, {33: [OFFICER.chain[0]]}, payload, signature],
            other_encoding,
        ),
        ("payload-detached", "The payload is nil.", [protected, {}, None, signature], malformed),
        ("signature-short", "The signature has 63 bytes.", [protected, {}, payload, signature[:-1]], malformed),
        (
            "signature-der",
            "The signature is DER, as X.509 has it, not r and s in 32 bytes each.",
            [protected, {}, payload, _der(signature)],
            malformed,
        ),
        ("three-parts", "The array has three items.", [protected, {}, payload], malformed),
    ):
        yield _statement(name, what, b"\xd2" + cbor.encode(parts), code, cddl=False)
    bare = message.bare
    yield _statement("untagged", "Tag 18 is missing.", bare[1:], malformed)
    yield _statement(
        "sign-tagged", "Tag 98 (COSE_Sign) in place of tag 18.", b"\xd8\x62" + bare[1:], Code.COSE_MALFORMED
    )
    yield _statement("trailing-bytes", "A byte follows the message.", bare + b"\x00", other_encoding, cddl=False)
    yield _statement("truncated", "The last byte is missing.", bare[:-1], Code.MALFORMED_CBOR)
    yield _statement("empty", "No bytes at all.", b"", Code.MALFORMED_CBOR)
    long_form = bare.replace(b"\x50" + protected, b"\x58\x10" + protected)
    yield _statement("long-form-length", "The length 16 is written in two bytes.", long_form, other_encoding)
    indefinite = b"\xd2\x9f" + bare[2:] + b"\xff"
    yield _statement("indefinite-array", "The array has indefinite length.", indefinite, Code.MALFORMED_CBOR, cddl=True)
    large = OFFICER.signer.sign(tally_payload(bytes(4000))).bare
    yield _statement(
        "oversized",
        "A message of more than 4,096 bytes without its chain.",
        large,
        Code.STATEMENT_TOO_LARGE,
        cddl=False,
    )


def encodings() -> Iterator[Example]:
    """Payloads that say the right thing in another encoding, or are no CBOR; the signatures are good."""
    payload = tally_payload(FIGURES)
    parts = cbor.decode(payload)
    backwards = {key: parts[key] for key in reversed(parts)}
    pairs = {key: cbor.encode(key) + cbor.encode(value) for key, value in parts.items()}
    body = payload[1:]
    malformed, other_encoding = Code.MALFORMED_CBOR, Code.CBOR_NOT_DETERMINISTIC
    references = "83" + "d81c830000 00".replace(" ", "") + "d81c83d81d00d81d00d81d00" + "d81c83d81d01d81d01d81d01"
    for name, what, said, code, cddl in (
        (
            "payload-long-form-integer",
            "Revision 1 is written as 18 01.",
            payload.replace(b"\x04\x01", b"\x04\x18\x01"),
            other_encoding,
            True,
        ),
        ("payload-unsorted-map", "The keys stand in descending order.", _map(backwards), other_encoding, True),
        ("payload-indefinite-map", "The map has indefinite length.", b"\xbf" + body + b"\xff", malformed, True),
        ("payload-trailing-bytes", "A byte follows the map.", payload + b"\x00", malformed, False),
        ("payload-truncated", "The last byte is missing.", payload[:-1], malformed, False),
        (
            "payload-duplicate-key",
            "Key 4, the revision, stands there twice.",
            b"\xa7" + body + b"\x04\x02",
            malformed,
            False,
        ),
        (
            "payload-bignum",
            "The revision is a bignum (tag 2).",
            payload.replace(b"\x04\x01", b"\x04\xc2\x41\x01"),
            malformed,
            False,
        ),
        (
            "payload-references",
            "Shared references (tags 28, 29): few bytes that unfold into very many. Refuse all tags.",
            bytes.fromhex(references),
            malformed,
            False,
        ),
        ("payload-deep", "Arrays in arrays, a hundred deep.", b"\x81" * 100 + b"\x00", malformed, False),
        ("payload-no-map", "The payload is an array.", cbor.encode([1, 2, 3]), Code.STATEMENT_MALFORMED, False),
        ("payload-text", "The payload is no CBOR at all, but text.", b"165 suara", malformed, False),
        (
            "kind-true",
            "The kind is true, which is not 1.",
            b"\xa6" + body.replace(b"\x01\x01", b"\x01\xf5", 1),
            Code.KIND_UNEXPECTED,
            False,
        ),
        (
            "kind-float",
            "The kind is 1.0, which is not 1.",
            b"\xa6" + body.replace(b"\x01\x01", b"\x01\xf9\x3c\x00", 1),
            Code.KIND_UNEXPECTED,
            False,
        ),
        (
            "key-true",
            "The key of the kind is true.",
            b"\xa6" + b"".join(pairs[key] for key in sorted(pairs) if key != 1) + b"\xf5\x01",
            Code.STATEMENT_MALFORMED,
            False,
        ),
    ):
        yield _signed(name, what, said, code, cddl=cddl)


def contents() -> Iterator[Example]:
    """Payloads whose encoding is right and whose content is not; the signatures are good."""
    parts = cbor.decode(tally_payload(FIGURES))
    malformed = Code.STATEMENT_MALFORMED
    without = {key: value for key, value in parts.items() if key != 4}
    for name, what, said, code in (
        ("unknown-kind", "Kind 6 does not exist.", parts | {1: 6}, Code.KIND_UNEXPECTED),
        (
            "missing-kind",
            "Key 1 is missing.",
            {key: value for key, value in parts.items() if key != 1},
            Code.KIND_UNEXPECTED,
        ),
        ("missing-revision", "Key 4 is missing.", without, malformed),
        ("extra-key", "Key 14 does not exist.", parts | {14: 0}, malformed),
        ("figures-and-pages", "A tally with pages.", parts | {7: [[1, bytes(32), 5]]}, malformed),
        ("revision-0", "Revisions count from 1.", parts | {4: 0}, malformed),
        ("revision-100", "Revisions end at 99.", parts | {4: 100}, malformed),
        ("tps-14-digits", "A TPS code of 14 digits.", parts | {2: 10**13}, malformed),
        ("tps-text", "A TPS code as text.", parts | {2: country.TPS}, malformed),
        ("time-negative", "A time before 1970.", parts | {5: -1}, malformed),
        ("figures-empty", "No figures.", parts | {6: b""}, malformed),
        ("figures-array", "Figures as an array of numbers.", parts | {6: [1, 165, 49]}, malformed),
    ):
        yield _signed(name, what, cbor.encode(said), code, cddl=False)
    unknown = tally_payload(FIGURES, form=9999)
    yield _signed(
        "unknown-form", "The centre knows no form 9999 (a relay keeps it all the same).", unknown, Code.FORM_UNKNOWN
    )
    yield from _figures()
    yield from _pages()


def _figures() -> Iterator[Example]:
    code = Code.FIGURES_MALFORMED
    bits = int.from_bytes(FIGURES, "big")
    thousand = (bits & ~(1023 << 270) | 1000 << 270).to_bytes(35, "big")
    yield _signed("figure-1000", "The first figure is 1000: three boxes hold 0 to 999.", tally_payload(thousand), code)
    reserved = (bits & ~(1023 << 270) | 1022 << 270).to_bytes(35, "big")
    yield _signed(
        "figure-1022",
        "The first figure is 1022, which is neither a figure nor blank (1023).",
        tally_payload(reserved),
        code,
    )
    yield _signed("figures-short", "34 bytes for 28 figures.", tally_payload(FIGURES[:-1]), code)
    yield _signed("figures-long", "36 bytes for 28 figures.", tally_payload(FIGURES + b"\x00"), code)
    senate = forms.pack((0,) * 37)
    padded = senate[:-1] + bytes((senate[-1] | 1,))
    yield _signed(
        "padding-not-zero", "37 figures leave 6 bits, which must be zero.", tally_payload(padded, form=2402), code
    )


def _pages() -> Iterator[Example]:
    first, second, third = pages()
    malformed = Code.STATEMENT_MALFORMED
    for name, what, listing, cddl in (
        ("duplicate-page", "Page 1 is listed twice.", [first, Page(1, second.document, second.size_bytes)], True),
        ("pages-descending", "Page 2 stands before page 1.", [second, first, third], True),
        ("no-pages", "A list of no photographs.", [], False),
        ("page-0", "Pages count from 1.", [Page(0, first.document, first.size_bytes)], False),
        ("page-empty", "A photograph of no bytes.", [Page(1, first.document, 0)], False),
        ("page-too-large", "A photograph of more than 64 MiB.", [Page(1, first.document, 64 * 2**20 + 1)], False),
        (
            "page-hash-short",
            "A document is named by 32 bytes, not 31.",
            [Page(1, DocumentHash(first.document[:-1]), 5)],
            False,
        ),
        ("two-sizes", "One photograph on two pages with two sizes.", [first, Page(2, first.document, 5)], True),
        ("sixty-five-pages", "More than 64 pages.", [Page(at, first.document, 5) for at in range(1, 66)], False),
    ):
        yield _signed(name, what, documents_payload(listing), malformed, cddl=cddl)


def others() -> Iterator[Example]:
    """Slips, receipts, batch headers and manifests from the wrong hand, or for something else."""
    outcome = Outcome(StatementId(sample().id), Verdict.RECORDED)
    receipt = receipts.payload(ISSUED_AT, [outcome])
    slip = slip_payload(sample().id)
    header = cbor.encode({1: 5, 5: HELD_AT, 13: bytes(8)})
    allowed, kind, malformed = Code.ROLE_NOT_ALLOWED, Code.KIND_UNEXPECTED, Code.STATEMENT_MALFORMED
    relay, centre, officer = country.RELAY, country.CENTRE, country.OFFICER
    fields = cbor.decode(slip)
    for name, rule, what, payload, by, code, cddl in (
        (
            "receipt-by-relay",
            "receipt",
            "A relay signs a receipt: only the centre may let a copy be dropped.",
            receipt,
            relay,
            allowed,
            True,
        ),
        ("receipt-by-officer", "receipt", "An officer signs a receipt.", receipt, officer, allowed, True),
        ("slip-by-officer", "slip", "An officer signs a slip.", slip, officer, allowed, True),
        ("batch-header-by-officer", "batch-header", "An officer signs a batch header.", header, officer, allowed, True),
        (
            "slip-as-receipt",
            "receipt",
            "A slip where a receipt is wanted: custody is not a record.",
            slip,
            centre,
            kind,
            False,
        ),
        ("receipt-as-slip", "slip", "A receipt where a slip is wanted.", receipt, relay, kind, False),
        (
            "tally-as-batch-header",
            "batch-header",
            "A tally where a batch header is wanted.",
            tally_payload(FIGURES),
            relay,
            kind,
            False,
        ),
        ("slip-as-statement", "statement", "A slip where a statement is wanted.", slip, officer, kind, False),
        (
            "receipt-of-none",
            "receipt",
            "A receipt for no statement.",
            receipts.payload(ISSUED_AT, []),
            centre,
            malformed,
            False,
        ),
        (
            "receipt-of-33",
            "receipt",
            "More than 32 outcomes.",
            receipts.payload(ISSUED_AT, [outcome] * 33),
            centre,
            malformed,
            False,
        ),
        (
            "receipt-verdict-4",
            "receipt",
            "Verdict 4 does not exist.",
            cbor.encode({1: 4, 5: ISSUED_AT, 12: [[sample().id, 4, []]]}),
            centre,
            malformed,
            False,
        ),
        ("slip-number-0", "slip", "Slips count from 1.", cbor.encode(fields | {10: 0}), relay, malformed, False),
        (
            "slip-clock-1",
            "slip",
            "Whether the clock is sure is true or false, not 1.",
            cbor.encode(fields | {11: 1}),
            relay,
            malformed,
            False,
        ),
        (
            "slip-subject-kind-3",
            "slip",
            "A slip is about a statement (1) or a document (2).",
            cbor.encode(fields | {8: 3}),
            relay,
            malformed,
            False,
        ),
        (
            "batch-header-odd",
            "batch-header",
            "Frames are named by 8 bytes each, not by 9.",
            cbor.encode({1: 5, 5: HELD_AT, 13: bytes(9)}),
            relay,
            Code.BATCH_MALFORMED,
            True,
        ),
        (
            "manifest-by-officer",
            "manifest",
            "An officer signs a manifest.",
            manifests.payload(HELD_AT, 0, 0, 0, bytes(32)),
            officer,
            allowed,
            True,
        ),
        (
            "manifest-short-root",
            "manifest",
            "A root hash of 31 bytes.",
            manifests.payload(HELD_AT, 0, 0, 0, bytes(31)),
            relay,
            malformed,
            False,
        ),
        (
            "manifest-as-batch-header",
            "batch-header",
            "A manifest where a batch header is wanted.",
            manifests.payload(HELD_AT, 0, 0, 0, bytes(32)),
            relay,
            kind,
            False,
        ),
        (
            "batch-header-extra-key",
            "batch-header",
            "A header with a form (3).",
            cbor.encode({1: 5, 3: PRESIDENT, 5: SIGNED_AT, 13: b""}),
            relay,
            Code.BATCH_MALFORMED,
            False,
        ),
    ):
        data = by.signer.sign(payload).bare
        yield bad(name, rule, what, data, code, cddl=cddl, chain=by.chain, signature=True, signer=by.chain[0])


def all_bad() -> list[Example]:
    """Every signed message that is refused."""
    return [*signatures(), *trust(), *envelopes(), *encodings(), *contents(), *others()]


def _map(parts: dict[int, Any]) -> bytes:
    """A map with its keys in the order given, which `cbor.encode` would set right."""
    return bytes((0xA0 | len(parts),)) + b"".join(cbor.encode(key) + cbor.encode(value) for key, value in parts.items())


def _der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
