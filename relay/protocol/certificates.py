"""One certificate or revocation list (CRL) as it was read: X.509 in DER, its keys and names. Nothing of it is believed.

What role it gives is for `roles`, whether a path of certificates holds for `paths`, and who is known for `trust`.
"""

from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from relay.errors import Code, Rejected

UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,  # raised only where warnings are errors: what a later release will refuse
)
"""All that the library raises when bytes from a stranger are not the certificate or list they claim to be."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def parse_certificate(der: bytes) -> x509.Certificate:
    """The certificate, or `Rejected(certificate-malformed)`; every part that is read here can be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.extensions, certificate.subject, certificate.issuer, certificate.signature_algorithm_oid
        _ = certificate.serial_number, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except UNREADABLE as error:
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The bytes are not an X.509 certificate in DER.") from error
    return certificate


def der_of(certificate: x509.Certificate) -> bytes:
    """The certificate's DER."""
    return certificate.public_bytes(Encoding.DER)


def public_key_of(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    """The certificate's key, or `Rejected(algorithm-unsupported)` if it is not a P-256 key."""
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm as error:
        raise Rejected(Code.ALGORITHM_UNSUPPORTED, "The certificate's key must be P-256.") from error
    except ValueError as error:
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The certificate's key cannot be read.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Rejected(Code.ALGORITHM_UNSUPPORTED, "The certificate's key must be P-256.")
    return key


def key_identifier(certificate: x509.Certificate) -> bytes:
    """SHA-1 of a CA's public key, as its subject key identifier says, or `Rejected(certificate-malformed)`.

    A CA may not choose its own: with another CA's identifier it could take that CA's place, or revoke for it.
    """
    own = x509.SubjectKeyIdentifier.from_public_key(public_key_of(certificate))  # RFC 5280 4.2.1.2 (1)
    try:
        said = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound as error:
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The CA certificate has no subject key identifier.") from error
    if said != own:
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The CA's subject key identifier is not that of its public key.")
    return own.digest


def issuer_key_identifier(certificate: x509.Certificate) -> bytes:
    """The key identifier of the CA that the certificate names, or `Rejected(certificate-malformed)`."""
    try:
        value = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    except x509.ExtensionNotFound as error:
        raise Rejected(Code.CERTIFICATE_MALFORMED, "The certificate does not name its issuer's key.") from error
    return value.key_identifier or b""


def common_name(certificate: x509.Certificate) -> str:
    """What people call its holder."""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else "an unnamed certificate"


def parse_crl(der: bytes) -> x509.CertificateRevocationList:
    """The list, or `Rejected(crl-malformed)`; every entry can be read."""
    try:
        crl = x509.load_der_x509_crl(der)
        _ = crl.extensions, [entry.serial_number for entry in crl]
    except UNREADABLE as error:
        raise Rejected(Code.CRL_MALFORMED, "The bytes are not a certificate revocation list in DER.") from error
    return crl


def crl_key_identifier(crl: x509.CertificateRevocationList) -> bytes:
    """The key identifier of the CA that the list names, or `Rejected(crl-malformed)`."""
    return _said_by(crl, x509.AuthorityKeyIdentifier).key_identifier or b""


def crl_number(crl: x509.CertificateRevocationList) -> int:
    """Which of its CA's lists this is, or `Rejected(crl-malformed)`: a newer one has a higher number."""
    return _said_by(crl, x509.CRLNumber).crl_number


def _said_by(crl: x509.CertificateRevocationList, kind: type[_Extension]) -> _Extension:
    try:
        return crl.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound as error:
        raise Rejected(Code.CRL_MALFORMED, "The CRL names no CA key or has no number.") from error
