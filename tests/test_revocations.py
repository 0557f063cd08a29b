"""Who is revoked stays so, whatever comes later. A CA revokes its own; a stolen one fills neither memory nor disk."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from relay.authority import certificates
from relay.authority.certificates import Issuer, Revocation
from relay.errors import Code, Rejected
from relay.protocol import messages
from relay.protocol.certificates import parse_certificate
from relay.protocol.messages import TrustNews
from relay.protocol.revocations import LISTS_MAX, SERIALS_MAX, Revocations
from tests.authorities import KECAMATAN, World, new_key, refusal
from tests.world.http import ask, where
from tests.world.nodes import Country, running_centre, tally
from tests.world.stream import HandDrivenRelay


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def _listed(*lists: tuple[int, set[int]]) -> Revocations:
    revoked = Revocations()
    for number, serials in lists:
        revoked = revoked.with_list(number, frozenset(serials), b"%d" % number)
    return revoked


def test_a_newer_list_stands_for_the_older_ones_in_whatever_order_they_come() -> None:
    lists = [(1, {1}), (2, {1, 2}), (3, {1, 2, 3})]
    for order in (lists, lists[::-1]):
        revoked = _listed(*order)
        assert revoked.lists == (b"3",)
        assert all(serial in revoked for serial in (1, 2, 3))


def test_what_a_newer_list_forgets_stays_revoked() -> None:
    revoked = _listed((1, {1, 2}), (2, {2, 3}), (3, {3}))
    assert revoked.lists == (b"1", b"2", b"3")
    assert revoked.newest == b"3"
    assert 1 in revoked
    assert _listed((1, {1, 2}), (2, {2, 3}), (4, {1, 2, 3})).lists == (b"4",)


def test_lists_without_end_are_refused_until_one_lists_all() -> None:
    revoked = _listed(*((number, {number}) for number in range(LISTS_MAX)))
    with pytest.raises(Rejected) as caught:
        revoked.with_list(9, frozenset({9}), b"9")
    assert caught.value.code is Code.CRL_MALFORMED
    assert revoked.with_list(9, frozenset(range(10)), b"9").lists == (b"9",)
    with pytest.raises(Rejected):
        Revocations().with_list(1, frozenset(range(SERIALS_MAX + 1)), b"1")


def test_a_kabupaten_makes_no_more_cas_than_it_can_need(world: World) -> None:
    known, key = world.trust().with_authority(*world.ca.chain), new_key()

    def ca(number: int) -> bytes:  # one key does: a CA is a key in a region
        return world.ca_for(f"{KECAMATAN}{number:04}", under=world.ca, key=key).chain[0]

    for number in range(1, 129):
        known = known.with_authority(ca(number))
    with pytest.raises(Rejected) as caught:
        known.with_authority(ca(129))
    assert caught.value.code is Code.CHAIN_BROKEN
    renewed = world.ca_for(f"{KECAMATAN}0001", under=world.ca, key=key, days=900).chain[0]
    assert renewed in known.with_authority(renewed).authority_certificates


def test_a_revoked_officer_is_refused_and_nobody_else(world: World) -> None:
    _, gone = world.officer()
    _, stays = world.officer()
    before = world.trust().with_authority(*world.ca.chain)
    identity = before.identify(gone, world.now)
    after = before.with_crl(world.crl(gone[0]))
    assert refusal(lambda: after.identify(gone, world.now)) is Code.SIGNER_REVOKED
    assert refusal(lambda: after.still_stands(identity)) is Code.SIGNER_REVOKED
    before.still_stands(identity)
    after.still_stands(after.identify(stays, world.now))


def test_with_a_ca_goes_everybody_below_it(world: World) -> None:
    kecamatan = world.ca_for(KECAMATAN, world.ca)
    _, chain = world.officer(issuer=kecamatan)
    known = world.trust().with_authority(*kecamatan.chain).with_authority(*world.ca.chain)
    identity = known.identify(chain, world.now)
    for crl in (
        world.crl(kecamatan.chain[0], issuer=world.ca),
        world.crl(world.ca.chain[0], issuer=world.root),
    ):
        after = known.with_crl(crl)
        for sent in (chain, chain[:1]):
            assert refusal(lambda: after.identify(sent, world.now)) is Code.SIGNER_REVOKED  # noqa: B023
        assert refusal(lambda: after.still_stands(identity)) is Code.SIGNER_REVOKED  # noqa: B023
        assert refusal(lambda: after.with_authority(*kecamatan.chain)) is Code.SIGNER_REVOKED  # noqa: B023


def test_an_older_crl_does_not_undo_a_revocation(world: World) -> None:
    _, chain = world.officer()
    known = world.trust().with_authority(*world.ca.chain)
    old, new = world.crl(number=1), world.crl(chain[0], number=2)
    for order in ((old, new), (new, old)):
        after = known
        for crl in order:
            after = after.with_crl(crl)
        assert refusal(lambda: after.identify(chain, None)) is Code.SIGNER_REVOKED  # noqa: B023
        assert list(after.crls.values()) == [new]


def test_a_newer_crl_that_forgets_does_not_undo_a_revocation(world: World) -> None:
    _, chain = world.officer()
    known = world.trust().with_authority(*world.ca.chain).with_crl(world.crl(chain[0])).with_crl(world.crl(number=2))
    assert refusal(lambda: known.identify(chain, None)) is Code.SIGNER_REVOKED


def test_a_forged_crl_is_refused(world: World) -> None:
    _, chain = world.officer()
    known = world.trust().with_authority(*world.ca.chain)
    entries = [Revocation(parse_certificate(chain[0]).serial_number, world.now)]
    genuine = world.crl(chain[0])
    other = certificates.crl(world.ca_for("6502"), entries, 1, certificates.validity(world.now, 9))
    assert refusal(lambda: known.with_crl(other.public_bytes(Encoding.DER))) is Code.SIGNER_UNKNOWN
    assert refusal(lambda: known.with_crl(_crl_in_the_name_of(world.ca, new_key(), entries))) is Code.SIGNATURE_INVALID
    assert refusal(lambda: known.with_crl(genuine[:-1] + bytes((genuine[-1] ^ 1,)))) is Code.SIGNATURE_INVALID
    known.identify(chain, world.now)


def test_one_ca_cannot_revoke_for_another(world: World) -> None:
    other = world.ca_for("6502")
    _, chain = world.officer()
    known = world.trust().with_authority(*world.ca.chain).with_authority(*other.chain)
    known.with_crl(world.crl(chain[0], issuer=other)).identify(chain, world.now)


async def test_a_thief_of_a_relays_ca_fills_no_disk_and_revokes_nobody_elses(
    country: Country, http: aiohttp.ClientSession
) -> None:
    world = country.world
    stolen = world.ca_for(KECAMATAN, under=world.ca)
    own, others = world.officer(issuer=stolen), world.officer("6501082001002")
    lists = [world.crl(others[1][0], issuer=stolen, number=number) for number in range(1, 21)]
    async with running_centre(country.centre_config()) as centre:
        async with http.ws_connect(f"{centre}/v1/exchange") as socket:
            thief = HandDrivenRelay(socket, world.relay())
            await thief.announce()
            for der in (world.crl(own[1][0], issuer=stolen, number=0), *lists, lists[0]):
                await socket.send_bytes(messages.encode(TrustNews(stolen.chain[:1], (der,))))
                await thief.ask([])
        assert len((await ask(http, "GET", f"{centre}/v1/trust")).json["crls"]) == 1
    # the list with the highest number, and the first one, which lists what that one leaves out
    assert _kept(country.folder / "centre") == {"authority": 2, "crl": 2}
    async with running_centre(country.centre_config()) as centre:  # and so it is after a restart
        async with http.ws_connect(f"{centre}/v1/exchange") as socket:
            honest = HandDrivenRelay(socket, world.relay())
            statements = tally(own), tally(others, "6501082001002")
            for statement, (_, chain) in zip(statements, (own, others), strict=True):
                await honest.statements(statement.bare, chain=chain)
        states = [(await where(http, centre, statement.id))["state"] for statement in statements]
    assert states == ["refused", "at-centre"]


def _kept(data: Path) -> dict[str, int]:
    with sqlite3.connect(data / "centre.db") as database:
        return dict(database.execute("SELECT kind, count(*) FROM trust_item GROUP BY kind"))


def _crl_in_the_name_of(issuer: Issuer, key: ec.EllipticCurvePrivateKey, entries: list[Revocation]) -> bytes:
    now = entries[0].moment
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(now).next_update(now + timedelta(days=1))
    named = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    builder = builder.add_extension(named, critical=False).add_extension(x509.CRLNumber(9), critical=False)
    for entry in entries:
        builder = builder.add_revoked_certificate(certificates._revoked(entry))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
