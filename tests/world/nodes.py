"""Identity folders and configurations for real nodes on loopback, and running them inside a test."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from relay.config import (
    AnnounceConfig,
    CentreConfig,
    ExchangeConfig,
    IntakeConfig,
    ListenConfig,
    NeighbourConfig,
    NodeConfig,
    RelayConfig,
    TrustConfig,
    UplinkConfig,
)
from relay.node.centre import centre_parts
from relay.node.relay import relay_parts
from relay.protocol import codes, cose, forms, statements
from relay.protocol.roles import Role
from relay.protocol.statements import DocumentHash, Page, StatementId
from tests.authorities import KECAMATAN, TPS, Party, World, new_key

LOOPBACK = "127.0.0.1"
NAMES = ("localhost", "relay.test", "pusat.test")  # in the certificates of nodes; browsers know only names
QUICK_UPLINK = {
    "connect_seconds_max": 5,
    "silence_seconds_max": 10,
    "backoff_seconds_first": 0.05,
    "backoff_seconds_max": 0.2,
    "idle_seconds_max": 1,
    "ask_again_seconds": 1,
}


@dataclass
class Country:
    """One authority world on disk, with folders for as many nodes as a test wants."""

    folder: Path
    world: World = field(default_factory=World)

    def identity(self, role: Role, scope: str = "") -> Path:
        """An identity folder, made at the first call."""
        folder = self.folder / f"{role}-{scope}-identity"
        if not folder.exists():
            key = new_key()
            issuer = self.world.root if role is Role.CENTRE else None
            _, chain = self.world.leaf(role, scope, issuer, key=key, dns=NAMES)
            write_identity(folder, key, chain, self.world.root_der)
        return folder

    def relay_config(
        self,
        name: str = "relay",
        *,
        scope: str = KECAMATAN,
        port: int = 0,
        centre_url: str | None = None,
        announce: AnnounceConfig | None = None,
        intake: IntakeConfig | None = None,
        uplink: dict[str, object] | None = None,
        neighbour: NeighbourConfig | None = None,
    ) -> RelayConfig:
        """A relay on loopback; without `centre_url` it has no uplink."""
        settings = {**QUICK_UPLINK, **(uplink or {})}
        uplinks = (UplinkConfig(url=centre_url, **settings),) if centre_url else ()  # type: ignore[arg-type]
        return RelayConfig(
            NodeConfig(self.folder / name, self.identity(Role.RELAY, scope)),
            uplink=uplinks,
            listen=ListenConfig(hosts=(LOOPBACK,), port=port),
            intake=intake or IntakeConfig(reserve_bytes=0),
            announce=announce or AnnounceConfig(enabled=False),
            neighbour=neighbour or NeighbourConfig(reserve_bytes=0),
        )

    def centre_config(self, *, port: int = 0, exchange: ExchangeConfig | None = None) -> CentreConfig:
        """A centre on loopback that knows the CA of 6501."""
        self.trust_folder.mkdir(exist_ok=True)
        (self.trust_folder / "ca-6501.der").write_bytes(self.world.ca.chain[0])
        return CentreConfig(
            NodeConfig(self.folder / "centre", self.identity(Role.CENTRE)),
            listen=ListenConfig(hosts=(LOOPBACK,), port=port),
            exchange=exchange or ExchangeConfig(reserve_bytes=0, retry_after_seconds=1),
            trust=TrustConfig(self.trust_folder),
        )

    @property
    def trust_folder(self) -> Path:
        """Where the centre finds CA certificates and CRLs."""
        return self.folder / "centre-trust"

    @property
    def root_file(self) -> Path:
        """root.pem, as every node has it."""
        return self.identity(Role.CENTRE) / "root.pem"


def write_identity(folder: Path, key: ec.EllipticCurvePrivateKey, chain: tuple[bytes, ...], root: bytes) -> None:
    """Files as `relay.identity.load` wants them."""
    folder.mkdir(parents=True)
    (folder / "certificate.pem").write_bytes(b"".join(_pem(der) for der in chain))
    (folder / "root.pem").write_bytes(_pem(root))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "key.pem").chmod(0o600)


@asynccontextmanager
async def running_relay(config: RelayConfig) -> AsyncIterator[str]:
    """A relay in this process; its address."""
    async with relay_parts(config) as port:
        yield f"https://{LOOPBACK}:{port}"


@asynccontextmanager
async def running_centre(config: CentreConfig) -> AsyncIterator[str]:
    """A centre in this process; its address."""
    async with centre_parts(config) as port:
        yield f"https://{LOOPBACK}:{port}"


def tally(
    officer: Party,
    tps: str = TPS,
    *,
    form: int = 2401,
    revision: int = 1,
    signed_at: int = 1_763_700_000,
    votes: tuple[int, int, int] = (5, 97, 18),
) -> cose.Sign1:
    """A signed presidential tally whose arithmetic holds as far as it is filled in."""
    figures = {f"votes.{at}": count for at, count in enumerate(votes, 1)}
    total = sum(votes)
    named = {**figures, "valid": total, "invalid": 0, "total": total, "users.j": total}
    packed = forms.pack(forms.catalogue()[2401].figures(named))
    payload = statements.tally(
        tps=codes.tps_code(tps), form=form, revision=revision, signed_at=signed_at, figures=packed
    )
    return officer[0].sign(payload)


def documents(
    officer: Party, photographs: list[bytes], tps: str = TPS, *, revision: int = 1, signed_at: int = 1_763_700_000
) -> cose.Sign1:
    """A signed list of photographs, as pages 1, 2, …."""
    pages = [Page(at, DocumentHash(cose.sha256(data)), len(data)) for at, data in enumerate(photographs, 1)]
    payload = statements.documents(
        tps=codes.tps_code(tps), form=2401, revision=revision, signed_at=signed_at, pages=pages
    )
    return officer[0].sign(payload)


def note(
    operator: Party,
    about: Iterable[bytes],
    favours: bytes | None = None,
    text: str = "Dicocokkan dengan C.HASIL di kotak.",
    tps: str = TPS,
    *,
    revision: int = 1,
    signed_at: int = 1_763_700_000,
) -> cose.Sign1:
    """An operator's signed note about statements of form 2401."""
    payload = statements.note(
        tps=codes.tps_code(tps),
        form=2401,
        revision=revision,
        signed_at=signed_at,
        about=[StatementId(item) for item in sorted(about)],
        favours=None if favours is None else StatementId(favours),
        text=text,
    )
    return operator[0].sign(payload)


def _pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
