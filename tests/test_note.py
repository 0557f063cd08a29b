"""An operator's note, from the kecamatan to the centre: a statement like any other, which overwrites nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from relay import cli
from relay.protocol import cbor, cose, login, parcels, receipts
from relay.protocol.messages import Problem, ReceiptGiven, SlipGiven
from relay.protocol.parcels import StatementParcel
from relay.protocol.receipts import Verdict
from relay.protocol.roles import Role
from tests.authorities import KABUPATEN, TPS, Party, World
from tests.world.http import ask, post, settled, where
from tests.world.nodes import Country, note, running_centre, running_relay, tally
from tests.world.sticks import custody, hand_over, stick_of
from tests.world.stream import HandDrivenRelay
from tests.world.waiting import eventually

NOBODY_KNOWS = tuple(sorted(cose.sha256(bytes((at,))) for at in range(17)))
OTHER_STATION = "6501082001002"


def sealed(party: Party, message: cose.Sign1) -> bytes:
    """A message as a phone posts it."""
    return message.with_chain(party[1])


def changed(operator: Party, **changes: Any) -> cose.Sign1:
    """A note with other values for some keys (`k19`: key 19)."""
    parts = cbor.decode(note(operator, NOBODY_KNOWS[:2]).payload)
    return operator[0].sign(cbor.encode(parts | {int(key[1:]): value for key, value in changes.items()}))


def not_utf_8(operator: Party) -> cose.Sign1:
    payload = note(operator, NOBODY_KNOWS[:1], text="suara sah").payload
    return operator[0].sign(payload.replace(b"suara sah", b"suara \xff\xfe\xfd"))


def a_login(operator: Party) -> cose.Sign1:
    return operator[0].sign(login.payload(1_763_700_000, bytes(32), "https://10.42.0.1:8443"))


Maker = Callable[[World], tuple[Party, cose.Sign1]]


def by_operator(make: Callable[[Party], cose.Sign1]) -> Maker:
    """What an operator of this kecamatan signs."""

    def made(world: World) -> tuple[Party, cose.Sign1]:
        operator = world.operator()
        return operator, make(operator)

    return made


def by(role: Role, scope: str) -> Maker:
    """A note by somebody else."""

    def made(world: World) -> tuple[Party, cose.Sign1]:
        party = world.leaf(role, scope)
        return party, note(party, NOBODY_KNOWS[:1])

    return made


BAD: dict[str, tuple[str, Maker]] = {
    "by an officer": ("role-not-allowed", by(Role.KPPS, TPS)),
    "by a relay": ("role-not-allowed", by(Role.RELAY, "650108")),
    "an operator signs a tally": ("role-not-allowed", by_operator(tally)),
    "by the operator next door": ("station-not-signers", by(Role.PPK, "650109")),
    "ids descend": ("statement-malformed", by_operator(lambda o: changed(o, k19=[NOBODY_KNOWS[1], NOBODY_KNOWS[0]]))),
    "an id twice": ("statement-malformed", by_operator(lambda o: changed(o, k19=[NOBODY_KNOWS[0]] * 2))),
    "about nothing": ("statement-malformed", by_operator(lambda o: changed(o, k19=[]))),
    "about too much": ("statement-malformed", by_operator(lambda o: changed(o, k19=list(NOBODY_KNOWS)))),
    "favours another": ("statement-malformed", by_operator(lambda o: changed(o, k20=NOBODY_KNOWS[2]))),
    "no text": ("statement-malformed", by_operator(lambda o: changed(o, k21=""))),
    "1,001 bytes of text": ("statement-malformed", by_operator(lambda o: changed(o, k21="é" * 500 + "e"))),
    "text in bytes": ("statement-malformed", by_operator(lambda o: changed(o, k21=b"benar"))),
    "not UTF-8": ("malformed-cbor", by_operator(not_utf_8)),
    "figures beside it": ("statement-malformed", by_operator(lambda o: changed(o, k6=bytes(35)))),
    "a login": ("kind-unexpected", by_operator(a_login)),
}


@pytest.mark.parametrize(("code", "make"), BAD.values(), ids=BAD.keys())
async def test_a_relay_refuses(country: Country, http: aiohttp.ClientSession, code: str, make: Maker) -> None:
    party, message = make(country.world)
    operator = country.world.operator()
    async with running_relay(country.relay_config()) as relay:
        answer = await post(http, relay, sealed(party, message))
        assert answer.code == code, answer.json
        longest = note(operator, NOBODY_KNOWS[:16], text="é" * 500)
        assert (await post(http, relay, sealed(operator, longest))).status == 201
        told = (await ask(http, "GET", f"{relay}/v1/status")).json
        assert told["counts"]["statements"] == 1


@pytest.mark.parametrize(("code", "make"), BAD.values(), ids=BAD.keys())
async def test_a_centre_believes_no_relay(
    country: Country, http: aiohttp.ClientSession, code: str, make: Maker
) -> None:
    """Refused with a receipt if its signer signed it and may not; else the carrier's problem, and no receipt."""
    party, message = make(country.world)
    async with running_centre(country.centre_config()) as centre, http.ws_connect(f"{centre}/v1/exchange") as socket:
        hostile = HandDrivenRelay(socket, country.world.relay())
        seen = await hostile.send(parcels.pack_statements([StatementParcel(message.bare, party[1])]))
        given = [receipts.read(cose.parse(item.receipt)) for item in seen if isinstance(item, ReceiptGiven)]
        problems = [item.code for item in seen if isinstance(item, Problem)]
        outcomes = [(item.verdict, item.notes) for receipt in given for item in receipt.outcomes]
        if code in ("role-not-allowed", "station-not-signers"):
            assert (problems, outcomes) == ([], [(Verdict.REFUSED, (code,))])
        else:
            assert (problems, outcomes) == ([code], [])


