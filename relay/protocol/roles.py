"""What a certificate says of its holder: a role and a region, in its one name `urn:kpu:ROLE[:SCOPE]`.

That it says so is no reason to believe it; see `trust`.
"""

from enum import StrEnum

from cryptography import x509

from relay.errors import Code, Rejected
from relay.protocol import codes
from relay.protocol.certificates import parse_certificate
from relay.protocol.codes import NATIONAL, Scope

_URN = "urn:kpu:"


class Role(StrEnum):
    """The word after `urn:kpu:` in a certificate's subject alternative name."""

    CA = "ca"
    KPPS = "kpps"  # the officers of a polling station
    PPK = "ppk"  # operators at the kecamatan office
    RELAY = "relay"
    CENTRE = "pusat"


def role_and_scope(certificate: x509.Certificate) -> tuple[Role, Scope]:
    """What the one `urn:kpu:ROLE[:SCOPE]` name in the certificate says, or `Rejected(role-unknown)`."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        urns = [uri for uri in names.get_values_for_type(x509.UniformResourceIdentifier) if uri.startswith(_URN)]
    except x509.ExtensionNotFound:
        urns = []
    if len(urns) != 1:
        raise Rejected(Code.ROLE_UNKNOWN, f"A certificate has exactly one name urn:kpu:…, this one has {len(urns)}.")
    word, _, region = urns[0].removeprefix(_URN).partition(":")
    try:
        role, scope = Role(word), codes.scope(region)
    except (ValueError, Rejected) as error:
        raise Rejected(Code.ROLE_UNKNOWN, f"The certificate's role {urns[0]!r} is not known here.") from error
    if urns[0] != urn(role, scope):
        raise Rejected(Code.ROLE_UNKNOWN, f"The certificate's role {urns[0]!r} is not written as {urn(role, scope)}.")
    if role is Role.KPPS and len(scope) not in (10, 13):
        raise Rejected(Code.ROLE_UNKNOWN, "A KPPS officer is certified for one TPS or one village, not for more.")
    if role is Role.CENTRE and scope != NATIONAL:  # else a kabupaten CA could make itself a centre that gives receipts
        raise Rejected(Code.ROLE_UNKNOWN, "The centre is certified for the whole country, not for a region.")
    return role, scope


def role_of(der: bytes) -> Role | None:
    """The role in a certificate; None if it says none that we know, as a CA's."""
    try:
        return role_and_scope(parse_certificate(der))[0]
    except Rejected:
        return None


def urn(role: Role, scope: str) -> str:
    """The subject alternative name that says `role` in `scope`."""
    return _URN + role + (f":{scope}" if scope else "")
