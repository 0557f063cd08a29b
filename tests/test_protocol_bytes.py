"""Whatever bytes come, only `Rejected` comes out; and of what is signed, no bit can be changed."""

from collections.abc import Callable

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay.errors import Code, Rejected
from relay.protocol import cbor, cose, forms, login, manifests, messages, parcels, receipts, slips, statements
from relay.protocol.roles import Role
from relay.protocol.statements import Kind
from tests.authorities import World
from tests.test_vectors import EXAMPLES, INDEX, known, read, verifier
from tests.vectors import country, signed

seeded = settings(deadline=None, derandomize=True, max_examples=100)
ENTRY = {entry["name"]: entry for entry in EXAMPLES}
READERS: dict[str, Callable[[bytes], object]] = {
    "statement": statements.parse,
    "slip": lambda data: slips.read(cose.parse(data)),
    "receipt": lambda data: receipts.read(cose.parse(data)),
    "batch-header": lambda data: parcels.read_header(cose.parse(data)),
    "manifest": lambda data: manifests.read(cose.parse(data)),
    "login": lambda data: login.read(cose.parse(data)),
    "frame": parcels.unpack,
    "message": messages.decode,
}
each_reader = pytest.mark.parametrize("rule", READERS)


def outcome(reader: Callable[[bytes], object], data: bytes) -> Code | None:
    """None if `data` can be read, else the code for which it is refused; anything else is a failure."""
    try:
        reader(data)
    except Rejected as error:
        return error.code
    return None


# --- only Rejected


@each_reader
@given(data=st.binary(max_size=400))
@example(b"")
@example(b"\xd2\x84\x50")
@seeded
def test_random_bytes_are_refused_with_a_code(rule: str, data: bytes) -> None:
    outcome(READERS[rule], data)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.binary(max_size=40)
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.integers(0, 14) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=20,
)


@given(value=anything)
@seeded
def test_random_cbor_is_refused_with_a_code(value: object) -> None:
    data = cbor2.dumps(value, canonical=True)
    sealed = country.OFFICER.signer.sign(data).bare
    unsealed = b"\xd2" + cbor.encode([signed.sample().protected, {}, data, bytes(64)])
    for reader in READERS.values():
        for attempt in (data, sealed, unsealed):
            outcome(reader, attempt)


@given(keys=st.lists(st.integers(0, 23), unique=True, max_size=8), values=st.lists(anything, min_size=8, max_size=8))
@seeded
def test_payloads_with_the_right_keys_and_wrong_values_are_refused_with_a_code(
    keys: list[int], values: list[object]
) -> None:
    for kind in Kind:
        payload = cbor.encode({1: int(kind)} | dict(zip(keys, values, strict=False)))
        message = country.OFFICER.signer.sign(payload).bare
        for rule in ("statement", "slip", "receipt", "batch-header", "manifest", "login"):
            outcome(READERS[rule], message)


@given(number=st.integers(0, 10), values=st.lists(anything, max_size=4))
@seeded
def test_messages_and_frames_of_the_right_kind_with_wrong_values_are_refused(number: int, values: list[object]) -> None:
    data = cbor.encode([number, *values])
    assert outcome(READERS["message"], data) in (None, Code.BATCH_MALFORMED)
    assert outcome(READERS["frame"], data) in (None, Code.BATCH_MALFORMED)


# --- every byte counts


OF_EACH_KIND = (
    "tally",
    "documents",
    "note",
    "slip-statement",
    "slip-document",
    "receipt-of-three",
    "batch-header",
    "manifest",
    "login",
)
ROLES = {"note": Role.PPK, "login": Role.PPK, "statement": Role.KPPS, "receipt": Role.CENTRE}


@pytest.mark.parametrize("name", OF_EACH_KIND)
async def test_no_byte_of_a_signed_message_can_be_changed(name: str) -> None:
    """Each is refused by its shape, or its signature fails, or it names a signer whom nobody knows."""
    entry = ENTRY[name]
    message = cose.parse(read(entry["file"]))
    data, judge = message.bare, verifier()
    role = ROLES.get(name, ROLES.get(entry["rule"], Role.RELAY))
    chain = next(item["chain"] for item in INDEX["certificates"] if item["file"] == entry["signer"])
    known_chain = tuple(map(read, chain))
    await judge.verify_signer(message, known_chain, role)
    for at in range(len(data)):
        for flip in (0x01, 0x80, 0xFF):
            changed = data[:at] + bytes((data[at] ^ flip,)) + data[at + 1 :]
            if outcome(READERS[entry["rule"]], changed) is None:
                with pytest.raises(Rejected):
                    await judge.verify_signer(cose.parse(changed), known_chain, role)


@pytest.mark.parametrize("name", OF_EACH_KIND)
def test_no_byte_of_a_signed_message_can_be_left_out_or_added(name: str) -> None:
    entry = ENTRY[name]
    data = cose.parse(read(entry["file"])).bare
    for at in range(len(data)):
        assert outcome(READERS[entry["rule"]], data[:at]) is not None
    for more in (b"\x00", b"\xf6", data):
        assert outcome(READERS[entry["rule"]], data + more) is not None


