"""Who may say what: every way in which a certificate, a chain or a CRL can be wrong is refused by its own code."""

import random
import warnings
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from relay.authority import certificates
from relay.authority.certificates import Issuer, Revocation
from relay.errors import Code, Rejected
from relay.protocol import codes, cose, login, roles, statements, trust
from relay.protocol.certificates import der_of, parse_certificate
from relay.protocol.identities import check_speaks_for
from relay.protocol.paths import path_among
from relay.protocol.roles import Role
from tests.authorities import KABUPATEN, KECAMATAN, TPS, Party, World, new_key
from tests.world.nodes import documents, note, tally


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def refusal(call: Callable[[], object]) -> Code:
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value.code


def identified(world: World, party: Party) -> Code:
    return refusal(lambda: world.trust().identify(party[1], world.now))


# --- what is accepted


@pytest.mark.parametrize(
    ("role", "scope"),
    [(Role.KPPS, TPS), (Role.KPPS, TPS[:10]), (Role.PPK, KECAMATAN), (Role.RELAY, KECAMATAN)],
)
def test_an_officer_an_operator_and_a_relay_are_who_their_ca_says(world: World, role: Role, scope: str) -> None:
    signer, chain = world.leaf(role, scope)
    identity = world.trust().identify(chain, world.now)
    assert (identity.role, identity.scope, identity.x5t) == (role, scope, signer.x5t)
    assert identity.chain == chain
    assert identity.valid_at(world.now)


def test_the_centre_comes_from_the_root(world: World) -> None:
    _, chain = world.centre()
    assert world.trust().identify(chain, world.now).role is Role.CENTRE


def test_a_kecamatan_ca_may_stand_between_kabupaten_and_phone(world: World) -> None:
    _, chain = world.officer(issuer=world.ca_for(KECAMATAN, world.ca))
    assert len(chain) == 3
    assert world.trust().identify(chain, world.now).scope == TPS


def test_a_chain_may_come_without_cas_that_are_known(world: World) -> None:
    _, chain = world.officer()
    assert world.trust().with_authority(world.ca.chain[0]).identify(chain[:1], None).chain == chain


def test_time_is_not_judged_unless_asked(world: World) -> None:
    _, chain = world.leaf(Role.KPPS, TPS, now=world.now - timedelta(days=300), days=20)
    assert world.trust().identify(chain, None).scope == TPS


def test_the_order_in_which_certificates_and_crls_are_learned_does_not_matter(world: World) -> None:
    kecamatan = world.ca_for(KECAMATAN, world.ca)
    learned, refused = trust.learn(world.trust(), [kecamatan.chain[0], world.ca.chain[0]], [world.crl()])
    assert not refused
    assert set(learned.authority_certificates) == {world.root_der, *kecamatan.chain}


# --- chain-broken


def test_another_roots_certificates_are_refused(world: World) -> None:
    assert identified(world, World().officer()) is Code.CHAIN_BROKEN


def test_a_ca_that_signs_with_another_key_than_its_certificates_is_refused(world: World) -> None:
    forger = Issuer(new_key(), world.ca.certificate, world.ca.chain)
    genuine = x509.AuthorityKeyIdentifier.from_issuer_public_key(world.ca.key.public_key())
    made = certificates.leaf(
        forger, new_key().public_key(), Role.KPPS, TPS, "Penipu", certificates.validity(world.now, 9)
    )
    claimed = _altered(made, forger.key, genuine)
    assert identified(world, (world.officer()[0], (claimed, *world.ca.chain))) is Code.CHAIN_BROKEN


def test_an_altered_certificate_is_refused(world: World) -> None:
    signer, (leaf, *above) = world.officer()
    altered = leaf.replace(TPS.encode(), b"6501082001002")
    assert altered != leaf
    assert identified(world, (signer, (altered, *above))) is Code.CHAIN_BROKEN


def test_a_leaf_cannot_act_as_a_ca(world: World) -> None:
    signer, (der, *above) = world.officer()
    officer = Issuer(signer._key, parse_certificate(der), (der, *above))
    assert identified(world, world.leaf(Role.KPPS, TPS, officer)) is Code.CHAIN_BROKEN


