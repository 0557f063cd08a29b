"""The job that every system is given: 500 signed tallies and some photographs, and a country in which they hold."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from relay import identity
from relay.protocol import codes, cose, forms, slips, statements
from relay.protocol.receipts import Outcome
from relay.protocol.roles import Role
from relay.protocol.statements import DocumentHash, Page
from relay.store.changes import Record, TakeDocument, TakeStatement
from relay.store.custody import open_custody
from relay.store.documents import DocumentFiles
from relay.store.record import open_record
from tests.authorities import KECAMATAN, Party
from tests.bench.material import FORM, SIGNED_AT
from tests.world.nodes import Country
from tests.world.running import beside

TALLIES = 500
PHOTOGRAPHS = 20
PHOTOGRAPH_BYTES = 300_000
_EARLIER_FORM = FORM + 1
_STATIONS_OF_A_VILLAGE = 50


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be carried: COSE bytes of the tallies and of the lists, one list for each photograph."""

    relay_identity: Path
    centre_identity: Path
    tallies: tuple[bytes, ...]
    earlier: tuple[bytes, ...]
    """A statement of each officer, by which the centre has come to know them all."""
    chains: tuple[tuple[bytes, ...], ...]
    lists: tuple[bytes, ...]
    photographs: tuple[bytes, ...]

    @property
    def useful_bytes(self) -> int:
        """Tallies as signed and photographs; lists, slips, names and receipts are each system's own expense."""
        return sum(map(len, self.tallies)) + sum(map(len, self.photographs))

    def with_photographs(self, count: int) -> "Job":
        """The same with fewer of them."""
        return replace(self, lists=self.lists[:count], photographs=self.photographs[:count])


def make(folder: Path, seed: int, *, tallies: int = TALLIES, photographs: int = PHOTOGRAPHS) -> Job:
    """A new country in `folder`, with an officer for each station."""
    chance = random.Random(f"job {seed}")
    country = Country(folder)
    stations = [_station(*divmod(at, _STATIONS_OF_A_VILLAGE)) for at in range(tallies)]
    officers = [country.world.officer(tps) for tps in stations]
    pictures = tuple(chance.randbytes(PHOTOGRAPH_BYTES) for _ in range(photographs))
    return Job(
        country.identity(Role.RELAY, KECAMATAN),
        country.identity(Role.CENTRE),
        tuple(_tally(officer, tps, chance) for officer, tps in zip(officers, stations, strict=True)),
        tuple(_earlier(officer, tps) for officer, tps in zip(officers, stations, strict=True)),
        tuple(chain for _, chain in officers),
        tuple(_listing(officer, tps, data) for officer, tps, data in zip(officers, stations, pictures, strict=False)),
        pictures,
    )


async def fill_relay(job: Job, data: Path) -> None:
    """All of it in the custody of a relay with the folder `data`, as if the phones had been there."""
    node = identity.load(job.relay_identity, Role.RELAY)

    def sign_slip(kind: slips.Subject, subject: bytes, number: int) -> tuple[bytes, int]:
        return node.signer.sign(slips.payload(kind, subject, number, SIGNED_AT, True)).bare, SIGNED_AT

    files = DocumentFiles(data, 0)
    # the photographs first, so that the tallies have something to overtake
    taken = zip((*job.lists, *job.tallies), (*job.chains[: len(job.lists)], *job.chains), strict=True)
    async with open_custody(data / "relay.db", sign_slip, queue_max=1024) as store, beside(store.run()):
        await asyncio.gather(
            *(store.take_custody(TakeStatement(statements.parse(item), chain)) for item, chain in taken)
        )
        for photograph in job.photographs:
            name = DocumentHash(cose.sha256(photograph))
            files.append(name, 0, photograph)
            files.finish(name, len(photograph))
            await store.take_custody(TakeDocument(name, len(photograph)))


async def fill_centre(job: Job, data: Path) -> None:
    """A centre with the folder `data` that knows every officer's certificate, from statements about another form."""

    def sign_receipt(_outcomes: Sequence[Outcome]) -> tuple[bytes, int]:
        return next(receipts), SIGNED_AT

    receipts = (number.to_bytes(4, "big") for number in itertools.count())
    async with open_record(data / "centre.db", sign_receipt, queue_max=1024) as store, beside(store.run()):
        await store.record_all(
            [
                Record(statements.parse(cose_bytes), "earlier", (), None, chain, SIGNED_AT)
                for cose_bytes, chain in zip(job.earlier, job.chains, strict=True)
            ]
        )


def _station(village: int, number: int) -> str:
    return f"{KECAMATAN}{2001 + village}{number + 1:03}"


def _tally(officer: Party, tps: str, chance: random.Random) -> bytes:
    figures = forms.pack(forms.catalogue()[FORM].figures(_figures(chance)))
    return _signed(officer, tps, FORM, figures, SIGNED_AT + chance.randrange(3000))


def _earlier(officer: Party, tps: str) -> bytes:
    return _signed(officer, tps, _EARLIER_FORM, b"\x00", SIGNED_AT)


def _signed(officer: Party, tps: str, form: int, figures: bytes, signed_at: int) -> bytes:
    payload = statements.tally(tps=codes.tps_code(tps), form=form, revision=1, signed_at=signed_at, figures=figures)
    return officer[0].sign(payload).bare


def _listing(officer: Party, tps: str, photograph: bytes) -> bytes:
    page = Page(1, DocumentHash(cose.sha256(photograph)), len(photograph))
    payload = statements.documents(tps=codes.tps_code(tps), form=FORM, revision=1, signed_at=SIGNED_AT, pages=[page])
    return officer[0].sign(payload).bare


def _figures(chance: random.Random) -> dict[str, int | None]:
    """The 28 figures of a station on whose paper everything adds up; turnout and votes as they happen to be."""
    registered = _people(chance, chance.randint(60, 300))
    listed = _people(chance, chance.randint(registered["j"] // 2, registered["j"]))
    moved, unlisted = _people(chance, chance.randrange(6)), _people(chance, chance.randrange(10))
    users = {key: listed[key] + moved[key] + unlisted[key] for key in listed}
    invalid = chance.randint(0, users["j"] // 20)
    valid = users["j"] - invalid
    first, second = sorted(chance.randint(0, valid) for _ in range(2))
    received, spoilt = registered["j"] + -(-registered["j"] * 2 // 100), chance.randrange(3)
    groups = {
        "dpt": registered,
        "users_dpt": listed,
        "users_dptb": moved,
        "users_dpk": unlisted,
        "users": users,
        "disabled": _people(chance, chance.randrange(4)),
    }
    return {
        **{f"{name}.{key}": count for name, people in groups.items() for key, count in people.items()},
        "ballots_received": received,
        "ballots_used": users["j"],
        "ballots_spoilt": spoilt,
        "ballots_unused": max(0, received - users["j"] - spoilt),
        "votes.1": first,
        "votes.2": second - first,
        "votes.3": valid - second,
        "valid": valid,
        "invalid": invalid,
        "total": users["j"],
    }


def _people(chance: random.Random, count: int) -> dict[str, int]:
    men = round(count * chance.uniform(0.4, 0.6))
    return {"l": men, "p": count - men, "j": count}
