"""The reference client against real relays and a real centre: what it promises its officer."""

import time
from pathlib import Path

import pytest

from relay.authority import keys
from relay.phone import outbox as outbox_module
from relay.phone.outbox import Outbox
from relay.phone.sending import SendReport, send
from relay.protocol import codes, forms, trust
from relay.protocol.forms import Figures
from relay.protocol.lifecycle import State
from relay.protocol.trust import Role
from tests.authorities import TPS, new_key
from tests.world.nodes import Country, running_centre, running_relay

STATION = codes.tps_code(TPS)
FORM = 2401


def clock() -> int:
    return int(time.time())


def figures(**named: int | None) -> Figures:
    """A whole presidential form whose arithmetic holds."""
    people = {"dpt": (60, 62), "users_dpt": (50, 60), "users_dptb": (4, 3), "users_dpk": (1, 2), "users": (55, 65)}
    whole: dict[str, int | None] = {"disabled.l": 0, "disabled.p": 1, "disabled.j": 1}
    for name, (men, women) in people.items():
        whole |= {f"{name}.l": men, f"{name}.p": women, f"{name}.j": men + women}
    whole |= {"ballots_received": 125, "ballots_used": 120, "ballots_spoilt": 1, "ballots_unused": 4}
    whole |= {"votes.1": 5, "votes.2": 97, "votes.3": 14, "valid": 116, "invalid": 4, "total": 120}
    return forms.catalogue()[FORM].figures(whole | named)


def new_outbox(country: Country, name: str = "phone", tps: str = TPS) -> Outbox:
    """An officer's outbox, from a PKCS#12 file as enrolment makes it."""
    key = new_key()
    _, chain = country.world.leaf(Role.KPPS, tps, key=key)
    leaf, *above = [trust.parse_certificate(der) for der in chain]
    p12 = keys.pkcs12_file(f"KPPS {tps}", key, leaf, above, "K7QM-2XHV-9TRA-CW4E")
    return outbox_module.create(country.folder / name, p12, "k7qm 2xhv 9tra cw4e", country.world.root_der, clock)


def photographs(folder: Path, *sizes: int) -> dict[int, Path]:
    """Files that stand for pages 1, 2, …."""
    pages = {}
    for number, size in enumerate(sizes, 1):
        pages[number] = folder / f"page-{number}.jpg"
        pages[number].write_bytes(b"\xff\xd8\xff" + bytes([number]) * (size - 3))
    return pages


@pytest.fixture
def phone(country: Country) -> Outbox:
    return new_outbox(country)


async def test_a_tally_and_its_photographs_go_from_phone_to_receipt(
    country: Country, phone: Outbox, tmp_path: Path
) -> None:
    tally = phone.sign_tally(phone.officer(), STATION, FORM, figures())
    listing = phone.sign_documents(phone.officer(), STATION, FORM, photographs(tmp_path, 300_000, 1000, 40_000))
    assert (tally.state, tally.flags, listing.state) == (State.ON_PHONE, (), State.ON_PHONE)
    seen: list[tuple[bytes, int, int]] = []
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        report = await send(phone, [relay], wait_seconds=20, progress=lambda *what: seen.append(what))
    assert report == SendReport(relays=["relay 650108"], slips=5, receipts=2)
    assert [entry.state for entry in phone.entries()] == [State.AT_CENTRE, State.AT_CENTRE]
    assert phone.entry(listing.statement.id).pages_held == 3
    assert seen[-1][1] == seen[-1][2]
    assert len({document for document, _, _ in seen}) == 3