async def test_a_note_about_what_nobody_knows_is_kept_and_goes_up(
    country: Country, http: aiohttp.ClientSession
) -> None:
    operator = country.world.operator()
    signed = note(operator, NOBODY_KNOWS[:2], text="Belum ada di sini; dicatat dulu.")
    async with running_centre(country.centre_config()) as centre:
        port = int(centre.rpartition(":")[2])
    async with running_relay(country.relay_config(centre_url=centre)) as relay:
        assert (await post(http, relay, sealed(operator, signed))).status == 201
        waits = (await ask(http, "GET", f"{relay}/v1/status")).json
        assert {name: item["count"] for name, item in waits["waiting"].items()} == {
            "tallies": 0,
            "notes": 1,
            "lists": 0,
            "photographs": 0,
        }
        assert (waits["counts"]["statements"], waits["counts"]["tps"]) == (1, 0)
        async with running_centre(country.centre_config(port=port)):
            told = await settled(http, relay, signed.id)
            assert (told["state"], told["kind"], told["flags"]) == ("at-centre", "note", told["notes"])
            for url in (relay, centre):
                seen = await where(http, url, signed.id)
                assert seen["about"] == [item.hex() for item in NOBODY_KNOWS[:2]]
                assert (seen["favours"], seen["text"]) == (None, "Belum ada di sini; dicatat dulu.")


async def test_notes_that_disagree_are_in_conflict_and_a_further_one_is_a_revision(
    country: Country, http: aiohttp.ClientSession
) -> None:
    operator, colleague = country.world.operator(), country.world.operator(TPS[:10])
    about = NOBODY_KNOWS[:2]
    one = note(operator, about, about[0])
    again = note(colleague, about, about[0], signed_at=1_763_700_100)
    other = note(colleague, about, about[1])
    later = note(operator, about, about[1], revision=2)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        states = []
        for party, signed in ((operator, one), (colleague, again), (colleague, other), (operator, later)):
            assert (await post(http, relay, sealed(party, signed))).status == 201
            states.append((await settled(http, relay, signed.id))["state"])
        assert states == ["at-centre", "at-centre", "in-conflict", "at-centre"]
        for signed in (one, again):
            assert (await where(http, centre, signed.id))["state"] == "in-conflict"
        region = (await ask(http, "GET", f"{centre}/v1/status?scope={KABUPATEN}")).json["total"]
        assert {name: region[name] for name in ("with_tally", "in_conflict", "flagged", "with_photographs")} == {
            "with_tally": 0,
            "in_conflict": 0,
            "flagged": 0,
            "with_photographs": 0,
        }


