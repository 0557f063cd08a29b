"""What the main job's screen shows of a picture: every station with its tally and pages, and the uplink."""

from collections.abc import Iterator, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from relay.demo.figures import KECAMATAN, KECAMATAN_NAME
from relay.demo.officers import Stage
from relay.demo.picture import Item, Picture, Place, StationRow, UplinkView
from relay.demo.screen import Drawing, Told, earlier, line, size_text, title

_WIDE_COLUMNS = 96
_HIGH_ROWS = 32
_GLYPHS = {
    Place.NOT_FILLED_IN: ("-", "belum diisi", "dim"),
    Place.NOT_MADE: ("·", "", "dim"),
    Place.PHONE: ("○", "di HP", "white"),
    Place.TO_RELAY: ("◔", "masuk", "yellow"),
    Place.RELAY: ("◐", "di relay", "yellow"),
    Place.TO_CENTRE: ("◕", "naik", "cyan"),
    Place.CENTRE: ("●", "di pusat", "green"),
}
_LINK_WORDS = {
    "down": ("PUTUS", "bold red"),
    "connecting": ("MENYAMBUNG", "bold yellow"),
    "up": ("TERSAMBUNG", "bold green"),
    "silent": ("DIAM", "bold yellow"),
    "resting": ("TERSAMBUNG, antrean kosong", "bold green"),
}


def drawn(picture: Picture | None, told: Sequence[Told], width: int, height: int) -> Group:
    """The whole screen for one picture; on a narrow one words get shorter, on a low one English and air go first."""
    elapsed, words, english = told[-1] if told else (0.0, "", "")
    wide, high = width >= _WIDE_COLUMNS, height >= _HIGH_ROWS
    air = [Text()] if high else []
    now = [line(f"▶ {words}", "bold"), *([line(f"  {english}", "dim")] if high else [])]
    if picture is None:
        return Group(_title(elapsed, width), *now)
    above = [_title(picture.elapsed_seconds, width), *now, *air, _headline(picture), *_uplink_lines(picture), *air]
    below = [*air, *_legend(wide=wide, high=high), *air]
    left = height - len(above) - len(picture.rows) - 1 - len(below)
    return Group(*above, _table(picture, wide), *below, *earlier(told[:-1], left))


def _title(elapsed_seconds: float, width: int) -> Text:
    return title(f"RELAY  PPK {KECAMATAN_NAME} ({KECAMATAN})  Pemilu Presiden 2024", elapsed_seconds, width)


def _headline(picture: Picture) -> Text:
    if picture.oldest_seconds is None:
        words = "Semua yang ada di relay sudah bertanda terima pusat" if picture.uplink.bytes_up else "Relay kosong"
        return Text.assemble((words, "bold green"), ("  nothing waits for the centre", "dim"))
    return Text.assemble(
        ("Terlama tanpa tanda terima pusat: ", "bold"),
        (f"{picture.oldest_seconds} detik", "bold yellow"),
        ("  oldest item without a receipt", "dim"),
    )


def _uplink_lines(picture: Picture) -> tuple[Text, Text]:
    uplink = picture.uplink
    state, style = _LINK_WORDS.get(uplink.state, (uplink.state, "bold"))
    first = Text.assemble(
        "Uplink: ",
        (state, style),
        f"  {_uplink_detail(uplink)}",
        f"  terkirim {size_text(uplink.bytes_up)}, terkirim ulang {size_text(uplink.bytes_again)}",
        ("" if picture.centre_running else "  PUSAT MATI", "bold red"),
        no_wrap=True,
        overflow="ellipsis",
    )
    second = Text.assemble(
        "Menunggu di relay: ",
        (f"{picture.tallies_waiting} hasil, {picture.photographs_waiting} foto", "bold"),
        "   Di pusat: ",
        (f"{picture.tallies(Place.CENTRE)} hasil, {picture.photographs(Place.CENTRE)} foto", "bold"),
        ("  waiting, arrived", "dim"),
        no_wrap=True,
        overflow="ellipsis",
    )
    return first, second


