"""Enrolment with one-time codes: at once and offline at a relay with a CA, or waiting for an authority elsewhere."""

import asyncio
import json
import ssl
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AttributeOID

from relay import cli
from relay.authority import cards, coding, enrolment_codes, requests
from relay.authority.desk import SPENT_FILE, Desk
from relay.authority.enrolment_codes import EnrolmentCodes, new_code, new_entry
from relay.config import EnrolmentConfig, RelayConfig, load
from relay.errors import Code, NotNow, Rejected
from relay.http import authority_tls
from relay.identity import read_key
from relay.intake.throttle import Throttle
from relay.phone.enrolling import enrol
from relay.protocol import enrolment
from relay.protocol.enrolment import Answer, State, enrolment_code, grouped, read_answer
from relay.protocol.roles import Role
from tests.authorities import TPS, World, new_key
from tests.world.enrolling import KecamatanAuthority, Phone, send
from tests.world.http import ask, post
from tests.world.nodes import LOOPBACK, Country, running_relay, tally
from tests.world.operators import session
from tests.world.processes import relay_process

NOW = datetime.now(UTC)
JSON = {"Content-Type": "application/json"}


# --- codes


@pytest.mark.parametrize("typed", ["K7Q2-M4XD-9FTA", " k7q2 m4xd 9fta ", "kpu-enrol:K7Q2M4XD9FTA", "K7Q2M4XD9FTA"])
def test_a_code_is_read_as_people_type_it(typed: str) -> None:
    assert enrolment_code(typed) == "K7Q2M4XD9FTA"


def test_letters_that_look_alike_are_forgiven() -> None:
    assert enrolment_code("oOiI-lL00-1111") == "001111001111"
    assert grouped(enrolment_code("oOiIlL001111")) == "0011-1100-1111"


@pytest.mark.parametrize("typed", ["", "K7Q2-M4XD-9FT", "K7Q2-M4XD-9FTAA", "K7Q2-M4XD-9FTU", "K7Q2-M4XD-9FT\u0661"])
def test_what_cannot_be_a_code_is_said(typed: str) -> None:
    with pytest.raises(Rejected, match="12 letters and digits") as caught:
        enrolment_code(typed)
    assert caught.value.code is Code.CODE_UNKNOWN


# --- at once


