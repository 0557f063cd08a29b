"""A lost phone is replaced at the relay, offline; its revocation holds there at once, and travels up by every way."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from cryptography import x509

from relay.config import UplinkConfig
from relay.protocol import cose, messages, parcels
from relay.protocol.enrolment import enrolment_code
from relay.protocol.messages import ReceiptGiven, TrustNews
from relay.protocol.receipts import Verdict, read
from relay.protocol.roles import Role
from tests.authorities import TPS, Party
from tests.world.enrolling import KecamatanAuthority, Phone
from tests.world.http import Answer, ask, post, settled, where
from tests.world.nodes import QUICK_UPLINK, Country, documents, running_centre, running_relay, tally
from tests.world.operators import session
from tests.world.sticks import hand_over
from tests.world.stream import HandDrivenRelay
from tests.world.waiting import eventually

NOW = datetime.now(UTC)
OTHER = "6501082001002"


async def enrolled(http: aiohttp.ClientSession, relay: str, office: KecamatanAuthority, tps: str = TPS) -> Party:
    phone = Phone()
    return phone.party(await phone.ask(http, relay, office.code(tps)), office.code(tps))


async def replaced(http: aiohttp.ClientSession, relay: str, operator: Party, scope: Any = TPS) -> Answer:
    headers = {**await session(http, relay, operator), "Content-Type": "application/json"}
    return await ask(http, "POST", f"{relay}/v1/replacements", data=json.dumps({"scope": scope}), headers=headers)


async def centre_knows(http: aiohttp.ClientSession, centre: str, office: KecamatanAuthority) -> None:
    """Until the centre has the newest CRL of a kecamatan's CA."""
    crl = x509.load_der_x509_crl((office.folder / "crl.der").read_bytes())

    async def look() -> bool:
        told = (await ask(http, "GET", f"{centre}/v1/trust")).json["crls"]
        numbers = [_crl(item) for item in told]
        return any(item.signature == crl.signature for item in numbers)

    await eventually(look)


def _crl(text: str) -> x509.CertificateRevocationList:
    from relay.protocol.enrolment import bytes64

    return x509.load_der_x509_crl(bytes64(text))


async def thief_hands_over(
    http: aiohttp.ClientSession, country: Country, centre: str, statement: cose.Sign1, chain: tuple[bytes, ...]
) -> Verdict:
    """What the centre says of a statement that comes by another relay, which has never heard of the revocation."""
    async with http.ws_connect(f"{centre}/v1/exchange") as socket:
        other = HandDrivenRelay(socket, country.world.relay("650107"))
        said = await other.statements(statement.bare, chain=chain)
    (given,) = [message for message in said if isinstance(message, ReceiptGiven)]
    (outcome,) = read(cose.parse(given.receipt)).outcomes
    assert outcome.statement == statement.id
    assert outcome.notes == ("signer-revoked",) or outcome.verdict is not Verdict.REFUSED
    return outcome.verdict


# --- at the relay, with no network


