"""What a hostile carrier or CA might try, beyond `test_trust`: nobody's statement suffers from the company it is in."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from relay.authority import certificates
from relay.authority.certificates import Issuer
from relay.errors import Code, Rejected
from relay.protocol import cose, trust
from relay.protocol.certificates import der_of
from relay.protocol.identities import check_valid_at
from relay.protocol.roles import Role
from relay.verifier import Verifier
from tests.authorities import KABUPATEN, KECAMATAN, TPS, World, new_key
from tests.world.nodes import tally


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def forged_ca(world: World, uri: str, signing: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """A certificate with the public key of kabupaten 6501, which everybody can see, signed by whoever likes."""
    made = world.ca.certificate
    builder = x509.CertificateBuilder(made.issuer, made.subject, made.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(made.not_valid_before_utc).not_valid_after(made.not_valid_after_utc)
    for extension in made.extensions:
        if not isinstance(extension.value, x509.SubjectAlternativeName):
            builder = builder.add_extension(extension.value, extension.critical)
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    return der_of(builder.add_extension(names, critical=False).sign(signing or new_key(), hashes.SHA256()))


URIS = ["urn:kpu:dukun:6501", "urn:kpu:ca:6502", "urn:kpu:kpps:6501082001001", "urn:kpu:pusat:6501", "urn:example:x"]


@pytest.mark.parametrize("uri", URIS)
async def test_a_carrier_cannot_have_a_genuine_statement_refused_by_what_he_sends_along(world: World, uri: str) -> None:
    """A refusal lets every copy be dropped: it must hang on nothing that whoever carries a statement can choose."""
    signer, (leaf, ca) = world.officer()
    statement = tally((signer, (leaf, ca)))

    async def nobody(_: cose.X5t) -> None:
        return None

    hostile = (leaf, forged_ca(world, uri))
    judge = Verifier(
        world.trust().with_authority(ca), nobody, cached_max=9, judge_time_by=lambda: int(world.now.timestamp())
    )
    assert (await judge.verify(statement.bare, hostile)).identity.chain == (leaf, ca)
    ignorant = Verifier(world.trust(), nobody, cached_max=9)
    with pytest.raises(Rejected) as caught:
        await ignorant.verify(statement.bare, hostile)
    assert caught.value.code is Code.CHAIN_BROKEN  # the carrier's problem, for which no refusal is signed


def test_a_ca_that_certifies_anothers_key_cannot_spoil_that_ones_chains(world: World) -> None:
    other = world.ca_for("6502")
    stray = world.ca_for("650201", other, key=world.ca.key)  # needs the public key only
    _, (leaf, ca) = world.officer()
    hostile = (leaf, stray.chain[0], other.chain[0])
    known = world.trust().with_authority(ca)
    assert known.identify(hostile, world.now).chain == (leaf, ca)
    assert known.with_authority(*other.chain).identify(hostile, None).chain == (leaf, ca)


def test_an_old_certificate_of_a_ca_does_not_shorten_a_newer_one(world: World) -> None:
    old = world.ca_for(KABUPATEN, days=10)
    new = world.ca_for(KABUPATEN, days=700, key=old.key)
    _, (leaf, _) = world.leaf(Role.KPPS, TPS, new)
    for known, sent in ((old, new), (new, old)):
        identity = world.trust().with_authority(*known.chain).identify((leaf, *sent.chain), None)
        assert identity.chain == (leaf, *new.chain)
        check_valid_at(identity, world.now + timedelta(days=20))


def test_with_an_expired_ca_expires_everybody_below_it(world: World) -> None:
    """Identified without regard to time, as a relay does, and judged strictly afterwards, as the centre does."""
    short = world.ca_for(KABUPATEN, days=10)
    _, chain = world.leaf(Role.KPPS, TPS, short, days=365)
    identity = world.trust().identify(chain, None)
    check_valid_at(identity, world.now + timedelta(days=9))
    for moment in (world.now + timedelta(days=11), world.now - timedelta(days=800)):
        assert not identity.valid_at(moment)
        with pytest.raises(Rejected) as caught:
            check_valid_at(identity, moment)
        assert caught.value.code is Code.CERTIFICATE_NOT_VALID_NOW


def test_with_an_expired_root_expires_everybody() -> None:
    world = World()
    key = new_key()
    when = certificates.validity(world.now - timedelta(days=20), 25)
    root = Issuer(key, certificates.root(key, "Short Root", when))
    ca = world.ca_for(KABUPATEN, root, path_length=0)
    _, chain = world.leaf(Role.KPPS, TPS, ca)
    identity = trust.pin(der_of(root.certificate)).identify(chain, None)
    check_valid_at(identity, world.now)
    with pytest.raises(Rejected) as caught:
        check_valid_at(identity, world.now + timedelta(days=6))
    assert caught.value.code is Code.CERTIFICATE_NOT_VALID_NOW


@pytest.mark.parametrize("uri", ["urn:kpu:pusat:", "urn:kpu:ppk:", "urn:kpu:relay:"])
def test_a_role_is_written_in_one_way_only(world: World, uri: str) -> None:
    _, chain = world.leaf(Role.CENTRE, "", world.root, uri=uri)
    with pytest.raises(Rejected) as caught:
        world.trust().identify(chain, None)
    assert caught.value.code is Code.ROLE_UNKNOWN


def test_a_kecamatan_ca_that_nobody_knows_yet_is_found_below_a_known_kabupaten(world: World) -> None:
    kecamatan = world.ca_for(KECAMATAN, world.ca)
    _, (leaf, *_) = world.officer(issuer=kecamatan)
    known = world.trust().with_authority(*world.ca.chain)
    for sent in (kecamatan.chain, kecamatan.chain[:1], (kecamatan.chain[0], forged_ca(world, "urn:kpu:dukun:6501"))):
        assert known.identify((leaf, *sent), world.now).chain == (leaf, *kecamatan.chain)
