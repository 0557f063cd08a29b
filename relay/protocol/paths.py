"""Whether a path holds: certificates from one to the root above it, each of them issued by the next.

A path is all that is asked here: who is known and who has been revoked is for `trust`. Signatures, basic constraints,
key usage and validity are checked by `cryptography`; what this file adds is what X.509 does not know: that a CA may
certify only inside its own region, and how many levels of them there are.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509 import verification

from relay.errors import Code, Rejected
from relay.protocol import codes
from relay.protocol.certificates import (
    UNREADABLE,
    common_name,
    issuer_key_identifier,
    key_identifier,
    parse_certificate,
)
from relay.protocol.codes import Scope

CHAIN_LENGTH_MAX = 3  # leaf, kecamatan CA, kabupaten CA; the root is pinned, not sent

Path = tuple[x509.Certificate, ...]
"""A certificate and those above it, the root last."""


def check_time(path: Iterable[x509.Certificate], at: datetime) -> None:
    """`Rejected(certificate-not-valid-now)` unless every certificate of the path is valid at `at` (aware)."""
    for certificate in path:
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if not begins <= at.astimezone(UTC) <= ends:
            raise Rejected(
                Code.CERTIFICATE_NOT_VALID_NOW,
                f"The certificate of {common_name(certificate)} is valid from {begins:%Y-%m-%d} "
                f"to {ends:%Y-%m-%d}, not on {at:%Y-%m-%d}.",
            )


def check_leaf(path: Path, at: datetime | None) -> None:
    """`Rejected(chain-broken)` unless the path of a leaf holds by RFC 5280 6.1, as the library judges it.

    Time is `at`, or a moment when all have begun.
    """
    moment = at or max(certificate.not_valid_before_utc for certificate in path)
    leaf, *between, root = path
    builder = verification.PolicyBuilder().store(verification.Store([root])).time(moment)
    verifier = builder.max_chain_depth(len(between)).build_client_verifier()
    try:
        verified = verifier.verify(leaf, between).chain
    except (verification.VerificationError, *UNREADABLE) as error:
        raise broken(leaf, str(error)) from error
    if tuple(verified) != path:  # scope and revocation are looked up along `path`
        raise broken(leaf, "it is signed by another CA than the one it names")


def check_authority(path: Path) -> None:
    """`Rejected(chain-broken)` unless `path[0]` is a CA and `path[1]` issued it.

    The library only validates paths that end in a leaf.
    """
    certificate, issuer = path[:2]
    if len(path) > CHAIN_LENGTH_MAX:
        raise broken(certificate, "there are more CAs above it than this system has levels")
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE) as error:
        raise broken(certificate, str(error) or "its signature is not the issuer's") from error
    _check_may_certify(certificate)
    for below, above in enumerate(path[1:], start=1):
        length = above.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        if length is not None and length < below:
            raise broken(certificate, f"{common_name(above)} may have no further CA so far below it")


def check_root(root: x509.Certificate) -> None:
    """`Rejected` unless this is the end of a path: a CA that signed itself."""
    try:
        root.verify_directly_issued_by(root)
    except (InvalidSignature, *UNREADABLE) as error:
        raise Rejected(Code.CHAIN_BROKEN, "This is not a root certificate: it is not signed by itself.") from error
    key_identifier(root)
    _check_may_certify(root)


def check_nesting(outer: Scope, inner: Scope) -> None:
    """`Rejected(ca-outside-scope)` if a CA of `outer` certified for `inner` outside of it."""
    if not codes.covers(outer, inner):
        raise Rejected(
            Code.CA_OUTSIDE_SCOPE,
            f"The CA of {outer} certified for {inner or 'the whole country'}, which is outside its own scope.",
        )


def broken(certificate: x509.Certificate, why: str) -> Rejected:
    """The refusal of a path that does not hold, to be raised."""
    return Rejected(Code.CHAIN_BROKEN, f"The chain of {common_name(certificate)} does not hold: {why}.")


def path_among(der: bytes, others: Iterable[bytes]) -> list[bytes]:
    """A certificate, and those of `others` that stand above it by the keys that they name; no signature is checked."""
    by_key = {key_identifier(parse_certificate(other)): other for other in others}
    path = [der]
    while (above := by_key.pop(issuer_key_identifier(parse_certificate(path[-1])), None)) is not None:
        path.append(above)
    return path


def _check_may_certify(certificate: x509.Certificate) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound as error:
        raise broken(certificate, "a CA needs key usage and basic constraints") from error
    if not (constraints.ca and usage.key_cert_sign and usage.crl_sign):
        raise broken(certificate, "its constraints or key usage do not let it certify and revoke")
