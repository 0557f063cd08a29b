"""What strangers send as certificates and CRLs: unreadable bytes and other keys are refused, whatever they are."""

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
from relay.errors import Code, Rejected
from relay.protocol import trust
from relay.protocol.certificates import der_of
from relay.protocol.roles import Role
from tests.authorities import KABUPATEN, TPS, World, refusal


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_bytes_that_are_no_certificate_are_refused(world: World) -> None:
    _, (leaf, *above) = world.officer()
    for der in (b"", b"abc", leaf[:-1], leaf + b"\0"):
        assert world.refusal_of((world.officer()[0], (der, *above))) is Code.CERTIFICATE_MALFORMED
    assert refusal(lambda: world.trust().identify((leaf, b"abc"), None)) is Code.CERTIFICATE_MALFORMED


def test_a_p384_key_is_refused_in_leaf_ca_and_root(world: World) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    assert world.refusal_of(world.leaf(Role.KPPS, TPS, key=key)) is Code.ALGORITHM_UNSUPPORTED
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