async def test_a_note_favours_one_of_two_tallies_and_overwrites_neither(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, operator = country.world.officer(), country.world.operator()
    one, other = tally(officer, votes=(1, 2, 3)), tally(officer, votes=(3, 2, 1))
    said = note(operator, [one.id, other.id], other.id, "Kotak dibuka di depan saksi: 3, 2, 1.")
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        for signed in (one, other):
            await post(http, relay, sealed(officer, signed))
            await settled(http, relay, signed.id)

        async def both_in_conflict() -> bool:
            states = [(await where(http, relay, signed.id))["state"] for signed in (one, other)]
            return states == ["in-conflict", "in-conflict"]

        await eventually(both_in_conflict)
        before = {signed.id: await where(http, centre, signed.id) for signed in (one, other)}
        assert (await post(http, relay, sealed(operator, said))).status == 201
        told = await settled(http, relay, said.id)
        assert (told["state"], told["favours"]) == ("at-centre", other.id.hex())
        # both tallies stay as they were signed and judged, at the relay and at the centre
        assert await both_in_conflict()
        assert {signed.id: await where(http, centre, signed.id) for signed in (one, other)} == before
        station = (await ask(http, "GET", f"{centre}/v1/tps/{TPS}")).json["statements"]
        assert [(item["kind"], item["state"]) for item in station] == [
            ("tally", "in-conflict"),
            ("tally", "in-conflict"),
            ("note", "at-centre"),
        ]
        assert station[2]["text"] == "Kotak dibuka di depan saksi: 3, 2, 1."
        assert station[2]["figures"] is None
        listed = (await ask(http, "GET", f"{centre}/v1/tps?scope={TPS}")).json["stations"]
        assert [(item["tps"], item["tally_verdict"]) for item in listed] == [(TPS, Verdict.CONFLICT)]
        for signed in (one, other, said):
            answer = await ask(http, "GET", f"{centre}/v1/statements/{signed.id.hex()}/cose")
            assert answer.body == signed.bare


@pytest.mark.parametrize("is_connected", [True, False], ids=["connected", "later"])
async def test_a_relay_learns_of_the_conflict_that_another_ones_tally_makes(
    country: Country, http: aiohttp.ClientSession, is_connected: bool
) -> None:
    """At once while it has a stream; else when it next comes to the centre, with something else."""
    officer, village = country.world.officer(), country.world.officer(TPS[:10])
    one, other = tally(officer, votes=(1, 2, 3)), tally(village, votes=(3, 2, 1))
    unrelated = tally(village, OTHER_STATION)
    config: dict[str, object] = {"idle_seconds_max": 60 if is_connected else 0.05}
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config("first", centre_url=centre, uplink=config)) as first,
        running_relay(country.relay_config("second", scope="650107", centre_url=centre)) as second,
    ):

        async def state() -> str:
            return str((await where(http, first, one.id))["state"])

        async def first_is(wanted: str) -> bool:
            return bool((await ask(http, "GET", f"{first}/v1/status")).json["uplinks"][0]["state"] == wanted)

        await post(http, first, sealed(officer, one))
        await settled(http, first, one.id)
        await eventually(lambda: first_is("up" if is_connected else "resting"))
        await post(http, second, sealed(village, other))
        assert (await settled(http, second, other.id))["state"] == "in-conflict"
        if not is_connected:
            assert await state() == "at-centre"
            await post(http, first, sealed(village, unrelated))

        async def has_learned() -> bool:
            return await state() == "in-conflict"

        await eventually(has_learned)
        told = await where(http, first, one.id)
        assert told["receipt"] == (await where(http, centre, one.id))["receipt"]


async def test_a_neighbour_takes_custody_of_a_note(country: Country, http: aiohttp.ClientSession) -> None:
    operator = country.world.operator()
    signed = note(operator, NOBODY_KNOWS[:2])
    async with running_relay(country.relay_config()) as relay, http.ws_connect(f"{relay}/v1/exchange") as socket:
        upstream = HandDrivenRelay(socket, country.world.relay("650107"))
        seen = await upstream.statements(signed.bare, chain=operator[1])
        assert [type(item) for item in seen] == [SlipGiven]
        assert (await where(http, relay, signed.id))["origin"] == "relay 650107"


async def test_a_stick_carries_notes_with_the_tallies(country: Country, http: aiohttp.ClientSession) -> None:
    operator, officer, stick = country.world.operator(), country.world.officer(), stick_of(country)
    counted, said = tally(officer), note(operator, NOBODY_KNOWS[:2])
    async with running_centre(country.centre_config()) as centre, custody(country) as kept:
        await kept.take(counted, officer[1])
        await kept.take(said, operator[1])
        progress = await kept.export(stick)
        assert progress.left_out == 0
        told = await hand_over(country, stick.folder, centre)
        assert told.complete, told.sentences
        for signed in (counted, said):
            assert (await where(http, centre, signed.id))["state"] == "at-centre"


def test_verify_says_what_an_operator_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    operator = world.operator()
    about = NOBODY_KNOWS[:2]
    signed = note(operator, about, about[1], "Yang benar yang kedua.\n\x1b[2Jdisaksikan [bold]3[/bold] saksi")
    (tmp_path / "note.cose").write_bytes(sealed(operator, signed))
    (tmp_path / "root.pem").write_bytes(x509.load_der_x509_certificate(world.root_der).public_bytes(Encoding.PEM))
    words = ["verify", str(tmp_path / "note.cose"), "--root", str(tmp_path / "root.pem")]
    assert cli.main(words) == 3
    told = capsys.readouterr().out
    assert f"NOTE of TPS {TPS}, C.HASIL-PPWP (2401), revision 1" in told
    assert "ppk, certified for kecamatan 650108" in told
    assert f"about       {about[0].hex()}\n" in told
    assert f"about       {about[1].hex()}, which the operator favours" in told
    assert "says        Yang benar yang kedua.\nsays         [2Jdisaksikan [bold]3[/bold] saksi" in told
    assert "overwrites nothing" in told
    officer = world.officer()
    (tmp_path / "note.cose").write_bytes(sealed(officer, note(officer, about)))
    assert cli.main(words) == 1
    assert "is certified as kpps; only ppk may sign this" in capsys.readouterr().out
