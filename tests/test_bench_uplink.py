"""The benchmark over bad links does its job: what it carries is all there, and what it says is what it counted."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.uplink import cases, job, table
from tests.bench.uplink.cases import LINKS, Case, Outcome, Settings
from tests.bench.uplink.peers import missing_program
from tests.bench.uplink.receivers import Account
from tests.world import namespaces
from tests.world.links import Counts
from tests.world.schedule import Conditions

TALLIES, PHOTOGRAPHS = 6, 1
FAST = replace(LINKS["1m-resets"], conditions=Conditions(8e6, 0.01))
LEVELS = [
    "proxy",
    pytest.param(
        "packets",
        marks=[
            pytest.mark.privileged,
            pytest.mark.skipif(bool(namespaces.can_make()), reason=namespaces.can_make()),
        ],
    ),
]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("system", ["relay", "rsync-batched"])
def test_a_system_carries_the_whole_job(system: str, level: str, tmp_path: Path) -> None:
    if program := missing_program(system):
        pytest.skip(f"there is no {program}")
    whole = job.make(tmp_path, 1, tallies=TALLIES, photographs=PHOTOGRAPHS)
    case = Case(FAST, system, 1, PHOTOGRAPHS, 120.0, Settings(packets=level == "packets"))
    outcome = cases.run(case, whole, tmp_path, tmp_path / "kept")
    assert outcome.last_tally_seconds is not None
    assert outcome.all_seconds is not None
    assert outcome.useful_bytes == TALLIES * cases.TALLY_BYTES + PHOTOGRAPHS * job.PHOTOGRAPH_BYTES
    assert outcome.counts.up_bytes > job.PHOTOGRAPH_BYTES
    assert (outcome.account.missing, outcome.account.doubled) == (0, 0)
    assert list((tmp_path / "kept").glob("*/trace.csv"))


def test_tallies_are_as_large_as_is_said(tmp_path: Path) -> None:
    assert {len(tally) for tally in job.make(tmp_path, 1, tallies=3).tallies} == {cases.TALLY_BYTES}


def test_fewer_photographs_where_five_minutes_are_too_short_for_all() -> None:
    assert {name: link.photographs for name, link in LINKS.items()} == {
        "64k": 6, "64k-loss": 6, "256k-outages": 20, "1m-resets": 20, "9k6": 0,
    }  # fmt: skip


def test_the_table_says_whether_targets_are_met() -> None:
    link = LINKS["64k"]
    good = Outcome(10.0, 100.0, 752_000, 100.0, 8000.0, Counts(790_000, 0, 0, 0, 9000, 0), Account(0, 0, 5, 790_000))
    told = table.text({Case(link, "relay", 1, 2, 90.0): good, Case(link, "relay", 1, 0, 90.0): good}, "here")
    assert told.count("| met") == 5
    bad = replace(good, up_seconds=200.0, last_tally_seconds=None, account=Account(1, 0, 50_000, 790_000))
    told = table.text({Case(link, "relay", 1, 2, 90.0): bad, Case(link, "relay", 1, 0, 90.0): good}, "here")
    assert told.count("| MISSED") == 4
    assert "never" in told
