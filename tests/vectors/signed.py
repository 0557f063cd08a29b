"""Signed messages: statements, slips, receipts, batch headers and manifests, as they must be."""

from typing import Any

from relay.errors import Code
from relay.protocol import codes, cose, forms, manifests, parcels, receipts, slips, statements
from relay.protocol.receipts import Outcome, Verdict
from relay.protocol.slips import Subject
from relay.protocol.statements import DocumentHash, Page, StatementId
from tests.vectors import country
from tests.vectors.country import Party
from tests.vectors.example import Example, good

PRESIDENT, SENATE, HOUSE = 2401, 2402, 2403
SIGNED_AT = 1_795_255_200  # 2026-11-21 10:00 UTC
HELD_AT = SIGNED_AT + 95
ISSUED_AT = SIGNED_AT + 4000

# TPS 1 of Long Tungu, Peso Hilir, 2024, as Sirekap showed it; sections II and III, which it does not show, are made up
PESO_HILIR = {
    "dpt.l": 148,
    "dpt.p": 135,
    "dpt.j": 283,
    "users_dpt.l": 105,
    "users_dpt.p": 107,
    "users_dpt.j": 212,
    "users_dptb.l": 0,
    "users_dptb.p": 0,
    "users_dptb.j": 0,
    "users_dpk.l": 1,
    "users_dpk.p": 2,
    "users_dpk.j": 3,
    "users.l": 106,
    "users.p": 109,
    "users.j": 215,
    "ballots_received": 289,
    "ballots_used": 215,
    "ballots_spoilt": 0,
    "ballots_unused": 74,
    "disabled.l": 1,
    "disabled.p": 0,
    "disabled.j": 1,
    "votes.1": 1,
    "votes.2": 165,
    "votes.3": 49,
    "valid": 215,
    "invalid": 0,
    "total": 215,
}
# candidates that do not add up to the valid votes: 1202152004003 in 2024, as Sirekap showed it
MISMATCH = PESO_HILIR | {"votes.1": 0, "votes.2": 105, "votes.3": 52, "valid": 158, "invalid": 2, "total": 160}
PHOTOGRAPHS = tuple(f"the photograph of page {page}".encode() * 40 * page for page in (1, 2, 3))


def tally_payload(figures: bytes, tps: str = country.TPS, *, form: int = PRESIDENT, revision: int = 1) -> bytes:
    """The payload of a tally with figures as packed."""
    return statements.tally(tps=codes.TpsCode(tps), form=form, revision=revision, signed_at=SIGNED_AT, figures=figures)


def packed(named: dict[str, int | None], form: int = PRESIDENT) -> bytes:
    """Figures by name, packed."""
    return forms.pack(forms.catalogue()[form].figures(named))


def described(message: cose.Sign1, by: Party, **fields: Any) -> dict[str, Any]:
    """What every signed message says beside its own fields."""
    return {"signer": by.name, "x5t": message.x5t.hex(), "id": message.id.hex(), **fields}


def tally(
    name: str,
    what: str,
    named: dict[str, int | None],
    by: Party = country.OFFICER,
    *,
    form: int = PRESIDENT,
    revision: int = 1,
    flags: tuple[str, ...] = (),
    with_chain: bool = False,
) -> Example:
    """A tally that is accepted, with `flags`."""
    figures = packed(named, form)
    message = by.signer.sign(tally_payload(figures, form=form, revision=revision))
    shown = {field.id: named.get(field.id) for field in forms.catalogue()[form].fields}
    said = {"kind": "tally", "tps": country.TPS, "form": form, "revision": revision, "signed_at": SIGNED_AT}
    ok = described(message, by, **said, packed=figures.hex(), figures=shown, flags=list(flags))
    return signed(name, "statement", what, message, by, ok, with_chain=with_chain)


def signed(
    name: str, rule: str, what: str, message: cose.Sign1, by: Party, ok: dict[str, Any], *, with_chain: bool = False
) -> Example:
    """A message that is accepted; the chain travels in it, or is known beside it."""
    data = message.with_chain(by.chain) if with_chain else message.bare
    chain = () if with_chain else by.chain
    return good(name, rule, what, data, ok, chain=chain, signature=True, signer=by.chain[0])


def sample() -> cose.Sign1:
    """The tally that most examples are about."""
    return country.OFFICER.signer.sign(tally_payload(packed(dict(PESO_HILIR))))


