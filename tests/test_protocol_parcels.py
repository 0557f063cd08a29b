"""What travels between nodes comes out as it went in, and nothing that is sent can make a receiver swell."""

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.errors import Code, NotNow, Rejected
from relay.protocol import cbor, messages, parcels
from relay.protocol.messages import Ask, Batch, Frame, Held, Kept, Message, Problem, ReceiptGiven, TrustNews
from relay.protocol.parcels import CELL_BYTES, FRAMES_IN_BATCH_MAX, ChunkParcel, StatementParcel
from relay.store.documents import DocumentFiles
from tests.vectors import country
from tests.vectors.framed import bomb, stored

seeded = settings(deadline=None, derandomize=True, max_examples=100)
short = st.binary(min_size=8, max_size=8)
hashes = st.binary(min_size=32, max_size=32)
some = st.binary(min_size=1, max_size=300)
statement_parcels = st.builds(StatementParcel, some, st.lists(some, max_size=3).map(tuple))
chunks = st.builds(ChunkParcel, hashes, st.integers(0, 16384), some)


# --- frames


@given(listing=st.lists(statement_parcels, min_size=1, max_size=64))
@seeded
def test_statements_come_out_as_they_went_in(listing: list[StatementParcel]) -> None:
    assert parcels.unpack(parcels.pack_statements(listing)) == listing


@given(chunk=chunks)
@seeded
def test_a_chunk_comes_out_as_it_went_in(chunk: ChunkParcel) -> None:
    assert parcels.unpack(parcels.pack_chunk(chunk)) == [chunk]


def test_statements_are_compressed_only_where_that_makes_them_smaller() -> None:
    incompressible, alike = StatementParcel(os.urandom(200)), [StatementParcel(b"the same" * 20)] * 16
    assert cbor.decode(parcels.pack_statements([incompressible]))[1] == 0
    assert cbor.decode(parcels.pack_statements(alike))[1] == 2


