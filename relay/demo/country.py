"""The demo's country on disk: its certificates, its officers' phones, and the configurations of relays and centre."""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from types import MappingProxyType

from relay.authority import Authority
from relay.authority.enrolment import CODES_FILE, enrol, file_name
from relay.authority.one_time_codes import CodeBook
from relay.authority.stations import station as officers_of
from relay.demo.figures import KABUPATEN, KECAMATAN, Station, write_registry
from relay.demo.link import LOOPBACK
from relay.demo.pages import RELAY_CONFIG as _PAGES_CONFIG
from relay.demo.pages import open_desk
from relay.phone import outbox
from relay.phone.outbox import Outbox

_CENTRE_CONFIG = """\
[node]
data_directory = "centre-data"
identity_directory = "centre"

[listen]
hosts = ["{host}"]
port = 0
local_port = {local_port}

[exchange]
reserve_bytes = 0
"""

_RELAY_CONFIG = """\
[node]
data_directory = "data"
identity_directory = "identity"

[listen]
hosts = ["{host}"]
port = 0
local_port = {local_port}

[intake]
reserve_bytes = 0

[neighbour]
reserve_bytes = 0

[announce]
interfaces = ["{host}"]
"""

_LINK_CONFIG = """
# the waits are short, as the demo has no hours to spare
[[uplink]]
name = "{name}"
kind = "{kind}"
url = "https://{host}:{port}"
connect_seconds_max = 5
silence_seconds_max = 10
backoff_seconds_first = 0.5
backoff_seconds_max = 2.0
ask_again_seconds = 5
carries = {carries}
"""

CARRIES_ALL = ("tally", "documents", "control")


def link_uplink(name: str, port: int, *, kind: str = "https", carries: Sequence[str] = CARRIES_ALL) -> str:
    """The part of relay.toml for an uplink over one of the demo's links, which listens on `port`."""
    return _LINK_CONFIG.format(name=name, kind=kind, host=LOOPBACK, port=port, carries=json.dumps(carries))


@dataclass(frozen=True, slots=True)
class Country:
    """What is in the demo's folder."""

    folder: Path
    stations: tuple[Station, ...]
    scopes: tuple[str, ...] = (KECAMATAN,)
    """The kecamatan that have a relay."""

    @property
    def root_file(self) -> Path:
        """The pinned root, PEM."""
        return self.folder / "centre" / "root.pem"

    def relay_folder(self, scope: str = KECAMATAN) -> Path:
        """A relay's folder: its identity, its data, and relay.toml."""
        return self.folder / f"relay-{scope}"

    def relay_config(self, scope: str = KECAMATAN) -> Path:
        """relay.toml."""
        return self.relay_folder(scope) / "relay.toml"

    @property
    def centre_config(self) -> Path:
        """central.toml."""
        return self.folder / "central.toml"

    @property
    def centre_data(self) -> Path:
        """Where the centre keeps its record."""
        return self.folder / "centre-data"

    def registry(self) -> tuple[Path, Path]:
        """The CSV files that the centre imports: TPS, and the names of regions."""
        return write_registry(self.folder, self.stations)

    def certify(self) -> dict[str, Outbox]:
        """Makes every key and certificate, and gives each officer a phone: outboxes by TPS. Blocks."""
        passphrase = secrets.token_urlsafe(16).encode()
        root = Authority.create(self.folder / "authority" / "root", passphrase)
        kabupaten = root.issue_ca(KABUPATEN, self.folder / "authority" / KABUPATEN, passphrase)
        address = IPv4Address(LOOPBACK)
        for scope in self.scopes:
            kabupaten.issue_relay(scope, self.relay_folder(scope) / "identity", ips=(address,))
            open_desk(kabupaten, scope, self.relay_folder(scope), self.stations)
        root.issue_centre(self.folder / "centre", ips=(address,))
        return self._enrol(kabupaten, self.stations)

    def configure(self, uplinks: Mapping[str, str], local_ports: Mapping[str, int] = MappingProxyType({})) -> None:
        """Writes central.toml, and each scope's relay.toml with its `uplinks`: it has no other way to the centre.

        `local_ports`, by scope and "" for the centre, are those where a browser on this machine finds their pages.
        """
        centre = _CENTRE_CONFIG.format(host=LOOPBACK, local_port=local_ports.get("", 0))
        self.centre_config.write_text(centre, "utf-8")
        for scope in self.scopes:
            self.relay_folder(scope).mkdir()
            relay = _RELAY_CONFIG.format(host=LOOPBACK, local_port=local_ports.get(scope, 0))
            self.relay_config(scope).write_text(relay + _PAGES_CONFIG + uplinks[scope], "utf-8")

    def _enrol(self, authority: Authority, stations: Sequence[Station]) -> dict[str, Outbox]:
        cards = self.folder / "officers"
        subjects = {station.tps: officers_of(station.tps, f"KPPS {station.name}") for station in stations}
        enrol(authority, list(subjects.values()), cards)
        codes = CodeBook(cards / CODES_FILE)
        phones = {}
        for tps, subject in subjects.items():
            file = file_name(subject)
            card, code = (cards / file).read_bytes(), codes.rows[file].code
            phones[str(tps)] = outbox.create(self.folder / "phones" / tps, card, code, authority.root, _clock)
        return phones


def _clock() -> int:
    return int(time.time())
