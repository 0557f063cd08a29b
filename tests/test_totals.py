"""Running totals: whose figures count, and that the centre's running counts are what counting everything would give.

The seed is printed first; RELAY_SEED takes it back.
"""

import asyncio
import contextlib
import csv
import os
import random
import secrets
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from relay.central import counting as counting_module
from relay.central import results
from relay.central.counting import Counting
from relay.demo import figures as demo
from relay.protocol import codes, cose, forms, receipts, statements
from relay.protocol.receipts import Outcome
from relay.protocol.statements import Kind, StatementId
from relay.store.changes import CompleteDocument, Record
from relay.store.record import RecordStore, open_record
from relay.web.totals import Note, Standing, Tally, standing, totals
from tests.authorities import World
from tests.world.nodes import documents, note, tally

FORM = forms.catalogue()[2401]
WORLD = World()
CENTRE, OFFICER, OPERATOR = WORLD.centre()[0], WORLD.officer(), WORLD.operator()
STATIONS = [f"{village}{number:03d}" for village in ("6501082001", "6501082002", "6501072001") for number in (1, 2, 3)]


def said(name: int, votes: int, revision: int = 1, *, flagged: bool = False, disputed: bool = False) -> Tally:
    return Tally(bytes([name]) * 32, revision, FORM.figures({"votes.1": votes}), flagged, disputed)


def about(*names: int, favours: int | None, revision: int = 1) -> Note:
    identifiers = frozenset(bytes([name]) * 32 for name in names)
    return Note(revision, identifiers, None if favours is None else bytes([favours]) * 32)


def test_the_sixteen_stations_of_peso_hilir_add_up_to_what_their_papers_say() -> None:
    text = resources.files("relay.demo").joinpath("peso_hilir.csv").read_text("utf-8")
    rows = [row for row in csv.DictReader(text.splitlines()) if any(row[field.id] for field in FORM.fields)]
    listing = demo.stations()
    papers = [
        standing([Tally(bytes([at]) * 32, 1, station.figures, bool(station.flags), False)], [])
        for at, station in enumerate(listing)
        if station.figures is not None
    ]
    found = totals(FORM, papers)
    assert found.with_tally == len(papers) == 15  # one has never been seen
    assert found.flagged == sum(bool(station.flags) for station in listing)
    for position, field in enumerate(FORM.fields):
        assert found.figures[position] == sum(int(row[field.id] or 0) for row in rows), field.id
        assert found.blank[position] == sum(not row[field.id] for row in rows), field.id


def test_a_station_without_a_tally_counts_nowhere() -> None:
    assert standing([], [about(1, favours=1)]) == Standing()
    assert totals(FORM, [Standing()]).figures == [0] * 28


def test_the_newest_revision_counts_and_settles_what_was_disputed_before() -> None:
    old, rival, corrected = said(1, 10), said(2, 20), said(3, 30, revision=2)
    assert standing([old, rival], []).counted is None
    stands = standing([corrected, old, rival], [])
    assert stands.counted == corrected
    assert not stands.in_conflict


def test_the_same_figures_signed_twice_are_no_conflict() -> None:
    stands = standing([said(1, 10), said(2, 10)], [])
    assert (stands.in_conflict, stands.counted) == (False, said(1, 10))


def test_what_a_receipt_calls_disputed_is_left_out_though_the_other_tally_is_not_here() -> None:
    stands = standing([said(1, 10, disputed=True)], [])
    assert stands.in_conflict
    assert stands.counted is None


@pytest.mark.parametrize(
    ("notes", "counted"),
    [
        ([], None),
        ([about(1, 2, favours=2)], 2),
        ([about(1, 2, favours=None)], None),
        ([about(2, favours=2)], None),  # it knows nothing of tally 1
        ([about(1, 2, favours=1), about(1, 2, favours=2)], None),  # two operators disagree
        ([about(1, 2, favours=1), about(1, 2, favours=2, revision=2)], 2),
        ([about(1, 2, favours=1), about(1, 2, favours=None, revision=2)], None),  # taken back
        ([about(1, 2, 9, favours=9)], None),  # favours what is not here
    ],
)
def test_a_conflict_counts_only_as_the_newest_note_says(notes: list[Note], counted: int | None) -> None:
    first, second = said(1, 10, flagged=True), said(2, 20)
    stands = standing([first, second], notes)
    assert stands.counted == {None: None, 1: first, 2: second}[counted]
    assert (stands.in_conflict, stands.resolved_by_note) == (counted is None, counted is not None)
    assert stands.flagged


def test_a_third_tally_reopens_what_a_note_had_settled() -> None:
    settled = [said(1, 10), said(2, 20)]
    stands = standing([*settled, said(3, 30)], [about(1, 2, favours=2)])
    assert stands.in_conflict
    assert standing([*settled, said(3, 20)], [about(1, 2, favours=2)]).counted == said(2, 20)  # says the same as 2


# --- the centre


def sign_receipt(outcomes: Sequence[Outcome]) -> tuple[bytes, int]:
    return CENTRE.sign(receipts.payload(1_763_700_500, outcomes)).bare, 1_763_700_500