def test_a_certificate_that_is_called_a_ca_but_may_not_certify_is_none(world: World) -> None:
    key = new_key()
    _, chain = world.leaf(Role.KPPS, KABUPATEN, world.ca, uri=roles.urn(Role.CA, KECAMATAN), key=key)
    pretended = Issuer(key, parse_certificate(chain[0]), chain)
    below = world.ca_for(KECAMATAN, pretended, path_length=0)
    assert refusal(lambda: world.trust().with_authority(*chain)) is Code.CHAIN_BROKEN
    assert refusal(lambda: world.trust().with_authority(*below.chain)) is Code.CHAIN_BROKEN
    assert identified(world, world.officer(issuer=pretended)) is Code.CHAIN_BROKEN


@pytest.mark.parametrize("claimed", [0, 1, 5])
def test_a_ca_whose_path_length_is_used_up_makes_no_further_ca(world: World, claimed: int) -> None:
    narrow = world.ca_for(KABUPATEN, path_length=0)
    below = world.ca_for(KECAMATAN, narrow, path_length=claimed)
    assert identified(world, world.officer(issuer=below)) is Code.CHAIN_BROKEN
    assert refusal(lambda: world.trust().with_authority(*below.chain)) is Code.CHAIN_BROKEN


def test_the_roots_path_length_counts_for_cas_two_levels_below(world: World) -> None:
    when = certificates.validity(world.now, 90)
    key = new_key()
    builder = certificates._with_authority(certificates._start(key.public_key(), "Root", when), 1)
    builder = builder.issuer_name(certificates._name("Root"))
    builder = builder.add_extension(certificates._authority_key(key.public_key()), critical=False)
    root = Issuer(key, builder.sign(key, hashes.SHA256()))
    kabupaten = world.ca_for(KABUPATEN, root, path_length=1)
    kecamatan = world.ca_for(KECAMATAN, kabupaten, path_length=0)
    pinned = trust.pin(der_of(root.certificate))
    pinned.with_authority(*kabupaten.chain)
    assert refusal(lambda: pinned.with_authority(*kecamatan.chain)) is Code.CHAIN_BROKEN


def test_more_levels_than_there_are_regions_are_refused(world: World) -> None:
    village = world.ca_for(TPS[:10], world.ca_for(KECAMATAN, world.ca), path_length=0)
    _, chain = world.officer(issuer=village)
    assert refusal(lambda: world.trust().identify(chain, None)) is Code.CHAIN_BROKEN
    learned = world.trust().with_authority(*village.chain[1:])
    assert refusal(lambda: learned.with_authority(village.chain[0])) is Code.CHAIN_BROKEN


def test_an_unknown_issuer_is_said(world: World) -> None:
    _, chain = world.officer()
    assert refusal(lambda: world.trust().identify(chain[:1], None)) is Code.CHAIN_BROKEN
    assert refusal(lambda: world.trust().identify((), None)) is Code.CHAIN_BROKEN


def test_only_a_certificate_that_signed_itself_can_be_pinned(world: World) -> None:
    assert refusal(lambda: trust.pin(world.ca.chain[0])) is Code.CHAIN_BROKEN


# --- ca-outside-scope


@pytest.mark.parametrize("tps", ["6502012001001", "6401012001001"])
def test_a_ca_cannot_certify_outside_its_scope(world: World, tps: str) -> None:
    assert identified(world, world.officer(tps)) is Code.CA_OUTSIDE_SCOPE


def test_a_ca_cannot_make_a_ca_outside_its_scope(world: World) -> None:
    for scope in ("6502", "65", ""):
        stray = world.ca_for(scope, world.ca)
        assert identified(world, world.officer("6502012001001", stray)) is Code.CA_OUTSIDE_SCOPE
        assert refusal(lambda: world.trust().with_authority(*stray.chain)) is Code.CA_OUTSIDE_SCOPE  # noqa: B023


def test_a_ca_cannot_certify_the_whole_country(world: World) -> None:
    assert identified(world, world.leaf(Role.CENTRE, "", world.ca)) is Code.CA_OUTSIDE_SCOPE


