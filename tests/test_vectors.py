"""The test vectors hold: for this code, for another COSE implementation, for openssl; and they can be made again."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from relay.authority import requests
from relay.errors import Code, Rejected
from relay.protocol import codes, cose, enrolment, forms, login, manifests, messages, parcels, receipts, slips, trust
from relay.protocol.parcels import ChunkParcel, StatementParcel
from relay.protocol.roles import Role
from relay.protocol.statements import DocumentHash, Kind
from relay.verifier import Verifier
from tests.vectors import country, generate

VECTORS = Path(generate.__file__).parent
INDEX: dict[str, Any] = json.loads((VECTORS / "vectors.json").read_text("utf-8"))
EXAMPLES: list[dict[str, Any]] = INDEX["examples"]
SIGNED = [entry for entry in EXAMPLES if entry["rule"] not in ("frame", "message")]
JUDGED_AT: int = INDEX["judged_at"]
JAVASCRIPT = Path(__file__).parent / "js"


def read(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


def named(entries: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", entries, ids=lambda entry: entry["name"])


@cache
def known() -> trust.Trust:
    """What a receiver knows: the root, its CAs, their revocation lists."""
    pinned = trust.pin(read(INDEX["root"]))
    learned, refused = trust.learn(pinned, map(read, INDEX["authorities"]), map(read, INDEX["crls"]))
    assert refused == []
    return learned


def verifier() -> Verifier:
    """A judge as strict as the centre, at the moment for which the vectors are made."""

    async def nobody(_: cose.X5t) -> None:
        return None

    return Verifier(known(), nobody, cached_max=16, judge_time_by=lambda: JUDGED_AT)


def test_the_vectors_are_made_again_byte_for_byte(tmp_path: Path) -> None:
    """A vector that changes is a protocol that changed: run `make vectors` and say so in PROTOCOL.md."""
    count = generate.write(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    kept = {
        path.relative_to(VECTORS): path.read_bytes()
        for path in VECTORS.rglob("*")
        if path.is_file() and not path.suffix.startswith(".py")
    }
    assert made == kept
    assert len(made) == count


def test_every_kind_of_mistake_has_an_example() -> None:
    shown = {entry["expected"].get("code") for entry in EXAMPLES}
    judged_elsewhere = {Code.CRL_MALFORMED, Code.BATCH_ALTERED, Code.TPS_MALFORMED}
    judged_elsewhere |= {Code.SESSION_NEEDED, Code.CHALLENGE_UNKNOWN, Code.ORIGIN_FOREIGN}  # of pages
    wanted = set(list(Code)[: list(Code).index(Code.DOCUMENT_NOT_LISTED)]) - judged_elsewhere
    assert {*wanted, Code.BATCH_MALFORMED} <= shown


def test_the_enrolment_is_what_the_vectors_say() -> None:
    told = INDEX["enrolment"]
    assert {enrolment.enrolment_code(text) for text in told["typed"]} == {told["code"]}
    asked = requests.read_enrolment(read(told["request"]))
    assert (asked.id.hex(), asked.public_key.hex(), asked.name, asked.proof) == (
        told["id"],
        told["public_key"],
        told["name"],
        told["challenge_password"],
    )
    by_hand = hmac.new(told["code"].encode(), b"kpu-enrol-request" + bytes.fromhex(told["id"]), hashlib.sha256)
    assert asked.proof == base64.urlsafe_b64encode(by_hand.digest()).rstrip(b"=").decode()
    leaf, root = read(told["chain"][0]), read(told["root"])
    said = b"kpu-enrol-answer" + hashlib.sha256(leaf).digest() + hashlib.sha256(root).digest()
    assert hmac.new(told["code"].encode(), said, hashlib.sha256).hexdigest() == told["proof"]
    answer = enrolment.read_answer(told["answer"])
    assert enrolment.is_proven(answer, enrolment.enrolment_code(told["printed"]))
    who = trust.pin(root).identify(answer.certificates, datetime.fromtimestamp(JUDGED_AT, UTC))
    assert requests.key_id(who.public_key) == answer.id


# --- this code


@named(SIGNED)
async def test_a_signed_message_is_judged_as_the_vectors_say(entry: dict[str, Any]) -> None:
    data, chain = read(entry["file"]), tuple(map(read, entry["chain"]))
    judges = {
        "statement": judged_statement,
        "slip": judged_slip,
        "receipt": judged_receipt,
        "batch-header": judged_header,
        "manifest": judged_manifest,
        "login": judged_login,
    }
    try:
        found = await judges[entry["rule"]](data, chain)
        judged: dict[str, Any] = {"ok": {name: found[name] for name in entry["expected"].get("ok", found)}}
    except Rejected as error:
        judged = {"code": str(error.code)}
    assert judged == entry["expected"]


async def judged_statement(data: bytes, chain: tuple[bytes, ...]) -> dict[str, Any]:
    verified = await verifier().verify(data, chain)
    statement = verified.statement
    found = {
        **described(statement.signed, verified.identity.name),
        "kind": statement.kind.name.lower(),
        "tps": statement.tps,
        "form": statement.form,
        "revision": statement.revision,
        "signed_at": statement.signed_at,
    }
    form = forms.catalogue().get(statement.form)
    if form is None:
        raise Rejected(Code.FORM_UNKNOWN, "as the centre says")
    if statement.kind is Kind.DOCUMENTS:
        pages = [{"page": p.number, "document": p.document.hex(), "size_bytes": p.size_bytes} for p in statement.pages]
        return found | {"pages": pages}
    if statement.kind is Kind.NOTE:
        favours = statement.favours and statement.favours.hex()
        return found | {"about": [item.hex() for item in statement.about], "favours": favours, "text": statement.text}
    figures = forms.unpack(form, statement.figures)
    values = {field.id: value for field, value in zip(form.fields, figures, strict=True)}
    return found | {"packed": statement.figures.hex(), "figures": values, "flags": list(form.flags(figures))}


async def judged_slip(data: bytes, chain: tuple[bytes, ...]) -> dict[str, Any]:
    signed = cose.parse(data)
    signer = await verifier().verify_signer(signed, chain, Role.RELAY)
    slip = slips.read(signed)
    return described(signed, signer.name) | {
        "subject_kind": int(slip.subject_kind),
        "subject": slip.subject.hex(),
        "number": slip.number,
        "held_at": slip.held_at,
        "clock_sure": slip.clock_sure,
    }


async def judged_receipt(data: bytes, chain: tuple[bytes, ...]) -> dict[str, Any]:
    signed = cose.parse(data)
    signer = await verifier().verify_signer(signed, chain, Role.CENTRE)
    receipt = receipts.read(signed)
    outcomes = [
        {"statement": item.statement.hex(), "verdict": int(item.verdict), "notes": list(item.notes)}
        for item in receipt.outcomes
    ]
    return described(signed, signer.name) | {"issued_at": receipt.issued_at, "outcomes": outcomes}


async def judged_header(data: bytes, chain: tuple[bytes, ...]) -> dict[str, Any]:
    signed = cose.parse(data)
    signer = await verifier().verify_signer(signed, chain, Role.RELAY)
    header = parcels.read_header(signed)
    frames = [frame.hex() for frame in header.frames]
    return described(signed, signer.name) | {
        "made_at": header.made_at,
        "frames": frames,
        "documents": [item.hex() for item in header.documents],
    }


async def judged_manifest(data: bytes, chain: tuple[bytes, ...]) -> dict[str, Any]:
    signed = cose.parse(data)
    signer = await verifier().verify_signer(signed, chain, Role.RELAY)
    manifest = manifests.read(signed)
    return described(signed, signer.name) | {
        "made_at": manifest.made_at,
        "files": manifest.files,
        "frames": manifest.frames,
        "size_bytes": manifest.size_bytes,
        "root": manifest.root.hex(),
    }


async def judged_login(data: bytes, chain: tuple[bytes, ...]) -> dict[str, Any]:
    """At the page of a relay whose scope is that of the examples' kecamatan."""
    signed = cose.parse(data)
    signer = await verifier().verify_signer(signed, chain, Role.PPK)
    found = login.read(signed)
    login.check(signer, codes.scope(country.TPS[:6]))
    return described(signed, signer.name) | {
        "signed_at": found.signed_at,
        "challenge": found.challenge.hex(),
        "origin": found.origin,
    }