def some_change(dice: random.Random, known: list[cose.Sign1]) -> Record | CompleteDocument:
    """A tally, a correction, a rival, photographs and their arrival, a note about anything, or a refused statement."""
    tps = dice.choice(STATIONS)
    kind = dice.choice(["tally", "tally", "tally", "note", "list", "photograph", "refused"])
    photograph = tps.encode() + bytes([dice.randrange(2)])
    if kind == "photograph":
        return CompleteDocument(statements.DocumentHash(cose.sha256(photograph)), len(photograph), "relay", 1)
    if kind == "list":
        signed = documents(OFFICER, [photograph], tps, revision=dice.randint(1, 2))
    elif kind == "note" and known:
        read = [statements.read(item) for item in known]
        rivals = [item.id for item in read if item.tps == tps and item.kind is Kind.TALLY] or [StatementId(bytes(32))]
        chosen = dice.sample(rivals, dice.randint(1, min(len(rivals), 4)))
        signed = note(OPERATOR, chosen, dice.choice([None, *chosen]), tps=tps, revision=dice.randint(1, 3))
    else:
        votes = (dice.randrange(3), dice.randrange(3), 1)
        signed = tally(OFFICER, tps, revision=dice.randint(1, 3), votes=votes, signed_at=dice.randrange(2**30))
        if kind == "tally":
            known.append(signed)
    statement = statements.read(signed)
    is_tally = statement.kind is Kind.TALLY
    flags = FORM.flags(forms.unpack(FORM, statement.figures)) if is_tally and dice.random() < 0.5 else ()
    return Record(statement, "relay", flags, "signer-revoked" if kind == "refused" else None, None, 1)


async def expected(store: RecordStore, scope: str) -> dict[str, Any]:
    """The totals of a region by reading everything that is recorded there."""
    stands = []
    for tps in (item for item in STATIONS if item.startswith(scope)):
        tallies, notes = [], []
        for item in await store.recorded.statements_of(tps):
            statement = statements.parse(item.cose)
            if item.verdict is None or item.verdict is receipts.Verdict.REFUSED:
                continue
            if item.kind is Kind.TALLY:
                figures = forms.unpack(FORM, statement.figures)
                disputed = item.verdict is receipts.Verdict.CONFLICT
                tallies.append(Tally(item.id, item.revision, figures, bool(item.notes), disputed))
            elif item.kind is Kind.NOTE:
                notes.append(Note(item.revision, frozenset(statement.about), statement.favours))
        stands.append(standing(tallies, notes))
    return totals(FORM, stands).as_json(scope, len(stands))


async def test_running_counts_are_what_counting_everything_would_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = int(os.environ.get("RELAY_SEED", secrets.randbelow(2**32)))
    print(f"RELAY_SEED={seed}")
    dice = random.Random(seed)
    monkeypatch.setattr(counting_module, "_PORTION", 40)  # so that portions end within receipts
    async with open_record(tmp_path / "centre.db", sign_receipt, queue_max=1000) as store:
        await store.registry.import_registry(STATIONS, [])
        writing = asyncio.create_task(store.run())
        counting, known = Counting(store), list[cose.Sign1]()
        for _ in range(12):
            await store.record_all([some_change(dice, known) for _ in range(dice.randint(1, 60))])
            for _ in range(dice.randint(0, 3)):
                await counting.catch_up()
        while await counting.catch_up():
            pass
        for scope in ("", "65", "6501", "650108", "650107", "6501082001", *STATIONS):
            told = await results.totals(store, FORM, codes.scope(scope))
            wanted = await expected(store, scope)
            assert told == wanted, scope
            total = (await results.status(store, codes.scope(scope), 2401))["total"]
            assert {name: total[name] for name in ("tps", "with_tally", "flagged", "in_conflict")} == {
                name: wanted[name] for name in ("tps", "with_tally", "flagged", "in_conflict")
            }
        counts = await store.recorded.counts()
        rows = [item for tps in STATIONS for item in await store.recorded.statements_of(tps)]
        assert counts["statements"] == len(rows)
        assert counts["recorded"] == sum(item.verdict is receipts.Verdict.RECORDED for item in rows)
        assert counts["awaiting_documents"] == sum(item.verdict is None for item in rows)
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing


async def test_counting_goes_on_where_it_was_when_the_centre_starts_again(tmp_path: Path) -> None:
    for revision in (1, 2):
        async with open_record(tmp_path / "centre.db", sign_receipt, queue_max=1000) as store:
            writing = asyncio.create_task(store.run())
            signed = tally(OFFICER, STATIONS[0], revision=revision, votes=(revision, 0, 0))
            await store.record(Record(statements.read(signed), "relay", (), None, None, 1))
            await Counting(store).catch_up()
            told = await results.totals(store, FORM, codes.scope("6501"))
            assert (told["with_tally"], told["figures"][FORM.position("votes.1")]) == (1, revision)
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing


async def test_figures_that_do_not_fit_their_form_any_more_are_blank_and_stop_nobody(tmp_path: Path) -> None:
    async with open_record(tmp_path / "centre.db", sign_receipt, queue_max=1000) as store:
        writing = asyncio.create_task(store.run())
        for tps, figures in ((STATIONS[0], b"?"), (STATIONS[1], None)):
            whole = tally(OFFICER, tps, votes=(7, 0, 0))
            payload = statements.tally(
                tps=codes.tps_code(tps),
                form=FORM.code,
                revision=1,
                signed_at=1,
                figures=figures or statements.read(whole).figures,
            )
            recorded = Record(statements.read(OFFICER[0].sign(payload)), "relay", (), None, None, 1)
            await store.record(recorded)
        await Counting(store).catch_up()
        told = await results.totals(store, FORM, codes.scope("6501"))
        position = FORM.position("votes.1")
        assert (told["with_tally"], told["figures"][position], told["blank"][position]) == (2, 7, 1)
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
