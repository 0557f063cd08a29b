"""Sheets to print and to calculate with: what stands in them, that it can be read, and who gets them."""

import asyncio
import csv
import dataclasses
import io
import json
import re
import xml.etree.ElementTree as ElementTree
import zipfile
import zlib
from typing import Any

import aiohttp
import pytest

from relay.config import BoardConfig, RelayConfig
from relay.demo import figures as demo
from relay.errors import NotNow
from relay.protocol import forms
from relay.web import sheet_csv, sheet_layout, sheet_maker, sheets
from relay.web.sheet_rows import Mark, Row
from relay.web.wording import Words
from tests.authorities import KECAMATAN, TPS
from tests.world.http import ask, post
from tests.world.nodes import Country, running_centre, running_relay, tally
from tests.world.operators import session

FORM = demo.form()
WIDTH, HEIGHT = 190.0, 245.0
FORMULA = '=HYPERLINK("http://evil.example","hadiah")'
NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
Json = dict[str, Any]


def station(tps: str, at: int, figures: forms.Figures | None, state: str = "at-centre") -> Json:
    """As a relay's board tells of one, with two of its three pages."""
    identifier = f"{at:064x}"
    pages = [{"page": page, "state": "at-relay" if page < 3 else "awaited"} for page in (1, 2, 3)]
    listing = {"form": 2401, "state": "at-relay", "pages": pages}
    said = {"id": identifier, "form": 2401, "revision": 1, "state": state, "under_way": False}
    tallies = [said | {"flags": list(FORM.flags(figures)), "figures": list(figures)}] if figures else []
    return {
        "tps": tps,
        "listed": True,
        "last_contact": 1_763_700_000 if figures else None,
        "tallies": tallies,
        "documents": [listing] if figures else [],
        "notes": [],
    }


def asked(sheet: str, kind: str, stations: list[Json], **more: Any) -> bytes:
    """What the process that makes sheets is told."""
    villages = {item.tps[:10]: item.village for item in demo.stations()}
    return json.dumps(
        {
            "sheet": sheet,
            "format": kind,
            "language": "id",
            "node": "relai-peso-hilir",
            "scope": KECAMATAN,
            "name": "PESO HILIR",
            "made_at": 1_763_750_000,
            "clock_sure": True,
            "has_list": True,
            "forms": [2401],
            "villages": [{"scope": scope, "name": name} for scope, name in villages.items()],
            "stations": stations,
        }
        | more
    ).encode()


def peso_hilir() -> list[Json]:
    """The sixteen stations, one of them without figures."""
    return [station(item.tps, at, item.figures) for at, item in enumerate(demo.stations(), 1)]


def many(count: int) -> list[Json]:
    """So many stations in villages of at most sixty."""
    papers = [item.figures for item in demo.stations()]
    return [station(f"650108{2001 + at // 60}{at % 60 + 1:03d}", at + 1, papers[at % 16]) for at in range(count)]


def lines(data: bytes, separator: str = ";") -> list[dict[str, str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=separator))


def pages_of(pdf: bytes) -> int:
    assert pdf.startswith(b"%PDF-")
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