def described(signed: cose.Sign1, name: str) -> dict[str, Any]:
    return {"signer": name, "x5t": signed.x5t.hex(), "id": signed.id.hex()}


@named([entry for entry in SIGNED if "ok" in entry["expected"]])
def test_the_id_is_the_hash_of_the_sig_structure(entry: dict[str, Any]) -> None:
    """By RFC 9052 4.4 as written, without this project's way of building it."""
    protected, _, payload, _ = cbor2.loads(read(entry["file"])).value
    structure = cbor2.dumps(["Signature1", protected, b"", payload])
    assert hashlib.sha256(structure).hexdigest() == entry["expected"]["ok"]["id"]


def test_a_signature_made_again_has_the_same_bytes() -> None:
    """RFC 6979: another implementation can check its signing against these, with the keys in the index."""
    entry = next(entry for entry in EXAMPLES if entry["name"] == "tally")
    scalar = int(INDEX["keys"][entry["expected"]["ok"]["signer"]], 16)
    key = country.OFFICER.key
    assert key.private_numbers().private_value == scalar
    message = cose.parse(read(entry["file"]))
    assert cose.Signer(key, read(entry["chain"][0])).sign(message.payload).bare == read(entry["file"])


@named([entry for entry in EXAMPLES if entry["rule"] == "frame"])
def test_a_frame_is_unpacked_as_the_vectors_say(entry: dict[str, Any]) -> None:
    documents = [DocumentHash(bytes.fromhex(item)) for item in entry.get("documents", ())]
    try:
        judged: dict[str, Any] = {"ok": shown(parcels.unpack(read(entry["file"]), documents))}
    except Rejected as error:
        judged = {"code": str(error.code)}
    assert judged == entry["expected"]


