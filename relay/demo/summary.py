"""The table at the end: what was shown, in figures, and what of it does not hold."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from relay.demo.evidence import Count
from relay.demo.proof import Report
from relay.demo.screen import size_text

Checked = tuple[bool, str, str, str]
"""Whether it holds, the figure, what it is, in English."""
Measured = tuple[str, str, str]
"""The figure, what it is, in English."""


def print_summary(report: Report, console: Console) -> None:
    """The whole report of the main job for a person, checks first."""
    print_rows(_checked(report), _measured(report), report.failures, console)


def print_rows(
    checked: Sequence[Checked], measured: Sequence[Measured], failures: Sequence[str], console: Console
) -> None:
    """A report as a table, and what follows from it; `failures` names what does not hold."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="bold", justify="right")
    table.add_column()
    for holds, figure, words, english in checked:
        table.add_row(_mark(holds), figure, f"{words} [dim]{english}[/dim]")
    for figure, words, english in measured:
        table.add_row("", figure, f"{words} [dim]{english}[/dim]")
    console.print()
    console.print(table)
    console.print()
    console.print(_verdict(failures))


def _checked(report: Report) -> list[Checked]:
    counts = (
        (report.receipts_verified, "tanda terima pusat diperiksa di HP", "receipts that the phones verify"),
        (report.slips_verified, "slip relay diperiksa di HP", "the relay's slips"),
        (report.statements_equal, "pernyataan di pusat sama byte demi byte", "statements as they were signed"),
        (report.photographs_equal, "foto di pusat sama byte demi byte", "photographs as they were taken"),
        (report.stations_with_photographs, "TPS dengan semua foto di pusat", "stations with all photographs"),
    )
    left = (report.waiting_at_relay, report.refused, report.in_conflict)
    tallies = f"{report.tallies_at_centre.done} dari {report.stations}"
    return [
        *((count.holds, of(count), words, english) for count, words, english in counts),
        (report.tallies_at_centre.holds, tallies, "TPS dengan hasil di pusat", "with a tally at the centre"),
        (not any(left), "/".join(map(str, left)), "menunggu, ditolak, berselisih", "waiting, refused, in conflict"),
    ]


def _measured(report: Report) -> list[Measured]:
    tallies = report.tallies_at_centre.wanted
    missing = [(tps, "hasil belum diisi, hanya foto", "not filled in yet; no error") for tps in report.not_filled_in]
    return [
        *missing,
        (str(report.tallies_incomplete), "hasil tak lengkap: bagian II, III kosong", "flagged `incomplete`, and taken"),
        (f"{report.wall_seconds:.0f} detik", "sampai tanda terima terakhir", "wall time"),
        (
            decimal(report.tally_seconds, "detik"),
            "dari uplink hidup sampai semua hasil bertanda terima",
            "for all tallies",
        ),
        (
            f"{report.tally_frame_bytes / tallies:.0f} byte",
            "satu hasil di uplink",
            f"signed; {tallies} in one compressed frame, without certificates",
        ),
        (
            f"{report.tally_link_bytes / tallies:.0f} byte",
            "dengan semua yang ikut lewat",
            "with TLS, certificates, first pieces of photographs",
        ),
        (
            size_text(report.link_bytes_up),
            "lewat uplink",
            f"crossed the link, for {size_text(report.useful_bytes)} of statements and photographs",
        ),
        (
            decimal(100 * report.overhead_share, "%"),
            "selebihnya, juga yang lewat dua kali",
            "the rest: TLS, headers, all that crossed twice",
        ),
        (
            decimal(100 * report.sent_again_share, "%"),
            "dikirim ulang menurut relay",
            f"handed to the link again after cuts: {size_text(report.relay_bytes_sent_again)}",
        ),
    ]


def _verdict(failures: Sequence[str]) -> str:
    if failures:
        return f"[bold red]TIDAK BENAR / not true:[/bold red] {', '.join(failures)}"
    return (
        "[bold green]Semua benar: tidak ada yang hilang, tidak ada yang berubah.[/bold green] "
        "[dim]All of it holds: nothing is lost, nothing has changed.[/dim]"
    )


def _mark(holds: bool) -> str:
    return "[bold green]✔[/bold green]" if holds else "[bold red]✘[/bold red]"


def of(count: Count) -> str:
    """So many of so many, in words."""
    return f"{count.done} dari {count.wanted}"


def decimal(number: float, unit: str) -> str:
    """With one place behind a decimal comma."""
    return f"{number:.1f} {unit}".replace(".", ",")