async def test_a_lost_phone_is_replaced_with_no_network_and_nothing_that_has_a_slip_is_lost(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office, operator = KecamatanAuthority(country), country.world.operator()
    config = replace(country.relay_config(), enrolment=office.config)
    async with running_relay(config) as relay:
        lost = await enrolled(http, relay, office)
        before, photograph = tally(lost), b"a page" * 1000
        listing = documents(lost, [photograph])
        for statement in (before, listing):
            assert (await post(http, relay, statement.with_chain(lost[1]))).status == 201

        answer = await replaced(http, relay, operator)
        assert answer.status == 200
        assert (answer.json["scope"], answer.json["revoked"]) == (TPS, 1)

        refused = await post(http, relay, tally(lost, revision=2).with_chain(lost[1]))
        assert (refused.status, refused.code) == (403, "signer-revoked")
        assert (await post(http, relay, tally(lost, revision=3).bare)).code == "signer-revoked"
        for statement in (before, listing):
            assert (await where(http, relay, statement.id))["state"] == "at-relay"

        code, new = enrolment_code(answer.json["code"]), Phone()
        successor = new.party(await new.ask(http, relay, code), code)
        assert (await post(http, relay, tally(successor, revision=2).with_chain(successor[1]))).status == 201
    async with running_relay(config) as relay:  # and so it stays
        assert (await post(http, relay, tally(lost, revision=2).with_chain(lost[1]))).code == "signer-revoked"
        assert (await post(http, relay, tally(successor, revision=4).with_chain(successor[1]))).status == 201


async def test_whoever_has_the_old_code_or_an_unused_one_has_nothing(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office, operator = KecamatanAuthority(country), country.world.operator()
    async with running_relay(replace(country.relay_config(), enrolment=office.config)) as relay:
        phone, thief = Phone(), Phone()
        await phone.ask(http, relay, office.code())
        first = await replaced(http, relay, operator)
        assert (await phone.ask(http, relay, office.code())).json["code"] == "signer-revoked"
        polled = await ask(http, "GET", f"{relay}/v1/enrolments/{phone.id}")
        assert (polled.json["state"], polled.json["code"]) == ("refused", "signer-revoked")
        assert (await thief.ask(http, relay, office.code())).json["code"] == "code-spent"

        second = await replaced(http, relay, operator)  # done again: the code of before is worth nothing
        assert second.json["revoked"] == 0
        assert second.json["code"] != first.json["code"]
        assert (await thief.ask(http, relay, enrolment_code(first.json["code"]))).json["code"] == "code-spent"
        assert (await thief.ask(http, relay, enrolment_code(second.json["code"]))).status == 201

        never_used = await replaced(http, relay, operator, OTHER)  # the card was lost, not the phone
        assert never_used.json["revoked"] == 0
        assert (await Phone().ask(http, relay, office.code(OTHER))).json["code"] == "code-spent"


async def test_only_an_operator_of_the_place_replaces_and_only_what_can_be(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office, operator = KecamatanAuthority(country), country.world.operator()
    async with running_relay(replace(country.relay_config(), enrolment=office.config)) as relay:
        phone = await enrolled(http, relay, office)
        body = json.dumps({"scope": TPS})
        nobody = await ask(http, "POST", f"{relay}/v1/replacements", data=body)
        assert (nobody.status, nobody.code) == (401, "session-needed")
        for scope, code in (
            ("6502082001001", "role-not-allowed"),
            ("650108", "bad-request"),
            ("65", "role-not-allowed"),
            ("x", "tps-malformed"),
            (None, "tps-malformed"),
        ):
            answer = await replaced(http, relay, operator, scope)
            assert answer.code == code, scope
        everywhere = await replaced(
            http, relay, country.world.leaf(Role.PPK, "65", country.world.root), "6502082001001"
        )
        assert everywhere.code == "ca-outside-scope"
        assert (await post(http, relay, tally(phone).with_chain(phone[1]))).status == 201
    async with running_relay(country.relay_config("without")) as relay:
        assert (await replaced(http, relay, operator)).code == "not-found"
    assert not office.open().ledger.revoked


async def test_a_replacement_that_a_crash_cut_short_holds_after_the_next_start(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office = KecamatanAuthority(country)
    config = replace(country.relay_config(), enrolment=office.config)
    async with running_relay(config) as relay:
        lost = await enrolled(http, relay, office)
        assert (await post(http, relay, tally(lost).with_chain(lost[1]))).status == 201
    opened = office.open()
    opened.revoke(list(opened.ledger.issued))
    (office.folder / "crl.der").unlink()  # the ledger has it, the list was not written yet
    async with running_relay(config) as relay:
        assert (await post(http, relay, tally(lost, revision=2).with_chain(lost[1]))).code == "signer-revoked"


# --- and upwards


async def test_a_revocation_made_offline_reaches_the_centre_when_the_network_is_back(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office, operator = KecamatanAuthority(country), country.world.operator()
    async with running_relay(replace(country.relay_config(), enrolment=office.config)) as relay:  # no uplink
        lost = await enrolled(http, relay, office)
        before = tally(lost)
        await post(http, relay, before.with_chain(lost[1]))
        await replaced(http, relay, operator)
    async with running_centre(country.centre_config()) as centre:
        config = replace(country.relay_config(centre_url=centre), enrolment=office.config)
        async with running_relay(config) as relay:
            assert (await settled(http, relay, before.id))["state"] == "at-centre"  # signed before he was revoked
            await centre_knows(http, centre, office)
            stolen = tally(lost, revision=2)
            assert await thief_hands_over(http, country, centre, stolen, lost[1]) is Verdict.REFUSED
    async with running_centre(country.centre_config()) as centre:  # and it is kept
        stolen = tally(lost, revision=3)
        assert await thief_hands_over(http, country, centre, stolen, lost[1]) is Verdict.REFUSED


async def test_a_revocation_made_while_the_relay_is_connected_goes_up_by_itself_and_once(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office, operator = KecamatanAuthority(country), country.world.operator()
    async with running_centre(country.centre_config()) as centre:
        config = replace(country.relay_config(centre_url=centre), enrolment=office.config)
        async with running_relay(config) as relay:
            await enrolled(http, relay, office)
            await replaced(http, relay, operator)
            await centre_knows(http, centre, office)
            await replaced(http, relay, operator)
            await centre_knows(http, centre, office)

            async def owes_nothing() -> bool:
                return not await _owed(config.node.data_directory / "relay.db")

            await eventually(owes_nothing)


async def _owed(path: Any) -> list[Any]:
    from relay.store.database import open_database
    from relay.store.trust_items import TrustItems

    async with open_database(path, "relay") as database:
        return await TrustItems(database).owed()


async def test_a_revocation_goes_up_through_a_neighbour(country: Country, http: aiohttp.ClientSession) -> None:
    office, operator = KecamatanAuthority(country), country.world.operator()
    async with running_centre(country.centre_config()) as centre:
        near = country.relay_config("near", scope="650109", centre_url=centre)
        async with running_relay(near) as neighbour:
            way = UplinkConfig(kind="neighbour", name="near", url=neighbour, **QUICK_UPLINK)  # type: ignore[arg-type]
            config = replace(country.relay_config(), enrolment=office.config, uplink=(way,))
            async with running_relay(config) as relay:
                lost = await enrolled(http, relay, office)
                before = tally(lost)
                await post(http, relay, before.with_chain(lost[1]))
                await replaced(http, relay, operator)
                await centre_knows(http, centre, office)
                assert (await post(http, neighbour, tally(lost, revision=2).with_chain(lost[1]))).code == (
                    "signer-revoked"
                )
                assert (await settled(http, relay, before.id))["state"] == "at-centre"
            assert await thief_hands_over(http, country, centre, tally(lost, revision=3), lost[1]) is Verdict.REFUSED


async def test_a_revocation_goes_up_on_a_stick_behind_what_was_signed_before(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office, operator = KecamatanAuthority(country), country.world.operator()
    media = country.folder / "media"
    media.mkdir()
    drive = UplinkConfig(kind="drive", name="drive", folder=media)
    config = replace(country.relay_config(), enrolment=office.config, uplink=(drive,))
    async with running_relay(config) as relay:
        lost = await enrolled(http, relay, office)
        before = tally(lost)
        await post(http, relay, before.with_chain(lost[1]))
        await replaced(http, relay, operator)
        (media / "stick" / "relay-drive").mkdir(parents=True)

        async def written() -> bool:
            found = list(media.glob("stick/relay-drive/650108-*/trust.seq"))
            batches = list(media.glob("stick/relay-drive/650108-*/1-*.seq"))
            status = (await ask(http, "GET", f"{relay}/v1/status")).json["drives"][0]["state"]
            return bool(found and batches and status == "safe to remove")

        await eventually(written)
    async with running_centre(country.centre_config()) as centre:
        for _ in range(2):  # twice is once
            told = await hand_over(country, media / "stick", centre)
            assert told.complete, told.sentences
        assert (await where(http, centre, before.id))["state"] == "at-centre"
        await centre_knows(http, centre, office)
        assert await thief_hands_over(http, country, centre, tally(lost, revision=2), lost[1]) is Verdict.REFUSED


async def test_a_stick_with_nothing_but_revocations_is_handed_over(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office = KecamatanAuthority(country)
    desk, phone = office.desk(), Phone()
    desk.answer(phone.request(office.code()), NOW)
    crl = desk.replace(TPS, NOW).crl
    assert crl is not None
    signer, chain = country.world.relay()
    header = signer.sign(parcels.header_payload(1_763_700_000, [], [])).with_chain(chain)
    folder = country.folder / "stick" / "relay-drive" / f"650108-{signer.x5t.hex()}"
    folder.mkdir(parents=True)
    said: list[messages.Message] = [messages.Batch(header), TrustNews(desk.authority.chain, (crl,))]
    (folder / "trust.seq").write_bytes(b"".join(messages.encode(item) for item in said))
    async with running_centre(country.centre_config()) as centre:
        await hand_over(country, country.folder / "stick", centre)
        await centre_knows(http, centre, office)


async def test_a_relay_is_not_believed_but_for_what_holds_from_the_root(
    country: Country, http: aiohttp.ClientSession, tmp_path: Any
) -> None:
    office, stranger = KecamatanAuthority(country), Country(tmp_path / "elsewhere")
    stranger.folder.mkdir()
    officer = country.world.officer()
    false = KecamatanAuthority(stranger)
    another_ca = country.world.ca_for("650107", under=country.world.ca)
    lies = TrustNews(
        (*false.open().chain, b"nonsense"),
        (
            stranger.world.crl(officer[1][0]),
            country.world.crl(officer[1][0], issuer=another_ca),  # its own CA is not known, and it is not his
            b"nonsense",
        ),
    )
    async with running_centre(country.centre_config()) as centre:
        async with http.ws_connect(f"{centre}/v1/exchange") as socket:
            liar = HandDrivenRelay(socket, country.world.relay())
            await liar.announce()
            for message in (
                lies,
                TrustNews(another_ca.chain[:1], (country.world.crl(officer[1][0], issuer=another_ca),)),
            ):
                await socket.send_bytes(messages.encode(message))
            await liar.ask([])
            known = {*liar.trust.certificates}
        assert not known & {*false.open().chain}
        trusted = (await ask(http, "GET", f"{centre}/v1/trust")).json
        assert len(trusted["crls"]) == 1  # of the CA that has really signed one, about nobody of its own
        statement = tally(officer)
        assert await thief_hands_over(http, country, centre, statement, officer[1]) is Verdict.RECORDED
    assert office.open().ledger.issued == {}


@pytest.mark.parametrize("carries", [("tally", "documents"), ("tally", "documents", "control")])
async def test_an_uplink_that_is_too_dear_for_revocations_carries_none(
    country: Country, http: aiohttp.ClientSession, carries: tuple[str, ...]
) -> None:
    office, operator = KecamatanAuthority(country), country.world.operator()
    async with running_centre(country.centre_config()) as centre:
        dear = country.relay_config(centre_url=centre, uplink={"carries": carries})
        async with running_relay(replace(dear, enrolment=office.config)) as relay:
            lost = await enrolled(http, relay, office)
            before = tally(lost)
            await post(http, relay, before.with_chain(lost[1]))
            await replaced(http, relay, operator)
            await settled(http, relay, before.id)
            if "control" in carries:
                await centre_knows(http, centre, office)
            else:
                await asyncio.sleep(0.5)
                assert (await ask(http, "GET", f"{centre}/v1/trust")).json["crls"] == []
