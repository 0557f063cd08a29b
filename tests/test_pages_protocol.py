"""What the pages sign, pack, flag and believe is what Python does: the same questions, put to both.

Every random test prints its seed first; RELAY_SEED takes it back.
"""

import json
import os
import random
import secrets
import subprocess
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from relay.authority.requests import read_enrolment
from relay.errors import Rejected
from relay.protocol import cose, enrolment, forms, login, statements, trust
from relay.protocol.certificates import der_of
from relay.protocol.enrolment import EnrolmentCode
from relay.protocol.forms import RuleKind
from relay.protocol.roles import Role
from relay.protocol.statements import DocumentHash, Page, StatementId
from tests.authorities import TPS, World
from tests.test_vectors import node
from tests.vectors import country

JAVASCRIPT = Path(__file__).parent / "js"
PAGES = Path(__file__).parents[1] / "relay" / "web" / "pages"
NODE_LEAST = 20  # what the pages are built with
SIGNED_AT = 1_795_255_200
CODE = EnrolmentCode("K7Q2M4XD9FTA")
FORMS = sorted(forms.catalogue())


def asked(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the pages' protocol answers to each question; left out where Node is missing."""
    engine = node()
    version = subprocess.run([engine, "--version"], capture_output=True, text=True, check=True).stdout
    installed = (PAGES / "node_modules" / "vite").is_dir()
    if not installed or int(version.removeprefix("v").split(".")[0]) < NODE_LEAST:
        why = f"node {NODE_LEAST} or newer, or relay/web/pages/node_modules, is missing: run make setup"
        pytest.skip(why)
    lines = "\n".join(map(json.dumps, questions))
    command = [engine, "twin.mjs"]
    done = subprocess.run(command, input=lines, capture_output=True, cwd=JAVASCRIPT, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def chance() -> random.Random:
    """Where a random test takes its cases from."""
    seed = int(os.environ.get("RELAY_SEED", secrets.randbelow(2**32)))
    print(f"RELAY_SEED={seed}")
    return random.Random(seed)


# --- forms


def some_figures(form: forms.Form, chance: random.Random) -> forms.Figures:
    """A form as people fill it in: sums that mostly agree, some that do not, some blank boxes, some edges."""
    usual = chance.choice([[0, 1, 2], [0, 1, 2, 150, 290, 333]])
    figures: list[int | None] = [chance.choice(usual) for _ in form.fields]
    honest = chance.choice([0, 0.9, 1])
    for rule in form.rules:
        if rule.kind is RuleKind.SUM and chance.random() < honest:
            figures[rule.right] = min(sum(figures[at] or 0 for at in rule.left), forms.FIGURE_MAX)
    for _ in range(chance.choice([0, 0, 1, 3])):
        figures[chance.randrange(len(figures))] = chance.choice([None, 0, 999, chance.randrange(1000)])
    return tuple(figures)


def test_forms_are_expanded_into_the_same_figures_and_rules() -> None:
    for code, shown in zip(FORMS, asked([{"ask": "fields", "form": code} for code in FORMS]), strict=True):
        form = forms.catalogue()[code]
        fields = [(field["id"], field["paper"], field["label"], field["labelEn"]) for field in shown["fields"]]
        assert fields == [(field.id, field.paper, field.label, field.label_en) for field in form.fields]
        names = ("id", "kind", "right", "percent", "tolerance", "limit", "soft")
        rules = [(*(rule[name] for name in names), tuple(rule["left"])) for rule in shown["rules"]]
        assert rules == [(*(getattr(rule, name) for name in names), rule.left) for rule in form.rules]
        about = (form.name, form.title, form.title_en, form.pages, form.votes_page)
        assert about == tuple(shown[name] for name in ("name", "title", "titleEn", "pages", "votesPage"))


def test_any_figures_are_packed_and_flagged_alike(chance: random.Random) -> None:
    cases = [(form, some_figures(form, chance)) for form in forms.catalogue().values() for _ in range(200)]
    answers = asked([{"ask": "flags", "form": form.code, "figures": figures} for form, figures in cases])
    for (form, figures), answer in zip(cases, answers, strict=True):
        wanted = {
            "packed": forms.pack(figures).hex(),
            "unpacked": list(figures),
            "flags": list(form.flags(figures)),
        }
        assert answer == wanted, (form.name, figures)
    for holds in (True, False):  # else the comparison says nothing of some rule
        judged = {(form.code, rule.id) for form, filled in cases for rule in form.rules if rule.holds(filled) is holds}
        assert judged == {(form.code, rule.id) for form, _ in cases for rule in form.rules}


# --- what is signed


def signing(party: country.Party) -> dict[str, Any]:
    key = party.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return {"key": key.hex(), "certificate": party.chain[0].hex(), "chain": [der.hex() for der in party.chain]}


def some_messages(chance: random.Random) -> list[tuple[dict[str, Any], country.Party, bytes]]:
    """Questions to sign something, by whom, and the payload that must come of it."""
    made = []
    for form in forms.catalogue().values():
        figures = some_figures(form, chance)
        about: dict[str, Any] = {"tps": country.TPS, "form": form.code, "revision": chance.randint(1, 99)}
        payload = statements.tally(**about, signed_at=SIGNED_AT, figures=forms.pack(figures))
        said = {**about, "signedAt": SIGNED_AT, "figures": figures}
        made.append(({"kind": "tally", "said": said}, country.OFFICER, payload))
    hashes = [chance.randbytes(32) for _ in range(4)]
    pages = [Page(number, DocumentHash(hashes[number]), chance.randint(1, 2**26)) for number in (1, 2, 3)]
    about = {"tps": country.TPS, "form": 2401, "revision": 1}
    payload = statements.documents(**about, signed_at=SIGNED_AT, pages=pages)
    listed = [{"number": p.number, "document": p.document.hex(), "sizeBytes": p.size_bytes} for p in pages]
    said = {**about, "signedAt": SIGNED_AT, "pages": listed}
    made.append(({"kind": "documents", "said": said}, country.OFFICER, payload))
    for favours in (None, StatementId(hashes[0])):
        ids = sorted(map(StatementId, hashes))
        text = "Saksi setuju: paslon 2 – 165 ✓"
        payload = statements.note(**about, signed_at=SIGNED_AT, about=ids, favours=favours, text=text)
        named = {"about": [item.hex() for item in hashes], "favours": favours and favours.hex(), "text": text}
        made.append(({"kind": "note", "said": {**about, "signedAt": SIGNED_AT, **named}}, country.OPERATOR, payload))
    origin = "https://relay-650108.local:8443"
    payload = login.payload(SIGNED_AT, hashes[0], origin)
    said = {"signedAt": SIGNED_AT, "challenge": hashes[0].hex(), "origin": origin}
    made.append(({"kind": "login", "said": said}, country.OPERATOR, payload))
    return made


def test_what_the_pages_sign_verifies_here_and_with_a_library_that_is_not_ours(chance: random.Random) -> None:
    messages = some_messages(chance)
    answers = asked([{"ask": "sign", **question, **signing(party)} for question, party, _ in messages])
    lines = []
    for (_, party, payload), answer in zip(messages, answers, strict=True):
        message = cose.parse(bytes.fromhex(answer["whole"]))
        assert message.chain == party.chain
        assert message.bare.hex() == answer["bare"]
        assert message.payload == payload
        assert message.id.hex() == answer["id"]
        assert message.x5t == cose.x5t_of(party.chain[0])
        cose.check(message, party.key.public_key())
        spki = party.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        lines.append(json.dumps({"name": "", "cose": answer["whole"], "spki": spki.hex()}))
    command = [node(), "verify.mjs"]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, cwd=JAVASCRIPT, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(item["verified"], item["payload"]) for item in found] == [(True, p.hex()) for _, _, p in messages]


# --- enrolment


@pytest.mark.parametrize("name", ["Petugas 6501082001001", "Siti Aminah, S.Pd. + O=KPU", "Bambang “Ucok” Šarić"])
def test_a_request_of_the_pages_is_read_here(name: str) -> None:
    [answer] = asked([{"ask": "request", "name": name, "code": CODE}])
    request = read_enrolment(bytes.fromhex(answer["der"]))
    assert request.name == name
    assert request.id.hex() == answer["id"]
    assert request.proof == enrolment.request_proof(CODE, request.public_key)


def test_the_pages_believe_an_answer_only_from_who_knows_the_code() -> None:
    leaf, root = country.OFFICER.chain[0], der_of(country.ROOT.certificate)
    good = enrolment.answer_proof(CODE, leaf, root)
    bad = enrolment.answer_proof(EnrolmentCode("000000000000"), leaf, root)
    shown = {"ask": "proof", "code": CODE, "leaf": leaf.hex(), "root": root.hex()}
    assert asked([{**shown, "proof": proof.hex()} for proof in (good, bad)]) == [{"holds": True}, {"holds": False}]


# --- who is believed


@cache
def crowd() -> tuple[World, list[bytes], list[tuple[bytes, ...]], list[bytes]]:
    """A world, CAs good and bad, the chains of leaves good and bad, and CRLs."""
    world = World()
    kabupaten = world.ca
    kecamatan = world.ca_for("650108", kabupaten)
    issuers = [
        world.root,
        kabupaten,
        kecamatan,
        world.ca_for("6502"),
        world.ca_for("6501", days=10, key=kabupaten.key),  # an older certificate of the same CA
        world.ca_for("6501", days=-10),
        world.ca_for("650201", kabupaten),  # outside its issuer's scope
        world.ca_for("650201", world.ca_for("6502"), key=kabupaten.key),  # another CA's public key
        world.ca_for("6501082001", kecamatan, path_length=0),
        world.ca_for("650109", world.ca_for("6501", path_length=0)),
        world.ca_for("", kabupaten),
        World(name="Another Root").ca,
    ]
    made = [world.leaf(role, scope, issuer)[1] for issuer in issuers for role, scope in LEAVES]
    made += [world.leaf(Role.KPPS, TPS, uri=uri)[1] for uri in URIS]
    made += [world.leaf(Role.KPPS, TPS, now=world.now + timedelta(days=moved), days=20)[1] for moved in (-90, 90)]
    made.append(world.leaf(Role.KPPS, TPS, key=ec.generate_private_key(ec.SECP384R1()))[1])
    made.append((kabupaten.chain[0],))
    crls = [
        world.crl(made[6][0], made[7][0]),
        world.crl(number=2),
        world.crl(kecamatan.chain[0], number=3),
        world.crl(kabupaten.chain[0], issuer=world.root),
        world.crl(made[0][0], issuer=kecamatan),
    ]
    return world, [issuer.chain[0] for issuer in issuers[1:]], made, crls


LEAVES = [(Role.KPPS, TPS), (Role.KPPS, TPS[:10]), (Role.PPK, "650108"), (Role.RELAY, "6502"), (Role.CENTRE, "")]
URIS = ["urn:kpu:dukun:6501", "urn:kpu:kpps:6501", "urn:kpu:pusat:6501", "urn:kpu:ppk:", "urn:kpu:ppk:65x", "urn:x:y"]


def test_whoever_python_believes_the_pages_believe_and_nobody_else(chance: random.Random) -> None:
    world, authorities, chains, crls = crowd()
    cases = []
    for _ in range(300):
        leaf, *above = chance.choice(chains)
        along = above if chance.random() < 0.6 else chance.sample(authorities, chance.randint(0, 3))
        at = chance.choice([None, None, 0, 0, 15, 60, 700, -900])
        known = chance.sample(authorities, chance.randint(0, 5)), chance.sample(crls, chance.choice([0, 2, 4]))
        cases.append(((leaf, *along), *known, at))
    answers = asked([question(world, *case) for case in cases])
    for case, answer in zip(cases, answers, strict=True):
        assert answer == believed(world, *case), case
    assert {answer.get("code") for answer in answers} >= {
        None,
        "chain-broken",
        "role-unknown",
        "signer-revoked",
        "ca-outside-scope",
        "certificate-not-valid-now",
    }


def question(
    world: World, chain: tuple[bytes, ...], known: list[bytes], crls: list[bytes], days: int | None
) -> dict[str, Any]:
    named = {"chain": chain, "authorities": known, "crls": crls}
    at = None if days is None else int((world.now + timedelta(days=days)).timestamp())
    said = {name: [der.hex() for der in certificates] for name, certificates in named.items()}
    return {"ask": "identify", "root": world.root_der.hex(), "at": at, **said}


def believed(
    world: World, chain: tuple[bytes, ...], known: list[bytes], crls: list[bytes], days: int | None
) -> dict[str, Any]:
    """Python's answer to the same question."""
    learned, _ = trust.learn(world.trust(), known, crls)
    at = None if days is None else (world.now + timedelta(days=days)).replace(microsecond=0)
    try:
        found = learned.identify(chain, at)
    except Rejected as error:
        return {"code": str(error.code)}
    return {
        "role": found.role,
        "scope": found.scope,
        "name": found.name,
        "x5t": found.x5t.hex(),
        "notBefore": found.not_before.timestamp(),
        "notAfter": found.not_after.timestamp(),
        "chain": [der.hex() for der in found.chain],
    }