@pytest.mark.parametrize("size", [parcels.UNPACKED_BYTES_MAX + 1, 128 * 2**20, 2**31])
def test_a_frame_that_unpacks_to_very_much_is_refused_and_not_unpacked(size: int) -> None:
    claimed = size.to_bytes(4, "little")
    frame = cbor.encode([1, 1, b"\x28\xb5\x2f\xfd\xa0" + claimed + bomb(min(size, 2**27))[9:]])
    tracemalloc.start()
    with pytest.raises(Rejected) as caught:
        parcels.unpack(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert caught.value.code is Code.BATCH_MALFORMED
    assert peak < 3 * parcels.UNPACKED_BYTES_MAX


def test_as_much_as_is_allowed_is_unpacked() -> None:
    listing = [StatementParcel(bytes(4000))] * 250
    assert 950_000 < len(cbor.encode([[item.statement] for item in listing])) <= parcels.UNPACKED_BYTES_MAX
    assert parcels.unpack(parcels.pack_statements(listing)) == listing


def test_stored_zstd_is_zstd() -> None:
    plain = cbor.encode([[b"statement"]])
    assert parcels.unpack(cbor.encode([1, 1, stored(plain)])) == [StatementParcel(b"statement")]


# --- the chunk grid


@pytest.mark.parametrize(
    ("first_cell", "size"),
    [(0, 100), (0, CELL_BYTES + 1), (1, CELL_BYTES - 1), (2, 1809), (2, 1807), (3, 1), (0, 3 * CELL_BYTES), (16384, 1)],
)
def test_a_chunk_off_the_grid_or_beyond_the_end_is_refused(tmp_path: Path, first_cell: int, size: int) -> None:
    """A document of two cells and 1,808 bytes."""
    files, total = DocumentFiles(tmp_path, 0), 2 * CELL_BYTES + 1808
    with pytest.raises(Rejected) as caught:
        files.write_cells(bytes(32), [total], first_cell, bytes(size))
    assert caught.value.code is Code.BATCH_MALFORMED
    assert files.cells_held(bytes(32), total) == b""


@pytest.mark.parametrize(("first_cell", "size"), [(0, CELL_BYTES), (1, CELL_BYTES), (2, 1808), (1, CELL_BYTES + 1808)])
def test_a_chunk_on_the_grid_is_kept(tmp_path: Path, first_cell: int, size: int) -> None:
    files, total = DocumentFiles(tmp_path, 0), 2 * CELL_BYTES + 1808
    files.write_cells(bytes(32), [total], first_cell, bytes(size))
    held = files.cells_held(bytes(32), total)
    assert bin(held[0]).count("1") == parcels.cells_in(size)


def test_photographs_do_not_take_what_is_reserved_for_figures(tmp_path: Path) -> None:
    with pytest.raises(NotNow):
        DocumentFiles(tmp_path, 2**60).write_cells(bytes(32), [10], 0, bytes(10))


# --- batch headers


@given(made_at=st.integers(0, 2**34), names=st.lists(short, max_size=FRAMES_IN_BATCH_MAX))
@seeded
def test_a_header_names_its_frames_in_order(made_at: int, names: list[bytes]) -> None:
    header = parcels.read_header(country.RELAY.signer.sign(parcels.header_payload(made_at, names)))
    assert (header.made_at, list(header.frames)) == (made_at, names)


def test_a_header_names_no_more_frames_than_a_batch_has() -> None:
    payload = parcels.header_payload(1, [bytes(8)] * (FRAMES_IN_BATCH_MAX + 1))
    with pytest.raises(Rejected):
        parcels.read_header(country.RELAY.signer.sign(payload))


# --- messages

every_message: st.SearchStrategy[Message] = st.one_of(
    st.builds(Batch, some),
    st.builds(Frame, some),
    st.builds(Ask, st.lists(short, max_size=40).map(tuple), st.lists(hashes, max_size=40).map(tuple)),
    st.builds(Kept, st.integers(0, 2**53)),
    st.builds(ReceiptGiven, some),
    st.builds(
        Held,
        st.lists(st.tuples(hashes, st.binary(max_size=64)), max_size=20).map(tuple),
        st.lists(short, max_size=40).map(tuple),
    ),
    st.builds(Problem, st.binary(max_size=8), st.text(max_size=64), st.text(max_size=200)),
    st.builds(TrustNews, st.lists(some, max_size=20).map(tuple), st.lists(some, max_size=20).map(tuple)),
)


@given(message=every_message)
@seeded
def test_a_message_comes_out_as_it_went_in(message: Message) -> None:
    data = messages.encode(message)
    assert messages.decode(data) == message
    assert len(data) <= messages.MESSAGE_BYTES_MAX


def test_the_largest_frame_fits_a_message() -> None:
    frame = Frame(bytes(parcels.FRAME_BYTES_MAX))
    assert messages.decode(messages.encode(frame)) == frame


def test_what_a_problem_says_is_cut_to_a_bearable_length() -> None:
    problem = messages.decode(messages.encode(Problem(b"", "c" * 99, "s" * 999)))
    assert problem == Problem(b"", "c" * 64, "s" * 500)


@given(
    certificates=st.lists(st.binary(min_size=300, max_size=900), max_size=600),
    crls=st.lists(st.binary(min_size=200, max_size=30_000), max_size=20),
)
@settings(deadline=None, derandomize=True, max_examples=15)
def test_the_trust_of_a_whole_country_is_told_in_messages_that_fit(
    certificates: list[bytes], crls: list[bytes]
) -> None:
    """There are 514 kabupaten, each with a CA: one message for all of them would be refused by every relay."""
    told = messages.portions(TrustNews(tuple(certificates), tuple(crls)))
    again = [messages.decode(messages.encode(portion)) for portion in told]
    assert again == list(told)
    assert [der for portion in told for der in portion.certificates] == certificates
    assert [der for portion in told for der in portion.crls] == crls


def test_a_list_larger_than_any_message_is_left_out_and_nothing_else() -> None:
    told = messages.portions(TrustNews((b"certificate",), (bytes(messages.MESSAGE_BYTES_MAX), b"list")))
    assert [(item.certificates, item.crls) for item in told] == [((b"certificate",), ()), ((), (b"list",))]
    assert messages.portions(TrustNews((), ())) == [TrustNews((), ())]