def tallies() -> list[Example]:
    """Tallies: all forms, and who may sign them."""
    president = forms.catalogue()[PRESIDENT]
    zero: dict[str, int | None] = dict.fromkeys((field.id for field in president.fields), 0)
    senate = {
        **dict.fromkeys((f"votes.{at}" for at in range(1, 13)), 0),
        **PESO_HILIR,
        "votes.1": 1,
        "votes.2": 100,
        "votes.3": 49,
        "votes.12": 65,
    }
    house = {name: value for name, value in PESO_HILIR.items() if not name.startswith("votes.")}
    full: dict[str, int | None] = {field.id: house.get(field.id, 0) for field in forms.catalogue()[HOUSE].fields}
    full |= {"votes.3.party": 40, "votes.3.1": 100, "votes.3.2": 25, "votes.3.total": 165, "votes.24.total": 50}
    full |= {"votes.24.party": 50}
    return [
        tally("tally", "A presidential tally, 28 figures, bare: 151 bytes.", dict(PESO_HILIR)),
        tally(
            "tally-with-chain",
            "The same message with its signer's chain in x5chain.",
            dict(PESO_HILIR),
            with_chain=True,
        ),
        tally(
            "tally-village-officer",
            "Signed by an officer certified for the whole village.",
            dict(PESO_HILIR),
            country.VILLAGE_OFFICER,
        ),
        tally(
            "tally-under-kecamatan-ca",
            "Signed by an officer whose CA is a kecamatan's, below that of the kabupaten: two CAs in x5chain.",
            dict(PESO_HILIR),
            country.KECAMATAN_OFFICER,
            with_chain=True,
        ),
        tally("tally-blank", "Every box is blank (1023), which is not zero.", {}, flags=("incomplete",)),
        tally(
            "tally-zero",
            "Every box holds 0, which is not blank: the arithmetic holds.",
            zero,
        ),
        tally(
            "tally-mismatch",
            "The paper does not add up: accepted and flagged.",
            dict(MISMATCH),
            flags=("votes-sum", "users-equal-votes", "ballots-equal-votes"),
        ),
        tally(
            "tally-revision-2",
            "A correction: the same station and form, revision 2.",
            {**PESO_HILIR, "invalid": 1, "valid": 214, "votes.3": 48},
            revision=2,
        ),
        tally("tally-dpd", "A senate tally, 37 figures.", {**senate}, form=SENATE),
        tally("tally-dpr", "A house tally, 115 figures.", full, form=HOUSE),
        _signed_again(),
    ]


def _signed_again() -> Example:
    """The signature (r, n - s) is as good as (r, s): the id must not depend on it."""
    message = sample()
    r, s = message.signature[:32], int.from_bytes(message.signature[32:], "big")
    again = cose.put_together(message.protected, message.payload, r + (country._ORDER - s).to_bytes(32, "big"))
    ok = described(message, country.OFFICER, kind="tally", tps=country.TPS, form=PRESIDENT, revision=1)
    what = "The tally with its signature's other form (r, n - s): another signature, and the same id."
    return signed("tally-signed-again", "statement", what, again, country.OFFICER, ok)


def pages() -> list[Page]:
    """The pages of the sample photographs."""
    return [Page(at, DocumentHash(cose.sha256(data)), len(data)) for at, data in enumerate(PHOTOGRAPHS, 1)]


def documents_payload(listing: list[Page]) -> bytes:
    """The payload of a documents statement."""
    return statements.documents(
        tps=codes.TpsCode(country.TPS), form=PRESIDENT, revision=1, signed_at=SIGNED_AT, pages=listing
    )


def documents() -> list[Example]:
    """Lists of photographs."""
    message = country.OFFICER.signer.sign(documents_payload(pages()))
    shown = [{"page": page.number, "document": page.document.hex(), "size_bytes": page.size_bytes} for page in pages()]
    said = {"kind": "documents", "tps": country.TPS, "form": PRESIDENT, "revision": 1, "signed_at": SIGNED_AT}
    ok = described(message, country.OFFICER, **said, pages=shown)
    return [signed("documents", "statement", "The three page photographs of a form.", message, country.OFFICER, ok)]


def slip_payload(subject: bytes, kind: Subject = Subject.STATEMENT, number: int = 1, *, sure: bool = True) -> bytes:
    """The payload of a slip."""
    return slips.payload(kind, subject, number, HELD_AT, sure)


