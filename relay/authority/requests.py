"""Certificate signing requests (PKCS#10): certify a key that its holder made and never shows."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AttributeOID, NameOID

from relay.errors import Code, Rejected
from relay.protocol import cose, enrolment
from relay.protocol.enrolment import EnrolmentCode

_NAME_LENGTH_MAX = 64  # RFC 5280 A.1, ub-common-name


@dataclass(frozen=True, slots=True)
class EnrolmentRequest:
    """A request that proves a one-time code: whose key asks, what he calls himself, and the proof as it was sent.

    `id` is SHA-256 of the key's SubjectPublicKeyInfo, `public_key`'s DER.
    """

    id: bytes
    public_key: bytes
    key: ec.EllipticCurvePublicKey
    name: str
    proof: str


def read_enrolment(request: bytes) -> EnrolmentRequest:
    """The request of a phone that has a one-time code; whether the code is good is not judged here."""
    key = public_key_of(request)
    parsed = _load(request)
    try:
        names = [str(item.value) for item in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        proof = parsed.attributes.get_attribute_for_oid(AttributeOID.CHALLENGE_PASSWORD).value.decode()
    except (x509.AttributeNotFound, ValueError, TypeError) as error:
        raise Rejected(
            Code.CERTIFICATE_MALFORMED, "The request has no proof of a one-time code (challengePassword)."
        ) from error
    if not names or not 1 <= len(names[0]) <= _NAME_LENGTH_MAX or not names[0].isprintable():
        raise Rejected(
            Code.CERTIFICATE_MALFORMED, f"The request needs the holder's name: 1 to {_NAME_LENGTH_MAX} characters."
        )
    return EnrolmentRequest(key_id(key), _der(key), key, names[0], proof)


def key_id(key: ec.EllipticCurvePublicKey) -> bytes:
    """SHA-256 of a key's SubjectPublicKeyInfo: how a request is named."""
    return cose.sha256(_der(key))


def enrolment_request(key: ec.EllipticCurvePrivateKey, name: str, code: EnrolmentCode) -> bytes:
    """A request (DER) for `key` that proves `code`."""
    proof = enrolment.request_proof(code, _der(key.public_key())).encode()
    built = _builder(name).add_attribute(AttributeOID.CHALLENGE_PASSWORD, proof).sign(key, hashes.SHA256())
    return built.public_bytes(Encoding.DER)


def public_key_of(request: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key in a request (PEM or DER) that its holder has signed. What else it asks for is not looked at."""
    try:
        parsed = _load(request)
        key = parsed.public_key()
        holds = parsed.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise Rejected(Code.CERTIFICATE_MALFORMED, "This is not a certificate signing request (PKCS#10).") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Rejected(
            Code.ALGORITHM_UNSUPPORTED, "The key in the request must be P-256; have the phone make a new one."
        )
    if not holds:
        raise Rejected(
            Code.SIGNATURE_INVALID, "The request is not signed by the key in it; have the phone make a new one."
        )
    return key


def request_for(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    """A request (PEM) for `key`."""
    return _builder(name).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _load(request: bytes) -> x509.CertificateSigningRequest:
    is_pem = request.lstrip().startswith(b"-----")
    return x509.load_pem_x509_csr(request) if is_pem else x509.load_der_x509_csr(request)


def _der(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _builder(name: str) -> x509.CertificateSigningRequestBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return x509.CertificateSigningRequestBuilder().subject_name(subject)
