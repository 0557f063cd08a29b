"""The CAs that are known, each with its path to the pinned root. A value; that a path holds was checked before.

What is kept is bounded: a kabupaten's CA whose key was stolen must not fill the memory of a whole country.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509

from relay.protocol import codes
from relay.protocol.certificates import der_of, key_identifier
from relay.protocol.codes import Scope
from relay.protocol.paths import Path, broken

_BELOW_MAX = 128  # of one kabupaten: it has 51 kecamatan at most, and a key may be lost


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA certificate known to chain to the root, or the root itself."""

    path: Path  # this CA, those above it, the root last
    scope: Scope

    @property
    def certificate(self) -> x509.Certificate:
        """This CA's own."""
        return self.path[0]

    @property
    def chain(self) -> tuple[bytes, ...]:
        """DER of this CA and those above it, without the root."""
        return tuple(der_of(certificate) for certificate in self.path[:-1])

    @property
    def not_before(self) -> datetime:
        """When the last of the path began to be valid."""
        return max(certificate.not_valid_before_utc for certificate in self.path)

    @property
    def not_after(self) -> datetime:
        """When the first of the path ceases to be valid."""
        return min(certificate.not_valid_after_utc for certificate in self.path)


@dataclass(frozen=True, slots=True)
class Authorities:
    """CAs below the root, by key identifier."""

    # And then by scope: another CA may certify this CA's public key for a region of its own (it needs no private key
    # for that), and must not thereby take this CA's place.
    _held: Mapping[bytes, Mapping[Scope, Authority]] = field(default_factory=dict)
    _below: Mapping[bytes, int] = field(default_factory=dict)  # CA's key identifier -> CAs that it has certified

    def __iter__(self) -> Iterator[tuple[bytes, Authority]]:
        """Every CA behind its key identifier."""
        return ((key, authority) for key, scopes in self._held.items() for authority in scopes.values())

    def having(self, key: bytes, inner: Scope) -> Authority | None:
        """The CA that has this key; if there are several, one that may certify in `inner`."""
        held = self._held.get(key, {}).values()
        covering = (authority for authority in held if codes.covers(authority.scope, inner))
        return next(covering, next(iter(held), None))

    def with_one(self, authority: Authority) -> "Authorities":
        """Adds a CA, or gives these if nothing is new; `Rejected(chain-broken)` if its issuer has too many already.

        Of two certificates of one CA for one scope, the one that is valid longer is kept.
        """
        key = key_identifier(authority.certificate)
        scopes = self._held.get(key, {})
        known = scopes.get(authority.scope)
        if known and known.certificate.not_valid_after_utc >= authority.certificate.not_valid_after_utc:
            return self
        held = {**self._held, key: {**scopes, authority.scope: authority}}
        issuer, root = authority.path[1], authority.path[-1]
        if issuer == root or (known and known.path[1] == issuer):  # a renewed one counts once
            return Authorities(held, self._below)
        above = key_identifier(issuer)
        below = self._below.get(above, 0) + 1
        if below > _BELOW_MAX:
            raise broken(authority.certificate, f"its issuer has certified more than {_BELOW_MAX} CAs")
        return Authorities(held, {**self._below, above: below})
