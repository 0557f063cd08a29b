"""What must not get in: each refused by relay and centre with its own code, and nothing else harmed by it."""

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from relay.config import IntakeConfig
from relay.protocol import cbor, codes, cose, forms, messages, parcels, receipts, slips, statements
from relay.protocol.messages import Ask, Frame, Kept, Problem, ReceiptGiven, TrustNews
from relay.protocol.parcels import ChunkParcel, StatementParcel
from relay.protocol.receipts import Verdict
from relay.protocol.roles import Role
from tests.authorities import KABUPATEN, TPS, Party, World
from tests.world.http import ask, create_upload, patch_upload, post, settled, upload, where
from tests.world.nodes import Country, documents, running_centre, running_relay, tally
from tests.world.stream import HandDrivenRelay
from tests.world.waiting import eventually

Maker = Callable[[World, Party], bytes]


def sealed(party: Party, message: cose.Sign1) -> bytes:
    """A message as a phone posts it."""
    return message.with_chain(party[1])


def by(party: Party) -> bytes:
    return sealed(party, tally(party))


def altered(message: bytes, what: bytes, by_what: bytes) -> bytes:
    assert message.count(what) == 1
    return message.replace(what, by_what)


def bad_signature(_: World, officer: Party) -> bytes:
    message = tally(officer)
    flipped = bytes((message.signature[0] ^ 1,)) + message.signature[1:]
    return altered(sealed(officer, message), message.signature, flipped)


def altered_figures(_: World, officer: Party) -> bytes:
    message = tally(officer)
    figures = statements.read(message).figures
    return altered(sealed(officer, message), figures, bytes((figures[0] ^ 1,)) + figures[1:])


def signed_by_another_key(world: World, officer: Party) -> bytes:
    other = world.officer()
    message = tally(other)
    forged = cose.put_together(officer[0].sign(b"").protected, message.payload, message.signature)
    return forged.with_chain(officer[1])


def raw(party: Party, payload: bytes) -> bytes:
    return sealed(party, party[0].sign(payload))


def payload(**changes: Any) -> dict[int, Any]:
    figures = forms.pack((0,) * 28)
    base = {1: 1, 2: int(TPS), 3: 2401, 4: 1, 5: 1_763_700_000, 6: figures}
    return {**base, **{int(key[1:]): value for key, value in changes.items()}}


def with_long_integer(_: World, officer: Party) -> bytes:
    data = cbor.encode(payload())
    return raw(officer, altered(data, b"\x04\x01\x05", b"\x04\x18\x01\x05"))


def village_ca_for_another_kabupaten(world: World, _: Party) -> bytes:
    return by(world.officer("6502082001001", world.ca))


BAD: dict[str, tuple[str, Maker]] = {
    "altered signature": ("signature-invalid", bad_signature),
    "altered figures": ("signature-invalid", altered_figures),
    "another key": ("signature-invalid", signed_by_another_key),
    "another station": ("station-not-signers", lambda w, o: sealed(o, tally(o, "6501082001002"))),
    "a relay signs a tally": ("role-not-allowed", lambda w, o: by(w.relay())),
    "an operator signs a tally": ("role-not-allowed", lambda w, o: by(w.operator())),
    "a CA signs a tally": ("role-not-allowed", lambda w, o: by((cose.Signer(w.ca.key, w.ca.chain[0]), w.ca.chain))),
    "an unknown role": ("role-unknown", lambda w, o: by(w.leaf(Role.KPPS, TPS, uri="urn:kpu:raja:650108"))),
    "an officer for a whole kabupaten": ("role-unknown", lambda w, o: by(w.leaf(Role.KPPS, KABUPATEN))),
    "a CA outside its scope": ("ca-outside-scope", village_ca_for_another_kabupaten),
    "another country's root": ("chain-broken", lambda w, o: by(World().officer())),
    "no certificate": ("signer-unknown", lambda w, o: tally(w.officer()).bare),
    "nonsense for a certificate": ("chain-broken", lambda w, o: tally(w.officer()).with_chain([b"nonsense"])),
    "not CBOR": ("malformed-cbor", lambda w, o: b"\xff\xff"),
    "empty": ("malformed-cbor", lambda w, o: b""),
    "nested deeply": ("malformed-cbor", lambda w, o: b"\x81" * 5000 + b"\x00"),
    "a length that lies": ("malformed-cbor", lambda w, o: b"\xd2\x84\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"),
    "truncated": ("malformed-cbor", lambda w, o: by(o)[:-9]),
    "something behind it": ("cbor-not-deterministic", lambda w, o: by(o) + b"\x00"),
    "not COSE": ("cose-malformed", lambda w, o: cbor.encode([1, 2, 3])),
    "a long-form integer": ("cbor-not-deterministic", with_long_integer),
    "oversized": ("statement-too-large", lambda w, o: b"\x00" * (cose.MESSAGE_BYTES_MAX + 1)),
    "an unknown kind": ("kind-unexpected", lambda w, o: raw(o, cbor.encode(payload(k1=9)))),
    "a slip for a statement": (
        "kind-unexpected",
        lambda w, o: raw(o, slips.payload(slips.Subject(1), bytes(32), 1, 1, True)),
    ),
    "a key too many": ("statement-malformed", lambda w, o: raw(o, cbor.encode(payload(k9=1)))),
    "a TPS code below zero": ("statement-malformed", lambda w, o: raw(o, cbor.encode(payload(k2=-1)))),
    "a revision of 0": ("statement-malformed", lambda w, o: raw(o, cbor.encode(payload(k4=0)))),
    "figures of the wrong length": ("figures-malformed", lambda w, o: raw(o, cbor.encode(payload(k6=bytes(34))))),
    "a figure of 1000": ("figures-malformed", lambda w, o: raw(o, cbor.encode(payload(k6=b"\xfa" + bytes(34))))),
}


