"""COSE_Sign1 (RFC 9052 4.2) as this system uses it: ES256, one fixed protected header, signer named by x5t.

Knows nothing of what is signed. Signing is deterministic (RFC 6979), so that this package stays pure.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from relay.errors import Code, Rejected
from relay.protocol import cbor

X5t = NewType("X5t", bytes)
"""SHA-256/64 of a certificate's DER (RFC 9360 2, COSE algorithm -15): 8 bytes."""

BARE_BYTES_MAX = 4096
CHAIN_BYTES_MAX = 8192
MESSAGE_BYTES_MAX = BARE_BYTES_MAX + CHAIN_BYTES_MAX
_CHAIN_LENGTH_MAX = 3

# {1 (alg): -7 (ES256), 34 (x5t): [-15 (SHA-256/64), 8 bytes]}
_PROTECTED_START = bytes.fromhex("a201261822822e48")
_PROTECTED_LENGTH = len(_PROTECTED_START) + 8
_BARE_START = bytes.fromhex("d28450")  # tag 18, array of 4, byte string of 16
_SIG_STRUCTURE_START = b"\x84\x6aSignature1\x50"  # RFC 9052 4.4
_SIGNATURE_START = b"\x58\x40"
_SIGN1_TAG = b"\xd2"  # 18
_X5CHAIN = 33  # RFC 9360 2

_ES256 = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_ES256_VERIFY = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class Sign1:
    """A COSE_Sign1 whose signature nobody has checked yet; made by `parse` and `Signer.sign`.

    `bare` is the message with an empty unprotected header: the form that is kept and forwarded. `chain` is what
    travelled beside it in the unprotected header (DER, leaf first); it is not signed. `sig_structure` holds the
    bytes that are signed (RFC 9052 4.4), with no external data.
    """

    protected: bytes
    payload: bytes
    signature: bytes
    bare: bytes
    sig_structure: bytes
    chain: tuple[bytes, ...] = ()

    @property
    def x5t(self) -> X5t:
        """Names the certificate of whoever says to have signed this."""
        return X5t(self.protected[-8:])

    @property
    def id(self) -> bytes:
        """SHA-256 of `sig_structure`, 32 bytes: the same for every signature over the same content."""
        return hashlib.sha256(self.sig_structure).digest()

    def with_chain(self, chain: Sequence[bytes]) -> bytes:
        """The message with `chain` (DER, leaf first) as x5chain in the unprotected header."""
        if not chain:
            return self.bare
        value = chain[0] if len(chain) == 1 else list(chain)
        items = [self.protected, {_X5CHAIN: value}, self.payload, self.signature]
        return _SIGN1_TAG + cbor.encode(items)


