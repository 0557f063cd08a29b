"""What is sent: officers, statements and requests, prepared before anything is measured. All distinct, all valid."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from relay.protocol import cbor, codes, cose, forms, statements
from relay.protocol.roles import Role
from tests.authorities import KECAMATAN, Party, World, new_key
from tests.bench.figures import Broken
from tests.world.nodes import write_identity

OFFICERS = 77
FORM = 2401
_STATIONS_OF_AN_OFFICER = 999
_REVISIONS = 9
_HEAD = "POST /v1/statements HTTP/1.1\r\nHost: relay\r\nContent-Type: application/cose\r\nContent-Length: {}\r\n\r\n"
SIGNED_AT = int(time.time()) - 3600


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement with whoever signed it."""

    sign1: cose.Sign1
    officer: Party

    @property
    def introduced(self) -> bytes:
        """The message with its signer's certificates, as a phone sends it the first time."""
        return self.sign1.with_chain(self.officer[1])


@dataclass
class Material:
    """A country and its officers: each is certified for a village, so that each can sign for many stations."""

    folder: Path
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.officers = [self.world.officer(f"{KECAMATAN}{2001 + at}") for at in range(OFFICERS)]
        self._signed = self._from_known_officers()

    def identity(self, role: Role, scope: str = "") -> Path:
        """An identity folder of a node, made at the first call."""
        folder = self.folder / f"{role}-{scope}-identity"
        if not folder.exists():
            key = new_key()
            issuer = self.world.root if role is Role.CENTRE else None
            _, chain = self.world.leaf(role, scope, issuer, key=key, dns=("localhost",))
            write_identity(folder, key, chain, self.world.root_der)
        return folder

    def station(self, officer: int, number: int) -> str:
        """One of the stations that an officer may speak for, by its number from 1."""
        return f"{KECAMATAN}{2001 + officer}{number:03}"

    def statements(self, count: int) -> list[Signed]:
        """The next tallies of the 77 officers: each for another station, and then for a station's next revision."""
        return list(islice(self._signed, count))

    def first_statements(self) -> list[Signed]:
        """One tally of each officer, so that a node gets to know all of them. Station 999 is kept for this."""
        return [self._sign(at, _STATIONS_OF_AN_OFFICER) for at in range(OFFICERS)]

    def statements_of_strangers(self, count: int) -> Iterator[Signed]:
        """Tallies of phones never seen before: each with a key and a certificate of its own."""
        for at in range(count):
            station = self.station(at % OFFICERS, at // OFFICERS % _STATIONS_OF_AN_OFFICER + 1)
            officer = self.world.officer(station)
            yield Signed(officer[0].sign(_payload(station, at)), officer)

    def _from_known_officers(self) -> Iterator[Signed]:
        for revision in range(1, _REVISIONS + 1):
            for station in range(1, _STATIONS_OF_AN_OFFICER):
                for officer in range(OFFICERS):
                    yield self._sign(officer, station, revision)
        raise Broken("The officers have no more stations to sign for.")

    def _sign(self, officer: int, station: int, revision: int = 1) -> Signed:
        signer = self.officers[officer]
        payload = _payload(self.station(officer, station), officer + station, revision)
        return Signed(signer[0].sign(payload), signer)


def write_requests(path: Path, bodies: Iterable[bytes]) -> Path:
    """Whole HTTP requests for `post.lua`: a length of four bytes, big-endian, before each."""
    with path.open("wb") as file:
        for body in bodies:
            request = _HEAD.format(len(body)).encode() + body
            file.write(len(request).to_bytes(4, "big") + request)
    return path


def write_signatures(path: Path, signed: Sequence[Signed]) -> Path:
    """For `verification`: (public key, signature in DER, message) of each."""
    rows = []
    for item in signed:
        signature = item.sign1.signature
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key = certificate_key(item.officer[1][0])
        rows.append([key, encode_dss_signature(r, s), item.sign1.sig_structure])
    path.write_bytes(cbor.encode(rows))
    return path


def certificate_key(der: bytes) -> bytes:
    """The public point of a certificate, uncompressed (SEC 1)."""
    key = x509.load_der_x509_certificate(der).public_key()
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def write_officers(path: Path, officers: Sequence[Party]) -> Path:
    """For `bare`: the certificates of those it knows."""
    path.write_bytes(cbor.encode([chain[0] for _, chain in officers]))
    return path


def _payload(tps: str, seed: int, revision: int = 1) -> bytes:
    form = forms.catalogue()[FORM]
    figures = forms.pack(form.figures(_figures(seed)))
    return statements.tally(
        tps=codes.tps_code(tps), form=FORM, revision=revision, signed_at=SIGNED_AT + seed, figures=figures
    )


def _figures(seed: int) -> dict[str, int | None]:
    """All 28 figures of a paper on which everything adds up."""
    votes = (seed % 61, 40 + seed % 83, seed % 47)
    valid, invalid = sum(votes), seed % 5
    total = valid + invalid
    men, women = total // 2, total - total // 2
    voters = total + 20
    received = voters + -(-voters * 2 // 100)
    return {
        **_people("dpt", men + 10, women + 10),
        **_people("users_dpt", men - 1, women - 1),
        **_people("users_dptb", 0, 0),
        **_people("users_dpk", 1, 1),
        **_people("users", men, women),
        **_people("disabled", 0, 1),
        "ballots_received": received,
        "ballots_used": total,
        "ballots_spoilt": 0,
        "ballots_unused": received - total,
        **{f"votes.{at}": count for at, count in enumerate(votes, 1)},
        "valid": valid,
        "invalid": invalid,
        "total": total,
    }


def _people(name: str, men: int, women: int) -> dict[str, int | None]:
    return {f"{name}.l": men, f"{name}.p": women, f"{name}.j": men + women}
