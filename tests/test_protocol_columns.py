"""Statements in columns come out byte for byte, whatever they are; and cost on the wire what they may."""

import hashlib
import re
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.errors import Code, Rejected
from relay.protocol import cbor, codes, columns, cose, forms, parcels, statements, sums
from relay.protocol.columns import STATEMENTS_IN_FRAME_MAX
from relay.protocol.cose import X5t
from relay.protocol.forms import RuleKind
from relay.protocol.parcels import StatementParcel
from relay.protocol.statements import DocumentHash, Page
from tests.bench import papers, wire
from tests.test_protocol_document import cddl, flat, section
from tests.test_vectors import SIGNED, read
from tests.vectors import columned, country, dictionary, signed

seeded = settings(deadline=None, derandomize=True, max_examples=150)
signatures = st.binary(min_size=64, max_size=64)
signers = st.sampled_from([bytes(8), b"officer1", b"officer2", b"officer3"])
times = st.one_of(st.integers(1_707_900_000, 1_707_920_000), st.integers(0, statements.TIME_MAX))
stations = st.one_of(st.integers(6501082001001, 6501082001999), st.integers(0, 10**13 - 1))


def signed_by(x5t: bytes, payload: bytes, signature: bytes) -> bytes:
    return cose.put_together(cose.protected_header(X5t(x5t)), payload, signature).bare


@st.composite
def tallies(draw: st.DrawFn) -> bytes:
    """Any tally that a relay takes, of known forms and others, packed as it should be or not."""
    form = draw(st.sampled_from([2401, 2401, 2402, 2403, 1, 65535]))
    known = forms.catalogue().get(form)
    figures = draw(
        st.one_of(
            st.binary(min_size=1, max_size=60),
            st.lists(st.one_of(st.none(), st.integers(0, 999)), min_size=28, max_size=28).map(pack),
            st.just(pack([0] * len(known.fields)) if known else b"\x00"),
        )
    )
    payload = statements.tally(
        tps=codes.tps_code(f"{draw(stations):013d}"),
        form=form,
        revision=draw(st.integers(1, 99)),
        signed_at=draw(times),
        figures=figures,
    )
    return signed_by(draw(signers), payload, draw(signatures))


def pack(figures: list[int | None]) -> bytes:
    return forms.pack(tuple(figures))


@st.composite
def lists_of_photographs(draw: st.DrawFn) -> bytes:
    pages = [Page(at, DocumentHash(draw(st.binary(min_size=32, max_size=32))), at) for at in (1, 2, 3)]
    payload = statements.documents(
        tps=codes.tps_code(country.TPS), form=2401, revision=1, signed_at=draw(times), pages=pages
    )
    return signed_by(draw(signers), payload, draw(signatures))


anything = st.one_of(tallies(), tallies(), lists_of_photographs(), st.binary(min_size=1, max_size=300))
chains = st.lists(st.binary(min_size=1, max_size=100), max_size=3).map(tuple)
listings = st.lists(st.builds(StatementParcel, anything, chains), min_size=1, max_size=24)


@given(
    number=st.one_of(st.sampled_from([0, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32]), st.integers(0, 2**64 - 1))
)
@seeded
def test_a_head_is_what_the_library_writes(number: int) -> None:
    assert cbor.head(cbor.UNSIGNED, number) == cbor.encode(number)
    assert number > 70_000 or cbor.head(cbor.BYTE_STRING, number) + bytes(number) == cbor.encode(bytes(number))


# --- there and back


@given(listing=listings)
@seeded
def test_whatever_is_laid_out_comes_back_byte_for_byte(listing: list[StatementParcel]) -> None:
    body, tail = parcels.in_columns(listing)
    *laid_out, _ = cbor.decode(body)
    assert columns.put_back(laid_out, tail) == [parcel.statement for parcel in listing]
    assert parcels.unpack(parcels.pack_statements(listing)) == listing


