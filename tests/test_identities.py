"""What a certificate says of its holder, and who may say what: a role and a scope that do not fit are refused."""

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from relay.authority import certificates
from relay.errors import Code
from relay.protocol import codes, cose, login, roles, statements
from relay.protocol.certificates import der_of
from relay.protocol.identities import check_speaks_for
from relay.protocol.roles import Role
from tests.authorities import KABUPATEN, TPS, Party, World, new_key, refusal
from tests.world.nodes import documents, note, tally


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.mark.parametrize(
    "uri",
    [
        "urn:kpu:dukun:6501082001001",
        "urn:kpu:kpps",
        "urn:kpu:kpps:650108",
        "urn:kpu:kpps:65010820010012",
        "urn:kpu:kpps:6501082001001:x",
        "urn:kpu:KPPS:6501082001001",
        "URN:KPU:kpps:6501082001001",
        "urn:example:kpps:6501082001001",
        "urn:kpu:pusat:6501",
    ],
)
def test_a_role_that_is_not_one_of_ours_is_refused(world: World, uri: str) -> None:
    assert world.refusal_of(world.leaf(Role.KPPS, TPS, uri=uri)) is Code.ROLE_UNKNOWN


def test_a_kabupaten_cannot_make_a_centre_for_itself(world: World) -> None:
    """A centre's receipt lets copies be dropped: whoever could make one could lose a region's results."""
    assert world.refusal_of(world.leaf(Role.CENTRE, KABUPATEN)) is Code.ROLE_UNKNOWN


def test_two_roles_in_one_certificate_are_refused(world: World) -> None:
    key = new_key()
    when = certificates.validity(world.now, 9)
    builder = certificates._below(world.ca, key.public_key(), "Dua", when)
    names = [x509.UniformResourceIdentifier(roles.urn(Role.KPPS, tps)) for tps in (TPS, "6501082001002")]
    der = der_of(
        builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(world.ca.key, hashes.SHA256())
    )
    assert world.refusal_of((cose.Signer(key, der), (der, *world.ca.chain))) is Code.ROLE_UNKNOWN


def test_a_ca_does_not_speak_for_a_station(world: World) -> None:
    assert refusal(lambda: world.trust().identify(world.ca.chain, world.now)) is Code.ROLE_NOT_ALLOWED


def speaks(world: World, party: Party, signed: cose.Sign1) -> None:
    check_speaks_for(world.trust().identify(party[1], world.now), statements.read(signed))


@pytest.mark.parametrize("make", [tally, lambda party: documents(party, [b"page 1"])], ids=["tally", "documents"])
def test_only_a_stations_officer_speaks_for_it(world: World, make: Callable[[Party], cose.Sign1]) -> None:
    for scope in (TPS, TPS[:10]):
        speaks(world, (officer := world.officer(scope)), make(officer))
    for scope in ("6501082001002", "6501082002"):
        stranger = world.officer(scope)
        assert refusal(lambda: speaks(world, stranger, make(stranger))) is Code.STATION_NOT_SIGNERS  # noqa: B023
    for party in (world.operator(), world.relay(), world.centre()):
        assert refusal(lambda: speaks(world, party, make(party))) is Code.ROLE_NOT_ALLOWED  # noqa: B023


def test_only_an_operator_whose_scope_covers_a_station_notes_something_about_it(world: World) -> None:
    for scope in ("", "65", "6501", TPS[:6], TPS[:10], TPS):
        speaks(world, (operator := world.leaf(Role.PPK, scope, world.root)), note(operator, [bytes(32)]))
    for scope in ("6502", "650109", "6501082002", "6501082001002"):
        stranger = world.leaf(Role.PPK, scope, world.root)
        assert refusal(lambda: speaks(world, stranger, note(stranger, [bytes(32)]))) is Code.STATION_NOT_SIGNERS  # noqa: B023
    for party in (world.officer(), world.relay(), world.centre()):
        assert refusal(lambda: speaks(world, party, note(party, [bytes(32)]))) is Code.ROLE_NOT_ALLOWED  # noqa: B023


def test_only_an_operator_of_the_whole_region_may_log_in(world: World) -> None:
    def logs_in(party: Party, scope: str) -> None:
        login.check(world.trust().identify(party[1], world.now), codes.scope(scope))

    for scope in ("650108", "6501082001", TPS):
        logs_in(world.operator("650108"), scope)
    logs_in(world.leaf(Role.PPK, "", world.root), "")
    for scope in ("", "6501", "650109"):
        assert refusal(lambda: logs_in(world.operator("650108"), scope)) is Code.STATION_NOT_SIGNERS  # noqa: B023
    for party in (world.officer(), world.relay(), world.centre()):
        assert refusal(lambda: logs_in(party, TPS)) is Code.ROLE_NOT_ALLOWED  # noqa: B023