@pytest.mark.parametrize(
    "name", ["frame-statements", "frame-statements-zstd", "frame-columns", "frame-columns-dictionary", "frame-chunk"]
)
def test_no_byte_of_a_frame_can_be_changed_without_changing_its_name(name: str) -> None:
    data = read(ENTRY[name]["file"])
    for at in range(len(data)):
        changed = data[:at] + bytes((data[at] ^ 0x55,)) + data[at + 1 :]
        assert outcome(parcels.unpack, changed) in (None, Code.BATCH_MALFORMED)
        assert parcels.frame_name(changed) != parcels.frame_name(data)


@given(data=st.data())
@seeded
def test_spoilt_messages_of_a_stream_are_read_or_refused(data: st.DataObject) -> None:
    good = read(
        data.draw(st.sampled_from([entry["file"] for entry in EXAMPLES if entry["name"].startswith("message-")]))
    )
    if len(good) > 10_000 or not good:
        return
    at, value = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(0, 255))
    assert outcome(messages.decode, good[:at] + bytes((value,)) + good[at + 1 :]) in (None, Code.BATCH_MALFORMED)


# --- what a stranger would try


def references(levels: int, width: int) -> bytes:
    """Shared references (tags 28, 29): each array holds the one before `width` times."""
    shared = b"\xd8\x1c" + bytes((0x80 | width,))
    above = (shared + (b"\xd8\x1d" + bytes((level,))) * width for level in range(levels - 1))
    return bytes((0x80 | levels,)) + shared + bytes(width) + b"".join(above)


@pytest.mark.parametrize("levels", [2, 16])
def test_a_few_bytes_cannot_be_unfolded_into_very_many(levels: int) -> None:
    """Sixteen levels would be encoded again into 10^18 items, before any signature is looked at."""
    bomb = references(levels, 15)
    assert outcome(cbor.decode_deterministic, bomb) is Code.MALFORMED_CBOR
    signed_by_nobody = b"\xd2" + cbor.encode([signed.sample().protected, {}, bomb, bytes(64)])
    assert outcome(statements.parse, signed_by_nobody) is Code.MALFORMED_CBOR
    protected = b"\xd2" + cbor.encode([bomb, {}, b"", bytes(64)])
    assert outcome(statements.parse, protected) is Code.MALFORMED_CBOR


@pytest.mark.parametrize(
    "tag", [0, 1, 2, 3, 4, 5, 24, 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 1004, 55799, 2**63]
)
@pytest.mark.parametrize("value", ["00", "41ff", "80", "8200c24101", "6161", "fb7ff0000000000000"])
def test_nothing_inside_may_be_tagged(tag: int, value: str) -> None:
    head = cbor.encode(tag)
    tagged = bytes((head[0] | 0xC0,)) + head[1:] + bytes.fromhex(value)
    for data in (tagged, b"\x81" + tagged, b"\xa1\x00" + tagged):
        assert outcome(cbor.decode, data) is Code.MALFORMED_CBOR


@pytest.mark.parametrize("one", [True, 1.0])
def test_only_whole_numbers_are_whole_numbers(one: object) -> None:
    """To Python, `true` and 1.0 equal 1; to every other implementation they do not."""
    payload = {1: 1, 2: 6501082001001, 3: 2401, 4: 1, 5: 1, 6: b"x"}
    others = {key: value for key, value in payload.items() if key != 1}
    for altered in (payload | {1: one}, {one: 1} | others, payload | {4: one}):
        message = country.OFFICER.signer.sign(cbor.encode(altered)).bare
        assert outcome(statements.parse, message) in (Code.KIND_UNEXPECTED, Code.STATEMENT_MALFORMED)
    assert outcome(messages.decode, cbor.encode([one, b"header"])) is Code.BATCH_MALFORMED
    assert outcome(parcels.unpack, cbor.encode([one, 0, cbor.encode([[b"x"]])])) is Code.BATCH_MALFORMED


def test_a_number_too_long_to_print_is_refused_like_any_other() -> None:
    payload = b"\xa1\x01\xc2\x59\x0f\x00" + b"\xff" * 3840
    assert outcome(statements.parse, country.OFFICER.signer.sign(payload).bare) is Code.MALFORMED_CBOR


# --- sizes


@given(
    figures=st.tuples(*[st.none() | st.integers(0, 999)] * 28), revision=st.integers(1, 99), form=st.integers(1, 65535)
)
@seeded
def test_a_tally_of_28_figures_stays_under_155_bytes(figures: tuple[int | None, ...], revision: int, form: int) -> None:
    packed = forms.pack(figures)
    payload = signed.tally_payload(packed, form=form, revision=revision)
    assert len(country.OFFICER.signer.sign(payload).bare) < 155


def test_the_id_is_the_same_for_every_signature_and_every_company() -> None:
    plain, chained, again = (
        cose.parse(read(ENTRY[name]["file"])) for name in ("tally", "tally-with-chain", "tally-signed-again")
    )
    assert plain.id == chained.id == again.id
    assert plain.bare == chained.bare != again.bare
    assert cose.parse(chained.bare) == plain


def test_a_message_and_its_chain_go_together_and_apart() -> None:
    world = World()
    signer, chain = world.officer()
    message = signer.sign(b"\xa0")
    for length in (1, 2):
        assert cose.parse(message.with_chain(chain[:length])).chain == chain[:length]
    assert message.with_chain(()) == message.bare
    assert known().root != world.root.certificate
