"""A kecamatan's authority on disk with its one-time codes, and phones that ask it through a relay."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec

from relay.authority import Authority, enrolment_codes, folders, keys, requests
from relay.authority.authority import LEDGER_FILE
from relay.authority.desk import Desk
from relay.authority.enrolment_codes import CodeEntry, new_entry
from relay.config import EnrolmentConfig
from relay.protocol import cose
from relay.protocol.enrolment import EnrolmentCode, is_proven, read_answer
from relay.protocol.roles import Role
from tests.authorities import KECAMATAN, TPS, Party, new_key
from tests.world.http import Answer, ask
from tests.world.nodes import Country

PASSPHRASE = b"sungai kayan hulu"
PKCS10 = {"Content-Type": "application/pkcs10"}


@dataclass
class KecamatanAuthority:
    """The CA of a kecamatan, with a code for each of `stations`."""

    country: Country
    stations: Sequence[str] = (TPS, "6501082001002")
    scope: str = KECAMATAN
    entries: list[CodeEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.country.world
        issuer = world.ca_for(self.scope, under=world.ca)
        self.folder.mkdir(mode=0o700)
        folders.write_identity(self.folder, keys.key_pem(issuer.key, PASSPHRASE), issuer.chain, world.root_der)
        (self.folder / LEDGER_FILE).write_bytes(b"")
        self.passphrase_file.write_bytes(PASSPHRASE)
        self.passphrase_file.chmod(0o600)
        self.entries += [new_entry(Role.KPPS, tps, f"KPPS {tps}") for tps in self.stations]
        enrolment_codes.write(self.codes_file, self.entries)

    @property
    def folder(self) -> Path:
        return self.country.folder / f"ca-{self.scope}"

    @property
    def codes_file(self) -> Path:
        return self.country.folder / f"codes-{self.scope}.csv"

    @property
    def passphrase_file(self) -> Path:
        return self.country.folder / f"passphrase-{self.scope}"

    @property
    def config(self) -> EnrolmentConfig:
        """A relay that holds this CA."""
        return EnrolmentConfig(self.folder, self.passphrase_file, self.codes_file)

    def code(self, station: str = TPS) -> EnrolmentCode:
        """The code of a station."""
        return next(entry.code for entry in self.entries if entry.scope == station)

    def open(self) -> Authority:
        return Authority.open(self.folder, PASSPHRASE)

    def desk(self) -> Desk:
        return Desk(self.open(), self.codes_file)


@dataclass
class Phone:
    """A phone with a key of its own."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    name: str = "Siti Aminah"

    @property
    def id(self) -> str:
        return requests.key_id(self.key.public_key()).hex()

    def request(self, code: EnrolmentCode) -> bytes:
        return requests.enrolment_request(self.key, self.name, code)

    async def ask(self, http: aiohttp.ClientSession, relay: str, code: EnrolmentCode) -> Answer:
        return await send(http, relay, self.request(code))

    def party(self, answer: Answer, code: EnrolmentCode) -> Party:
        """Who the phone is, if the answer is issued and proves itself."""
        told = read_answer(answer.json)
        assert is_proven(told, code), answer.json
        return cose.Signer(self.key, told.certificates[0]), told.certificates


async def send(http: aiohttp.ClientSession, relay: str, request: bytes) -> Answer:
    return await ask(http, "POST", f"{relay}/v1/enrolments", data=request, headers=PKCS10)