def text_of(pdf: bytes) -> str:
    """What is written on all pages."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return "\n".join(zlib.decompress(item).decode("latin-1") for item in streams if item[:1] == b"x")


def cells(xlsx: bytes, sheet: int = 1) -> list[list[tuple[str, str]]]:
    """(kind, value) of every cell of a page; kind "s" is text."""
    with zipfile.ZipFile(io.BytesIO(xlsx)) as file:
        shared = ElementTree.fromstring(file.read("xl/sharedStrings.xml"))
        words = ["".join(part.text or "" for part in item.iter(f"{NAMESPACE}t")) for item in shared]
        page = ElementTree.fromstring(file.read(f"xl/worksheets/sheet{sheet}.xml"))
    found = []
    for row in page.iter(f"{NAMESPACE}row"):
        read = []
        for cell in row:
            assert cell.find(f"{NAMESPACE}f") is None, "no cell is a formula"
            value, kind = cell.findtext(f"{NAMESPACE}v", ""), cell.get("t", "n")
            read.append((kind, words[int(value)] if kind == "s" else value))
        found.append(read)
    return found


# --- CSV


def test_the_csv_of_stations_opens_in_an_indonesian_excel_and_in_an_english_one() -> None:
    data = sheet_maker.make(asked("stations", "csv", peso_hilir()))
    rows = lines(data)
    assert len(rows) == 16
    assert (rows[0]["Kode TPS"], rows[0]["Desa/kelurahan"]) == (TPS, "Long Tungu")
    assert (rows[0]["Kode desa/kelurahan"], rows[0]["Nomor TPS"]) == (TPS[:10], "001")
    assert {row["Angka"] for row in rows} == {"di pusat", "belum ada"}
    assert (rows[0]["Foto yang ada"], rows[0]["Halaman"]) == ("2", "3")
    assert b"\r\n" in data
    english = lines(sheet_maker.make(asked("stations", "csv", peso_hilir(), language="en")), ",")
    assert [row["TPS code"] for row in english] == [row["Kode TPS"] for row in rows]


def test_the_csv_of_totals_says_in_every_line_that_it_is_unofficial() -> None:
    rows = lines(sheet_maker.make(asked("totals", "csv", peso_hilir())))
    assert len(rows) == len(FORM.fields)
    votes = [sum(item.figure(f"votes.{pair}") or 0 for item in demo.stations()) for pair in (1, 2, 3)]
    assert [int(row["Jumlah"]) for row in rows if row["Nomor di formulir"].startswith("IV")] == votes
    for row in rows:
        assert "TIDAK RESMI" in row["Keterangan"]
        assert "relai-peso-hilir" in row["Keterangan"]
        assert (row["TPS masuk"], row["Semua TPS"]) == ("15", "16")


def test_a_name_cannot_be_a_formula() -> None:
    villages = [{"scope": TPS[:10], "name": FORMULA}]
    rows = lines(sheet_maker.make(asked("stations", "csv", peso_hilir(), villages=villages)))
    assert rows[0]["Desa/kelurahan"] == f"'{FORMULA}"
    read = cells(sheet_maker.make(asked("stations", "xlsx", peso_hilir(), villages=villages)))
    assert ("s", FORMULA) in [cell for row in read for cell in row]


# --- XLSX


def test_the_xlsx_of_stations_keeps_tps_codes_as_text() -> None:
    read = cells(sheet_maker.make(asked("stations", "xlsx", peso_hilir())))
    header = next(at for at, row in enumerate(read) if len(row) == len(sheet_csv.STATION_COLUMNS))
    body = read[header + 1 :]
    assert [row[-1] for row in body] == [("s", item.tps) for item in demo.stations()]
    assert "bukan hasil pemilihan" in read[1][0][1]


def test_the_xlsx_of_totals_has_sums_and_those_of_each_village() -> None:
    data = sheet_maker.make(asked("totals", "xlsx", peso_hilir()))
    sums, parts = cells(data), cells(data, 2)
    assert "15 dari 16 TPS" in sums[1][0][1]
    assert "Tidak resmi" in sums[1][0][1]
    assert "Tidak resmi" in parts[1][0][1]
    by_label = {row[1][1]: row[2][1] for row in sums if len(row) == 4}
    by_village = {row[1][1]: [int(value) for _, value in row[2:]] for row in parts[4:] if row[0][1]}
    field = FORM.fields[FORM.position("valid")]
    assert int(by_label[field.label]) == sum(item.figure("valid") or 0 for item in demo.stations())
    assert sum(by_village[field.label]) == int(by_label[field.label])
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert any(name.startswith("xl/charts/") for name in file.namelist())


# --- the wall


@pytest.mark.parametrize(("count", "words"), [(16, True), (77, True), (362, False)])
def test_all_stations_stand_on_one_page_that_can_be_read(count: int, words: bool) -> None:
    rows = [Row(item["tps"], True, None, (Mark(2401),)) for item in many(count)]
    laid = sheet_layout.layout(rows, 1, WIDTH, HEIGHT)
    assert (laid.pages, laid.words) == (1, words)
    assert laid.size >= 8
    assert laid.line * max(map(len, laid.columns)) <= HEIGHT + 0.01
    assert laid.width >= sheet_layout.ems(1, laid.words, laid.contact) * laid.size * sheet_layout.POINT - 0.01
    assert [place.row for column in laid.columns for place in column if place.row] == rows


def test_more_stations_take_more_pages_and_stay_readable() -> None:
    rows = [Row(item["tps"], True, None, (Mark(2401),)) for item in many(1591)]
    laid = sheet_layout.layout(rows, 1, WIDTH, HEIGHT)
    assert laid.pages == 3
    assert laid.size >= 7
    assert [place.row for column in laid.columns for place in column if place.row] == rows
    for column in laid.columns:
        assert column[0].row is None, "a column begins with the name of its village"


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (16, 1), (77, 1), (362, 1), (1591, 3)])
def test_the_pdf_has_every_station_and_when_and_where_it_was_made(count: int, pages: int) -> None:
    made = sheet_maker.make(asked("stations", "pdf", many(count)))
    assert pages_of(made) == pages
    text = text_of(made)
    assert text.count("relai-peso-hilir") >= pages
    assert "bukan hasil pemilihan" in text
    assert len(re.findall(r"\(\d{3}\) Tj", text)) == count
    assert Words("id", "sheets").moment(1_763_750_000) in text


def test_five_forms_stand_side_by_side() -> None:
    known = sorted(forms.catalogue())
    made = sheet_maker.make(asked("stations", "pdf", many(362), forms=known, language="en"))
    assert pages_of(made) == 1
    assert "Forms, from the left" in text_of(made)


# --- from the nodes


def config(country: Country, centre: str) -> RelayConfig:
    stations, regions = demo.write_registry(country.folder, demo.stations())
    board = BoardConfig(stations=stations, regions=regions, forms=(2401,))
    return dataclasses.replace(country.relay_config(centre_url=centre), board=board)


async def test_operators_get_totals_and_sheets_and_nobody_else(country: Country, http: aiohttp.ClientSession) -> None:
    one, two = country.world.officer(), country.world.officer("6501082001002")
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(config(country, centre)) as relay,
    ):
        for officer, statement in (
            (one, tally(one, votes=(1, 2, 3))),
            (two, tally(two, "6501082001002", votes=(10, 20, 30))),
            (two, tally(two, "6501082001002", votes=(30, 20, 10))),
        ):
            assert (await post(http, relay, statement.with_chain(officer[1]))).status == 201
        assert (await ask(http, "GET", f"{relay}/v1/totals?form=2401")).code == "session-needed"
        assert (await ask(http, "GET", f"{relay}/v1/sheets/stations.pdf")).code == "session-needed"
        known = await session(http, relay, country.world.operator())
        told = (await ask(http, "GET", f"{relay}/v1/totals?form=2401", headers=known)).json
        station = (await ask(http, "GET", f"{relay}/v1/totals?form=2401&scope={TPS}", headers=known)).json
        answers = {
            name: await ask(http, "GET", f"{relay}/v1/sheets/{name}?form=2401", headers=known)
            for name in ("stations.csv", "stations.xlsx", "stations.pdf", "totals.csv", "totals.xlsx")
        }
    assert (told["tps"], told["with_tally"], told["in_conflict"]) == (16, 2, 1)
    assert told["figures"][FORM.position("votes.1") :][:3] == [1, 2, 3]
    assert told["blank"][0] == 1
    assert (station["scope"], station["tps"], station["with_tally"]) == (TPS, 1, 1)
    assert [row["Angka"] for row in lines(answers["stations.csv"].body)][:2] in (
        ["di relai", "berbeda"],
        ["dalam perjalanan", "berbeda"],
        ["di pusat", "berbeda"],
    )
    assert pages_of(answers["stations.pdf"].body) == 1
    assert answers["stations.pdf"].headers["Content-Type"] == "application/pdf"
    assert re.fullmatch(
        r'inline; filename="keadaan-tps-2401-650108-\d{8}-\d{4}\.pdf"',
        answers["stations.pdf"].headers["Content-Disposition"],
    )
    assert len(lines(answers["totals.csv"].body)) == 28
    assert len(cells(answers["totals.xlsx"].body)) > 28
    assert len(cells(answers["stations.xlsx"].body)) > 16


async def test_who_waits_for_a_sheet_costs_nothing_and_too_many_are_sent_away() -> None:
    printer, wanted = sheets.Printer(), sheets.Asked("stations", "csv", "id", FORM)
    described = 0
    turn = asyncio.Event()

    async def describe() -> bytes:
        nonlocal described
        described += 1
        await turn.wait()
        return asked("stations", "csv", [])

    asking = [asyncio.create_task(printer.answer(wanted, KECAMATAN, 0, describe)) for _ in range(5)]
    with pytest.raises(NotNow):
        await asking[4]
    assert described == 1
    turn.set()
    assert [(await answer).status for answer in asking[:4]] == [200] * 4
    assert described == 4