# --- role-unknown, role-not-allowed, station-not-signers


@pytest.mark.parametrize(
    "uri",
    [
        "urn:kpu:dukun:6501082001001",
        "urn:kpu:kpps",
        "urn:kpu:kpps:650108",
        "urn:kpu:kpps:65010820010012",
        "urn:kpu:kpps:6501082001001:x",
        "urn:kpu:KPPS:6501082001001",
        "URN:KPU:kpps:6501082001001",
        "urn:example:kpps:6501082001001",
        "urn:kpu:pusat:6501",
    ],
)
def test_a_role_that_is_not_one_of_ours_is_refused(world: World, uri: str) -> None:
    assert identified(world, world.leaf(Role.KPPS, TPS, uri=uri)) is Code.ROLE_UNKNOWN


def test_a_kabupaten_cannot_make_a_centre_for_itself(world: World) -> None:
    """A centre's receipt lets copies be dropped: whoever could make one could lose a region's results."""
    assert identified(world, world.leaf(Role.CENTRE, KABUPATEN)) is Code.ROLE_UNKNOWN


def test_two_roles_in_one_certificate_are_refused(world: World) -> None:
    key = new_key()
    when = certificates.validity(world.now, 9)
    builder = certificates._below(world.ca, key.public_key(), "Dua", when)
    names = [x509.UniformResourceIdentifier(roles.urn(Role.KPPS, tps)) for tps in (TPS, "6501082001002")]
    der = der_of(
        builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(world.ca.key, hashes.SHA256())
    )
    assert identified(world, (cose.Signer(key, der), (der, *world.ca.chain))) is Code.ROLE_UNKNOWN


def test_a_ca_does_not_speak_for_a_station(world: World) -> None:
    assert refusal(lambda: world.trust().identify(world.ca.chain, world.now)) is Code.ROLE_NOT_ALLOWED


def speaks(world: World, party: Party, signed: cose.Sign1) -> None:
    check_speaks_for(world.trust().identify(party[1], world.now), statements.read(signed))


@pytest.mark.parametrize("make", [tally, lambda party: documents(party, [b"page 1"])], ids=["tally", "documents"])
def test_only_a_stations_officer_speaks_for_it(world: World, make: Callable[[Party], cose.Sign1]) -> None:
    for scope in (TPS, TPS[:10]):
        speaks(world, (officer := world.officer(scope)), make(officer))
    for scope in ("6501082001002", "6501082002"):
        stranger = world.officer(scope)
        assert refusal(lambda: speaks(world, stranger, make(stranger))) is Code.STATION_NOT_SIGNERS  # noqa: B023
    for party in (world.operator(), world.relay(), world.centre()):
        assert refusal(lambda: speaks(world, party, make(party))) is Code.ROLE_NOT_ALLOWED  # noqa: B023


def test_only_an_operator_whose_scope_covers_a_station_notes_something_about_it(world: World) -> None:
    for scope in ("", "65", "6501", TPS[:6], TPS[:10], TPS):
        speaks(world, (operator := world.leaf(Role.PPK, scope, world.root)), note(operator, [bytes(32)]))
    for scope in ("6502", "650109", "6501082002", "6501082001002"):
        stranger = world.leaf(Role.PPK, scope, world.root)
        assert refusal(lambda: speaks(world, stranger, note(stranger, [bytes(32)]))) is Code.STATION_NOT_SIGNERS  # noqa: B023
    for party in (world.officer(), world.relay(), world.centre()):
        assert refusal(lambda: speaks(world, party, note(party, [bytes(32)]))) is Code.ROLE_NOT_ALLOWED  # noqa: B023


def test_only_an_operator_of_the_whole_region_may_log_in(world: World) -> None:
    def logs_in(party: Party, scope: str) -> None:
        login.check(world.trust().identify(party[1], world.now), codes.scope(scope))

    for scope in ("650108", "6501082001", TPS):
        logs_in(world.operator("650108"), scope)
    logs_in(world.leaf(Role.PPK, "", world.root), "")
    for scope in ("", "6501", "650109"):
        assert refusal(lambda: logs_in(world.operator("650108"), scope)) is Code.STATION_NOT_SIGNERS  # noqa: B023
    for party in (world.officer(), world.relay(), world.centre()):
        assert refusal(lambda: logs_in(party, TPS)) is Code.ROLE_NOT_ALLOWED  # noqa: B023


