"""The demo's pages: a desk at each relay that answers one-time codes, the board's lists, and ports for a browser here.

A browser takes `http://localhost` for a secure context, so both pages can be tried without installing a root.
"""

import socket
from collections.abc import Sequence
from pathlib import Path

from relay.authority import Authority, enrolment_codes
from relay.authority.enrolment_codes import EnrolmentCodes, new_entry
from relay.demo.figures import Station
from relay.demo.link import LOOPBACK
from relay.files import write_durably
from relay.protocol.enrolment import grouped
from relay.protocol.roles import Role

_CA, _PASSPHRASE, _CODES = "ca", "ca.passphrase", "enrolment-codes.csv"

RELAY_CONFIG = f"""
[enrolment]
authority = "{_CA}"
passphrase_file = "{_PASSPHRASE}"
codes = "{_CODES}"

[board]
stations = "../tps.csv"
regions = "../regions.csv"
forms = [2401]
screen = true
"""


def open_desk(kabupaten: Authority, scope: str, relay_folder: Path, stations: Sequence[Station]) -> None:
    """A CA for the kecamatan at its relay, and codes for its operators and for an officer who has no figures yet."""
    passphrase = relay_folder / _PASSPHRASE
    write_durably(passphrase, b"the demo's own, and gone with it", mode=0o600)
    kabupaten.issue_ca(scope, relay_folder / _CA, passphrase.read_bytes())
    here = [station for station in stations if station.kecamatan == scope]
    absent = next((station for station in here if station.figures is None), here[-1])
    entries = [
        new_entry(Role.PPK, scope, f"PPK {absent.kecamatan_name}"),
        new_entry(Role.KPPS, absent.tps, absent.name),
    ]
    enrolment_codes.write(relay_folder / _CODES, entries)


def told(relay_folder: Path, relay_port: int, centre_port: int) -> tuple[str, ...]:
    """Lines that say where the pages are, and with which codes to enrol there."""
    operator, officer = EnrolmentCodes(relay_folder / _CODES).entries
    relay, centre = f"http://localhost:{relay_port}/", f"http://localhost:{centre_port}/"
    return (
        f"HP / phone      {relay}        kode {grouped(officer.code)} ({officer.name}, {officer.scope})",
        f"PPK             {relay}ppk/    kode {grouped(operator.code)} (tanpa masuk hanya melihat / else read-only)",
        f"pusat / centre  {centre}",
    )


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        port: int = found.getsockname()[1]
    return port
