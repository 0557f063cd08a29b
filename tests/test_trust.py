"""How somebody is identified: every way in which a chain can be wrong is refused by its own code."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from relay.authority import certificates
from relay.authority.certificates import Issuer
from relay.errors import Code
from relay.protocol import roles, trust
from relay.protocol.certificates import der_of, parse_certificate
from relay.protocol.paths import path_among
from relay.protocol.roles import Role
from tests.authorities import KABUPATEN, KECAMATAN, TPS, World, altered, new_key, refusal


@pytest.fixture(scope="module")
def world() -> World:
    return World()


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
    assert world.refusal_of(World().officer()) is Code.CHAIN_BROKEN


def test_a_ca_that_signs_with_another_key_than_its_certificates_is_refused(world: World) -> None:
    forger = Issuer(new_key(), world.ca.certificate, world.ca.chain)
    genuine = x509.AuthorityKeyIdentifier.from_issuer_public_key(world.ca.key.public_key())
    made = certificates.leaf(
        forger, new_key().public_key(), Role.KPPS, TPS, "Penipu", certificates.validity(world.now, 9)
    )
    claimed = altered(made, forger.key, genuine)
    assert world.refusal_of((world.officer()[0], (claimed, *world.ca.chain))) is Code.CHAIN_BROKEN


def test_an_altered_certificate_is_refused(world: World) -> None:
    signer, (leaf, *above) = world.officer()
    altered = leaf.replace(TPS.encode(), b"6501082001002")
    assert altered != leaf
    assert world.refusal_of((signer, (altered, *above))) is Code.CHAIN_BROKEN


def test_a_leaf_cannot_act_as_a_ca(world: World) -> None:
    signer, (der, *above) = world.officer()
    officer = Issuer(signer._key, parse_certificate(der), (der, *above))
    assert world.refusal_of(world.leaf(Role.KPPS, TPS, officer)) is Code.CHAIN_BROKEN


def test_a_certificate_that_is_called_a_ca_but_may_not_certify_is_none(world: World) -> None:
    key = new_key()
    _, chain = world.leaf(Role.KPPS, KABUPATEN, world.ca, uri=roles.urn(Role.CA, KECAMATAN), key=key)
    pretended = Issuer(key, parse_certificate(chain[0]), chain)
    below = world.ca_for(KECAMATAN, pretended, path_length=0)
    assert refusal(lambda: world.trust().with_authority(*chain)) is Code.CHAIN_BROKEN
    assert refusal(lambda: world.trust().with_authority(*below.chain)) is Code.CHAIN_BROKEN
    assert world.refusal_of(world.officer(issuer=pretended)) is Code.CHAIN_BROKEN


@pytest.mark.parametrize("claimed", [0, 1, 5])
def test_a_ca_whose_path_length_is_used_up_makes_no_further_ca(world: World, claimed: int) -> None:
    narrow = world.ca_for(KABUPATEN, path_length=0)
    below = world.ca_for(KECAMATAN, narrow, path_length=claimed)
    assert world.refusal_of(world.officer(issuer=below)) is Code.CHAIN_BROKEN
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
    assert world.refusal_of(world.officer(tps)) is Code.CA_OUTSIDE_SCOPE


def test_a_ca_cannot_make_a_ca_outside_its_scope(world: World) -> None:
    for scope in ("6502", "65", ""):
        stray = world.ca_for(scope, world.ca)
        assert world.refusal_of(world.officer("6502012001001", stray)) is Code.CA_OUTSIDE_SCOPE
        assert refusal(lambda: world.trust().with_authority(*stray.chain)) is Code.CA_OUTSIDE_SCOPE  # noqa: B023


def test_a_ca_cannot_certify_the_whole_country(world: World) -> None:
    assert world.refusal_of(world.leaf(Role.CENTRE, "", world.ca)) is Code.CA_OUTSIDE_SCOPE


# --- certificate-not-valid-now


def test_expired_and_not_yet_valid_certificates_are_refused_when_time_is_judged(world: World) -> None:
    _, chain = world.officer()
    for moment in (world.now - timedelta(days=3), world.now + timedelta(days=366)):
        assert refusal(lambda: world.trust().identify(chain, moment)) is Code.CERTIFICATE_NOT_VALID_NOW  # noqa: B023
    long_ago = world.leaf(Role.KPPS, TPS, now=world.now - timedelta(days=300), days=20)
    assert world.refusal_of(long_ago) is Code.CERTIFICATE_NOT_VALID_NOW


def test_an_expired_ca_is_refused_whether_it_is_sent_or_known(world: World) -> None:
    short = world.ca_for(KABUPATEN, days=10)
    _, chain = world.officer(issuer=short)
    later = world.now + timedelta(days=11)
    assert refusal(lambda: world.trust().identify(chain, later)) is Code.CERTIFICATE_NOT_VALID_NOW
    known = world.trust().with_authority(*short.chain)
    assert refusal(lambda: known.identify(chain[:1], later)) is Code.CERTIFICATE_NOT_VALID_NOW


# --- taking another CA's place


def test_a_ca_cannot_choose_another_cas_key_identifier(world: World) -> None:
    """Else it could revoke that CA's phones, or be met first and keep the real CA from being learned."""
    victim = world.ca_for("6502")
    key = new_key()
    when = certificates.validity(world.now, 90)
    made = certificates.ca(world.ca, key.public_key(), KECAMATAN, "Palsu", when, 0)
    stolen = x509.SubjectKeyIdentifier.from_public_key(victim.key.public_key())
    forged = altered(made, world.ca.key, stolen)
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
    crossed = altered(
        made, world.ca.key, x509.AuthorityKeyIdentifier.from_issuer_public_key(kecamatan.key.public_key())
    )
    assert world.refusal_of((world.officer()[0], (crossed, *kecamatan.chain))) is Code.CHAIN_BROKEN


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