class Signer:
    """A private key and the name of its certificate."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate_der: bytes) -> None:
        self._key = key
        self.certificate_der = certificate_der
        self.x5t = x5t_of(certificate_der)
        self._protected = protected_header(self.x5t)

    def sign(self, payload: bytes) -> Sign1:
        """`payload` (deterministic CBOR, not looked at) signed."""
        r, s = decode_dss_signature(self._key.sign(_sig_structure(self._protected, payload), _ES256))
        return put_together(self._protected, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def x5t_of(certificate_der: bytes) -> X5t:
    """SHA-256/64 of a certificate."""
    return X5t(hashlib.sha256(certificate_der).digest()[:8])


def protected_header(x5t: X5t) -> bytes:
    """The one protected header there is: ES256, and whose key."""
    return _PROTECTED_START + x5t


def put_together(protected: bytes, payload: bytes, signature: bytes, chain: tuple[bytes, ...] = ()) -> Sign1:
    """A message from its parts, which are taken as they are."""
    message = bare(protected, payload, signature)
    return Sign1(protected, payload, signature, message, _sig_structure(protected, payload), chain)


def bare(protected: bytes, payload: bytes, signature: bytes) -> bytes:
    """The bytes of a message with an empty unprotected header."""
    body = cbor.head(cbor.BYTE_STRING, len(payload)) + payload
    return _BARE_START + protected + b"\xa0" + body + _SIGNATURE_START + signature


def sha256(data: bytes) -> bytes:
    """SHA-256, 32 bytes: how this system names things."""
    return hashlib.sha256(data).digest()


def parse(data: bytes) -> Sign1:
    """`data` taken apart; every byte of it is accounted for.

    Raises `Rejected` with statement-too-large, malformed-cbor, cbor-not-deterministic, cose-malformed or
    algorithm-unsupported.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise Rejected(Code.STATEMENT_TOO_LARGE, f"A signed message has at most {MESSAGE_BYTES_MAX} bytes.")
    if data and data[0] >> 5 == 6 and data[:1] != _SIGN1_TAG:
        raise Rejected(Code.COSE_MALFORMED, "This has another CBOR tag than the 18 of a COSE_Sign1 (RFC 9052 4.2).")
    parts = cbor.decode(data[1:] if data[:1] == _SIGN1_TAG else data)
    if data[:1] != _SIGN1_TAG or not isinstance(parts, list) or len(parts) != 4:
        raise Rejected(Code.COSE_MALFORMED, "This is not a COSE_Sign1 with its tag 18 (RFC 9052 4.2).")
    protected, unprotected, payload, signature = parts
    if not (isinstance(protected, bytes) and isinstance(payload, bytes) and isinstance(signature, bytes)):
        raise Rejected(Code.COSE_MALFORMED, "Protected header, payload and signature must be byte strings.")
    if not protected.startswith(_PROTECTED_START) or len(protected) != _PROTECTED_LENGTH:
        raise _protected_header_error(protected)
    if len(signature) != 64:
        raise Rejected(Code.COSE_MALFORMED, f"An ES256 signature has 64 bytes, this one {len(signature)}.")
    message = put_together(protected, payload, signature, () if unprotected == {} else _chain_of(unprotected))
    if len(message.bare) > BARE_BYTES_MAX:
        raise Rejected(Code.STATEMENT_TOO_LARGE, f"A statement has at most {BARE_BYTES_MAX} bytes.")
    if data != (message.with_chain(message.chain) if message.chain else message.bare):
        raise Rejected(Code.CBOR_NOT_DETERMINISTIC, "The COSE message is not deterministically encoded.")
    return message


def check(message: Sign1, public_key: ec.EllipticCurvePublicKey) -> None:
    """`Rejected(signature-invalid)` unless `public_key` (P-256) signed exactly this."""
    signature = message.signature
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        public_key.verify(der, message.sig_structure, _ES256_VERIFY)
    except InvalidSignature as error:
        raise Rejected(
            Code.SIGNATURE_INVALID,
            "The signature does not fit: what was signed has been altered, or another key signed it.",
        ) from error


def _chain_of(unprotected: object) -> tuple[bytes, ...]:
    if not isinstance(unprotected, dict) or set(unprotected) != {_X5CHAIN}:
        raise Rejected(Code.COSE_MALFORMED, "The unprotected header may hold x5chain (33) and nothing else.")
    value = unprotected[_X5CHAIN]
    chain = value if isinstance(value, list) else [value]
    if not 1 <= len(chain) <= _CHAIN_LENGTH_MAX or not all(isinstance(item, bytes) for item in chain):
        raise Rejected(Code.COSE_MALFORMED, f"x5chain holds one to {_CHAIN_LENGTH_MAX} certificates as byte strings.")
    if sum(len(item) for item in chain) > CHAIN_BYTES_MAX:
        raise Rejected(Code.STATEMENT_TOO_LARGE, f"x5chain has at most {CHAIN_BYTES_MAX} bytes.")
    return tuple(chain)


def _sig_structure(protected: bytes, payload: bytes) -> bytes:
    return _SIG_STRUCTURE_START + protected + b"\x40" + cbor.head(cbor.BYTE_STRING, len(payload)) + payload


def _protected_header_error(protected: bytes) -> Rejected:
    header = cbor.decode_deterministic(protected) if protected else {}
    if not isinstance(header, dict) or header.get(1) != -7:
        return Rejected(Code.ALGORITHM_UNSUPPORTED, "The signature algorithm must be ES256 (alg -7).")
    return Rejected(
        Code.COSE_MALFORMED,
        "The protected header must be exactly alg ES256 and x5t with SHA-256/64 (-15): {1: -7, 34: [-15, 8 bytes]}.",
    )
