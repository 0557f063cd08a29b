"""Configuration: what relay.toml and central.toml may say, every key with its default, its unit and one sentence.

How such a file is read is `config_file`'s. Defaults suit a Raspberry Pi Zero 2 W.
"""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from relay import config_file
from relay.config_file import invalid, key

_ORIGIN = re.compile(r"https://[a-z0-9.\-\[\]:]+")
_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d")

Config = TypeVar("Config", bound="RelayConfig | CentreConfig")


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Who this machine is and where it keeps things."""

    data_directory: Path = key("Folder for the database and the photographs; created if missing.")
    identity_directory: Path = key("Folder with certificate.pem, key.pem and root.pem, as the authority made it.")
    passphrase_file: Path | None = key(
        "File with the passphrase of key.pem, mode 0600, if that key is encrypted.", None
    )
    clock_sure_file: Path | None = key(
        "The clock counts as set while this file exists (systemd-timesyncd makes it); without the key, always.", None
    )


@dataclass(frozen=True, slots=True)
class ListenConfig:
    """Where HTTPS is served."""

    hosts: tuple[str, ...] = key(
        "Addresses to listen on; an IPv6 one that the machine lacks is passed over.", ("0.0.0.0", "::")
    )
    port: int = key("TCP port; 0 takes any free one.", 8443, least=0, most=65535)
    local_port: int = key(
        "TCP port without TLS for this machine alone, for trials and its own screen; 0 means none.",
        0,
        least=0,
        most=65535,
    )
    tls_certificate: Path | None = key(
        "PEM chain shown to who asks for a name in it, such as a public CA's for browsers; others see the node's own.",
        None,
    )
    tls_key: Path | None = key("PEM key that belongs to tls_certificate, mode 0600.", None)
    connections_max: int = key("Connections at once; more are closed at once.", 512, least=1, most=100_000)
    connections_per_address_max: int = key(
        "Connections at once from one address, or one IPv6 /64 that is not our own; more are closed at once.",
        128,
        least=1,
        most=100_000,
    )
    request_seconds_max: int = key("Seconds for one request to arrive whole.", 60, least=1, most=3600)


@dataclass(frozen=True, slots=True)
class IntakeConfig:
    """What phones may hand over."""

    queue_max: int = key(
        "Statements waiting for the disk at once; more are told to ask again.", 1024, least=1, most=65536
    )
    document_bytes_max: int = key("Largest photograph, in bytes.", 33_554_432, least=4096, most=67_108_864)
    uploads_max: int = key("Photographs being received at once; more are told to ask again.", 32, least=1, most=1024)
    reserve_bytes: int = key(
        "Disk space that photographs leave for figures, in bytes.", 67_108_864, least=0, most=2**40
    )
    signers_cached_max: int = key("Officers' certificates kept in memory.", 4096, least=16, most=1_000_000)
    statements_per_signer_max: int = key(
        "Statements taken from phones of one signer; somebody certified for a village signs for all its stations.",
        10_000,
        least=1,
        most=10_000_000,
    )


@dataclass(frozen=True, slots=True)
class AnnounceConfig:
    """How phones find the relay (DNS-SD over mDNS)."""

    enabled: bool = key("Whether to announce `_kpurelay._tcp` once the relay listens.", True)
    interfaces: tuple[str, ...] = key("Addresses of the interfaces to announce on; empty means all.", ())
    host_name: str = key("Single-label name under .local; empty means relay-SCOPE.", "")


@dataclass(frozen=True, slots=True)
class UplinkConfig:
    """One way towards the centre. All that work are used at once, as far as priority and cost allow."""

    kind: str = key(
        '"https": to the centre; "drive": USB sticks that are carried; "neighbour": through another relay.',
        "https",
        words=("https", "drive", "neighbour"),
    )
    url: str = key("The centre's address, https://…; of a neighbour, empty means found by zeroconf.", "")
    name: str = key("What screens and logs call it; empty means its kind.", "")
    folder: Path | None = key("Of a drive: the folder in which sticks are mounted, each in a folder of its own.", None)
    interface: str = key("Network interface that it must use, such as wwan0; empty means whatever routing says.", "")
    source_address: str = key("Local address that it must use; empty means whatever routing says.", "")
    carries: tuple[str, ...] = key(
        'What may use it: "tally" (figures and notes), "documents" (photographs and their lists), '
        '"control" (CAs, revocations).',
        ("tally", "documents", "control"),
        words=("tally", "documents", "control"),
    )
    bytes_per_day: int = key("Bytes that may be sent in a day (UTC); 0 means no limit.", 0, least=0, most=2**50)
    hours: tuple[str, ...] = key(
        'When it may be used, by the local clock, such as ["18:00-06:00"]; empty means always.', ()
    )
    priority: int = key("1 is used first; a larger number waits until none of a smaller one works.", 1, least=1, most=9)
    cost: int = key(
        "What a megabyte costs, in any unit: photographs wait for the cheapest of the uplinks that work.",
        0,
        least=0,
        most=10**9,
    )
    tls: str = key(
        '"authority": its certificate chains to our root; "public": to a public CA.',
        "authority",
        words=("authority", "public"),
    )
    connect_seconds_max: int = key("Seconds for a connection to be made.", 30, least=1, most=600)
    silence_seconds_max: int = key(
        "Seconds without any sign of life before the link counts as dead.", 60, least=2, most=3600
    )
    in_flight_bytes_least: int = key("Bytes sent unanswered at first, and at least.", 8192, least=4096, most=2**20)
    in_flight_bytes_max: int = key("Bytes sent unanswered at most.", 524_288, least=4096, most=2**26)
    backoff_seconds_first: float = key(
        "Seconds to wait after the first failure; doubles with each one.", 0.5, least=0.05, most=600
    )
    backoff_seconds_max: float = key("Longest wait between attempts, in seconds.", 60.0, least=0.05, most=3600)
    idle_seconds_max: int = key("Seconds to stay connected with nothing to send.", 60, least=1, most=3600)
    ask_again_seconds: int = key(
        "Seconds until the centre is asked again for receipts that are still missing.", 120, least=1, most=86400
    )

    @property
    def label(self) -> str:
        """What screens and logs call it."""
        return self.name or self.kind


@dataclass(frozen=True, slots=True)
class NeighbourConfig:
    """Whether this relay takes over what other relays cannot send themselves."""

    accept: bool = key("Whether other relays may hand over their batches here.", True)
    streams_max: int = key("Neighbour relays and sticks served at once.", 4, least=1, most=64)
    turn_seconds: int = key(
        "Seconds that a stream with photographs or nothing keeps its place while others wait.", 20, least=1, most=3600
    )
    retry_after_seconds: int = key(
        "Least that Retry-After says; up to as much again at random, and more as more wait.", 20, least=1, most=3600
    )
    silence_seconds_max: int = key(
        "Seconds without any sign of life before a stream is closed.", 120, least=2, most=3600
    )
    statements_max: int = key(
        "Statements without a receipt that one other relay may have in custody here.", 20_000, least=1, most=10**6
    )
    reserve_bytes: int = key(
        "Disk space that other relays' photographs leave for those of this relay's own phones, in bytes.",
        536_870_912,
        least=0,
        most=2**40,
    )


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How browsers find the relay's pages."""

    plain_port: int = key(
        "TCP port of a page without TLS that only says where the secure one is, such as 80; 0 means none.",
        0,
        least=0,
        most=65535,
    )
    name: str = key("Name that browsers use, such as relai.example.id; empty means the .local name.", "")