# --- certificate-not-valid-now


def test_expired_and_not_yet_valid_certificates_are_refused_when_time_is_judged(world: World) -> None:
    _, chain = world.officer()
    for moment in (world.now - timedelta(days=3), world.now + timedelta(days=366)):
        assert refusal(lambda: world.trust().identify(chain, moment)) is Code.CERTIFICATE_NOT_VALID_NOW  # noqa: B023
    long_ago = world.leaf(Role.KPPS, TPS, now=world.now - timedelta(days=300), days=20)
    assert identified(world, long_ago) is Code.CERTIFICATE_NOT_VALID_NOW


def test_an_expired_ca_is_refused_whether_it_is_sent_or_known(world: World) -> None:
    short = world.ca_for(KABUPATEN, days=10)
    _, chain = world.officer(issuer=short)
    later = world.now + timedelta(days=11)
    assert refusal(lambda: world.trust().identify(chain, later)) is Code.CERTIFICATE_NOT_VALID_NOW
    known = world.trust().with_authority(*short.chain)
    assert refusal(lambda: known.identify(chain[:1], later)) is Code.CERTIFICATE_NOT_VALID_NOW


# --- certificate-malformed, algorithm-unsupported


def test_bytes_that_are_no_certificate_are_refused(world: World) -> None:
    _, (leaf, *above) = world.officer()
    for der in (b"", b"abc", leaf[:-1], leaf + b"\0"):
        assert identified(world, (world.officer()[0], (der, *above))) is Code.CERTIFICATE_MALFORMED
    assert refusal(lambda: world.trust().identify((leaf, b"abc"), None)) is Code.CERTIFICATE_MALFORMED


def test_a_p384_key_is_refused_in_leaf_ca_and_root(world: World) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    assert identified(world, world.leaf(Role.KPPS, TPS, key=key)) is Code.ALGORITHM_UNSUPPORTED
    big = world.ca_for(KABUPATEN, key=key)
    assert refusal(lambda: world.trust().with_authority(*big.chain)) is Code.ALGORITHM_UNSUPPORTED
    root = certificates.root(key, "Root", certificates.validity(world.now, 9))
    assert refusal(lambda: trust.pin(der_of(root))) is Code.ALGORITHM_UNSUPPORTED


def test_whatever_a_stranger_sends_only_a_refusal_comes_back(world: World) -> None:
    """Unusual X.509 makes the library raise things that are no ValueError; none of them may leave this door."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    _, (leaf, ca) = world.officer()
    crl = world.crl(leaf)
    known = world.trust().with_authority(ca)

    def altered(data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 3))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        return bytes(changed)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns of odd names and serial numbers
        for attempt in range(3000):
            calls: tuple[Callable[[], object], ...] = (
                lambda: world.trust().identify((altered(leaf), ca), world.now),
                lambda: world.trust().identify((leaf, altered(ca)), None),
                lambda: known.with_crl(altered(crl)),
            )
            try:
                calls[attempt % 3]()
            except Rejected:
                continue


# --- taking another CA's place


def test_a_ca_cannot_choose_another_cas_key_identifier(world: World) -> None:
    """Else it could revoke that CA's phones, or be met first and keep the real CA from being learned."""
    victim = world.ca_for("6502")
    key = new_key()
    when = certificates.validity(world.now, 90)
    made = certificates.ca(world.ca, key.public_key(), KECAMATAN, "Palsu", when, 0)
    stolen = x509.SubjectKeyIdentifier.from_public_key(victim.key.public_key())
    forged = _altered(made, world.ca.key, stolen)
    assert refusal(lambda: world.trust().with_authority(forged, *world.ca.chain)) is Code.CERTIFICATE_MALFORMED


