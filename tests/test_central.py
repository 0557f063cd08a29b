"""The centre's registry and counts: "231 of 713", by village, kecamatan and kabupaten, in JSON and for a person."""

import asyncio
import concurrent.futures
import hashlib
from pathlib import Path

import aiohttp
import pytest

from relay import cli, registry
from relay.errors import Code, Rejected
from relay.protocol import forms
from tests.world.events import open_stream
from tests.world.http import ask, post, settled, upload
from tests.world.nodes import Country, documents, note, running_centre, running_relay, tally
from tests.world.operators import session

STATIONS = ["6501082001001", "6501082001002", "6501082002001", "6501072001001", "6502011001001"]
REGIONS = "kpu_code,level,name_kpu_2024\n6501,kabupaten_kota,BULUNGAN\n650108,kecamatan,PESO HILIR\n"


def imported(country: Country) -> Path:
    """A registry of five stations in the centre's database, imported by the command."""
    folder = country.folder
    identity = country.centre_config().node.identity_directory
    config = folder / "central.toml"
    config.write_text(f'[node]\ndata_directory = "{folder / "centre"}"\nidentity_directory = "{identity}"\n')
    (folder / "tps.csv").write_text("tps_code,tps_no\n" + "".join(f"{tps},1\n" for tps in STATIONS))
    (folder / "regions.csv").write_text(REGIONS)
    words = ["central", "import-registry", str(folder / "tps.csv"), "--regions", str(folder / "regions.csv")]
    assert cli_in_thread([*words, "--config", str(config)]) == 0
    assert cli_in_thread([*words, "--config", str(config)]) == 0  # importing again changes nothing
    return config


async def test_how_far_a_region_is_told_at_every_level(
    country: Country, http: aiohttp.ClientSession, capsys: pytest.CaptureFixture[str]
) -> None:
    config = imported(country)
    one, two = country.world.officer(STATIONS[0]), country.world.officer(STATIONS[2])
    sent = [tally(one, STATIONS[0]), tally(two, STATIONS[2], votes=(1, 2, 3))]
    rival = tally(two, STATIONS[2], votes=(3, 2, 1))
    photograph = b"a photograph"
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        for statement, officer in [(sent[0], one), (sent[1], two), (rival, two)]:
            await post(http, relay, statement.with_chain(officer[1]))
            await settled(http, relay, statement.id)
        listing = documents(one, [photograph], STATIONS[0])
        await post(http, relay, listing.bare)  # its photograph never comes
        kabupaten = (await ask(http, "GET", f"{centre}/v1/status?scope=6501")).json
        kecamatan = (await ask(http, "GET", f"{centre}/v1/status?scope=650108")).json
        country_wide = (await ask(http, "GET", f"{centre}/v1/status")).json
        other_form = (await ask(http, "GET", f"{centre}/v1/status?scope=6501&form=2402")).json
        stations = (await ask(http, "GET", f"{centre}/v1/tps?scope=650108")).json["stations"]
    assert (kabupaten["name"], kabupaten["level"]) == ("BULUNGAN", "kabupaten/kota")
    assert (kabupaten["total"]["with_tally"], kabupaten["total"]["tps"]) == (2, 4)
    assert [(part["scope"], part["name"], part["with_tally"], part["tps"]) for part in kabupaten["parts"]] == [
        ("650107", "", 0, 1),
        ("650108", "PESO HILIR", 2, 3),
    ]
    villages = {part["scope"]: part for part in kecamatan["parts"]}
    assert (villages["6501082001"]["with_tally"], villages["6501082001"]["in_conflict"]) == (1, 0)
    assert (villages["6501082002"]["with_tally"], villages["6501082002"]["in_conflict"]) == (1, 1)
    assert villages["6501082001"]["flagged"] == 1  # boxes are blank
    assert villages["6501082001"]["with_photographs"] == 0
    assert [part["scope"] for part in country_wide["parts"]] == ["65"]
    assert other_form["total"]["with_tally"] == 0
    assert [(item["tps"], item["tally_verdict"]) for item in stations] == [
        (STATIONS[0], 1),
        (STATIONS[1], None),
        (STATIONS[2], 2),
    ]
    assert cli_in_thread(["central", "status", "--scope", "6501", "--config", str(config)]) == 0
    told = capsys.readouterr().out
    assert "BULUNGAN" in told
    assert "2 of 4 TPS" in told


