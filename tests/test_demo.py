"""The demo: its figures, its photographs, its bad link, and the whole of it as a newcomer runs it."""

import asyncio
import io
import json
import signal
from importlib import resources
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from relay import registry
from relay.demo import figures, photographs
from relay.demo.drawing import drawn
from relay.demo.link import LOOPBACK, Link
from relay.demo.officers import Stage
from relay.demo.picture import Item, Picture, Place, StationRow, UplinkView
from tests.world.demos import demo, stopped_leaves_nothing
from tests.world.echo import echo


async def test_a_link_carries_every_byte_and_counts_it() -> None:
    async with asyncio.timeout(20), echo() as far:
        link = Link(far)
        async with link.open() as port:
            link.up()
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            sent = bytes(range(256)) * 4000
            writer.write(sent)
            assert await reader.readexactly(len(sent)) == sent
            assert (link.bytes_up, link.bytes_down, link.bytes_lost) == (len(sent), len(sent), 0)
            writer.close()


async def test_a_link_is_as_slow_and_as_far_as_it_is_told() -> None:
    async with asyncio.timeout(20), echo() as far:
        link = Link(far)
        async with link.open() as port:
            link.up(bytes_per_second=50_000, delay_seconds=0.1)
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            started = asyncio.get_running_loop().time()
            writer.write(b"x" * 25_000)
            await reader.readexactly(25_000)
            assert asyncio.get_running_loop().time() - started >= 0.5 + 2 * 0.1
            writer.close()


async def test_a_cut_resets_both_sides_and_what_was_on_the_way_is_lost() -> None:
    async with asyncio.timeout(20), echo() as far:
        link = Link(far)
        async with link.open() as port:
            link.up(bytes_per_second=1000)
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(b"x" * 10_000)
            while not link.bytes_up:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert link.cut() == 1
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(10_000)
            assert 0 < link.bytes_up < 10_000
            writer.close()
            again, other = await asyncio.open_connection(LOOPBACK, port)  # a cut is not an outage
            link.up()
            other.write(b"again")
            assert await again.readexactly(5) == b"again"
            other.close()


async def test_a_link_that_is_down_refuses_and_a_silent_one_says_nothing() -> None:
    async with asyncio.timeout(20), echo() as far:
        link = Link(far)
        async with link.open() as port:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)
            writer.close()
            link.down(silently=True)
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(b"hello")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.readexactly(5), 0.3)
            assert (link.is_up, link.bytes_up) == (False, 0)
            link.up()
            assert await reader.readexactly(5) == b"hello"
            writer.close()


async def test_a_link_is_shared_by_everything_that_crosses_it() -> None:
    async with asyncio.timeout(20), echo() as far:
        link = Link(far)
        async with link.open() as port:
            link.up(bytes_per_second=100_000)
            started = asyncio.get_running_loop().time()

            async def cross() -> None:
                reader, writer = await asyncio.open_connection(LOOPBACK, port)
                writer.write(b"x" * 20_000)
                await reader.readexactly(20_000)
                writer.close()

            await asyncio.gather(cross(), cross(), cross())
            assert asyncio.get_running_loop().time() - started >= 0.6
            assert link.bytes_up == link.bytes_down == 60_000


def test_the_figures_are_sixteen_stations_with_their_provenance() -> None:
    listing = figures.stations()
    assert len(listing) == len({station.tps for station in listing}) == 16
    assert {station.tps[:6] for station in listing} == {figures.KECAMATAN}
    assert [station.tps for station in listing if station.figures is None] == ["6501082006001"]
    assert all(station.flags == ("incomplete",) for station in listing if station.figures is not None)
    assert sum(station.figure("total") or 0 for station in listing) == 2263
    note = resources.files("relay.demo").joinpath("peso_hilir.md").read_text("utf-8")
    assert "Sirekap" in note
    assert "not** the official recapitulation" in note