def test_certifying_another_cas_public_key_does_not_take_its_place(world: World) -> None:
    victim = world.ca_for("6502")
    stray = world.ca_for(KECAMATAN, world.ca, key=victim.key)  # needs the public key only
    _, chain = world.officer("6502012001001", victim)
    known = world.trust().with_authority(*stray.chain)
    assert known.identify(chain, world.now).chain == chain
    assert known.with_authority(*victim.chain).identify(chain[:1], world.now).chain == chain


def test_a_renewed_ca_certificate_takes_over_from_the_old_one(world: World) -> None:
    old = world.ca_for(KABUPATEN, days=10)
    new = world.ca_for(KABUPATEN, days=700, key=old.key)
    _, chain = world.leaf(Role.KPPS, TPS, new)
    later = world.now + timedelta(days=20)
    assert world.trust().with_authority(*old.chain).identify(chain, later).chain == chain
    known = world.trust().with_authority(*old.chain).with_authority(*new.chain)
    assert known.identify(chain[:1], later).chain == chain


def test_a_certificate_signed_by_another_ca_than_it_names_is_refused(world: World) -> None:
    """It would be looked up in the wrong CA's revocation list."""
    kecamatan = world.ca_for(KECAMATAN, world.ca)
    made = certificates.leaf(
        world.ca, new_key().public_key(), Role.KPPS, TPS, "Silang", certificates.validity(world.now, 9)
    )
    crossed = _altered(
        made, world.ca.key, x509.AuthorityKeyIdentifier.from_issuer_public_key(kecamatan.key.public_key())
    )
    assert identified(world, (world.officer()[0], (crossed, *kecamatan.chain))) is Code.CHAIN_BROKEN


# --- signer-revoked, CRLs


def test_a_revoked_officer_is_refused_and_nobody_else(world: World) -> None:
    _, gone = world.officer()
    _, stays = world.officer()
    before = world.trust().with_authority(*world.ca.chain)
    identity = before.identify(gone, world.now)
    after = before.with_crl(world.crl(gone[0]))
    assert refusal(lambda: after.identify(gone, world.now)) is Code.SIGNER_REVOKED
    assert refusal(lambda: after.still_stands(identity)) is Code.SIGNER_REVOKED
    before.still_stands(identity)
    after.still_stands(after.identify(stays, world.now))


def test_with_a_ca_goes_everybody_below_it(world: World) -> None:
    kecamatan = world.ca_for(KECAMATAN, world.ca)
    _, chain = world.officer(issuer=kecamatan)
    known = world.trust().with_authority(*kecamatan.chain).with_authority(*world.ca.chain)
    identity = known.identify(chain, world.now)
    for crl in (
        world.crl(kecamatan.chain[0], issuer=world.ca),
        world.crl(world.ca.chain[0], issuer=world.root),
    ):
        after = known.with_crl(crl)
        for sent in (chain, chain[:1]):
            assert refusal(lambda: after.identify(sent, world.now)) is Code.SIGNER_REVOKED  # noqa: B023
        assert refusal(lambda: after.still_stands(identity)) is Code.SIGNER_REVOKED  # noqa: B023
        assert refusal(lambda: after.with_authority(*kecamatan.chain)) is Code.SIGNER_REVOKED  # noqa: B023


def test_an_older_crl_does_not_undo_a_revocation(world: World) -> None:
    _, chain = world.officer()
    known = world.trust().with_authority(*world.ca.chain)
    old, new = world.crl(number=1), world.crl(chain[0], number=2)
    for order in ((old, new), (new, old)):
        after = known
        for crl in order:
            after = after.with_crl(crl)
        assert refusal(lambda: after.identify(chain, None)) is Code.SIGNER_REVOKED  # noqa: B023
        assert list(after.crls.values()) == [new]


def test_a_newer_crl_that_forgets_does_not_undo_a_revocation(world: World) -> None:
    _, chain = world.officer()
    known = world.trust().with_authority(*world.ca.chain).with_crl(world.crl(chain[0])).with_crl(world.crl(number=2))
    assert refusal(lambda: known.identify(chain, None)) is Code.SIGNER_REVOKED