async def test_a_conflict_is_left_out_of_the_totals_until_a_note_favours_one_and_whoever_looks_is_told(
    country: Country, http: aiohttp.ClientSession
) -> None:
    imported(country)
    officer, operator = country.world.officer(STATIONS[0]), country.world.operator()
    one, other = tally(officer, STATIONS[0], votes=(1, 2, 3)), tally(officer, STATIONS[0], votes=(3, 2, 1))
    said = note(operator, [one.id, other.id], other.id, "Dicocokkan dengan kertas.", STATIONS[0])
    first = forms.catalogue()[2401].position("votes.1")
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
        open_stream(http, f"{centre}/v1/events?scope=650108") as here,
        open_stream(http, f"{centre}/v1/events?scope=6502") as elsewhere,
    ):
        for events in (here, elsewhere):
            assert (await events.until("changed")).data["counts"]["statements"] == 0
        told_elsewhere = asyncio.create_task(elsewhere.next())
        steps = []
        for party, statement in ((officer, one), (officer, other), (operator, said)):
            await post(http, relay, statement.with_chain(party[1]))
            await settled(http, relay, statement.id)
            told = (await ask(http, "GET", f"{centre}/v1/totals?form=2401&scope=650108")).json
            steps.append((told["tps"], told["with_tally"], told["in_conflict"], told["resolved_by_note"]))
            steps.append(told["figures"][first])
        assert steps == [(3, 1, 0, 0), 1, (3, 1, 1, 0), 0, (3, 1, 0, 1), 3]
        await here.until("changed", lambda data: data["counts"]["statements"] == 3)
        region = (await ask(http, "GET", f"{centre}/v1/status?scope=650108")).json
        assert (region["total"]["resolved_by_note"], region["receipts_uncounted"]) == (1, 0)
        station = (await ask(http, "GET", f"{centre}/v1/tps?scope=6501082001")).json["stations"][0]
        assert station["forms"] == [
            {
                "form": 2401,
                "with_tally": True,
                "flagged": True,  # boxes are blank
                "in_conflict": False,
                "resolved_by_note": True,
                "with_photographs": False,
            }
        ]
        sheet = (await ask(http, "GET", f"{centre}/v1/sheets/stations.csv?scope=650108")).body.decode("utf-8-sig")
        assert [line.split(";")[4] for line in sheet.splitlines()[1:]] == ["dipilih PPK", "belum ada", "belum ada"]
        totals = (await ask(http, "GET", f"{centre}/v1/sheets/totals.xlsx?form=2401")).body
        assert totals.startswith(b"PK")
        wide = await ask(http, "GET", f"{centre}/v1/sheets/stations.pdf")
        assert wide.code == "bad-request"
        assert not told_elsewhere.done()  # nothing has changed there
        told_elsewhere.cancel()


@pytest.mark.parametrize(
    ("begin", "kind", "shown"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg", "inline"),
        (b"\x89PNG\r\n\x1a\n", "image/png", "inline"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic", "inline"),
        (b"%PDF-1.7", "application/pdf", "attachment"),
        (b"<html><script>", "application/octet-stream", "attachment"),
        (b"", "application/octet-stream", "attachment"),
    ],
)
async def test_a_photograph_is_shown_as_what_it_is_and_runs_nothing(
    country: Country, http: aiohttp.ClientSession, begin: bytes, kind: str, shown: str
) -> None:
    officer, photograph = country.world.officer(), begin + bytes(100)
    listing = documents(officer, [photograph])
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        await post(http, relay, listing.with_chain(officer[1]))
        await upload(http, relay, photograph)
        await settled(http, relay, listing.id)
        name = hashlib.sha256(photograph).hexdigest()
        known = await session(http, relay, country.world.operator())
        for node, headers in ((centre, {}), (relay, known)):
            answer = await ask(http, "GET", f"{node}/v1/documents/{name}", headers=headers)
            assert answer.body == photograph
            assert answer.headers["Content-Type"] == kind
            assert answer.headers["Content-Disposition"] == shown
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in answer.headers["Content-Security-Policy"]


def cli_in_thread(words: list[str]) -> int:
    """The command starts an event loop of its own, which it may not inside ours."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(cli.main, words).result()


def test_status_before_the_centre_ever_ran_says_so(
    country: Country, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = country.centre_config().node.identity_directory
    config = tmp_path / "central.toml"
    config.write_text(f'[node]\ndata_directory = "none"\nidentity_directory = "{identity}"\n')
    assert cli.main(["central", "status", "--config", str(config)]) == 1
    assert "has not run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("kode\n6501082001001\n", "has no column tps_code"),
        ("tps_code\n6501082001001\n65010820010\n", "line 3: A TPS code has 13 digits"),
        ("tps_code\n6501082001001\n6501082001001\n", "line 3: 6501082001001 stands in line 2 too"),
        ("", "has no column"),
    ],
)
def test_a_registry_with_a_mistake_is_not_imported(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "tps.csv"
    path.write_text(text)
    with pytest.raises(Rejected) as caught:
        registry.read_stations(path)
    assert caught.value.code is Code.CSV_INVALID
    assert sentence in caught.value.sentence


def test_a_registry_that_is_not_text_is_said_to_be_so(tmp_path: Path) -> None:
    path = tmp_path / "tps.csv"
    path.write_bytes(b"\xff\xfe\x00\x01tps_code")
    with pytest.raises(Rejected, match="CSV"):
        registry.read_stations(path)
