"""One enrolment, from the code on the card to the proof in the answer."""

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AttributeOID, NameOID

from relay.protocol import cose, enrolment
from relay.protocol.certificates import der_of
from tests.vectors import country

PRINTED = "K7Q2-M4XD-9FTA"
TYPED = ("K7Q2-M4XD-9FTA", "k7q2 m4xd 9fta", "kpu-enrol:K7Q2M4XD9FTA")
HOLDER = country.KECAMATAN_OFFICER
_FILE = "enrolment/request.der"


def worked(files: dict[str, bytes], names: dict[bytes, str]) -> dict[str, Any]:
    """The example for `vectors.json`; its request becomes a file."""
    code = enrolment.enrolment_code(PRINTED)
    public_key = HOLDER.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    proof = enrolment.request_proof(code, public_key)
    files[_FILE] = _request(proof)
    root = der_of(country.ROOT.certificate)
    answered = enrolment.answer_proof(code, HOLDER.chain[0], root)
    answer = enrolment.Answer(cose.sha256(public_key), enrolment.State.ISSUED, HOLDER.chain, root, answered)
    return {
        "what": "A code as it is printed and typed, the key that asks, the request, and the answer that proves itself.",
        "printed": PRINTED,
        "typed": list(TYPED),
        "code": code,
        "key": f"{HOLDER.key.private_numbers().private_value:064x}",
        "public_key": public_key.hex(),
        "id": cose.sha256(public_key).hex(),
        "name": HOLDER.name,
        "challenge_password": proof,
        "request": _FILE,
        "chain": [names[der] for der in HOLDER.chain],
        "root": names[root],
        "proof": answered.hex(),
        "answer": answer.as_json(),
    }


def _request(proof: str) -> bytes:
    """PKCS#10, signed so that every run gives the same bytes."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOLDER.name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_attribute(AttributeOID.CHALLENGE_PASSWORD, proof.encode())
    return builder.sign(HOLDER.key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)