def test_a_forged_crl_is_refused(world: World) -> None:
    _, chain = world.officer()
    known = world.trust().with_authority(*world.ca.chain)
    entries = [Revocation(parse_certificate(chain[0]).serial_number, world.now)]
    genuine = world.crl(chain[0])
    other = certificates.crl(world.ca_for("6502"), entries, 1, certificates.validity(world.now, 9))
    assert refusal(lambda: known.with_crl(other.public_bytes(Encoding.DER))) is Code.SIGNER_UNKNOWN
    assert refusal(lambda: known.with_crl(_crl_in_the_name_of(world.ca, new_key(), entries))) is Code.SIGNATURE_INVALID
    assert refusal(lambda: known.with_crl(genuine[:-1] + bytes((genuine[-1] ^ 1,)))) is Code.SIGNATURE_INVALID
    known.identify(chain, world.now)


def test_one_ca_cannot_revoke_for_another(world: World) -> None:
    other = world.ca_for("6502")
    _, chain = world.officer()
    known = world.trust().with_authority(*world.ca.chain).with_authority(*other.chain)
    known.with_crl(world.crl(chain[0], issuer=other)).identify(chain, world.now)


def test_bytes_that_are_no_crl_are_refused(world: World) -> None:
    known = world.trust().with_authority(*world.ca.chain)
    for der in (b"", b"abc", world.ca.chain[0], world.crl()[:-1]):
        assert refusal(lambda: known.with_crl(der)) is Code.CRL_MALFORMED  # noqa: B023
    unnumbered = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(world.ca.certificate.subject)
        .last_update(world.now)
        .next_update(world.now + timedelta(days=1))
        .sign(world.ca.key, hashes.SHA256())
    )
    assert refusal(lambda: known.with_crl(unnumbered.public_bytes(Encoding.DER))) is Code.CRL_MALFORMED


def _altered(made: x509.Certificate, key: ec.EllipticCurvePrivateKey, replacement: x509.ExtensionType) -> bytes:
    """The certificate with one extension replaced, signed again."""
    builder = x509.CertificateBuilder(made.issuer, made.subject, made.public_key(), made.serial_number)
    builder = builder.not_valid_before(made.not_valid_before_utc).not_valid_after(made.not_valid_after_utc)
    for extension in made.extensions:
        same = extension.oid == replacement.oid
        builder = builder.add_extension(replacement if same else extension.value, extension.critical)
    return der_of(builder.sign(key, hashes.SHA256()))


def _crl_in_the_name_of(issuer: Issuer, key: ec.EllipticCurvePrivateKey, entries: list[Revocation]) -> bytes:
    now = entries[0].moment
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(now).next_update(now + timedelta(days=1))
    named = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    builder = builder.add_extension(named, critical=False).add_extension(x509.CRLNumber(9), critical=False)
    for entry in entries:
        builder = builder.add_revoked_certificate(certificates._revoked(entry))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_the_path_of_a_certificate_is_found_among_others() -> None:
    world = World()
    kecamatan = world.ca_for("650108", under=world.ca)
    other = world.ca_for("650109", under=world.ca)
    officer = world.officer(issuer=kecamatan)
    among = [other.chain[0], world.ca.chain[0], kecamatan.chain[0]]
    assert path_among(officer[1][0], among) == list(officer[1])
    assert path_among(officer[1][0], [world.ca.chain[0]]) == [officer[1][0]]
    centre = world.centre()[1]
    assert path_among(centre[0], among) == list(centre)


def test_a_node_is_told_of_its_own_region_and_of_revocations_next_door() -> None:
    world = World()
    own, quiet, revoking = (world.ca_for(scope, under=world.ca) for scope in ("650108", "650109", "650110"))
    far = world.ca_for("6502")
    gone = world.officer("6501102001001", revoking)[1][0]
    known = [world.ca.chain[0], *(issuer.chain[0] for issuer in (own, quiet, revoking, far))]
    crls = [world.crl(gone, issuer=revoking), world.crl(issuer=far)]
    learned, refused = trust.learn(world.trust(), known, crls)
    assert refused == []
    certificates, told = learned.concerning("650108")
    assert set(certificates) == {world.ca.chain[0], own.chain[0], revoking.chain[0]}
    assert told == (crls[0],)