@pytest.mark.parametrize(("code", "make"), BAD.values(), ids=BAD.keys())
async def test_a_relay_refuses(country: Country, http: aiohttp.ClientSession, code: str, make: Maker) -> None:
    officer = country.world.officer()
    good = tally(officer)
    async with running_relay(country.relay_config()) as relay:
        await post(http, relay, sealed(officer, good))
        answer = await post(http, relay, make(country.world, officer))
        assert answer.code == code, answer.json
        again = await post(http, relay, good.bare)
        assert again.status == 200
        async with http.get(f"{relay}/v1/status") as status:
            assert (await status.json())["counts"]["statements"] == 1


async def test_a_revoked_officer_is_refused_by_relay_and_centre(country: Country, http: aiohttp.ClientSession) -> None:
    officer, other = country.world.officer(), country.world.officer("6501082001002")
    early, late = tally(officer), tally(officer, revision=2)
    async with running_relay(country.relay_config()) as relay:  # no uplink yet: it cannot know of the revocation
        assert (await post(http, relay, sealed(officer, early))).status == 201
    config = country.centre_config()
    country.trust_folder.joinpath("crl.der").write_bytes(country.world.crl(officer[1][0]))
    async with (
        running_centre(config) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        told = await settled(http, relay, early.id)
        assert (told["state"], told["notes"]) == ("refused", ["signer-revoked"])
        # the relay has learned the CRL from the centre, and tells phones at once
        assert (await post(http, relay, sealed(officer, late))).code == "signer-revoked"
        assert (await post(http, relay, sealed(other, tally(other, "6501082001002")))).status == 201
        kept = await where(http, centre, early.id)
        assert kept["state"] == "refused"
        async with http.get(f"{centre}/v1/status?scope={KABUPATEN}") as answer:
            assert (await answer.json())["counts"]["refused"] == 1


async def test_an_unknown_form_is_flagged_by_the_relay_and_refused_by_the_centre(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer()
    statement = tally(officer, form=9999)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        assert (await post(http, relay, sealed(officer, statement))).status == 201
        told = await settled(http, relay, statement.id)
        assert told["flags"][0] == "form-unknown"
        assert (told["state"], told["notes"]) == ("refused", ["form-unknown"])


async def test_an_expired_officer_is_taken_by_the_relay_and_refused_by_the_centre(
    country: Country, http: aiohttp.ClientSession
) -> None:
    expired = country.world.leaf(Role.KPPS, TPS, now=country.world.now - timedelta(days=400), days=30)
    statement = tally(expired)
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        assert (await post(http, relay, sealed(expired, statement))).status == 201
        told = await settled(http, relay, statement.id)
        assert (told["state"], told["notes"]) == ("refused", ["certificate-not-valid-now"])


async def test_a_phone_whose_clock_is_years_off_is_taken_and_flagged(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer()
    statement = tally(officer, signed_at=86_400)  # a phone that woke up in 1970
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        assert (await post(http, relay, sealed(officer, statement))).status == 201
        told = await settled(http, relay, statement.id)
        assert told["state"] == "at-centre"
        assert "clock-doubtful" in told["flags"]
        assert "clock-doubtful" in told["notes"]


async def test_a_paper_that_does_not_add_up_is_taken_flagged_and_kept(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer = country.world.officer()
    named = {"votes.1": 83, "votes.2": 29, "votes.3": 4, "valid": 0, "total": 0}
    figures = forms.pack(forms.catalogue()[2401].figures(named))
    signed = officer[0].sign(
        statements.tally(tps=codes.tps_code(TPS), form=2401, revision=1, signed_at=1_763_700_000, figures=figures)
    )
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        assert (await post(http, relay, sealed(officer, signed))).status == 201
        told = await settled(http, relay, signed.id)
        assert told["state"] == "at-centre"
        assert "votes-sum" in told["notes"]


async def test_one_key_does_not_fill_a_relay(country: Country, http: aiohttp.ClientSession) -> None:
    greedy, colleague = country.world.officer(), country.world.officer()
    config = country.relay_config(intake=IntakeConfig(reserve_bytes=0, statements_per_signer_max=3))
    taken = [tally(greedy, revision=at) for at in (1, 2, 3)]
    async with running_relay(config) as relay:
        slips_given = [(await post(http, relay, sealed(greedy, item))).body for item in taken]
        refused = await post(http, relay, sealed(greedy, tally(greedy, revision=4)))
        assert (refused.status, refused.code) == (403, "too-many-statements")
    async with running_relay(config) as relay:  # a restart forgets nothing of it
        assert (await post(http, relay, sealed(greedy, tally(greedy, revision=5)))).code == "too-many-statements"
        for item, slip in zip(taken, slips_given, strict=True):
            again = await post(http, relay, sealed(greedy, item))
            assert (again.status, again.body) == (200, slip)
        assert (await post(http, relay, by(colleague))).status == 201


async def test_one_key_does_not_fill_a_relay_by_coming_many_times_at_once(
    country: Country, http: aiohttp.ClientSession
) -> None:
    greedy = country.world.officer()
    config = country.relay_config(intake=IntakeConfig(reserve_bytes=0, statements_per_signer_max=3))
    async with running_relay(config) as relay:
        assert (await post(http, relay, by(greedy))).status == 201  # everything after it differs
        many = [tally(greedy, revision=at) for at in range(2, 22)]
        answers = await asyncio.gather(*(post(http, relay, sealed(greedy, item)) for item in many))
        assert sorted(answer.status for answer in answers) == [201] * 2 + [403] * 18
        assert {answer.code for answer in answers if answer.status == 403} == {"too-many-statements"}


# photographs


async def test_only_photographs_that_a_statement_lists_are_taken(country: Country, http: aiohttp.ClientSession) -> None:
    officer, listed, other = country.world.officer(), os.urandom(9000), os.urandom(9000)
    async with running_relay(country.relay_config()) as relay:
        await post(http, relay, sealed(officer, documents(officer, [listed])))
        assert (await create_upload(http, relay, other)).code == "document-not-listed"
        assert (await create_upload(http, relay, listed, length=9001)).code == "upload-length-mismatch"
        assert (await create_upload(http, relay, listed)).status == 201


async def test_a_photograph_altered_on_the_way_is_refused_and_can_be_sent_again(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    listing = documents(officer, [photograph])
    name = cose.sha256(photograph).hex()
    async with running_relay(country.relay_config()) as relay:
        await post(http, relay, sealed(officer, listing))
        spoilt = photograph[:-1] + bytes((photograph[-1] ^ 1,))
        answer = await patch_upload(http, relay, name, 0, spoilt)
        assert (answer.status, answer.code) == (460, "document-altered")
        assert (await where(http, relay, listing.id))["documents"][0]["state"] == "awaited"
        assert (await upload(http, relay, photograph)).status == 204
        assert (await where(http, relay, listing.id))["documents"][0]["state"] == "at-relay"


async def test_uploads_keep_the_rules_of_tus(country: Country, http: aiohttp.ClientSession) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    name = cose.sha256(photograph).hex()
    async with running_relay(country.relay_config()) as relay:
        await post(http, relay, sealed(officer, documents(officer, [photograph])))
        url = f"{relay}/v1/documents/{name}"
        assert (await ask(http, "HEAD", url)).status == 412
        assert (await patch_upload(http, relay, name, 5, b"x")).code == "upload-offset-mismatch"
        assert (await patch_upload(http, relay, name, 0, photograph + b"x")).code == "upload-length-mismatch"
        assert (await patch_upload(http, relay, name, 0, photograph[:4000])).headers["Upload-Offset"] == "4000"
        head = await ask(http, "HEAD", url, headers={"Tus-Resumable": "1.0.0"})
        assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("4000", "9000")
        wrong_type = {"Tus-Resumable": "1.0.0", "Upload-Offset": "4000", "Content-Type": "text/plain"}
        assert (await ask(http, "PATCH", url, headers=wrong_type, data=b"x")).code == "unsupported-media-type"
        assert (await patch_upload(http, relay, name, 4000, photograph[4000:])).status == 204
        assert (await patch_upload(http, relay, name, 9000, b"")).headers["Upload-Offset"] == "9000"


async def test_what_nobody_understands_is_answered_with_a_problem(
    country: Country, http: aiohttp.ClientSession
) -> None:
    async with running_relay(country.relay_config()) as relay, running_centre(country.centre_config()) as centre:
        for url in (relay, centre):
            assert (await ask(http, "GET", f"{url}/nowhere")).code == "not-found"
            assert (await ask(http, "DELETE", f"{url}/healthz")).code == "method-not-allowed"
            assert (await ask(http, "GET", f"{url}/v1/statements/xyz")).code == "not-found"
            assert (await ask(http, "GET", f"{url}/v1/tps/12")).code == "tps-malformed"
            assert (await ask(http, "GET", f"{url}/healthz")).status == 200
            assert b"process_resident_memory_bytes" in (await ask(http, "GET", f"{url}/metrics")).body
        assert (await ask(http, "POST", f"{relay}/v1/statements", data=b"x")).code == "unsupported-media-type"
        assert (await ask(http, "GET", f"{centre}/v1/status?scope=7")).code == "tps-malformed"
        assert (await ask(http, "GET", f"{centre}/v1/exchange")).code == "bad-request"


# a hostile relay, straight at the centre


def problem_codes(seen: list[messages.Message]) -> list[str]:
    return [message.code for message in seen if isinstance(message, Problem)]


def outcomes(seen: list[messages.Message]) -> list[receipts.Outcome]:
    given = [receipts.read(cose.parse(item.receipt)) for item in seen if isinstance(item, ReceiptGiven)]
    return [outcome for receipt in given for outcome in receipt.outcomes]


async def test_a_centre_believes_no_relay(country: Country, http: aiohttp.ClientSession) -> None:
    world = country.world
    officer, relay = world.officer(), world.relay()
    good = tally(officer)
    async with running_centre(country.centre_config()) as centre, http.ws_connect(f"{centre}/v1/exchange") as socket:
        hostile = HandDrivenRelay(socket, relay)
        # an altered statement is the carrier's problem: no receipt lets anybody drop the honest one
        spoilt = altered(good.bare, good.signature, bytes((good.signature[0] ^ 1,)) + good.signature[1:])
        seen = await hostile.send(parcels.pack_statements([StatementParcel(spoilt, officer[1])]))
        assert (problem_codes(seen), outcomes(seen)) == (["signature-invalid"], [])
        # neither is a chain that does not hold
        stranger = World().officer()
        seen = await hostile.send(parcels.pack_statements([StatementParcel(tally(stranger).bare, stranger[1])]))
        assert (problem_codes(seen), outcomes(seen)) == (["chain-broken"], [])
        seen = await hostile.send(parcels.pack_statements([StatementParcel(tally(world.officer()).bare)]))
        assert problem_codes(seen) == ["signer-unknown"]
        # what the officer did sign, and may not, is refused with a receipt
        foreign = tally(officer, "6501082001002")
        seen = await hostile.send(parcels.pack_statements([StatementParcel(foreign.bare, officer[1])]))
        assert [(item.verdict, item.notes) for item in outcomes(seen)] == [(Verdict.REFUSED, ("station-not-signers",))]
        # the honest one is recorded in spite of all that; again, and replayed, it gives the same receipt
        seen = await hostile.send(parcels.pack_statements([StatementParcel(good.bare, officer[1])]))
        assert [item.verdict for item in outcomes(seen)] == [Verdict.RECORDED]
        replayed = await hostile.send(parcels.pack_statements([StatementParcel(good.bare, officer[1])]))
        assert replayed == seen
        async with http.get(f"{centre}/v1/status?scope={KABUPATEN}") as answer:
            told = await answer.json()
        assert (told["counts"]["recorded"], told["counts"]["refused"]) == (1, 1)


async def test_a_batch_altered_on_the_way_is_noticed_and_the_stream_goes_on(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, relay = country.world.officer(), country.world.relay()
    frame = parcels.pack_statements([StatementParcel(tally(officer).bare, officer[1])])
    async with running_centre(country.centre_config()) as centre, http.ws_connect(f"{centre}/v1/exchange") as socket:
        hostile = HandDrivenRelay(socket, relay)
        await hostile.announce(frame)
        for at in range(0, len(frame), 50):
            spoilt = frame[:at] + bytes((frame[at] ^ 1,)) + frame[at + 1 :]
            assert problem_codes(await hostile.frame(spoilt)) == ["batch-altered"]
        assert [item.verdict for item in outcomes(await hostile.frame(frame))] == [Verdict.RECORDED]


async def test_nonsense_in_an_announced_frame_is_a_problem_and_no_more(
    country: Country, http: aiohttp.ClientSession
) -> None:
    relay = country.world.relay()
    nonsense = [
        b"\x00",
        cbor.encode([1, 1, b"not zstd"]),
        cbor.encode([1, 0, cbor.encode([[b"x"]])]),
        cbor.encode([2, bytes(32), 0, b"x"]),
        cbor.encode([3, 1, 2]),
        os.urandom(500),
    ]
    async with running_centre(country.centre_config()) as centre, http.ws_connect(f"{centre}/v1/exchange") as socket:
        hostile = HandDrivenRelay(socket, relay)
        found = [problem_codes(await hostile.send(frame)) for frame in nonsense]
        assert all(len(item) == 1 for item in found)
        assert found[3] == ["document-not-listed"]


async def test_a_chunk_altered_by_its_relay_spoils_nothing_for_good(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, relay, photograph = country.world.officer(), country.world.relay(), os.urandom(6000)
    listing = documents(officer, [photograph])
    name = statements.DocumentHash(cose.sha256(photograph))
    good = [ChunkParcel(name, 0, photograph[:4096]), ChunkParcel(name, 1, photograph[4096:])]
    spoilt = ChunkParcel(name, 1, bytes(len(photograph) - 4096))
    async with running_centre(country.centre_config()) as centre, http.ws_connect(f"{centre}/v1/exchange") as socket:
        hostile = HandDrivenRelay(socket, relay)
        await hostile.send(parcels.pack_statements([StatementParcel(listing.bare, officer[1])]))
        await hostile.send(parcels.pack_chunk(good[0]))
        assert problem_codes(await hostile.send(parcels.pack_chunk(spoilt))) == ["document-altered"]
        off_grid = parcels.pack_chunk(ChunkParcel(name, 0, b"short"))
        assert problem_codes(await hostile.send(off_grid)) == ["batch-malformed"]
        await hostile.send(parcels.pack_chunk(good[0]))
        seen = await hostile.send(parcels.pack_chunk(good[1]))
        assert [item.verdict for item in outcomes(seen)] == [Verdict.RECORDED]
        async with http.get(f"{centre}/v1/documents/{cose.sha256(photograph).hex()}") as answer:
            assert await answer.read() == photograph


async def test_a_colluding_ca_cannot_have_an_honest_statement_refused(
    country: Country, http: aiohttp.ClientSession
) -> None:
    """The honest CA is not known to the centre yet; a rogue one certifies the same key for elsewhere and sends that."""
    world = country.world
    honest_ca = world.ca_for("6502")
    officer = world.officer("6502082001001", honest_ca)
    rogue = world.ca_for("1101", key=honest_ca.key)
    statement = tally(officer, "6502082001001")
    async with running_centre(country.centre_config()) as centre, http.ws_connect(f"{centre}/v1/exchange") as socket:
        hostile = HandDrivenRelay(socket, world.relay())
        seen = await hostile.send(
            parcels.pack_statements([StatementParcel(statement.bare, (officer[1][0], rogue.chain[0]))])
        )
        assert outcomes(seen) == []
        assert problem_codes(seen) == ["chain-broken"]
        seen = await hostile.send(parcels.pack_statements([StatementParcel(statement.bare, officer[1])]))
        assert [item.verdict for item in outcomes(seen)] == [Verdict.RECORDED]


async def test_listing_anothers_photograph_with_a_false_size_keeps_nobody_out(
    country: Country, http: aiohttp.ClientSession
) -> None:
    photograph = os.urandom(9000)
    honest, other = country.world.officer(), country.world.officer("6501082001002")
    name = statements.DocumentHash(cose.sha256(photograph))
    false = [
        other[0].sign(
            statements.documents(
                tps=codes.tps_code("6501082001002"),
                form=2401,
                revision=revision,
                signed_at=1_763_700_000,
                pages=[statements.Page(1, name, size)],
            )
        )
        for revision, size in enumerate((4096, 8192, 9001, 50_000), 1)
    ]
    listing = documents(honest, [photograph])
    async with running_centre(country.centre_config()) as centre, http.ws_connect(f"{centre}/v1/exchange") as socket:
        hostile = HandDrivenRelay(socket, country.world.relay())
        for statement in false:
            await hostile.send(parcels.pack_statements([StatementParcel(statement.bare, other[1])]))
        await hostile.send(parcels.pack_statements([StatementParcel(listing.bare, honest[1])]))
        given = []
        for cell in range(3):
            chunk = ChunkParcel(name, cell, photograph[cell * 4096 : cell * 4096 + 4096])
            seen = await hostile.send(parcels.pack_chunk(chunk))
            assert problem_codes(seen) == []
            given += outcomes(seen)
        assert listing.id in {outcome.statement for outcome in given}
        async with http.get(f"{centre}/v1/documents/{name.hex()}") as answer:
            assert await answer.read() == photograph


async def test_listing_a_hash_that_begins_alike_keeps_nobody_out(country: Country, http: aiohttp.ClientSession) -> None:
    """A hash in a statement is a claim: anybody can make up one that begins as another photograph's does."""
    photograph = os.urandom(9000)
    honest, other = country.world.officer(), country.world.officer("6501082001002")
    name = statements.DocumentHash(cose.sha256(photograph))
    made_up = statements.DocumentHash(name[:16] + bytes(16))
    claim = other[0].sign(
        statements.documents(
            tps=codes.tps_code("6501082001002"),
            form=2401,
            revision=1,
            signed_at=1_763_700_000,
            pages=[statements.Page(1, made_up, 9000)],
        )
    )
    listing = documents(honest, [photograph])
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        await post(http, relay, sealed(other, claim))
        await eventually(lambda: where(http, centre, claim.id))
        await post(http, relay, sealed(honest, listing))
        await upload(http, relay, photograph)
        assert (await settled(http, relay, listing.id))["state"] == "at-centre"


async def test_a_relay_learns_the_cas_of_its_own_kabupaten_alone(country: Country, http: aiohttp.ClientSession) -> None:
    config = country.centre_config()
    for at in range(1100, 1300):  # more than fit into one message
        (country.trust_folder / f"{at}.der").write_bytes(country.world.ca_for(str(at)).chain[0])
    async with running_centre(config) as centre, http.ws_connect(f"{centre}/v1/exchange") as socket:
        hostile = HandDrivenRelay(socket, country.world.relay())
        await hostile.announce()
        news = messages.decode((await socket.receive()).data)
    assert isinstance(news, TrustNews)
    assert len(news.certificates) == 2
    assert country.world.ca.chain[0] in news.certificates


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda w: w.officer(), "role-not-allowed"),
        (lambda w: World().relay(), "chain-broken"),
        (lambda w: w.leaf(Role.RELAY, "650108", now=w.now - timedelta(days=400), days=30), "certificate-not-valid-now"),
    ],
    ids=["an officer", "a stranger", "an expired relay"],
)
async def test_who_is_no_relay_is_sent_away(
    country: Country, http: aiohttp.ClientSession, make: Callable[[World], Party], code: str
) -> None:
    async with running_centre(country.centre_config()) as centre, http.ws_connect(f"{centre}/v1/exchange") as socket:
        stranger = HandDrivenRelay(socket, make(country.world))
        await stranger.announce()
        assert (await stranger.closed_because()).startswith(code)


async def test_a_stream_that_does_not_begin_with_a_batch_is_ended(
    country: Country, http: aiohttp.ClientSession
) -> None:
    first_words = [
        messages.encode(Frame(b"x")),
        messages.encode(Ask((bytes(8),), ())),
        b"\xff",
        messages.encode(Kept(1)),
    ]
    async with running_centre(country.centre_config()) as centre:
        for words in first_words:
            async with http.ws_connect(f"{centre}/v1/exchange") as socket:
                await socket.send_bytes(words)
                assert (await HandDrivenRelay(socket, country.world.relay()).closed_because()).startswith(
                    "batch-malformed"
                )


# what a fresh pair of eyes found


async def test_a_forged_first_post_does_not_keep_the_honest_statement_from_the_centre(
    country: Country, http: aiohttp.ClientSession
) -> None:
    """Anybody can post an officer's certificate with a broken signature before the officer comes."""
    officer = country.world.officer()
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        assert (await post(http, relay, bad_signature(country.world, officer))).code == "signature-invalid"
        honest = tally(officer)
        assert (await post(http, relay, sealed(officer, honest))).status == 201
        assert (await settled(http, relay, honest.id))["state"] == "at-centre"


async def test_a_photograph_that_the_disk_lost_is_asked_for_again_and_the_relay_lives(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photographs = country.world.officer(), [os.urandom(9000), os.urandom(9000)]
    listing = documents(officer, photographs)
    config = country.relay_config(centre_url="https://127.0.0.1:9")
    async with running_relay(config) as relay:
        await post(http, relay, sealed(officer, listing))
        for photograph in photographs:
            await upload(http, relay, photograph)
    lost = cose.sha256(photographs[0]).hex()
    path = config.node.data_directory / "documents" / lost[:2] / lost
    path.unlink()
    path.mkdir()  # what cannot be read as a file, as a bad sector cannot
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):

        async def asked_again() -> bool:
            told = await where(http, relay, listing.id)
            return bool(told["documents"][0]["state"] == "awaited")

        assert await eventually(asked_again)
        path.rmdir()
        assert (await upload(http, relay, photographs[0])).status == 204
        assert (await settled(http, relay, listing.id))["state"] == "at-centre"


async def test_photographs_of_a_refused_statement_can_be_signed_again(
    country: Country, http: aiohttp.ClientSession
) -> None:
    """A revoked officer's photographs were never at the centre: the next officer's same photographs must get there."""
    first, second, photograph = country.world.officer(), country.world.officer(), os.urandom(9000)
    refused, honest = documents(first, [photograph]), documents(second, [photograph], revision=2)
    async with running_relay(country.relay_config()) as relay:
        await post(http, relay, sealed(first, refused))
        await upload(http, relay, photograph)
    config = country.centre_config()
    (country.trust_folder / "crl.der").write_bytes(country.world.crl(first[1][0]))
    async with running_centre(config) as centre, running_relay(country.relay_config(centre_url=centre)) as relay:
        assert (await settled(http, relay, refused.id))["state"] == "refused"
        await post(http, relay, sealed(second, honest))
        await upload(http, relay, photograph)
        assert (await settled(http, relay, honest.id))["state"] == "at-centre"


async def test_a_photograph_that_was_whole_but_not_recorded_is_recorded_when_asked_about(
    country: Country, http: aiohttp.ClientSession
) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    listing, name = documents(officer, [photograph]), statements.DocumentHash(cose.sha256(photograph))
    config = country.centre_config()
    async with running_centre(config) as centre, http.ws_connect(f"{centre}/v1/exchange") as socket:
        hostile = HandDrivenRelay(socket, country.world.relay())
        await hostile.send(parcels.pack_statements([StatementParcel(listing.bare, officer[1])]))
        path = config.node.data_directory / "documents" / name.hex()[:2] / name.hex()
        path.parent.mkdir()
        path.write_bytes(photograph)  # as after a commit that failed: the file is there, the row is not
        await socket.send_bytes(messages.encode(Ask((), (name,))))
        assert [item.statement for item in outcomes(await hostile.until(messages.Held))] == [listing.id]


async def test_a_trust_folder_that_goes_away_stops_nothing(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    config = country.centre_config()
    async with running_centre(config) as centre, running_relay(country.relay_config(centre_url=centre)) as relay:
        (country.trust_folder / "not-for-us").mkdir()
        country.trust_folder.rename(country.folder / "elsewhere")
        await asyncio.sleep(0)
        statement = tally(officer)
        await post(http, relay, sealed(officer, statement))
        assert (await settled(http, relay, statement.id))["state"] == "at-centre"
    async with running_centre(config) as centre:
        assert (await ask(http, "GET", f"{centre}/healthz")).status == 200