def shown(received: list[parcels.Parcel]) -> dict[str, Any]:
    match received:
        case [ChunkParcel(document, first_cell, data)]:
            return {"chunk": {"document": document.hex(), "first_cell": first_cell, "data": data.hex()}}
    held = [item for item in received if isinstance(item, StatementParcel)]
    assert len(held) == len(received)
    return {
        "statements": [{"statement": item.statement.hex(), "chain": [der.hex() for der in item.chain]} for item in held]
    }


@named([entry for entry in EXAMPLES if entry["rule"] == "message"])
def test_a_message_is_read_as_the_vectors_say(entry: dict[str, Any]) -> None:
    data = read(entry["file"])
    try:
        again = messages.encode(messages.decode(data))
        judged: dict[str, Any] = {"ok": {"message": again[1]}}
    except Rejected as error:
        judged = {"code": str(error.code)}
    assert judged == entry["expected"]
    assert "code" in judged or again == data


@named([entry for entry in INDEX["certificates"] if "expected" in entry])
def test_a_certificate_is_judged_as_the_vectors_say(entry: dict[str, Any]) -> None:
    chain = tuple(map(read, entry["chain"]))
    try:
        found = known().identify(chain, datetime.fromtimestamp(JUDGED_AT, UTC))
        judged: dict[str, Any] = {"ok": {"role": found.role, "scope": found.scope}}
    except Rejected as error:
        judged = {"code": str(error.code)}
    assert judged == entry["expected"]


# --- another implementation of COSE


def node() -> str:
    """The JavaScript engine. In CI its absence is a failure, elsewhere it leaves these tests out."""
    found = shutil.which("node")
    installed = (JAVASCRIPT / "node_modules" / "@auth0" / "cose").is_dir()
    if found and installed:
        return found
    if os.environ.get("CI"):
        pytest.fail("CI needs node and tests/js/node_modules: run make test")
    pytest.skip("node or tests/js/node_modules is missing")


@pytest.fixture(scope="module")
def verified_elsewhere() -> dict[str, dict[str, Any]]:
    """What the JavaScript implementation says of every message whose signature matters."""
    lines = []
    for entry in SIGNED:
        if "signature" in entry:
            key = x509.load_der_x509_certificate(read(entry["signer"])).public_key()
            spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            lines.append(json.dumps({"name": entry["name"], "cose": read(entry["file"]).hex(), "spki": spki.hex()}))
    command = [node(), "verify.mjs"]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, cwd=JAVASCRIPT, text=True, check=True)
    return {answer["name"]: answer for answer in map(json.loads, done.stdout.splitlines())}


@named([entry for entry in SIGNED if "signature" in entry])
def test_another_implementation_says_the_same_of_every_signature(
    entry: dict[str, Any], verified_elsewhere: dict[str, dict[str, Any]]
) -> None:
    answer = verified_elsewhere[entry["name"]]
    assert answer["verified"] == entry["signature"], answer
    if entry["signature"]:
        assert answer["payload"] == cose.parse(read(entry["file"])).payload.hex()


# --- openssl


@named([entry for entry in INDEX["certificates"] if "openssl" in entry])
def test_openssl_says_the_same_of_every_certificate(entry: dict[str, Any], tmp_path: Path) -> None:
    """What X.509 itself knows: chain, time, revocation. Scope and role are this system's and not openssl's."""
    assert openssl_verifies(entry, tmp_path) == entry["openssl"]


def openssl_verifies(entry: dict[str, Any], folder: Path) -> bool:
    lists = [x509.load_der_x509_crl(read(name)).public_bytes(Encoding.PEM) for name in INDEX["crls"]]
    expired = [name for name in entry["chain"] if name == "certificates/kpu-6502.der"]  # which gives no lists any more
    (folder / "root.pem").write_bytes(pem(INDEX["root"]))
    (folder / "above.pem").write_bytes(b"".join(map(pem, entry["chain"][1:])))
    (folder / "leaf.pem").write_bytes(pem(entry["chain"][0]))
    (folder / "lists.pem").write_bytes(b"".join(lists))
    command = [openssl(), "verify", "-attime", str(JUDGED_AT), "-x509_strict", "-CAfile", "root.pem"]
    command += [] if expired else ["-crl_check_all", "-CRLfile", "lists.pem"]
    command += ["-untrusted", "above.pem"] if entry["chain"][1:] else []
    done = subprocess.run([*command, "leaf.pem"], capture_output=True, cwd=folder, text=True, check=False)
    reason = {"officer-revoked": "revoked", "officer-expired": "expired", "officer-under-expired-ca": "expired"}
    assert reason.get(entry["name"], "") in done.stdout + done.stderr
    return done.returncode == 0


def openssl() -> str:
    """The command. In CI its absence is a failure, elsewhere it leaves these tests out."""
    if found := shutil.which("openssl"):
        return found
    if os.environ.get("CI"):
        pytest.fail("CI needs openssl")
    pytest.skip("openssl is missing")


def pem(name: str) -> bytes:
    return x509.load_der_x509_certificate(read(name)).public_bytes(Encoding.PEM)
