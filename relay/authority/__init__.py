"""Certificates: root, kabupaten and kecamatan CAs, phones, operators, relays, the centre; and their revocation."""

from relay.authority.authority import Authority

__all__ = ["Authority"]