def test_the_registry_for_the_centre_is_one_that_it_can_import(tmp_path: Path) -> None:
    stations_file, regions_file = figures.write_registry(tmp_path, figures.stations())
    assert len(registry.read_stations(stations_file)) == 16
    assert ("650108", "Peso Hilir") in registry.read_regions(regions_file)


def test_a_number_is_written_out_as_the_form_wants_it() -> None:
    words = {
        0: "NOL",
        11: "SEBELAS",
        15: "LIMA BELAS",
        40: "EMPAT PULUH",
        100: "SERATUS",
        221: "DUA RATUS DUA PULUH SATU",
    }
    assert {number: photographs.in_words(number) for number in words} == words


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_photograph_is_a_jpeg_of_believable_size_and_the_same_every_time(page: int) -> None:
    full, blank = figures.stations()[9], figures.stations()[14]
    shots = [photographs.photograph(station, page) for station in (full, blank)]
    for shot in shots:
        assert 300_000 <= len(shot) <= 1_200_000
        with Image.open(io.BytesIO(shot)) as image:
            image.load()
            assert (image.format, image.size) == ("JPEG", (photographs.WIDTH, photographs.HEIGHT))
    assert shots[0] != shots[1]
    assert photographs.photograph(full, page) == shots[0]


def test_the_screen_fits_a_terminal_of_100_by_40_and_one_of_80_by_24() -> None:
    items = [Item(Place.RELAY), Item(Place.TO_CENTRE, 100), Item(Place.TO_RELAY, 100)]
    rows = tuple(
        StationRow(
            station, Stage.WAITING, Item(Place.RELAY), incomplete=True, pages=tuple(items), proven=1, statements=2
        )
        for station in figures.stations()
    )
    picture = Picture(754.0, rows, UplinkView("up", "", 0, 1_300_000, 25_000_000, 900_000), 750, centre_running=False)
    for width, height in ((100, 40), (80, 24)):
        console = Console(width=width, height=height, file=io.StringIO(), color_system=None)
        told = [(float(at), f"Uplink putus, kali ke-{at}.", "The uplink is cut.") for at in range(20)]
        lines = console.render_lines(drawn(picture, told, width, height), pad=False)
        text = ["".join(segment.text for segment in line) for line in lines]
        assert len(text) <= height
        assert max(map(len, text)) <= width
        assert "Uplink putus, kali ke-19." in text[1]
        assert sum("Long Bang Hulu" in line for line in text) == 2


def test_the_demo_shows_the_main_job_and_all_that_it_claims_holds(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    process = demo(tmp_path, "--report", str(file))
    try:
        output, _ = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert "\x1b" not in output
    assert "15 dari 16" in output
    assert "hasil belum diisi" in output
    report = json.loads(file.read_text("utf-8"))
    assert report["holds"] is True
    assert report["failures"] == []
    wanted = {
        "receipts_verified": 31,
        "slips_verified": 79,
        "statements_equal": 31,
        "photographs_equal": 48,
        "tallies_at_centre": 15,
        "stations_with_photographs": 16,
    }
    assert {name: report[name] for name in wanted} == {
        name: {"done": count, "wanted": count} for name, count in wanted.items()
    }
    assert (report["waiting_at_relay"], report["refused"], report["in_conflict"]) == (0, 0, 0)
    assert report["tallies_incomplete"] == 15
    assert report["not_filled_in"] == ["6501082006001"]
    assert report["link_bytes_up"] > report["useful_bytes"] > report["photograph_bytes"] > 48 * 300_000
    assert report["overhead_share"] < 0.1
    assert report["tally_frame_bytes_each"] < 155
    assert not list(tmp_path.glob("relay-demo-*"))


@pytest.mark.parametrize("moment", ["Menyiapkan", "slip diperiksa"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_demo_that_is_stopped_leaves_nothing_behind(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    stopped_leaves_nothing(demo(tmp_path), tmp_path, moment, number)