def test_a_whole_frame_comes_back_in_its_order() -> None:
    """512 of several forms, by officers who sign again and again, with all else between them."""
    listing = [*papers.parcels(), *(StatementParcel(read(f"signed/{name}.cose")) for name in ("tally", "documents"))]
    listing += [StatementParcel(country.OFFICER.signer.sign(_senate(at)).bare) for at in range(9)]
    listing.append(StatementParcel(b"no statement"))
    assert len(listing) == STATEMENTS_IN_FRAME_MAX
    mixed = sorted(listing, key=lambda parcel: hashlib.sha256(parcel.statement).digest())
    frame = parcels.pack_statements(mixed)
    assert cbor.decode(frame)[1] == 2
    assert parcels.unpack(frame) == mixed


def _senate(at: int) -> bytes:
    return signed.tally_payload(forms.pack((at,) * 37), form=2402)


@pytest.mark.parametrize("entry", SIGNED, ids=lambda entry: entry["name"])
def test_every_signed_example_comes_back_good_or_bad(entry: dict[str, Any]) -> None:
    """What is spoilt, or of a shape that columns do not have, is carried as it is: judging is for others."""
    data = read(entry["file"])
    assert columns.put_back(*columns.lay_out([data])) == [data]


def test_statements_of_very_many_forms_travel_whole_when_the_groups_are_used_up() -> None:
    payloads = [signed.tally_payload(bytes(5), form=form) for form in range(1, 261)]
    listing = [StatementParcel(signed_by(b"officer1", payload, bytes(64))) for payload in payloads]
    (_, _, travel_whole, groups), _ = columns.lay_out(parcel.statement for parcel in listing)
    assert (len(groups), len(travel_whole)) == (columns.GROUPS_MAX, 5)
    assert parcels.unpack(parcels.pack_statements(listing)) == listing


# --- what is known of forms


@pytest.mark.parametrize("form", forms.catalogue().values(), ids=lambda form: form.name)
@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=20)
def test_a_paper_filled_in_by_the_sums_keeps_every_rule(form: forms.Form, data: st.DataObject) -> None:
    """So a paper that keeps every rule has no rests; and no rule is forgotten."""
    figures: list[int] = []
    found = sums.of_form(form.code, len(form.fields))
    for terms in found:
        total = sum(figures[term] if term >= 0 else -figures[~term] for term in terms)
        figures.append(total if terms else data.draw(st.integers(0, 999)))
    rules = [rule for rule in form.rules if rule.kind in (RuleKind.SUM, RuleKind.EQUAL)]
    assert [rule.id for rule in rules if rule.holds(tuple(figures)) is not True] == []
    sums.check(found)


def test_another_table_of_forms_at_the_other_end_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    listing = list(papers.parcels()[:32])
    frame = parcels.pack_statements(listing)
    sums.of_form.cache_clear()
    monkeypatch.setattr(forms, "catalogue", dict)
    assert parcels.unpack(frame) == listing
    assert parcels.unpack(parcels.pack_statements(listing)) == listing
    sums.of_form.cache_clear()


# --- what comes from strangers


@given(data=st.data())
@settings(deadline=None, derandomize=True, max_examples=600)
def test_a_spoilt_body_is_read_or_refused(data: st.DataObject) -> None:
    """Behind zstd, where a carrier can write what it likes."""
    body, tail = parcels.in_columns(papers.parcels()[:5])
    at, value = data.draw(st.integers(0, len(body) - 1)), data.draw(st.binary(max_size=3))
    spoilt = body[:at] + value + body[at + 1 :]
    read_or_refused(cbor.encode([1, 2, parcels._compress(spoilt), tail]))


@given(body=st.recursive(st.one_of(st.integers(), st.binary(max_size=80), st.booleans()), st.lists, max_leaves=40))
@seeded
def test_any_body_at_all_is_read_or_refused(body: Any) -> None:
    read_or_refused(cbor.encode([1, 2, parcels._compress(cbor.encode(body)), bytes(72)]))


@given(data=st.data())
@seeded
def test_a_spoilt_frame_is_read_or_refused(data: st.DataObject) -> None:
    frame = read("framed/frame-columns-dictionary.cbor")
    at, value = data.draw(st.integers(0, len(frame) - 1)), data.draw(st.binary(max_size=3))
    read_or_refused(frame[:at] + value + frame[at + 1 :])


