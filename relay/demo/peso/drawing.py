"""What the screen of `relay demo peso` shows: the river with the boat, and each station's things with their ways."""

from collections.abc import Iterator, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from relay.demo.figures import KECAMATAN_NAME, UPRIVER_NAME
from relay.demo.officers import Stage
from relay.demo.peso.picture import Item, Picture, Place, StationRow
from relay.demo.screen import Drawing, Told, earlier, line, size_text, title

TOWN_NAME = "Tanjung Selor"
_WIDE_COLUMNS = 116
_HIGH_ROWS = 34
_BOAT = "[stik]"
_GLYPHS = {
    Place.NOT_FILLED_IN: ("-", "belum diisi", "dim"),
    Place.NOT_MADE: ("·", "", "dim"),
    Place.PHONE: ("○", "di HP", "white"),
    Place.TO_RELAY: ("◔", "masuk", "yellow"),
    Place.RELAY: ("◐", "di relay", "yellow"),
    Place.STICK: ("◆", "di stik", "magenta"),
    Place.DOWNRIVER: ("◑", f"di {KECAMATAN_NAME}", "cyan"),
    Place.CENTRE: ("●", "di pusat", "green"),
}
_UPLINK_WORDS = {
    "up": ("HIDUP", "bold green"),
    "resting": ("HIDUP", "bold green"),
    "connecting": ("MENCARI", "bold yellow"),
    "silent": ("DIAM", "bold yellow"),
}
_DOWN = ("PUTUS", "bold red")
_STICK_WORDS = {
    "reading": "dibaca",
    "writing": "ditulis",
    "verifying": "diperiksa",
    "safe to remove": "aman dicabut",
}


def drawn(picture: Picture | None, told: Sequence[Told], width: int, height: int) -> Group:
    """The whole screen for one picture; on a narrow one words get shorter, on a low one English and air go first."""
    elapsed, words, english = told[-1] if told else (0.0, "", "")
    wide, high = width >= _WIDE_COLUMNS, height >= _HIGH_ROWS
    air = [Text()] if high else []
    now = [line(f"▶ {words}", "bold"), *([line(f"  {english}", "dim")] if high else [])]
    if picture is None:
        return Group(_title(elapsed, width), *now)
    above = [_title(picture.elapsed_seconds, width), *now, *air, _river(picture, width), _status(picture, wide), *air]
    below = [*air, *(_legend() if high else [])]
    left = height - len(above) - len(picture.rows) - 1 - len(below)
    return Group(*above, _table(picture, wide), *below, *earlier(told[:-1], left))


def changes(before: Picture, after: Picture) -> Iterator[str]:
    """One line for each change that is worth one."""
    for old, new in zip(before.rows, after.rows, strict=True):
        yield from _row_changes(old, new)
    for name, old_state, new_state in (
        ("Satelit", before.satellite, after.satellite),
        ("Tetangga", before.neighbour, after.neighbour),
    ):
        if _uplink(old_state) != _uplink(new_state):
            yield f"{name}: {_uplink(new_state)[0]}"
    if before.stick.state != after.stick.state and after.stick.state in _STICK_WORDS:
        yield f"Stik {_STICK_WORDS[after.stick.state]} / stick: {after.stick.state}"


def _row_changes(old: StationRow, new: StationRow) -> Iterator[str]:
    name = f"TPS {new.station.tps} {new.station.village}"
    if old.stage is not new.stage and new.stage is Stage.WAITING:
        what = "3 foto" if new.tally.place is Place.NOT_FILLED_IN else "hasil dan 3 foto"
        yield f"{name}: {what} di relay {new.station.kecamatan_name}, slip diperiksa / at the relay, slips verified"
    if old.tally != new.tally and _is_told(new.tally):
        yield f"{name}: hasil {_words(new.tally)} / tally"
    if old.slowest_page != new.slowest_page and _is_told(new.slowest_page):
        yield f"{name}: 3 foto {_words(new.slowest_page)} / photographs"
    if old.proven != new.proven:
        yield f"{name}: tanda terima pusat diperiksa di HP, {new.proven} dari {new.statements} / receipts verified"


def _is_told(item: Item) -> bool:
    """Whether it has come to where a line tells of it: at the centre, once its way is known."""
    return item.place is Place.DOWNRIVER or (item.place is Place.CENTRE and item.route is not None)


def _title(elapsed_seconds: float, width: int) -> Text:
    return title(f"RELAY  Sungai Kayan: {UPRIVER_NAME} dan {KECAMATAN_NAME}, Bulungan", elapsed_seconds, width)


