"""The authority: what it issues holds for everybody else, nothing is lost or overwritten, all can be revoked."""

import csv
import json
import os
import random
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from relay import cli, identity
from relay.authority import Authority, enrolment, folders, joining, keys, requests, stations
from relay.authority.authority import Subject
from relay.authority.enrolment import enrol
from relay.authority.report import report
from relay.errors import Code, Rejected, StoreBroken
from relay.protocol import roles, trust
from relay.protocol.certificates import der_of, parse_certificate
from relay.protocol.roles import Role
from tests.authorities import KABUPATEN, KECAMATAN, TPS, new_key

PASSPHRASE = b"kuda laut hijau pagi"
REPOSITORY = Path(__file__).parent.parent


@pytest.fixture
def root(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "root", PASSPHRASE)


@pytest.fixture
def kabupaten(root: Authority, tmp_path: Path) -> Authority:
    return root.issue_ca(KABUPATEN, tmp_path / "kabupaten", PASSPHRASE)


@pytest.fixture
def passphrase_file(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.write_bytes(PASSPHRASE + b"\n")
    path.chmod(0o600)
    return str(path)


def openssl(*words: str | Path) -> str:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def many(count: int) -> list[Subject]:
    return [stations.station(f"6501082001{number:03}") for number in range(1, count + 1)]


def check_enrolled(authority: Authority, out: Path, count: int) -> None:
    """The whole world: every file opens with its code and is in the ledger, and nothing is half done."""
    with (out / "codes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = {path.name for path in out.iterdir()}
    assert names == {row["file"] for row in rows} | {"codes.csv", "root.pem"}
    assert len(rows) == len({row["file"] for row in rows}) == len({row["code"] for row in rows}) == count
    ledger = Authority.open(authority.folder).ledger
    pinned = trust.pin(authority.root)
    for row in rows:
        chain = p12_chain(out / row["file"], row["code"])
        found = pinned.identify(chain, datetime.now(UTC))
        assert found.scope == row["scope"]
        assert found.serial == int(row["serial"], 16)
        assert ledger.issued[row["serial"]].x5t == found.x5t.hex()
        assert mode(out / row["file"]) == 0o600


def p12_chain(path: Path, code: str) -> tuple[bytes, ...]:
    key, certificate, above = pkcs12.load_key_and_certificates(path.read_bytes(), code.encode())
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert certificate is not None
    assert key.public_key() == certificate.public_key()
    return tuple(der_of(item) for item in (certificate, *above))


# --- authorities


def test_an_authority_folder_is_for_its_owner_only(kabupaten: Authority) -> None:
    assert mode(kabupaten.folder) == 0o700
    assert mode(kabupaten.folder / "key.pem") == mode(kabupaten.folder / "ledger.jsonl") == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in (kabupaten.folder / "key.pem").read_bytes()


def test_a_folder_that_others_can_read_is_not_opened(kabupaten: Authority) -> None:
    for path, right in ((kabupaten.folder, 0o755), (kabupaten.folder / "key.pem", 0o640)):
        before = mode(path)
        path.chmod(right)
        with pytest.raises(Rejected, match="chmod") as caught:
            Authority.open(kabupaten.folder, PASSPHRASE)
        assert caught.value.code is Code.PERMISSIONS_TOO_OPEN
        path.chmod(before)


def test_a_wrong_passphrase_is_said_and_a_short_one_is_not_taken(kabupaten: Authority, tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="passphrase") as caught:
        Authority.open(kabupaten.folder, b"kuda laut merah pagi")
    assert caught.value.code is Code.PASSPHRASE_WRONG
    with pytest.raises(Rejected, match="12 characters"):
        Authority.create(tmp_path / "short", b"pendek")
    assert not (tmp_path / "short").exists()


def test_without_its_passphrase_an_authority_can_be_shown_but_signs_nothing(kabupaten: Authority) -> None:
    closed = Authority.open(kabupaten.folder)
    assert report(closed, datetime.now(UTC)).scope == KABUPATEN
    with pytest.raises(Rejected, match="passphrase"):
        closed.issue(stations.station(TPS), new_key().public_key())
    with pytest.raises(Rejected, match="passphrase"):
        closed.revoke([])


def test_an_authority_is_never_made_over_another(root: Authority) -> None:
    with pytest.raises(Rejected) as caught:
        Authority.create(root.folder, PASSPHRASE)
    assert caught.value.code is Code.FILE_EXISTS
    issued = len(root.ledger.issued)
    with pytest.raises(Rejected):
        root.issue_ca("6502", root.folder, PASSPHRASE)
    assert len(root.ledger.issued) == issued


@pytest.mark.parametrize("scope", ["6502", "65", "", "640101"])
def test_a_ca_outside_its_scope_is_refused_before_anything_is_signed(
    kabupaten: Authority, tmp_path: Path, scope: str
) -> None:
    with pytest.raises(Rejected) as caught:
        kabupaten.issue_ca(scope, tmp_path / "stray", PASSPHRASE)
    assert caught.value.code is Code.CA_OUTSIDE_SCOPE
    assert not kabupaten.ledger.issued
    assert not (tmp_path / "stray").exists()


def test_a_kecamatan_ca_makes_no_further_ca(kabupaten: Authority, tmp_path: Path) -> None:
    kecamatan = kabupaten.issue_ca(KECAMATAN, tmp_path / "kecamatan", PASSPHRASE)
    kecamatan = Authority.open(kecamatan.folder, PASSPHRASE)
    assert kecamatan.issuer.path_length == 0
    enrol(kecamatan, many(2), tmp_path / "out")
    check_enrolled(kecamatan, tmp_path / "out", 2)
    with pytest.raises(Rejected) as caught:
        kecamatan.issue_ca(KECAMATAN, tmp_path / "below", PASSPHRASE)
    assert caught.value.code is Code.CA_OUTSIDE_SCOPE


def test_a_cas_key_need_never_leave_its_machine(root: Authority, tmp_path: Path) -> None:
    request = joining.ask(tmp_path / "ca", PASSPHRASE, KABUPATEN)
    answer = [*root.certify_ca(requests.public_key_of(request.read_bytes()), KABUPATEN), root.root]
    other = [*root.certify_ca(new_key().public_key(), KABUPATEN), root.root]
    with pytest.raises(Rejected, match="not for the key"):
        joining.accept(tmp_path / "ca", other)
    joining.accept(tmp_path / "ca", answer)
    enrol(Authority.open(tmp_path / "ca", PASSPHRASE), many(1), tmp_path / "out")
    check_enrolled(Authority.open(tmp_path / "ca"), tmp_path / "out", 1)


def test_nothing_outlives_the_ca_that_issued_it(root: Authority, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    short = root.issue_ca(KABUPATEN, tmp_path / "short", PASSPHRASE, days=30, now=now)
    leaf = parse_certificate(short.issue(stations.station(TPS), new_key().public_key(), days=365, now=now)[0])
    assert leaf.not_valid_after_utc == short.certificate.not_valid_after_utc
    assert leaf.not_valid_before_utc >= short.certificate.not_valid_before_utc
    assert leaf.not_valid_before_utc < now - timedelta(hours=23)
    with pytest.raises(Rejected) as caught:
        short.issue(stations.station(TPS), new_key().public_key(), now=now + timedelta(days=31))
    assert caught.value.code is Code.CERTIFICATE_NOT_VALID_NOW


# --- nodes, and what openssl says


def test_a_relays_identity_folder_is_loaded_by_the_relay(kabupaten: Authority, tmp_path: Path) -> None:
    kabupaten.issue_relay(KECAMATAN, tmp_path / "relay", dns=["localhost"], ips=[ip_address("192.168.4.1")])
    loaded = identity.load(tmp_path / "relay", Role.RELAY)
    assert loaded.identity.scope == KECAMATAN
    names = parse_certificate(loaded.signer.certificate_der).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == [f"relay-{KECAMATAN}.local", "localhost"]
    assert names.value.get_values_for_type(x509.IPAddress) == [ip_address("192.168.4.1")]


def test_a_nodes_key_can_be_encrypted(kabupaten: Authority, tmp_path: Path) -> None:
    kabupaten.issue_relay(KECAMATAN, tmp_path / "relay", passphrase=PASSPHRASE)
    assert identity.load(tmp_path / "relay", Role.RELAY, passphrase=PASSPHRASE).identity.scope == KECAMATAN
    with pytest.raises(Rejected) as caught:
        identity.load(tmp_path / "relay", Role.RELAY)
    assert caught.value.code is Code.PASSPHRASE_WRONG


def test_the_centre_comes_from_the_root_only(root: Authority, kabupaten: Authority, tmp_path: Path) -> None:
    root.issue_centre(tmp_path / "centre", dns=["localhost"])
    assert identity.load(tmp_path / "centre", Role.CENTRE).identity.scope == ""
    with pytest.raises(Rejected) as caught:
        kabupaten.issue_centre(tmp_path / "false-centre")
    assert caught.value.code is Code.CA_OUTSIDE_SCOPE


def test_a_name_that_dns_does_not_know_is_refused(kabupaten: Authority, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        kabupaten.issue_relay(KECAMATAN, tmp_path / "relay", dns=["tarakan.例"])
    assert caught.value.code is Code.BAD_REQUEST
    assert not kabupaten.ledger.issued


def test_openssl_verifies_what_was_issued_and_knows_what_was_revoked(
    root: Authority, kabupaten: Authority, tmp_path: Path
) -> None:
    kecamatan = kabupaten.issue_ca(KECAMATAN, tmp_path / "kecamatan", PASSPHRASE)
    pinned, crls = root.folder / "root.pem", tmp_path / "crls.pem"
    for issuer, folder in ((kabupaten, tmp_path / "relay"), (kecamatan, tmp_path / "relay-below")):
        issuer.issue_relay(KECAMATAN, folder)
        leaf = folder / "certificate.pem"
        for purpose in ("sslclient", "sslserver"):
            openssl("verify", "-x509_strict", "-purpose", purpose, "-CAfile", pinned, "-untrusted", leaf, leaf)
    for ca in (root, kabupaten, kecamatan):
        ca.crl()
    crls.write_bytes(b"".join((ca.folder / "crl.pem").read_bytes() for ca in (root, kabupaten, kecamatan)))
    check = ("verify", "-crl_check_all", "-CRLfile", crls, "-CAfile", pinned, "-untrusted", leaf, leaf)
    openssl(*check)
    kecamatan.revoke(kecamatan.serials_of(roles.urn(Role.RELAY, KECAMATAN)), x509.ReasonFlags.key_compromise)
    crls.write_bytes(b"".join((ca.folder / "crl.pem").read_bytes() for ca in (root, kabupaten, kecamatan)))
    with pytest.raises(AssertionError, match="revoked"):
        openssl(*check)
    shown = openssl("crl", "-inform", "DER", "-in", kecamatan.folder / "crl.der", "-noout", "-text")
    assert "Key Compromise" in shown
    assert next(iter(kecamatan.ledger.revoked)) in shown
    openssl("crl", "-in", kecamatan.folder / "crl.pem", "-CAfile", kecamatan.folder / "certificate.pem", "-noout")


def test_openssl_opens_the_file_of_an_officer_with_its_code(kabupaten: Authority, tmp_path: Path) -> None:
    enrol(kabupaten, many(1), tmp_path / "out")
    with (tmp_path / "out/codes.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    opened = openssl("pkcs12", "-in", tmp_path / "out" / row["file"], "-passin", f"pass:{row['code']}", "-nodes")
    assert opened.count("BEGIN CERTIFICATE") == 2
    assert "BEGIN PRIVATE KEY" in opened
    with pytest.raises(AssertionError):
        openssl("pkcs12", "-in", tmp_path / "out" / row["file"], "-passin", "pass:AAAA-AAAA-AAAA-AAAA", "-nodes")


# --- enrolment


def test_everybody_gets_a_key_and_a_code(kabupaten: Authority, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    done = enrol(kabupaten, many(300), tmp_path / "out", progress=lambda now, of: told.append((now, of)))
    assert len(done.made) == 300
    assert told == [(250, 300), (300, 300)]
    check_enrolled(kabupaten, tmp_path / "out", 300)
    assert mode(tmp_path / "out") == 0o700
    assert mode(tmp_path / "out/codes.csv") == 0o600


def test_enrolling_again_changes_nothing_and_renewing_adds(kabupaten: Authority, tmp_path: Path) -> None:
    out = tmp_path / "out"
    enrol(kabupaten, many(3), out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    again = enrol(kabupaten, many(4), out)
    assert (again.made, len(again.left)) == (("6501082001004.p12",), 3)
    renewed = enrol(kabupaten, many(2), out, renew=True)
    assert renewed.made == ("6501082001001-2.p12", "6501082001002-2.p12")
    assert enrol(kabupaten, many(1), out, renew=True).made == ("6501082001001-3.p12",)
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert all(after[name] == data for name, data in before.items() if name != "codes.csv")
    assert after["codes.csv"].startswith(before["codes.csv"])
    check_enrolled(kabupaten, out, 7)


def test_a_file_that_was_carried_away_keeps_its_code(kabupaten: Authority, tmp_path: Path) -> None:
    out = tmp_path / "out"
    enrol(kabupaten, many(2), out)
    codes_before = (out / "codes.csv").read_bytes()
    (out / "6501082001001.p12").rename(tmp_path / "on-a-phone.p12")
    again = enrol(kabupaten, many(2), out)
    assert (again.made, again.gone) == ((), ("6501082001001.p12",))
    assert (out / "codes.csv").read_bytes() == codes_before


def test_a_file_without_a_code_is_not_overwritten(kabupaten: Authority, tmp_path: Path) -> None:
    out = tmp_path / "out"
    enrol(kabupaten, [], out)
    (out / "6501082001001.p12").write_bytes(b"somebody's")
    with pytest.raises(Rejected) as caught:
        enrol(kabupaten, many(2), out)
    assert caught.value.code is Code.FILE_EXISTS
    assert (out / "6501082001001.p12").read_bytes() == b"somebody's"
    assert not kabupaten.ledger.issued


def test_operators_get_files_of_their_own(kabupaten: Authority, tmp_path: Path) -> None:
    people = [Subject(Role.PPK, KECAMATAN, name) for name in ("Siti Aminah", "Budi")]
    assert enrol(kabupaten, people, tmp_path / "out").made == (
        "ppk-650108-siti-aminah.p12",
        "ppk-650108-budi.p12",
    )
    check_enrolled(kabupaten, tmp_path / "out", 2)


def test_a_crash_before_the_codes_are_on_disk_is_begun_anew(kabupaten: Authority, tmp_path: Path) -> None:
    out = tmp_path / "out"
    enrol(kabupaten, many(5), out)
    lines = (out / "codes.csv").read_bytes().splitlines(keepends=True)
    (out / "codes.csv").write_bytes(b"".join(lines[:3]) + lines[3][:20])  # a row cut short
    for number in (3, 4, 5):
        (out / f"650108200100{number}.p12").rename(out / f".650108200100{number}.p12.pending")
    done = enrol(kabupaten, many(5), out)
    assert (len(done.made), len(done.left)) == (3, 2)
    check_enrolled(kabupaten, out, 5)


def test_a_crash_after_the_codes_are_on_disk_is_finished(kabupaten: Authority, tmp_path: Path) -> None:
    out = tmp_path / "out"
    enrol(kabupaten, many(5), out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for number in (3, 4):
        (out / f"650108200100{number}.p12").rename(out / f".650108200100{number}.p12.pending")
    os.link(out / "6501082001005.p12", out / ".6501082001005.p12.pending")  # between link and unlink
    done = enrol(kabupaten, many(5), out)
    assert (len(done.made), len(done.left)) == (0, 5)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    check_enrolled(kabupaten, out, 5)


def test_two_runs_do_not_work_in_one_folder(kabupaten: Authority, tmp_path: Path) -> None:
    def second(_done: int, _of: int) -> None:
        with pytest.raises(Rejected) as caught:
            enrol(kabupaten, many(2), tmp_path / "out")
        assert caught.value.code is Code.BUSY

    enrol(kabupaten, many(1), tmp_path / "out", progress=second)


def test_enrolment_survives_kill_9_at_any_moment(kabupaten: Authority, tmp_path: Path, passphrase_file: str) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    stations_file, out = tmp_path / "tps.csv", tmp_path / "out"
    count = 999
    stations_file.write_text("tps_code\n" + "".join(f"{subject.scope}\n" for subject in many(count)))
    words = ["enrol", "--authority", str(kabupaten.folder), "--passphrase-file", passphrase_file]
    command = [sys.executable, "-m", "relay", "authority", *words, "--csv", str(stations_file), "--out", str(out)]
    for wanted in sorted(chance.sample(range(1, 900), 4)):
        run = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while run.poll() is None:  # killed in the middle of whatever it does once so many files are there
            if out.exists() and sum(1 for _ in os.scandir(out)) > wanted:
                run.send_signal(signal.SIGKILL)
        run.wait()
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    check_enrolled(kabupaten, out, count)


# --- the CSV


def refused_csv(kabupaten: Authority, path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Rejected) as caught:
        stations.read_stations(path, kabupaten.scope)
    assert caught.value.code is Code.CSV_INVALID
    return caught.value.sentence


def test_a_csv_is_refused_as_a_whole_and_every_bad_line_is_named(kabupaten: Authority, tmp_path: Path) -> None:
    rows = ["tps_code,name", f"{TPS},Ani", "650108200100,kurang", "6502012001001,luar", f"{TPS},lagi", "6.50108E+12,x"]
    said = refused_csv(kabupaten, tmp_path / "bad.csv", "\n".join(rows))
    for words in (
        "line 3: a TPS code has 13 digits",
        "line 4: TPS 6502012001001 is outside 6501",
        "line 5: TPS 6501082001001 is already in line 2",
        "line 6: '6.50108E+12' was rounded",
    ):
        assert words in said
    assert "tps_code" in refused_csv(kabupaten, tmp_path / "bad.csv", "kode,nama\n1,2\n")
    assert "no station" in refused_csv(kabupaten, tmp_path / "bad.csv", "tps_code\n")
    assert "printable" in refused_csv(kabupaten, tmp_path / "bad.csv", f"tps_code,name\n{TPS},{'x' * 65}\n")


@pytest.mark.parametrize(
    "text",
    [
        "tps_code,kelurahan_code,tps_no,khusus\n6501082001001,65.01.08.2001,1,0\n",
        "\ufefftps_code;name\r\n6501082001001;Ani\r\n",
        'name,tps_code\n"Ani, S.Pd.",6501082001001\n',
    ],
)
def test_a_registry_file_and_a_spreadsheets_csv_are_read(kabupaten: Authority, tmp_path: Path, text: str) -> None:
    (tmp_path / "tps.csv").write_text(text, encoding="utf-8", newline="")
    assert [subject.scope for subject in stations.read_stations(tmp_path / "tps.csv", kabupaten.scope)] == [TPS]


# --- a phone's own key


def test_a_phones_own_key_is_certified(kabupaten: Authority, tmp_path: Path, passphrase_file: str) -> None:
    request = tmp_path / "phone.csr"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", tmp_path / "phone.key")
    openssl("req", "-new", "-key", tmp_path / "phone.key", "-subj", "/CN=whoever", "-out", request)
    words = ["--authority", str(kabupaten.folder), "--passphrase-file", passphrase_file]
    out = tmp_path / "phone.pem"
    command = ["authority", "enrol", *words, "--csr", str(request), "--scope", TPS, "--out", str(out)]
    assert cli.main(command) == 0
    found = trust.pin(kabupaten.root).identify(identity.read_certificates(out), datetime.now(UTC))
    assert (found.role, found.scope) == (Role.KPPS, TPS)
    assert found.serial == int(next(iter(Authority.open(kabupaten.folder).ledger.issued)), 16)
    assert cli.main(command) == 1  # and the file is left as it is


def test_a_request_that_is_not_the_holders_or_not_p256_is_refused() -> None:
    pem = requests.request_for(new_key(), "Ani")
    der = bytearray(x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER))
    der[-1] ^= 1
    for request, code in (
        (bytes(der), Code.SIGNATURE_INVALID),
        (b"abc", Code.CERTIFICATE_MALFORMED),
        (requests.request_for(ec.generate_private_key(ec.SECP384R1()), "Ani"), Code.ALGORITHM_UNSUPPORTED),
    ):
        with pytest.raises(Rejected) as caught:
            requests.public_key_of(request)
        assert caught.value.code is code
    requests.public_key_of(pem)


# --- revocation


def test_revoking_is_for_ever_and_doing_it_twice_changes_nothing(kabupaten: Authority, tmp_path: Path) -> None:
    enrol(kabupaten, many(2), tmp_path / "out")
    serials = kabupaten.serials_of(roles.urn(Role.KPPS, TPS))
    assert [entry.serial for entry in kabupaten.revoke(serials, x509.ReasonFlags.key_compromise)] == serials
    assert kabupaten.revoke(serials) == []
    crl = x509.load_der_x509_crl((kabupaten.folder / "crl.der").read_bytes())
    assert [f"{entry.serial_number:X}" for entry in crl] == [serial.lstrip("0") for serial in serials]
    known = trust.pin(kabupaten.root).with_authority(*kabupaten.chain).with_crl(crl.public_bytes(Encoding.DER))
    with (tmp_path / "out/codes.csv").open(newline="") as file:
        chains = [p12_chain(tmp_path / "out" / row["file"], row["code"]) for row in csv.DictReader(file)]
    with pytest.raises(Rejected) as caught:
        known.identify(chains[0], None)
    assert caught.value.code is Code.SIGNER_REVOKED
    known.identify(chains[1], None)


def test_an_unknown_serial_number_is_refused_and_nothing_is_revoked(kabupaten: Authority, tmp_path: Path) -> None:
    enrol(kabupaten, many(1), tmp_path / "out")
    for wrong, code in (("ABCD", Code.NOT_FOUND), ("xyz", Code.BAD_REQUEST)):
        with pytest.raises(Rejected) as caught:
            kabupaten.revoke([*kabupaten.ledger.issued, wrong])
        assert caught.value.code is code
    assert not kabupaten.ledger.revoked


def test_crl_numbers_rise_even_after_an_old_backup_was_restored(kabupaten: Authority, tmp_path: Path) -> None:
    backup = (kabupaten.folder / "ledger.jsonl").read_bytes()
    chain = kabupaten.issue(stations.station(TPS), new_key().public_key())
    now = datetime.now(UTC)
    numbers = []
    for _ in range(3):
        kabupaten.crl(now=now)
        numbers.append(kabupaten.ledger.crl_number)
    (kabupaten.folder / "ledger.jsonl").write_bytes(backup)
    restored = Authority.open(kabupaten.folder, PASSPHRASE)
    restored.revoke([restored.adopt(chain[0])], now=now + timedelta(hours=1))
    numbers.append(restored.ledger.crl_number)
    assert numbers == sorted(set(numbers))
    with pytest.raises(Rejected) as caught:
        restored.adopt(restored.chain[0])
    assert caught.value.code is Code.CHAIN_BROKEN


def test_a_revocation_whose_crl_was_lost_in_a_crash_is_said_and_mended(kabupaten: Authority, tmp_path: Path) -> None:
    enrol(kabupaten, many(1), tmp_path / "out")
    serial = next(iter(kabupaten.ledger.issued))
    kabupaten.crl()
    with (kabupaten.folder / "ledger.jsonl").open("a") as file:  # the ledger's line is there, the CRL is not
        line = {"event": "revoked", "serial": serial, "reason": "superseded", "time": "2024-02-14T00:00:00+00:00"}
        file.write(json.dumps(line) + "\n")
    opened = Authority.open(kabupaten.folder, PASSPHRASE)
    assert "not in the CRL" in report(opened, datetime.now(UTC)).warnings[0]
    assert opened.revoke([serial]) == []
    assert not report(opened, datetime.now(UTC)).warnings


# --- the ledger


def test_a_torn_last_line_is_noticed_and_dropped(kabupaten: Authority) -> None:
    path = kabupaten.folder / "ledger.jsonl"
    kabupaten.issue(stations.station(TPS), new_key().public_key())
    whole = path.read_bytes()
    for torn in (whole[:30], whole[:-1], b"\0" * 40, b"\0" * 10 + b"\n" + whole[:5]):
        path.write_bytes(whole + torn)
        opened = Authority.open(kabupaten.folder, PASSPHRASE)
        assert opened.ledger.torn
        assert len(opened.ledger.issued) == 1
        assert "cut short" in report(opened, datetime.now(UTC)).warnings[0]
        opened.issue(stations.station(TPS), new_key().public_key())
        assert path.read_bytes().startswith(whole + b"{")
        assert len(Authority.open(kabupaten.folder).ledger.issued) == 2


def test_a_ledger_damaged_in_the_middle_is_not_guessed_at(kabupaten: Authority) -> None:
    path = kabupaten.folder / "ledger.jsonl"
    for _ in range(3):
        kabupaten.issue(stations.station(TPS), new_key().public_key())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"?" + lines[1][1:] + lines[2])
    with pytest.raises(StoreBroken, match="backup"):
        Authority.open(kabupaten.folder)


def test_two_processes_share_one_ledger(kabupaten: Authority) -> None:
    other = Authority.open(kabupaten.folder, PASSPHRASE)
    for authority in (kabupaten, other, kabupaten):
        authority.issue(stations.station(TPS), new_key().public_key())
    assert len(kabupaten.ledger.issued) == 3
    assert len(Authority.open(kabupaten.folder).ledger.issued) == 3


def test_what_would_be_refused_by_everybody_is_not_issued(kabupaten: Authority, tmp_path: Path) -> None:
    for subject in (
        Subject(Role.KPPS, KECAMATAN, "too wide"),
        Subject(Role.CENTRE, KABUPATEN, "not the country"),
        Subject(Role.KPPS, TPS, "two\nlines"),
        Subject(Role.KPPS, TPS, ""),
    ):
        with pytest.raises(Rejected):
            enrol(kabupaten, [subject], tmp_path / "out")
    assert not kabupaten.ledger.issued


# --- the command


def test_a_whole_election_is_set_up_from_the_command_line(
    tmp_path: Path, passphrase_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(word: str, folder: str, *more: str | Path) -> str:
        words = ["authority", word, "--authority", str(tmp_path / folder), "--passphrase-file", passphrase_file]
        assert cli.main([*words, *map(str, more)]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    out = tmp_path / "out"
    run("init", "root", "--name", "KPU Root 2029")
    run("issue-centre", "root", "--out", tmp_path / "centre", "--dns", "localhost", "--ip", "127.0.0.1")
    run("issue-ca", "root", "--scope", "6501", "--out", tmp_path / "a", "--new-passphrase-file", passphrase_file)
    run("init", "b", "--scope", "6502")
    run("issue-ca", "root", "--scope", "6502", "--csr", tmp_path / "b/request.pem", "--out", tmp_path / "b.pem")
    run("init", "b", "--certificate", tmp_path / "b.pem")
    run("issue-relay", "b", "--scope", "650201", "--out", tmp_path / "relay")
    run("enrol", "a", "--tps", TPS, "--name", "Ani", "--out", out)
    run("enrol", "a", "--role", "ppk", "--scope", "650108", "--name", "Budi", "--out", out)
    assert "left as they are" in run("enrol", "a", "--tps", TPS, "--out", out)
    run("crl", "root")
    said = run("revoke", "a", "--tps", TPS, "--reason", "keyCompromise")
    assert "Ani" in said
    identity.load(tmp_path / "centre", Role.CENTRE)
    identity.load(tmp_path / "relay", Role.RELAY)
    check_enrolled(Authority.open(tmp_path / "a"), out, 2)
    shown = json.loads(run("show", "a", "--json"))
    assert shown["roles"] == {"kpps": {"issued": 1, "revoked": 1}, "ppk": {"issued": 1, "revoked": 0}}
    fingerprint = openssl("x509", "-in", tmp_path / "a/certificate.pem", "-noout", "-fingerprint", "-sha256")
    assert shown["fingerprint"] == fingerprint.strip().partition("=")[2].replace(":", "").lower()
    assert "1 issued, 1 revoked" in run("show", "a")


def test_a_passphrase_file_that_others_can_read_is_refused(
    root: Authority, passphrase_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(passphrase_file).chmod(0o644)
    words = ["authority", "crl", "--authority", str(root.folder), "--passphrase-file", passphrase_file]
    assert cli.main(words) == 1
    assert "chmod 600" in capsys.readouterr().err


def test_one_time_codes_can_be_read_out_and_are_never_the_same() -> None:
    codes = {keys.new_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert all(len(code) == 19 and not set(code) & set("01OIL") for code in codes)


def test_a_folder_of_another_root_is_not_mixed(kabupaten: Authority, tmp_path: Path) -> None:
    enrol(kabupaten, many(1), tmp_path / "out")
    other = Authority.create(tmp_path / "other", PASSPHRASE)
    with pytest.raises(Rejected, match="another root"):
        enrolment.enrol(other, many(2), tmp_path / "out")
    assert (tmp_path / "out/root.pem").read_bytes() == folders.pem([kabupaten.root])
