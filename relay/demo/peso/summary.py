"""The table at the end of `relay demo peso`."""

from rich.console import Console

from relay.demo.peso.proof import Report
from relay.demo.screen import size_text
from relay.demo.summary import Checked, Measured, of, print_rows


def print_summary(report: Report, console: Console) -> None:
    """The whole report for a person, checks first."""
    print_rows(_checked(report), _measured(report), report.failures, console)


def _checked(report: Report) -> list[Checked]:
    counts = (
        (report.receipts_verified, "tanda terima pusat diperiksa di HP", "receipts that the phones verify"),
        (report.slips_verified, "slip relay diperiksa di HP", "the relays' slips"),
        (report.statements_equal, "pernyataan di pusat sama byte demi byte", "statements as they were signed"),
        (report.photographs_equal, "foto di pusat sama byte demi byte", "photographs as they were taken"),
        (report.stations_with_photographs, "TPS dengan semua foto di pusat", "stations with all photographs"),
        (report.routes_proven, "pernyataan dan foto dengan jalan yang terbukti", "came by a way that is proven"),
    )
    left = (report.waiting_at_relays, report.refused, report.in_conflict)
    tallies = f"{report.tallies_at_centre.done} dari {report.stations}"
    return [
        *((count.holds, of(count), words, english) for count, words, english in counts),
        (report.tallies_at_centre.holds, tallies, "TPS dengan hasil di pusat", "with a tally; one was not filled in"),
        (not any(left), "/".join(map(str, left)), "menunggu, ditolak, berselisih", "waiting, refused, in conflict"),
        (
            not report.photographs_by_satellite,
            size_text(report.satellite_bytes_up),
            "lewat satelit: tidak cukup untuk satu foto",
            "crossed the satellite link: less than one photograph",
        ),
    ]


def _measured(report: Report) -> list[Measured]:
    return [
        *_ways(report.tally_routes, "hasil", "tallies"),
        *_ways(report.list_routes, "daftar foto", "lists of photographs"),
        *_ways(report.photograph_routes, "foto", "photographs"),
        (size_text(report.photograph_bytes), "foto semuanya", "all photographs together"),
        (str(report.trips), "kali perahu ke kota", "times the boat went to town"),
        (f"{report.wall_seconds:.0f} detik", "sampai tanda terima terakhir", "wall time"),
    ]


def _ways(routes: dict[str, int], what: str, english: str) -> list[Measured]:
    """One line a way, the busiest first."""
    busiest = sorted(routes.items(), key=lambda item: (-item[1], item[0]))
    return [(str(number), f"{what} lewat {route}", english) for route, number in busiest]
