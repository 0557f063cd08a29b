"""Certificate signing requests (PKCS#10): certify a key that its holder made and never shows."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from relay.errors import Code, Rejected


def public_key_of(request: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key in a request (PEM or DER) that its holder has signed. What else it asks for is not looked at."""
    try:
        load = x509.load_pem_x509_csr if request.lstrip().startswith(b"-----") else x509.load_der_x509_csr
        parsed = load(request)
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
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    built = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return built.public_bytes(Encoding.PEM)