async def test_a_phone_enrols_at_once_with_no_network_and_speaks_for_its_station(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office, phone = KecamatanAuthority(country), Phone()
    config = replace(country.relay_config(), enrolment=office.config)
    async with running_relay(config) as relay:
        answer = await phone.ask(http, relay, office.code())
        assert answer.status == 201
        officer = phone.party(answer, office.code())
        assert len(officer[1]) == 3  # leaf, kecamatan, kabupaten
        leaf = x509.load_der_x509_certificate(officer[1][0])
        assert leaf.subject.rfc4514_string() == "CN=Siti Aminah"
        assert (await post(http, relay, tally(officer).with_chain(officer[1]))).status == 201
        other = await post(http, relay, tally(officer, "6501082001002").with_chain(officer[1]))
        assert other.code == "station-not-signers"
        polled = await ask(http, "GET", f"{relay}/v1/enrolments/{phone.id}")
        assert (polled.status, polled.json) == (200, answer.json)
        node = await ask(http, "GET", f"{relay}/v1/node")
        assert node.json["enrolment"] == "at-once"


async def test_an_answer_that_was_lost_is_given_again_also_after_a_restart(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office, phone = KecamatanAuthority(country), Phone()
    config = replace(country.relay_config(), enrolment=office.config)
    async with running_relay(config) as relay:
        first = await phone.ask(http, relay, office.code())
        again = await phone.ask(http, relay, office.code())
        assert (first.status, again.status) == (201, 200)
        assert again.json == first.json
    async with running_relay(config) as relay:
        assert (await phone.ask(http, relay, office.code())).json == first.json
        assert (await ask(http, "GET", f"{relay}/v1/enrolments/{phone.id}")).json == first.json
    assert len(office.open().ledger.issued) == 1


async def test_wrong_and_spent_codes_are_refused_and_the_reason_is_said(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office = KecamatanAuthority(country)
    config = replace(country.relay_config(), enrolment=office.config)
    async with running_relay(config) as relay:
        phone, thief = Phone(), Phone()
        assert (await phone.ask(http, relay, office.code())).status == 201
        cases = [(new_code(), "code-unknown"), (office.code(), "code-spent")]
        for code, expected in cases:
            answer = await thief.ask(http, relay, code)
            assert answer.status == 200
            assert (answer.json["state"], answer.json["code"]) == ("refused", expected)
            assert answer.json["certificates"] is answer.json["proof"] is None
            assert answer.json["detail"]
        assert (await ask(http, "GET", f"{relay}/v1/enrolments/{thief.id}")).status == 404
        right = await thief.ask(http, relay, office.code("6501082001002"))  # who mistyped is not locked out
        assert right.status == 201
    assert len(office.open().ledger.issued) == 2


async def test_a_code_of_another_region_is_refused(country: Country, http: aiohttp.ClientSession) -> None:
    office, phone = KecamatanAuthority(country, stations=(TPS, "6502082001001")), Phone()
    async with running_relay(replace(country.relay_config(), enrolment=office.config)) as relay:
        answer = await phone.ask(http, relay, office.code("6502082001001"))
    assert (answer.json["state"], answer.json["code"]) == ("refused", "ca-outside-scope")
    assert not office.open().ledger.issued


def request_of(key: ec.EllipticCurvePrivateKey, proof: bytes | None, name: str = "Siti") -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if proof is not None:
        builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, proof)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes((data[-1] ^ 1,))


MALFORMED = {
    "nothing": (b"", "certificate-malformed"),
    "nonsense": (b"nonsense", "certificate-malformed"),
    "a certificate": (World().ca.chain[0], "certificate-malformed"),
    "no proof": (request_of(new_key(), None), "certificate-malformed"),
    "no name": (request_of(new_key(), b"x" * 43, "\u0007"), "certificate-malformed"),
    "another curve": (
        request_of(ec.generate_private_key(ec.SECP384R1()), b"x" * 43),
        "algorithm-unsupported",
    ),
    "not signed by its key": (flipped(request_of(new_key(), b"x" * 43)), "signature-invalid"),
    "too large": (bytes(enrolment.REQUEST_BYTES_MAX + 1), "statement-too-large"),
}


@pytest.mark.parametrize("has_authority", [True, False], ids=["at-once", "waits"])
async def test_a_request_that_cannot_be_read_is_a_problem_and_is_not_kept(
    country: Country, http: aiohttp.ClientSession, has_authority: bool
) -> None:
    office = KecamatanAuthority(country)
    chosen = office.config if has_authority else EnrolmentConfig()
    operator = country.world.operator()
    async with running_relay(replace(country.relay_config(), enrolment=chosen)) as relay:
        for name, (request, code) in MALFORMED.items():
            answer = await send(http, relay, request)
            assert answer.code == code, name
        plain = await ask(http, "POST", f"{relay}/v1/enrolments", data=b"x", headers=JSON)
        assert plain.code == "unsupported-media-type"
        headers = await session(http, relay, operator)
        assert (await ask(http, "GET", f"{relay}/v1/enrolments", headers=headers)).json == {"requests": []}
    assert not office.open().ledger.issued


async def test_wrong_codes_are_throttled_and_so_are_all_requests_together(
    country: Country, http: aiohttp.ClientSession
) -> None:
    office = KecamatanAuthority(country)
    few = replace(office.config, wrong_codes_per_minute=2)
    async with running_relay(replace(country.relay_config("a"), enrolment=few)) as relay:
        for _ in range(2):
            assert (await Phone().ask(http, relay, new_code())).json["code"] == "code-unknown"
        refused = await Phone().ask(http, relay, office.code())
        assert (refused.status, refused.code) == (503, "busy")
        assert int(refused.headers["Retry-After"]) <= 60
    few = replace(office.config, requests_per_minute=1)
    async with running_relay(replace(country.relay_config("b"), enrolment=few)) as relay:
        assert (await Phone().ask(http, relay, office.code())).status == 201
        assert (await Phone().ask(http, relay, office.code("6501082001002"))).status == 503


@pytest.mark.parametrize("has_authority", [True, False], ids=["at-once", "waits"])
async def test_one_phone_that_sends_nonsense_takes_no_other_phones_turn(
    country: Country, http: aiohttp.ClientSession, has_authority: bool
) -> None:
    office = KecamatanAuthority(country)
    chosen = replace(office.config if has_authority else EnrolmentConfig(), requests_per_minute=5)
    honest = aiohttp.TCPConnector(ssl=authority_tls(country.root_file), local_addr=("127.0.0.2", 0))
    async with (
        running_relay(replace(country.relay_config(), enrolment=chosen)) as relay,
        aiohttp.ClientSession(connector=honest) as from_elsewhere,
    ):
        told = [(await send(http, relay, b"nonsense")).status for _ in range(12)]
        assert told == [422] * 10 + [503] * 2
        assert (await Phone().ask(from_elsewhere, relay, office.code())).status == (201 if has_authority else 202)


async def test_one_phone_does_not_take_all_the_room_where_requests_wait(
    country: Country, http: aiohttp.ClientSession
) -> None:
    chosen = EnrolmentConfig(wrong_codes_per_minute=2)
    phone, code = Phone(), new_code()
    async with running_relay(replace(country.relay_config(), enrolment=chosen)) as relay:
        told = [(await who.ask(http, relay, code)).status for who in (phone, phone, Phone(), Phone())]
    assert told == [202, 202, 202, 503]


def test_a_throttle_lets_go_after_a_minute() -> None:
    now = 0.0
    throttle = Throttle(2, "Wait.", lambda: now)
    for moment in (0.0, 30.0):
        now = moment
        throttle.check("a")
        throttle.count("a")
    with pytest.raises(NotNow) as caught:
        throttle.check("a")
    assert caught.value.retry_after_seconds == 30
    throttle.check("b")
    now = 60.0
    throttle.check("a")


# --- the desk and its disk


def test_a_full_or_broken_desk_refuses_nobody(country: Country) -> None:
    office, phone = KecamatanAuthority(country), Phone()
    desk = office.desk()
    office.codes_file.chmod(0o644)
    with pytest.raises(Rejected) as caught:
        desk.answer(phone.request(office.code()), NOW)
    assert caught.value.code is Code.PERMISSIONS_TOO_OPEN
    office.codes_file.chmod(0o600)
    assert desk.answer(phone.request(office.code()), NOW)[0].state is State.ISSUED


def test_two_processes_spend_a_code_once(country: Country) -> None:
    office = KecamatanAuthority(country)
    desks, phones = [office.desk(), office.desk()], [Phone(), Phone()]
    answers = [desk.answer(phone.request(office.code()), NOW)[0] for desk, phone in zip(desks, phones, strict=True)]
    assert [answer.code for answer in answers] == [None, Code.CODE_SPENT]
    same = desks[1].answer(phones[0].request(office.code()), NOW)[0]
    assert same.certificates == answers[0].certificates


def test_two_desks_that_replace_phones_in_turn_lose_no_code(country: Country) -> None:
    office = KecamatanAuthority(country)
    one, other = office.desk(), office.desk()
    made = [desk.replace(TPS, NOW).code for desk in (one, other, one, other)]
    lines = office.codes_file.read_text()
    assert all(grouped(code) in lines for code in made)
    assert one.answer(Phone().request(made[-1]), NOW)[0].state is State.ISSUED
    assert one.answer(Phone().request(made[0]), NOW)[0].code is Code.CODE_SPENT


def test_a_line_that_a_crash_cut_short_is_as_if_it_was_never_begun(country: Country) -> None:
    office, phone, thief = KecamatanAuthority(country), Phone(), Phone()
    first = office.desk().answer(phone.request(office.code()), NOW)[0]
    spent = office.folder / SPENT_FILE
    whole = spent.read_bytes()
    spent.write_bytes(whole + b'{"code": "cut sho')
    assert office.desk().answer(phone.request(office.code()), NOW)[0] == first
    assert office.desk().answer(thief.request(office.code("6501082001002")), NOW)[1]
    assert spent.read_bytes().startswith(whole)
    assert len(spent.read_bytes().splitlines()) == 2


def test_codes_added_to_the_file_count_at_once(country: Country) -> None:
    office, phone = KecamatanAuthority(country), Phone()
    desk = office.desk()
    added = new_entry(Role.PPK, "650108", "Budi")
    assert desk.answer(phone.request(added.code), NOW)[0].code is Code.CODE_UNKNOWN
    EnrolmentCodes(office.codes_file).append(added)
    answer, is_new = desk.answer(phone.request(added.code), NOW)
    assert (answer.state, is_new) == (State.ISSUED, True)
    who = country.world.trust().identify(answer.certificates, NOW)
    assert (who.role, who.scope, who.name) == (Role.PPK, "650108", "Siti Aminah")


def test_a_clock_that_runs_ahead_makes_no_certificate_of_the_future(country: Country) -> None:
    office, phone = KecamatanAuthority(country), Phone()
    ahead = NOW.replace(year=NOW.year + 1)
    answer = office.desk().answer(phone.request(office.code()), ahead)[0]
    assert country.world.trust().identify(answer.certificates, NOW).role is Role.KPPS


_CRASHING = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from relay.authority import Authority, authority, desk, ledger, spent_codes
where, folder, codes, request = sys.argv[1:]
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if where == "before the ledger":
    ledger.Ledger.append = die
elif where == "before the code is spent":
    spent_codes.SpentCodes.spend = die
elif where == "before the answer":
    desk.Desk._issued = die
opened = Authority.open(Path(folder), b"sungai kayan hulu")
desk.Desk(opened, Path(codes)).answer(Path(request).read_bytes(), datetime.now(UTC))
"""


@pytest.mark.parametrize("where", ["before the ledger", "before the code is spent", "before the answer"])
def test_a_desk_that_is_killed_at_any_moment_gives_one_key_one_certificate(
    country: Country, tmp_path: Path, where: str
) -> None:
    office, phone, thief = KecamatanAuthority(country), Phone(), Phone()
    (tmp_path / "request").write_bytes(phone.request(office.code()))
    words = [where, str(office.folder), str(office.codes_file), str(tmp_path / "request")]
    killed = subprocess.run([sys.executable, "-c", _CRASHING, *words], check=False, capture_output=True, timeout=60)
    assert killed.returncode == -9, killed.stderr.decode()
    was_spent = where == "before the answer"
    if was_spent:
        assert office.desk().answer(thief.request(office.code()), NOW)[0].code is Code.CODE_SPENT
    first, is_new = office.desk().answer(phone.request(office.code()), NOW)
    again, _ = office.desk().answer(phone.request(office.code()), NOW)
    assert is_new is not was_spent
    assert first == again
    assert office.desk().answer(thief.request(office.code()), NOW)[0].code is Code.CODE_SPENT
    issued = office.open().ledger.issued
    serial = f"{x509.load_der_x509_certificate(first.certificates[0]).serial_number:X}"
    assert serial in {item.lstrip("0") for item in issued}  # whatever left the house can be revoked


async def test_a_relay_that_is_killed_after_its_answer_gives_the_same_again(
    country: Country, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    office, phone = KecamatanAuthority(country), Phone()
    node = relay_process(tmp_path / "node", country.identity(Role.RELAY, "650108"), centre_url=None)
    config = tmp_path / "node" / "relay.toml"
    config.write_text(
        config.read_text()
        + f'\n[enrolment]\nauthority = "{office.folder}"\npassphrase_file = "{office.passphrase_file}"\n'
        + f'codes = "{office.codes_file}"\n'
    )
    await asyncio.to_thread(node.start)
    try:
        first = await phone.ask(http, node.url, office.code())
        await asyncio.to_thread(node.kill)
        await asyncio.to_thread(node.start)
        assert (await phone.ask(http, node.url, office.code())).json == first.json
    finally:
        node.kill()


# --- waiting for an authority elsewhere


async def test_requests_wait_for_an_authority_elsewhere_and_its_answers_are_brought_back(
    country: Country, http: aiohttp.ClientSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office, phone, stranger = KecamatanAuthority(country), Phone(), Phone()
    config = country.relay_config()
    async with running_relay(config) as relay:
        (tmp_path / "relay.toml").write_text(
            f'[node]\ndata_directory = "{config.node.data_directory}"\n'
            f'identity_directory = "{config.node.identity_directory}"\n'
            f'[listen]\nhosts = ["{LOOPBACK}"]\nport = {relay.rpartition(":")[2]}\n'
        )
        asked = await phone.ask(http, relay, office.code())
        assert (asked.status, asked.json["state"]) == (202, "waiting")
        assert (await phone.ask(http, relay, office.code())).status == 202
        assert (await stranger.ask(http, relay, new_code())).status == 202
        assert (await ask(http, "GET", f"{relay}/v1/enrolments/{phone.id}")).json["state"] == "waiting"
        assert (await ask(http, "GET", f"{relay}/v1/node")).json["enrolment"] == "waits"
        anybody = await ask(http, "GET", f"{relay}/v1/enrolments")
        assert anybody.code == "session-needed"
        headers = await session(http, relay, country.world.operator())
        listed = await ask(http, "GET", f"{relay}/v1/enrolments", headers=headers)
        assert {item["id"] for item in listed.json["requests"]} == {phone.id, stranger.id}  # one row a key

        words = ["--config", str(tmp_path / "relay.toml")]
        assert await run("enrolments", "export", *words, "--out", str(tmp_path / "requests.json")) == 0
        assert json.loads((tmp_path / "requests.json").read_text()) == listed.json
        assert (tmp_path / "requests.json").stat().st_mode & 0o777 == 0o600
        answer = [
            "authority", "answer", "--authority", str(office.folder), "--codes", str(office.codes_file),
            "--passphrase-file", str(office.passphrase_file), "--requests", str(tmp_path / "requests.json"),
            "--out", str(tmp_path / "answers.json"),
        ]  # fmt: skip
        assert await run(*answer) == 0
        assert await run(*answer) == 1  # never over what is there
        assert await run("enrolments", "import", str(tmp_path / "answers.json"), *words) == 0
        assert await run("enrolments", "import", str(tmp_path / "answers.json"), *words) == 0
        assert "2 of 2 answers taken" in capsys.readouterr().out

        told = await ask(http, "GET", f"{relay}/v1/enrolments/{phone.id}")
        officer = phone.party(told, office.code())
        assert (await post(http, relay, tally(officer).with_chain(officer[1]))).status == 201
        assert (await phone.ask(http, relay, office.code())).json == told.json
        refused = await ask(http, "GET", f"{relay}/v1/enrolments/{stranger.id}")
        assert (refused.json["state"], refused.json["code"]) == ("refused", "code-unknown")
        again = await stranger.ask(http, relay, office.code("6501082001002"))  # he had mistyped it
        assert (again.status, again.json["state"]) == (202, "waiting")


async def run(*words: str) -> int:
    """A command beside the nodes of this test."""
    return await asyncio.to_thread(cli.main, words)


async def test_answers_are_believed_from_the_root_alone_and_for_the_key_that_asked(
    country: Country, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    office, phone, other = KecamatanAuthority(country), Phone(), Phone()
    false_country = Country(tmp_path / "elsewhere")
    false_country.folder.mkdir()
    false_office = KecamatanAuthority(false_country)
    honest = office.desk().answer(phone.request(office.code()), NOW)[0]
    false = false_office.desk().answer(phone.request(false_office.code()), NOW)[0]
    for_other = office.desk().answer(other.request(office.code("6501082001002")), NOW)[0]
    relay_chain = country.world.relay()[1]
    lies = {
        "another root": false,
        "another key": replace(honest, certificates=for_other.certificates),
        "a relay's certificate": replace(honest, certificates=relay_chain),
        "no certificates": replace(honest, certificates=()),
        "another root named": replace(honest, root=false.root),
        "no proof": replace(honest, proof=None),
        "nobody's request": for_other,
        "waiting": Answer(honest.id, State.WAITING),
    }
    async with running_relay(country.relay_config()) as relay:
        assert (await phone.ask(http, relay, office.code())).status == 202

        async def bring(*answers: Answer) -> dict[str, object]:
            body = json.dumps({"answers": [item.as_json() for item in answers]})
            told = await ask(http, "POST", f"{relay}/v1/enrolments/answers", data=body, headers=JSON)
            assert told.status == 200
            found: dict[str, object] = told.json
            return found

        for name, lie in lies.items():
            assert (await bring(lie))["taken"] == 0, name
            polled = await ask(http, "GET", f"{relay}/v1/enrolments/{phone.id}")
            assert polled.json["state"] == "waiting", name
        assert (await bring(false, honest, for_other))["taken"] == 1  # the bad ones harm no other
        refusal = Answer(honest.id, State.REFUSED, code=Code.CODE_UNKNOWN, sentence="No.")
        await bring(refusal)
        polled = await ask(http, "GET", f"{relay}/v1/enrolments/{phone.id}")
        assert read_answer(polled.json) == honest  # a certificate is never overwritten
        too_many = b'{"answers": [' + b"{}," * 2000 + b"{}]}"
        for body in (b"", b"[]", b'{"answers": 1}', b"\xff", too_many):
            bad = await ask(http, "POST", f"{relay}/v1/enrolments/answers", data=body, headers=JSON)
            assert bad.code == "bad-request"
        odd = await ask(http, "POST", f"{relay}/v1/enrolments/answers", data=b'{"answers": [1, {}]}', headers=JSON)
        assert (odd.json["taken"], len(odd.json["passed_over"])) == (0, 2)


async def test_only_so_many_requests_wait_and_who_waits_already_may_ask_again(
    country: Country, http: aiohttp.ClientSession
) -> None:
    config = replace(country.relay_config(), enrolment=EnrolmentConfig(waiting_max=1))
    code, phone = new_code(), Phone()
    async with running_relay(config) as relay:
        assert (await phone.ask(http, relay, code)).status == 202
        full = await Phone().ask(http, relay, new_code())
        assert (full.status, full.code) == (503, "busy")
        assert (await phone.ask(http, relay, code)).status == 202
        assert (await phone.ask(http, relay, new_code())).status == 202
    async with running_relay(config) as relay:  # on disk
        assert (await ask(http, "GET", f"{relay}/v1/enrolments/{phone.id}")).json["state"] == "waiting"


# --- the reference client, and a false relay


async def test_the_reference_client_enrols_and_sends(country: Country, tmp_path: Path) -> None:
    office = KecamatanAuthority(country)
    (tmp_path / "code").write_text(f"kpu-enrol:{office.code()}\n")
    (tmp_path / "code").chmod(0o600)
    box = str(tmp_path / "outbox")
    async with running_relay(replace(country.relay_config(), enrolment=office.config)) as relay:
        words = ["--outbox", box, "--relay", relay, "--name", "Siti Aminah", "--code-file", str(tmp_path / "code")]
        assert await run("phone", "enrol", *words) == 0
        assert await run("phone", "enrol", *words) == 1  # it has a key
        signed = ["--outbox", box, "--tps", TPS, "--form", "2401", "--figures", "votes.1=5"]
        assert await run("phone", "sign-tally", *signed) == 0
        assert await run("phone", "send", "--outbox", box, "--relay", relay) == 0


async def test_the_reference_client_waits_for_an_authority_elsewhere_with_one_key(
    country: Country, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    office = KecamatanAuthority(country)
    async with running_relay(country.relay_config()) as relay:
        for _ in range(2):
            with pytest.raises(NotNow, match="until the kabupaten"):
                await enrol(tmp_path / "box", relay, office.code(), "Siti", lambda: 0, passphrase=b"empat kata lain")
        headers = await session(http, relay, country.world.operator())
        (waiting,) = (await ask(http, "GET", f"{relay}/v1/enrolments", headers=headers)).json["requests"]
        answer = office.desk().answer(enrolment.bytes64(waiting["request"]), NOW)[0]
        body = json.dumps({"answers": [answer.as_json()]})
        await ask(http, "POST", f"{relay}/v1/enrolments/answers", data=body, headers=JSON)
        made = await enrol(tmp_path / "box", relay, office.code(), "Siti", lambda: 0, passphrase=b"empat kata lain")
    assert made.officer(b"empat kata lain").identity.scope == TPS
    assert sorted(path.name for path in made.identity_folder.iterdir()) == ["certificate.pem", "key.pem", "root.pem"]


@asynccontextmanager
async def false_relay(country: Country, answer: Answer) -> AsyncIterator[str]:
    """Somebody in the Wi-Fi who calls himself a relay and gives this answer to whoever asks."""

    async def post_(_request: web.Request) -> web.Response:
        return web.json_response(answer.as_json(), status=201)

    app = web.Application()
    app.add_routes([web.post("/v1/enrolments", post_)])
    folder = country.identity(Role.RELAY, "650108")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0, ssl_context=context).start()
        yield f"https://{LOOPBACK}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_false_relay_is_noticed_and_nothing_of_it_is_pinned(country: Country, tmp_path: Path) -> None:
    false_office, code = KecamatanAuthority(country), new_code()
    box = tmp_path / "box"
    async with running_relay(country.relay_config()) as relay:
        with pytest.raises(NotNow):  # the key is made here
            await enrol(box, relay, code, "Siti", lambda: 0)
    key_file = box / "identity" / "enrolling-key.pem"
    request = requests.enrolment_request(read_key(key_file, None), "Siti", false_office.code())
    answer = false_office.desk().answer(request, NOW)[0]  # all is right, but for the code
    no_proof, no_certificates = replace(answer, proof=None), replace(answer, certificates=())
    for lie in (answer, replace(answer, proof=bytes(32)), no_proof, no_certificates):
        async with false_relay(country, lie) as url:
            with pytest.raises(Rejected, match="false relay"):
                await enrol(box, url, code, "Siti", lambda: 0)
        assert [path.name for path in (box / "identity").iterdir()] == ["enrolling-key.pem"]


# --- making codes


@pytest.mark.parametrize(
    ("role", "scope", "where"),
    [(Role.KPPS, TPS, b"Buka halaman relai di ponsel"), (Role.PPK, "650108", b"Buka alamat relai dengan /ppk/")],
)
def test_a_card_says_where_its_code_is_typed(role: Role, scope: str, where: bytes) -> None:
    pdf = cards.make([new_entry(role, scope, "Siti")], b"root")
    start = pdf.index(b"stream\n") + len(b"stream\n")
    assert where in zlib.decompress(pdf[start : pdf.index(b"\nendstream", start)])


def test_codes_for_a_kabupaten_are_made_with_cards_and_never_written_over(
    country: Country, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    office = KecamatanAuthority(country)
    listing = tmp_path / "stations.csv"
    listing.write_text("tps_code,name\n6501082001001,TPS 1 Long Tungu\n6501082001002,\n6501082002,Desa Long Bia\n")
    words = ["authority", "codes", "--authority", str(office.folder), "--csv", str(listing)]
    out = tmp_path / "out"
    assert cli.main([*words, "--out", str(out)]) == 0
    assert "3 one-time codes" in capsys.readouterr().out
    made = EnrolmentCodes(out / coding.CODES_FILE).entries
    assert [(item.scope, item.name) for item in made] == [
        ("6501082001001", "TPS 1 Long Tungu"),
        ("6501082001002", "KPPS 6501082001002"),
        ("6501082002", "Desa Long Bia"),
    ]
    assert len({item.code for item in made}) == 3
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(before) == {"enrolment-codes.csv", "cards.pdf"}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in out.iterdir())
    assert before["cards.pdf"].startswith(b"%PDF")
    assert cli.main([*words, "--out", str(out)]) == 1
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    phone = Phone()
    answer = Desk(office.open(), out / coding.CODES_FILE).answer(phone.request(made[2].code), NOW)[0]
    assert country.world.trust().identify(answer.certificates, NOW).scope == "6501082002"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("6501082001001\n6501082001001", "already in line 2"),
        ("65010820010", "has 13 digits (a village 10)"),
        ("6502082001001", "outside 650108"),
        ("6.50108E+12", "rounded by a spreadsheet"),
    ],
)
def test_a_list_with_a_mistake_makes_nothing_and_names_the_line(
    country: Country, tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str, sentence: str
) -> None:
    office = KecamatanAuthority(country)
    (tmp_path / "stations.csv").write_text(f"tps_code\n{lines}\n")
    words = ["authority", "codes", "--authority", str(office.folder), "--csv", str(tmp_path / "stations.csv")]
    assert cli.main([*words, "--out", str(tmp_path / "out")]) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_list_of_codes_that_was_spoilt_is_named_by_its_line(country: Country, tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    enrolment_codes.write(path, [new_entry(Role.KPPS, TPS, "A"), new_entry(Role.PPK, "650108", "B, C")])
    assert [item.name for item in EnrolmentCodes(path).entries] == ["A", "B, C"]
    whole = path.read_text()
    for spoilt, sentence in (
        (whole.replace("ppk", "raja"), "line 3"),
        (whole.replace(TPS, "6.5E+12"), "line 2"),
        ("x" + whole, "is no list of codes"),
    ):
        path.write_text(spoilt)
        with pytest.raises(Rejected, match=sentence) as caught:
            EnrolmentCodes(path)
        assert caught.value.code is Code.CSV_INVALID
    path.write_text(whole + "K7Q2-M4XD")  # a crash cut it: nobody was given that code
    codes = EnrolmentCodes(path)
    codes.append(new_entry(Role.PPK, "650108", "D"))
    assert [item.name for item in EnrolmentCodes(path).entries] == ["A", "B, C", "D"]
    path.chmod(0o644)
    with pytest.raises(Rejected, match="chmod 600"):
        EnrolmentCodes(path)


def test_a_relay_with_half_an_authority_does_not_start(country: Country, tmp_path: Path) -> None:
    path = tmp_path / "relay.toml"
    path.write_text('[node]\ndata_directory = "d"\nidentity_directory = "i"\n[enrolment]\ncodes = "c.csv"\n')
    with pytest.raises(Rejected, match="go together"):
        load(path, RelayConfig)