def _river(picture: Picture, width: int) -> Text:
    """The three stops, and the boat on the two reaches between them."""
    names = (UPRIVER_NAME, KECAMATAN_NAME, f"{TOWN_NAME} (pusat)")
    reach = max(len(_BOAT) + 1, (min(width, 110) - sum(map(len, names)) - 5) // 2)
    parts: list[str | tuple[str, str]] = [(names[0], "bold")]
    for at in range(2):
        is_here = at <= picture.stick.position <= at + 1 and not (at == 1 and picture.stick.position == 1)
        share = picture.stick.position - at
        before = round(share * (reach - len(_BOAT)))
        water = [
            ("~" * before, "blue"),
            (_BOAT, "bold magenta"),
            ("~" * (reach - len(_BOAT) - before), "blue"),
        ]
        parts += [" ", *(water if is_here else [("~" * reach, "blue")]), " ", (names[at + 1], "bold")]
    return Text.assemble(*parts, no_wrap=True, overflow="crop")


def _status(picture: Picture, wide: bool) -> Text:
    return Text.assemble(
        "Pusat ",
        (f"{picture.tallies(Place.CENTRE)} hasil, {picture.photographs(Place.CENTRE)} foto", "bold green"),
        "  Stik ",
        (_stick_words(picture), "bold magenta"),
        "  Satelit ",
        _uplink(picture.satellite),
        f" {size_text(picture.satellite_bytes)}" if wide else "",
        "  Tetangga ",
        _uplink(picture.neighbour),
        no_wrap=True,
        overflow="ellipsis",
    )


def _uplink(state: str) -> tuple[str, str]:
    return _UPLINK_WORDS.get(state, _DOWN)


def _stick_words(picture: Picture) -> str:
    stick = picture.stick
    if not stick.is_landed:
        return "di perahu"
    words = _STICK_WORDS.get(stick.state, "")
    if not words:
        return "di kota" if stick.position == 2 else "di perahu"
    return words if stick.state == "safe to remove" else f"{words} {stick.percent}%"


def _table(picture: Picture, wide: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold underline")
    table.add_column("TPS", no_wrap=True)
    table.add_column("Desa", no_wrap=True, min_width=14)
    table.add_column("Relay", no_wrap=True, min_width=10)
    table.add_column("Hasil", no_wrap=True, min_width=33 if wide else 15)
    table.add_column("Foto 1-3", no_wrap=True, min_width=33 if wide else 18)
    table.add_column("Tanda terima" if wide else "Terima", no_wrap=True)
    for row in picture.rows:
        station = row.station
        table.add_row(
            station.number, station.village, station.kecamatan_name, _tally(row, wide), _pages(row, wide), _proof(row)
        )
    return table


def _tally(row: StationRow, wide: bool) -> Text:
    doing = {Stage.PHOTOGRAPHING: "memotret", Stage.SEARCHING: "mencari relay"}.get(row.stage)
    glyph, _, style = _GLYPHS[row.tally.place]
    if doing and row.tally.place in (Place.NOT_MADE, Place.PHONE):
        return Text(f"{glyph} {doing}")
    return Text(f"{glyph} {_words(row.tally, wide=wide)}", style=style)


def _pages(row: StationRow, wide: bool) -> Text:
    slowest = row.slowest_page
    glyphs = [(_GLYPHS[item.place][0], _GLYPHS[item.place][2]) for item in row.pages]
    return Text.assemble(*glyphs, " ", (_words(slowest, wide=wide), _GLYPHS[slowest.place][2]))


def _words(item: Item, *, wide: bool = True) -> str:
    """Where it is; at the centre, by which way it came."""
    if item.place is Place.CENTRE and item.route is not None:
        return f"di pusat lewat {item.route.value}" if wide else item.route.value
    if item.place is Place.TO_RELAY:
        return f"masuk {item.percent}%"
    return _GLYPHS[item.place][1]


def _proof(row: StationRow) -> Text:
    if not row.statements:
        return Text("")
    done = row.proven == row.statements
    return Text(f"{'✔' if done else ' '} {row.proven}/{row.statements}", style="bold green" if done else "")


def _legend() -> list[Text]:
    lines = (
        f"○ HP phone  ◐ relay  ◆ di stik on the stick  ◑ diambil relay {KECAMATAN_NAME} taken over  ● pusat centre",
        "✔ tanda terima pusat diperiksa di HP receipt verified   lewat: jalan yang terbukti the way that is proven",
    )
    return [line(words, "dim") for words in lines]


PESO = Drawing(drawn, changes)
