"""What `relay demo peso` claims, looked at again at the end: phones' disks, the centre's bytes, the proven ways."""

import asyncio
import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from relay.demo.country import Country
from relay.demo.evidence import AtCentre, Count, count, get_json, receipt_holds, slips_hold
from relay.demo.figures import KABUPATEN
from relay.demo.link import LOOPBACK, Link
from relay.demo.officers import Officer
from relay.demo.peso.routes import Evidence, Route
from relay.demo.processes import Process, run_relay_command
from relay.phone.entries import Entry
from relay.protocol.statements import Kind


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run; `--report` writes them as JSON. Bytes and seconds."""

    receipts_verified: Count
    slips_verified: Count
    statements_equal: Count
    photographs_equal: Count
    tallies_at_centre: Count
    """The centre's own count against the stations whose figures have been filled in."""
    stations_with_photographs: Count
    routes_proven: Count
    """Statements and photographs of which it is on record which way they came."""
    tally_routes: dict[str, int]
    list_routes: dict[str, int]
    photograph_routes: dict[str, int]
    stations: int
    waiting_at_relays: int
    refused: int
    in_conflict: int
    photograph_bytes: int
    satellite_bytes_up: int
    smallest_photograph_bytes: int
    trips: int
    wall_seconds: float

    @property
    def photographs_by_satellite(self) -> int:
        """How many can have crossed the satellite link at most, by the bytes that crossed it."""
        return self.satellite_bytes_up // self.smallest_photograph_bytes

    @property
    def failures(self) -> tuple[str, ...]:
        """The names of what does not hold; none if the demo has shown what it says."""
        counts = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        failed = [name for name, value in counts.items() if isinstance(value, Count) and not value.holds]
        none_of = ("waiting_at_relays", "refused", "in_conflict", "photographs_by_satellite")
        return (*failed, *(name for name in none_of if getattr(self, name)))

    def as_json(self) -> str:
        """Every figure, with what follows from them."""
        derived = {
            "holds": not self.failures,
            "failures": self.failures,
            "photographs_by_satellite": self.photographs_by_satellite,
        }
        return json.dumps(dataclasses.asdict(self) | derived, indent=2) + "\n"


async def examine(
    country: Country,
    officers: Sequence[Officer],
    relays: Mapping[str, Process],
    centre: Process,
    satellite: Link,
    evidence: Evidence,
    session: aiohttp.ClientSession,
) -> Report:
    """Looks at everything again; `trips` and `wall_seconds` are for the caller to fill in."""
    satellite_bytes_up = satellite.bytes_up
    entries = [(officer, entry) for officer in officers for entry in await asyncio.to_thread(officer.outbox.entries)]
    pages = [(entry, page) for _, entry in entries for page in entry.statement.pages]
    at_centre = AtCentre(session, f"https://{LOOPBACK}:{centre.port}/v1")
    held = [
        (await get_json(session, f"https://{LOOPBACK}:{relay.port}/v1/status"))["counts"] for relay in relays.values()
    ]
    words = ("central", "status", "--config", str(country.centre_config), "--scope", KABUPATEN, "--json")
    total = json.loads(await run_relay_command(words))["total"]
    tally_routes = [_route(evidence, *item) for item in entries if item[1].statement.kind is Kind.TALLY]
    list_routes = [_route(evidence, *item) for item in entries if item[1].statement.kind is Kind.DOCUMENTS]
    photograph_routes = [
        evidence.of_photograph(bytes(page.document), officer.station.kecamatan)
        for officer, entry in entries
        for page in entry.statement.pages
    ]
    return Report(
        receipts_verified=count(receipt_holds(officer, entry) for officer, entry in entries),
        slips_verified=count(slip for officer, entry in entries for slip in slips_hold(officer, entry)),
        statements_equal=count([await at_centre.statement_equals(entry) for _, entry in entries]),
        photographs_equal=count([await at_centre.photograph_equals(entry, page.document) for entry, page in pages]),
        tallies_at_centre=Count(total["with_tally"], sum(o.station.figures is not None for o in officers)),
        stations_with_photographs=Count(total["with_photographs"], total["tps"]),
        routes_proven=count(route is not None for route in (*tally_routes, *list_routes, *photograph_routes)),
        tally_routes=_counted(tally_routes),
        list_routes=_counted(list_routes),
        photograph_routes=_counted(photograph_routes),
        stations=total["tps"],
        waiting_at_relays=sum(counts["without_receipt"] for counts in held),
        refused=sum(counts["refused"] for counts in held),
        in_conflict=sum(counts["in_conflict"] for counts in held),
        photograph_bytes=sum(page.size_bytes for _, page in pages),
        satellite_bytes_up=satellite_bytes_up,
        smallest_photograph_bytes=min(page.size_bytes for _, page in pages),
        trips=0,
        wall_seconds=0.0,
    )


def _route(evidence: Evidence, officer: Officer, entry: Entry) -> Route | None:
    return evidence.of_statement(bytes(entry.statement.id), officer.station.kecamatan)


def _counted(routes: Sequence[Route | None]) -> dict[str, int]:
    return dict(Counter(route.value for route in routes if route is not None))
