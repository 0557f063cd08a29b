"""What the demo claims, checked at the end: nothing of the story is believed, all of it is looked at again.

Receipts and slips are verified anew from the phones' disks, the centre is asked for every byte, and its own command
says how many TPS it has. One figure that does not hold, and the demo has failed.
"""

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp

from relay.demo.country import Country
from relay.demo.evidence import AtCentre, Count, count, get_json, receipt_holds, slips_hold
from relay.demo.figures import KECAMATAN
from relay.demo.link import LOOPBACK, Link
from relay.demo.officers import Officer
from relay.demo.processes import Process, run_relay_command
from relay.demo.scenario import Moments
from relay.http import authority_tls
from relay.protocol import parcels
from relay.protocol.parcels import StatementParcel


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
    not_filled_in: tuple[str, ...]
    tallies_incomplete: int
    """Tallies that the centre flags as having blank boxes: sections II and III are not in the data."""
    stations: int
    waiting_at_relay: int
    refused: int
    in_conflict: int
    photograph_bytes: int
    link_bytes_up: int
    link_bytes_down: int
    link_bytes_lost: int
    useful_bytes: int
    """Statements and photographs, each counted once."""
    relay_bytes_sent: int
    relay_bytes_sent_again: int
    tally_frame_bytes: int
    """All tallies in one compressed frame, without certificates: what a tally costs when its signer is known."""
    tally_link_bytes: int
    tally_seconds: float
    wall_seconds: float

    @property
    def failures(self) -> tuple[str, ...]:
        """The names of what does not hold; none if the demo has shown what it says."""
        counts = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        failed = [name for name, value in counts.items() if isinstance(value, Count) and not value.holds]
        return (*failed, *(name for name in ("waiting_at_relay", "refused", "in_conflict") if counts[name]))

    @property
    def overhead_share(self) -> float:
        """What crossed beside statements and photographs, of all: TLS, handshakes, certificates, and anything twice."""
        return 1 - self.useful_bytes / self.link_bytes_up

    @property
    def sent_again_share(self) -> float:
        """What the relay handed to the uplink once more, of all that it handed over, by its own count."""
        return self.relay_bytes_sent_again / self.relay_bytes_sent

    def as_json(self) -> str:
        """Every figure, with what follows from them."""
        derived = {
            "holds": not self.failures,
            "failures": self.failures,
            "overhead_share": self.overhead_share,
            "sent_again_share": self.sent_again_share,
            "tally_frame_bytes_each": self.tally_frame_bytes / self.tallies_at_centre.wanted,
            "tally_link_bytes_each": self.tally_link_bytes / self.tallies_at_centre.wanted,
        }
        return json.dumps(dataclasses.asdict(self) | derived, indent=2) + "\n"


async def examine(
    country: Country,
    officers: Sequence[Officer],
    link: Link,
    relay: Process,
    centre: Process,
    moments: Moments,
    wall_seconds: float,
) -> Report:
    """Looks at everything again."""
    tls = authority_tls(country.root_file)
    entries = [(officer, entry) for officer in officers for entry in await asyncio.to_thread(officer.outbox.entries)]
    bytes_up, bytes_down, bytes_lost = link.bytes_up, link.bytes_down, link.bytes_lost
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
        status = await get_json(session, f"https://{LOOPBACK}:{relay.port}/v1/status")
        at_centre = AtCentre(session, f"https://{LOOPBACK}:{centre.port}/v1")
        equal = [await at_centre.statement_equals(entry) for _, entry in entries]
        photographs = [
            (page.size_bytes, await at_centre.photograph_equals(entry, page.document))
            for _, entry in entries
            for page in entry.statement.pages
        ]
        incomplete = sum([await at_centre.is_incomplete(officer) for officer in officers if officer.tally])
    words = ("central", "status", "--config", str(country.centre_config), "--scope", KECAMATAN, "--json")
    total = json.loads(await run_relay_command(words))["total"]
    tallies = [officer.tally for officer in officers if officer.tally is not None]
    frame = parcels.pack_statements([StatementParcel(tally.statement.signed.bare) for tally in tallies])
    return Report(
        receipts_verified=count(receipt_holds(officer, entry) for officer, entry in entries),
        slips_verified=count(slip for officer, entry in entries for slip in slips_hold(officer, entry)),
        statements_equal=count(equal),
        photographs_equal=count(is_equal for _, is_equal in photographs),
        tallies_at_centre=Count(total["with_tally"], sum(o.station.figures is not None for o in officers)),
        stations_with_photographs=Count(total["with_photographs"], total["tps"]),
        not_filled_in=tuple(o.station.tps for o in officers if o.station.figures is None),
        tallies_incomplete=incomplete,
        stations=total["tps"],
        waiting_at_relay=status["counts"]["without_receipt"],
        refused=status["counts"]["refused"],
        in_conflict=status["counts"]["in_conflict"],
        photograph_bytes=sum(size for size, _ in photographs),
        link_bytes_up=bytes_up,
        link_bytes_down=bytes_down,
        link_bytes_lost=bytes_lost,
        useful_bytes=sum(size for size, _ in photographs) + sum(len(e.statement.signed.bare) for _, e in entries),
        relay_bytes_sent=status["bytes_sent"],
        relay_bytes_sent_again=status["bytes_sent_again"],
        tally_frame_bytes=len(frame),
        tally_link_bytes=moments.tally_link_bytes,
        tally_seconds=moments.tally_seconds,
        wall_seconds=wall_seconds,
    )