def _uplink_detail(uplink: UplinkView) -> str:
    if uplink.state == "down":
        return f"dicoba lagi dalam {uplink.retry_in_seconds} detik" if uplink.retry_in_seconds else "dicoba terus"
    return f"{uplink.rate_bytes_per_second / 1000:.0f} kB/detik"


def _table(picture: Picture, wide: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold underline")
    table.add_column("TPS", no_wrap=True)
    table.add_column("Desa", no_wrap=True, min_width=14)
    table.add_column("Hasil", no_wrap=True, min_width=23 if wide else 14)
    for page in (1, 2, 3):
        table.add_column(f"Foto {page}", no_wrap=True, min_width=11 if wide else 8)
    table.add_column("Tanda terima" if wide else "Terima", no_wrap=True)
    for row in picture.rows:
        cells = [_cell(item, wide) for item in row.pages]
        table.add_row(row.station.number, row.station.village, _tally_cell(row, wide), *cells, _proof(row))
    return table


def _cell(item: Item, wide: bool) -> Text:
    glyph, word, style = _GLYPHS[item.place]
    if item.place in (Place.TO_RELAY, Place.TO_CENTRE):
        word = f"{word} {item.percent}%" if wide else f"{item.percent}%"
    elif not wide:
        word = word.removeprefix("di ")
    return Text(f"{glyph} {word}", style=style)


def _tally_cell(row: StationRow, wide: bool) -> Text:
    doing = {Stage.PHOTOGRAPHING: "memotret", Stage.SEARCHING: "mencari relay"}.get(row.stage)
    if doing and row.tally.place in (Place.NOT_MADE, Place.PHONE):
        return Text(f"{_GLYPHS[row.tally.place][0]} {doing}")
    cell = _cell(row.tally, wide=True)
    if row.incomplete:
        cell.append(", tak lengkap" if wide else " *")
    return cell


def _proof(row: StationRow) -> Text:
    if not row.statements:
        return Text("")
    done = row.proven == row.statements
    return Text(f"{'✔' if done else ' '} {row.proven}/{row.statements}", style="bold green" if done else "")


def _legend(*, wide: bool, high: bool) -> list[Text]:
    incomplete = "tak lengkap: ada kotak kosong incomplete" if wide else "* ada kotak kosong"
    lines = [
        "○ HP phone  ◔ masuk ke relay  ◐ di relay  ◕ naik ke pusat  ● pusat centre",
        f"✔ tanda terima pusat diperiksa di HP receipt verified  {incomplete}",
    ]
    return [line(words, "dim") for words in (lines if high else lines[:1])]


def changes(before: Picture, after: Picture) -> Iterator[str]:
    """One line for each change that is worth one."""
    for old, new in zip(before.rows, after.rows, strict=True):
        name = f"TPS {new.station.tps} {new.station.village}"
        if old.stage is not new.stage:
            yield from _stage_lines(name, new)
        if old.proven != new.proven:
            yield f"{name}: tanda terima pusat diperiksa di HP, {new.proven} dari {new.statements} / receipts verified"
    if before.uplink.state != after.uplink.state:
        detail = f" ({after.uplink.reason})" if after.uplink.state == "down" and after.uplink.reason else ""
        yield f"Uplink: {_LINK_WORDS.get(after.uplink.state, (after.uplink.state,))[0]}{detail}"
    count = after.photographs(Place.CENTRE)
    if count // 8 != before.photographs(Place.CENTRE) // 8:
        total = sum(len(row.pages) for row in after.rows)
        yield f"{count} dari {total} foto utuh di pusat / photographs whole at the centre"


def _stage_lines(name: str, row: StationRow) -> Iterator[str]:
    match row.stage:
        case Stage.HANDING_OVER:
            yield f"{name}: HP menemukan relay dan menyerahkan / the phone has found the relay and hands over"
        case Stage.WAITING:
            what = "3 foto, hasil belum diisi" if row.tally.place is Place.NOT_FILLED_IN else "hasil dan 3 foto"
            yield f"{name}: {what} di relay, slip diperiksa / at the relay, slips verified"


MAIN_JOB = Drawing(drawn, changes)