def read_or_refused(frame: bytes) -> None:
    try:
        received = parcels.unpack(frame)
    except Rejected as refusal:
        code: Code | None = refusal.code
        received = []
    else:
        code = None
    assert code in (None, Code.BATCH_MALFORMED)
    assert len(received) <= STATEMENTS_IN_FRAME_MAX
    assert all(len(item.statement) <= 4096 for item in received if isinstance(item, StatementParcel))


def test_the_largest_group_there_may_be_needs_bounded_memory() -> None:
    """512 tallies of 819 figures with as many terms as are allowed, from a few hundred bytes."""
    count, figures = STATEMENTS_IN_FRAME_MAX, sums.FIGURES_MAX
    terms = [list(range(at)) if at == 502 else [at - 1] if at > 300 else [] for at in range(figures)]
    assert sums.TERMS_MAX - 8 < sum(map(len, terms)) <= sums.TERMS_MAX
    numbers = bytes(count * 16 + count * 2 * (1 + figures))
    body = [b"\x01" * count, bytes(2 * count), [], [[1, terms, 0, numbers]], []]
    tail = bytes(8 + 64 * count)
    body[1] = b"\x00" * count + b"\x00" + b"\x01" * (count - 1)
    frame = cbor.encode([1, 2, parcels._compress(cbor.encode(body)), tail])
    assert len(frame) < parcels.FRAME_BYTES_MAX
    tracemalloc.start()
    received = parcels.unpack(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(received) == count
    assert peak < 16 * 2**20


# --- the document, the dictionary


def test_what_is_compressed_is_as_the_cddl_says() -> None:
    for listing in (papers.parcels()[:20], [StatementParcel(b"x", (b"y", b"z"))]):
        body, _ = parcels.in_columns(listing)
        result = cddl().validate(body, root_type="columns")
        assert result.valid, [item.message for item in result.diagnostics]
    refused = cddl().validate(cbor.encode([b"", b"", [], [], []]), root_type="columns")
    assert not refused.valid


def test_the_dictionary_is_the_one_that_the_protocol_names() -> None:
    data = parcels._dictionary().as_bytes()
    assert hashlib.sha256(data).hexdigest() in section("Statements in columns")
    assert f"`relay/protocol/{parcels.DICTIONARY_FILE}`" in section("Statements in columns")


def test_the_dictionary_is_made_again_byte_for_byte() -> None:
    """It may never change. If a form or a certificate is made otherwise from now on, keep the file and drop this."""
    assert dictionary.build() == parcels._dictionary().as_bytes()


def test_what_zstd_made_of_the_example_is_still_read() -> None:
    frame = next(example for example in columned.good_frames() if example.name == "frame-columns-dictionary")
    assert parcels.unpack(frame.data) == [StatementParcel(signed.sample().bare)]


# --- what a tally costs


@pytest.mark.parametrize(("count", "at_most"), [(16, 105), (500, 92)])
def test_a_tally_costs_on_the_wire_what_it_may(count: int, at_most: int) -> None:
    """Real figures, each station by another officer; the whole of every frame counts."""
    frames = wire.frames(papers.parcels(), count, parcels.pack_statements)
    assert max(len(frame) for frame in frames) <= at_most * count
    told = re.search(rf"(\d+)( bytes each)? in (frames|one) of {count}", flat(section("Statements in columns")))
    assert told
    assert abs(sum(len(frame) for frame in frames) / len(frames) / count - int(told.group(1))) < 1


def test_the_papers_that_are_measured_break_rules_as_real_ones_do() -> None:
    form = forms.catalogue()[papers.FORM]
    soft = {rule.id for rule in form.rules if rule.soft}
    read_figures = [forms.unpack(form, statements.parse(parcel.statement).figures) for parcel in papers.parcels()]
    broken = [figures for figures in read_figures if set(form.flags(figures)) - soft]
    assert 0.2 < len(broken) / len(read_figures) < 0.4
    assert len({statements.parse(parcel.statement).signed.x5t for parcel in papers.parcels()}) == 500
