"""TLS towards a relay: the pinned root alone, and nobody but a relay on the other side.

The role is checked inside the handshake, so that not one byte of a request goes to anybody else.
"""

import ssl
from pathlib import Path

from relay.errors import Code, Rejected
from relay.http import authority_tls
from relay.protocol.roles import Role, role_of
from relay.uplink.https import peer_certificate


class _RelayOnly(ssl.SSLObject):
    """A TLS connection whose handshake fails unless the other side is certified as a relay."""

    def do_handshake(self) -> None:
        super().do_handshake()
        role = role_of(peer_certificate(self))
        if role is not Role.RELAY:
            raise ssl.SSLCertVerificationError(f"whoever answers is not a relay, but {role or 'nobody we know'}")


def relay_tls(root: Path) -> ssl.SSLContext:
    """Client TLS for relays that show the certificate which the authority gave them."""
    try:
        context = authority_tls(root)
    except (OSError, ssl.SSLError) as error:
        raise Rejected(Code.CERTIFICATE_MALFORMED, f"{root} cannot be used as the pinned root: {error}.") from error
    context.sslobject_class = _RelayOnly
    return context


def first_contact() -> ssl.SSLContext:
    """For enrolling, before any root is known: encrypted, and with anybody. The answer proves itself by the code."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def public_tls() -> ssl.SSLContext:
    """Client TLS for a relay that shows a public CA's certificate: its host name is checked, its role cannot be.

    What it signs is still judged under the pinned root.
    """
    return ssl.create_default_context()