@dataclass(frozen=True, slots=True)
class EnrolmentConfig:
    """How phones get certificates here: at once, from a CA that this relay holds, or from an authority elsewhere."""

    authority: Path | None = key(
        "Folder of a kecamatan's CA that answers at once and offline; without it requests wait for an authority.", None
    )
    passphrase_file: Path | None = key("File with the passphrase of that CA, mode 0600.", None)
    codes: Path | None = key(
        "enrolment-codes.csv, as `relay authority codes` made it; new codes are added to it.", None
    )
    requests_per_minute: int = key("Requests in a minute, of all phones together.", 120, least=1, most=100_000)
    wrong_codes_per_minute: int = key(
        "Wrong codes, unreadable requests and new ones that wait, in a minute from one address.", 10, least=1, most=1000
    )
    waiting_max: int = key("Requests that may wait for an authority elsewhere.", 2000, least=1, most=100_000)


@dataclass(frozen=True, slots=True)
class BoardConfig:
    """The PPK's page: who may see it, and which stations and forms it expects."""

    stations: Path | None = key(
        "CSV with a column tps_code: the kecamatan's stations, so that missing ones are shown; may hold others.", None
    )
    regions: Path | None = key("CSV with the names of the kecamatan and its villages: scope and name.", None)
    forms: tuple[int, ...] = key(
        "Forms that every station fills in, such as [2401]; empty means every form known here.",
        (),
        least=1,
        most=65535,
    )
    screen: bool = key(
        "Whether a browser on this machine itself may look without login; not where a proxy leads to this port.", False
    )
    session_hours: int = key("Hours until an operator logs in again.", 12, least=1, most=168)
    listeners_max: int = key("Browsers that follow the board at once.", 16, least=1, most=1024)
    origins: tuple[str, ...] = key(
        'Other sites whose pages may hand over here, such as ["https://relai.example.id"]; empty means none.', ()
    )


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What is written to the journal."""

    level: str = key("debug, info, warning or error.", "info", words=("debug", "info", "warning", "error"))


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """The keys of relay.toml."""

    node: NodeConfig
    uplink: tuple[UplinkConfig, ...] = ()
    listen: ListenConfig = ListenConfig()
    intake: IntakeConfig = IntakeConfig()
    announce: AnnounceConfig = AnnounceConfig()
    neighbour: NeighbourConfig = NeighbourConfig()
    web: WebConfig = WebConfig()
    enrolment: EnrolmentConfig = EnrolmentConfig()
    board: BoardConfig = BoardConfig()
    log: LogConfig = LogConfig()


@dataclass(frozen=True, slots=True)
class ExchangeConfig:
    """What relays may hand over to the centre."""

    streams_max: int = key("Relays connected at once; more are sent away with Retry-After.", 448, least=1, most=100_000)
    turn_seconds: int = key(
        "Seconds that a stream with photographs or nothing keeps its place while others wait.", 20, least=1, most=3600
    )
    retry_after_seconds: int = key(
        "Least that Retry-After says; up to as much again at random, and more as more wait.", 20, least=1, most=3600
    )
    queue_max: int = key("Statements waiting for the disk at once.", 8192, least=1, most=2**20)
    silence_seconds_max: int = key(
        "Seconds without any sign of life before a stream is closed.", 120, least=2, most=3600
    )
    reserve_bytes: int = key(
        "Disk space that photographs leave for figures, in bytes.", 268_435_456, least=0, most=2**44
    )
    signers_cached_max: int = key("Officers' certificates kept in memory.", 65536, least=16, most=10_000_000)


@dataclass(frozen=True, slots=True)
class TrustConfig:
    """Which certificates and revocations the centre knows from its own side."""

    directory: Path | None = key("Folder with CA certificates and CRLs (PEM or DER), read again when it changes.", None)


@dataclass(frozen=True, slots=True)
class ResultsConfig:
    """Who may follow the results."""

    listeners_max: int = key(
        "Browsers that follow changes at once; each holds a connection of listen.connections_max.",
        32,
        least=1,
        most=100_000,
    )


@dataclass(frozen=True, slots=True)
class CentreConfig:
    """The keys of central.toml."""

    node: NodeConfig
    listen: ListenConfig = ListenConfig()
    exchange: ExchangeConfig = ExchangeConfig()
    trust: TrustConfig = TrustConfig()
    results: ResultsConfig = ResultsConfig()
    log: LogConfig = LogConfig()


def load(path: Path, kind: type[Config]) -> Config:
    """The configuration in a TOML file. Relative paths are relative to the file. `Rejected(config-invalid)`."""
    config = config_file.read(path, kind)
    _check_whole(config, path)
    return config


def _check_whole(config: RelayConfig | CentreConfig, path: Path) -> None:
    if (config.listen.tls_certificate is None) != (config.listen.tls_key is None):
        raise invalid(path, "listen.tls_certificate and listen.tls_key go together")
    if isinstance(config, CentreConfig) and config.listen.connections_max <= config.exchange.streams_max:
        raise invalid(
            path, "listen.connections_max must be more than exchange.streams_max, which says when to come back"
        )
    if isinstance(config, RelayConfig):
        _check_relay(config, path)


def _check_relay(config: RelayConfig, path: Path) -> None:
    parts = (config.enrolment.authority, config.enrolment.passphrase_file, config.enrolment.codes)
    if any(parts) and not all(parts):
        raise invalid(path, "enrolment.authority, enrolment.passphrase_file and enrolment.codes go together")
    for at, uplink in enumerate(config.uplink):
        _check_uplink(uplink, f"uplink[{at}]", path)
    labels = [uplink.label for uplink in config.uplink]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise invalid(path, f'two uplinks are called "{twice[0]}"; give each a name of its own')
    for origin in config.board.origins:
        if not _ORIGIN.fullmatch(origin):
            raise invalid(path, f'board.origins holds "{origin}"; write it as "https://relai.example.id"')


def _check_uplink(uplink: UplinkConfig, name: str, path: Path) -> None:
    if uplink.kind == "https" and not uplink.url:
        raise invalid(path, f"the key {name}.url is missing")
    needs_url = uplink.kind == "https" or (uplink.kind == "neighbour" and uplink.url)
    if needs_url and not uplink.url.startswith("https://"):
        raise invalid(path, f"{name}.url must begin with https://")
    if uplink.source_address and not _is_address(uplink.source_address):
        raise invalid(path, f'{name}.source_address is "{uplink.source_address}"; write an IP address')
    if len(uplink.interface.encode()) > 15:
        raise invalid(path, f"{name}.interface is longer than the 15 bytes that Linux allows")
    if uplink.kind == "drive" and uplink.folder is None:
        raise invalid(path, f"{name}.folder is missing: where are sticks mounted?")
    if not uplink.carries:
        raise invalid(path, f"{name}.carries is empty: nothing could use it")
    for span in uplink.hours:
        if not _HOURS.fullmatch(span):
            raise invalid(path, f'{name}.hours holds "{span}"; write it as "18:00-06:00"')


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