def custody_slips() -> list[Example]:
    """Slips for a statement and for a photograph."""
    document = pages()[0].document
    examples = []
    for name, what, kind, subject, number, sure in (
        ("slip-statement", "Slip 1 of a relay: it holds the sample tally.", Subject.STATEMENT, sample().id, 1, True),
        (
            "slip-document",
            "Slip 2: a photograph, by a relay whose clock is not set.",
            Subject.DOCUMENT,
            document,
            2,
            False,
        ),
    ):
        message = country.RELAY.signer.sign(slip_payload(subject, kind, number, sure=sure))
        said = {"subject_kind": int(kind), "subject": subject.hex(), "number": number, "held_at": HELD_AT}
        ok = described(message, country.RELAY, **said, clock_sure=sure)
        examples.append(signed(name, "slip", what, message, country.RELAY, ok))
    return examples


def given_receipts() -> list[Example]:
    """Receipts for one statement and for several."""
    other = StatementId(cose.sha256(b"another statement"))
    third = StatementId(cose.sha256(b"a third statement"))
    sample_id = StatementId(sample().id)
    return [
        _receipt("receipt", "The sample tally is recorded.", [Outcome(sample_id, Verdict.RECORDED)]),
        _receipt(
            "receipt-of-three",
            "One receipt for three statements: recorded with flags, in conflict, refused.",
            [
                Outcome(sample_id, Verdict.RECORDED, ("votes-sum", "dpt-at-most-300")),
                Outcome(other, Verdict.CONFLICT),
                Outcome(third, Verdict.REFUSED, (Code.SIGNER_REVOKED,)),
            ],
        ),
    ]


def _receipt(name: str, what: str, outcomes: list[Outcome]) -> Example:
    message = country.CENTRE.signer.sign(receipts.payload(ISSUED_AT, outcomes))
    shown = [
        {"statement": item.statement.hex(), "verdict": int(item.verdict), "notes": list(item.notes)}
        for item in outcomes
    ]
    ok = described(message, country.CENTRE, issued_at=ISSUED_AT, outcomes=shown)
    return signed(name, "receipt", what, message, country.CENTRE, ok)


def batch_headers() -> list[Example]:
    """Headers: with frames and chain, and the empty one with which a relay introduces itself."""
    names = [parcels.frame_name(frame) for frame in (b"a frame", b"another frame")]
    examples = []
    document = DocumentHash(cose.sha256(PHOTOGRAPHS[0]))
    for name, what, frames, documents in (
        (
            "batch-header",
            "Two frames are announced; the first header of a stream carries the relay's chain.",
            names,
            [],
        ),
        ("batch-header-empty", "No frame is announced: the relay introduces itself before it asks.", [], []),
        ("batch-header-documents", "The frames may name this document by its place, 0.", names, [document]),
    ):
        message = country.RELAY.signer.sign(parcels.header_payload(HELD_AT, frames, documents))
        shown = {"frames": [item.hex() for item in frames], "documents": [item.hex() for item in documents]}
        ok = described(message, country.RELAY, made_at=HELD_AT, **shown)
        examples.append(signed(name, "batch-header", what, message, country.RELAY, ok, with_chain=True))
    return examples


def drive_manifests() -> list[Example]:
    """What a relay signs last on a stick: two batches, and none."""
    examples = []
    for name, what, files in (
        ("manifest", "Two batch files with three frames, as they stand on a stick.", (b"a file", b"another file")),
        ("manifest-empty", "Everything has a receipt: nothing is left on the stick.", ()),
    ):
        root = manifests.root_of(map(cose.sha256, files))
        frames, size = 3 * bool(files), sum(map(len, files))
        message = country.RELAY.signer.sign(manifests.payload(HELD_AT, len(files), frames, size, root))
        said = {"made_at": HELD_AT, "files": len(files), "frames": frames, "size_bytes": size, "root": root.hex()}
        ok = described(message, country.RELAY, **said)
        examples.append(signed(name, "manifest", what, message, country.RELAY, ok, with_chain=True))
    return examples


def all_good() -> list[Example]:
    """Every signed message that is accepted."""
    return [*tallies(), *documents(), *custody_slips(), *given_receipts(), *batch_headers(), *drive_manifests()]
