"""A whole small country in memory, for tests: root, kabupaten CA, officers, relays, centre, and bad copies of them.

The same certificate functions as `relay.authority`, without disk or passphrase.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from relay.authority import certificates
from relay.authority.certificates import Issuer, Revocation
from relay.errors import Code, Rejected
from relay.protocol import cose, trust
from relay.protocol.certificates import der_of
from relay.protocol.roles import Role

TPS = "6501082001001"
KABUPATEN = "6501"
KECAMATAN = "650108"

Party = tuple[cose.Signer, tuple[bytes, ...]]
"""Somebody who can sign, and the chain (DER, leaf first, without the root) that says who it is."""


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


class World:
    """One root and one kabupaten CA (6501), both two years old at `now`; all below is made when asked for."""

    def __init__(self, now: datetime | None = None, name: str = "KPU Root") -> None:
        self.now = now or datetime.now(UTC)
        key = new_key()
        self.root = Issuer(key, certificates.root(key, name, self._of_a_ca(3650)))

    @property
    def root_der(self) -> bytes:
        """What everybody pins."""
        return der_of(self.root.certificate)

    @cached_property
    def ca(self) -> Issuer:
        """The CA of kabupaten 6501."""
        return self.ca_for(KABUPATEN)

    def trust(self) -> trust.Trust:
        """Trust in the root and nothing else yet."""
        return trust.pin(self.root_der)

    def ca_for(
        self,
        scope: str,
        under: Issuer | None = None,
        *,
        path_length: int | None = None,
        days: int = 730,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> Issuer:
        """Any CA, below the root or below `under`; whether it is allowed to be there is not asked."""
        issuer, key = under or self.root, key or new_key()
        length = max(0, issuer.path_length - 1) if path_length is None else path_length
        made = certificates.ca(issuer, key.public_key(), scope, f"KPU {scope}", self._of_a_ca(days), length)
        return issuer.below(key, made)

    def _of_a_ca(self, days: int) -> certificates.Validity:
        """Until `days` from now, since long ago: so that a leaf can have expired under a CA that has not."""
        return certificates.validity(self.now - timedelta(days=730), 730 + days)

    def leaf(
        self,
        role: Role,
        scope: str,
        issuer: Issuer | None = None,
        *,
        now: datetime | None = None,
        days: int = 365,
        uri: str | None = None,
        dns: tuple[str, ...] = (),
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> Party:
        """Any leaf, good or bad: an `issuer` from elsewhere, an earlier `now`, a `uri` with another role."""
        issuer, key = issuer or self.ca, key or new_key()
        when = certificates.validity(now or self.now, days)
        name = f"{role} {scope}".strip()
        made = certificates.leaf(issuer, key.public_key(), role, scope, name, when, dns=dns, uri=uri)
        der = der_of(made)
        return cose.Signer(key, der), (der, *issuer.chain)

    def officer(self, tps: str = TPS, issuer: Issuer | None = None) -> Party:
        """The officer of a polling station, or of a village (10 digits)."""
        return self.leaf(Role.KPPS, tps, issuer)

    def operator(self, scope: str = KECAMATAN) -> Party:
        """An operator at the kecamatan office."""
        return self.leaf(Role.PPK, scope)

    def relay(self, scope: str = KECAMATAN) -> Party:
        """The relay of a kecamatan."""
        return self.leaf(Role.RELAY, scope, dns=(f"relay-{scope}.local", "localhost"))

    def centre(self) -> Party:
        """The centre: issued by the root, for the whole country."""
        return self.leaf(Role.CENTRE, "", self.root, dns=("localhost",))

    def crl(self, *revoked: bytes, issuer: Issuer | None = None, number: int = 1) -> bytes:
        """A CRL (DER) in which `issuer` (else CA 6501) revokes the certificates (DER) given."""
        entries = [Revocation(x509.load_der_x509_certificate(der).serial_number, self.now) for der in revoked]
        made = certificates.crl(issuer or self.ca, entries, number, certificates.validity(self.now, 30))
        return made.public_bytes(Encoding.DER)

    def refusal_of(self, party: Party) -> Code:
        """The code with which whoever trusts this root refuses somebody, at `now`."""
        return refusal(lambda: self.trust().identify(party[1], self.now))


def refusal(call: Callable[[], object]) -> Code:
    """The code with which a call is refused."""
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value.code


def altered(made: x509.Certificate, key: ec.EllipticCurvePrivateKey, replacement: x509.ExtensionType) -> bytes:
    """The certificate with one extension replaced, signed again."""
    builder = x509.CertificateBuilder(made.issuer, made.subject, made.public_key(), made.serial_number)
    builder = builder.not_valid_before(made.not_valid_before_utc).not_valid_after(made.not_valid_after_utc)
    for extension in made.extensions:
        same = extension.oid == replacement.oid
        builder = builder.add_extension(replacement if same else extension.value, extension.critical)
    return der_of(builder.sign(key, hashes.SHA256()))
