"""The demo on the river: the ways that it tells are proven, and the whole of it as a newcomer runs it."""

import io
import json
import signal
from pathlib import Path

import pytest
from rich.console import Console

from relay.demo import figures
from relay.demo.figures import KECAMATAN, UPRIVER
from relay.demo.officers import Stage
from relay.demo.peso.drawing import changes, drawn
from relay.demo.peso.picture import Item, Picture, Place, StationRow, StickView
from relay.demo.peso.routes import Evidence, Route
from tests.world.demos import demo, stopped_leaves_nothing

THING = b"a statement or a photograph"


def test_the_figures_upriver_are_three_stations() -> None:
    listing = figures.stations(UPRIVER)
    assert [station.village for station in listing] == ["Long Lejuh", "Long Pelban", "Long Buang"]
    assert {station.kecamatan_name for station in listing} == {"Peso"}
    assert all(station.flags == ("incomplete",) for station in listing)
    assert sum(station.figure("total") or 0 for station in listing) == 575


@pytest.mark.parametrize(
    ("home", "sender", "taken_over", "imported", "route"),
    [
        (KECAMATAN, KECAMATAN, None, None, Route.SATELLITE),
        (KECAMATAN, KECAMATAN, None, KECAMATAN, Route.STICK),
        (UPRIVER, UPRIVER, None, UPRIVER, Route.STICK),
        (UPRIVER, UPRIVER, True, UPRIVER, Route.STICK),
        (UPRIVER, KECAMATAN, True, None, Route.STICK_SATELLITE),
        (UPRIVER, KECAMATAN, True, UPRIVER, Route.STICK_SATELLITE),  # the satellite was first, while the stick was read
        (UPRIVER, KECAMATAN, True, KECAMATAN, Route.STICK),
        (UPRIVER, KECAMATAN, False, None, Route.NEIGHBOUR_SATELLITE),
        (UPRIVER, KECAMATAN, False, KECAMATAN, Route.NEIGHBOUR_STICK),
        (UPRIVER, KECAMATAN, None, None, None),  # nobody has seen it downriver
        (UPRIVER, UPRIVER, None, None, None),  # no stick has brought it, and there is nothing else
        (KECAMATAN, UPRIVER, None, UPRIVER, None),
    ],
)
def test_a_way_is_told_only_if_it_is_proven(
    home: str, sender: str, taken_over: bool | None, imported: str | None, route: Route | None
) -> None:
    evidence = Evidence(
        senders={THING: sender},
        downriver={} if taken_over is None else {THING: taken_over},
        imported={} if imported is None else {THING: imported},
    )
    assert evidence.of_statement(THING, home) is route
    evidence.under_way = {THING}
    assert evidence.of_statement(THING, home) is None
    assert Evidence().of_statement(THING, home) is None


def test_only_a_stick_brings_a_photograph() -> None:
    assert Evidence(senders={THING: KECAMATAN}).of_photograph(THING, KECAMATAN) is None
    assert Evidence(imported={THING: KECAMATAN}).of_photograph(THING, KECAMATAN) is Route.STICK
    by_radio = Evidence(imported={THING: KECAMATAN}, downriver={THING: False})
    assert by_radio.of_photograph(THING, UPRIVER) is Route.NEIGHBOUR_STICK


def picture(position: float, tally: Item, page: Item) -> Picture:
    rows = tuple(
        StationRow(station, Stage.WAITING, tally, (page,) * 3, proven=1, statements=2)
        for station in (*figures.stations(UPRIVER), *figures.stations(KECAMATAN))
    )
    stick = StickView(position, position == int(position), "writing", 100)
    return Picture(754.0, rows, stick, "connecting", "connecting", 999_900)


@pytest.mark.parametrize("position", [0.0, 0.5, 1.0, 1.99, 2.0])
@pytest.mark.parametrize(("width", "height"), [(120, 40), (100, 34), (80, 24)])
def test_the_screen_fits_with_every_station_and_the_boat(position: float, width: int, height: int) -> None:
    tally = Item(Place.CENTRE, route=Route.NEIGHBOUR_SATELLITE)
    shown = picture(position, tally, Item(Place.DOWNRIVER))
    console = Console(width=width, height=height, file=io.StringIO(), color_system=None)
    told = [(float(at), f"Perahu, kali ke-{at}.", "The boat.") for at in range(20)]
    rendered = console.render_lines(drawn(shown, told, width, height), pad=False)
    lines = ["".join(segment.text for segment in line) for line in rendered]
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "Perahu, kali ke-19." in lines[1]
    assert sum("tetangga+satelit" in line and "◑◑◑ di Peso Hilir" in line for line in lines) == 19
    (river,) = [line for line in lines if "Tanjung Selor (pusat)" in line]
    assert river.count("[stik]") == 1
    assert any("Satelit MENCARI" in line and "Tetangga MENCARI" in line for line in lines)
    assert (river.index("[stik]") < river.index("Peso Hilir")) == (position <= 1)


def test_a_line_tells_of_the_centre_once_the_way_is_known() -> None:
    away = picture(1.0, Item(Place.STICK), Item(Place.STICK))
    there = picture(1.0, Item(Place.CENTRE), Item(Place.STICK))
    known = picture(1.0, Item(Place.CENTRE, route=Route.STICK), Item(Place.STICK))
    assert list(changes(away, there)) == []
    assert sum("hasil di pusat lewat stik" in line for line in changes(there, known)) == 19


def test_the_demo_on_the_river_shows_every_way_and_all_that_it_claims_holds(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    process = demo(tmp_path, "peso", "--report", str(file))
    try:
        output, _ = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert "\x1b" not in output
    for route in Route:
        assert f"di pusat lewat {route.value} /" in output
    report = json.loads(file.read_text("utf-8"))
    assert (report["holds"], report["failures"]) == (True, [])
    wanted = {
        "receipts_verified": 37,
        "slips_verified": 94,
        "statements_equal": 37,
        "photographs_equal": 57,
        "tallies_at_centre": 18,
        "stations_with_photographs": 19,
        "routes_proven": 94,
    }
    assert {name: report[name] for name in wanted} == {
        name: {"done": count, "wanted": count} for name, count in wanted.items()
    }
    assert report["tally_routes"] == {"satelit": 14, "stik": 2, "stik+satelit": 1, "tetangga+satelit": 1}
    assert report["list_routes"] == {"stik": 18, "tetangga+stik": 1}
    assert report["photograph_routes"] == {"stik": 54, "tetangga+stik": 3}
    assert (report["waiting_at_relays"], report["refused"], report["in_conflict"]) == (0, 0, 0)
    assert 18 * 90 < report["satellite_bytes_up"] < report["smallest_photograph_bytes"]
    assert not list(tmp_path.glob("relay-demo-*"))


def test_the_river_that_is_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    stopped_leaves_nothing(demo(tmp_path, "peso"), tmp_path, "foto menunggu perahu", signal.SIGINT)
