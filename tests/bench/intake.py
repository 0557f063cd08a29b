"""What it costs a relay to take a statement: verified, on disk, slip signed. Against the bare handler and one ES256.

Rounds are interleaved: relay, bare handler, verification, and again, so that what else the machine does meets all.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from relay.protocol.roles import Role
from tests.authorities import KECAMATAN
from tests.bench import load, nodes
from tests.bench.figures import Broken, Figure, Section, ratios
from tests.bench.load import Load
from tests.bench.material import Material, write_officers, write_requests, write_signatures
from tests.bench.processes import Server, serving
from tests.bench.verification import verifying

RELAY_AT_MOST = 3.5
_LEFT_OUT = "Left out: wrk is not installed."
_SLOW_SYNC_MS = 10.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much of it: rounds, statements in each, and seconds for each round of verifications."""

    rounds: int
    statements: int
    verify_seconds: float = 0.4


@dataclass
class Costs:
    """One entry a round."""

    relay: list[Load] = field(default_factory=list)
    bare: list[Load] = field(default_factory=list)
    verify_busy: list[float] = field(default_factory=list)
    verify_idle: list[float] = field(default_factory=list)


def known_officers(material: Material, size: Size) -> Section:
    """Statements of 77 officers whom the relay knows: the second form, the correction, the next revision."""
    title = "Intake: officers known to the relay"
    if load.wrk() is None:
        return Section(title, _LEFT_OUT, ())
    with _bare(material) as bare:
        costs = _rounds(material, size, _of_known(material, size), bare=bare)
    said = (
        f"{size.rounds} rounds of {size.statements} statements, {load.CONNECTIONS} TLS connections kept alive, "
        "every statement distinct and answered with 201. A verification is measured twice: with the other core as "
        "busy as the load generator kept it, which is what the target is held against, and with it idle. "
        "The bare handler only verifies, signs, commits in groups and answers."
    )
    return Section(title, said, (*_figures(costs, RELAY_AT_MOST), *_bare_figures(costs)))


def strangers(material: Material, size: Size) -> Section:
    """Every statement from a phone not seen before: the relay checks a certificate and its chain each time."""
    title = "Intake: every phone met for the first time"
    if load.wrk() is None:
        return Section(title, _LEFT_OUT, ())
    everything = [item.introduced for item in material.statements_of_strangers(size.rounds * size.statements)]
    rounds = [everything[at : at + size.statements] for at in range(0, len(everything), size.statements)]
    costs = _rounds(material, size, rounds)
    said = f"{size.rounds} rounds of {size.statements} statements, each with a certificate of its own (x5chain)."
    return Section(title, said, tuple(_figures(costs, None)))


def slow_disk(material: Material, size: Size) -> Section:
    """As on an SD card: each fsync takes 10 ms longer."""
    title = "Intake: each fsync 10 ms slower, as on an SD card"
    environment = nodes.slow_sync(material)
    if load.wrk() is None or environment is None:
        return Section(title, _LEFT_OUT if environment else "Left out: there is no C compiler for the shim.", ())
    costs = _rounds(material, size, _of_known(material, size), environment=environment)
    if min(cost.p50_ms for cost in costs.relay) < _SLOW_SYNC_MS:
        raise Broken("Statements are answered sooner than the slowed fsync can have returned.")
    said = f"{size.rounds} rounds of {size.statements} statements of known officers."
    return Section(title, said, tuple(_figures(costs, RELAY_AT_MOST)))


def _of_known(material: Material, size: Size) -> list[list[bytes]]:
    return [[item.sign1.bare for item in material.statements(size.statements)] for _ in range(size.rounds)]


def _rounds(
    material: Material,
    size: Size,
    rounds: Sequence[Sequence[bytes]],
    *,
    bare: Server | None = None,
    environment: Mapping[str, str] | None = None,
) -> Costs:
    """A new relay that has met every officer, and then round after round of everything that is compared."""
    known = material.first_statements()
    signatures = write_signatures(material.folder / "signatures", known)
    costs = Costs()
    with nodes.relay(material, environment=environment) as server, verifying(signatures) as verification:
        _put(material, server, [item.introduced for item in known])
        for bodies in rounds:
            cost = _put(material, server, bodies)
            costs.relay.append(cost)
            costs.verify_busy.append(verification.cpu_each(size.verify_seconds, cost.busy_share))
            costs.verify_idle.append(verification.cpu_each(size.verify_seconds))
            if bare is not None:
                costs.bare.append(_put(material, bare, bodies))
        taken, answered = nodes.counts(server)["statements"], len(known) + sum(map(len, rounds))
        if taken != answered:
            raise Broken(f"{answered} statements were answered with 201, but the relay holds {taken}.")
    return costs


def _put(material: Material, server: Server, bodies: Sequence[bytes]) -> Load:
    return load.put(server, write_requests(material.folder / "requests", bodies), len(bodies))


@contextmanager
def _bare(material: Material) -> Iterator[Server]:
    with ExitStack() as stack:
        folder = stack.enter_context(nodes.data_folder(material))
        officers = write_officers(folder / "officers", material.officers)
        identity = material.identity(Role.RELAY, KECAMATAN)
        words = ["-m", "tests.bench.bare", str(identity), str(officers), str(folder / "bare.db")]
        server = stack.enter_context(serving(words, folder))
        _put(material, server, [item.sign1.bare for item in material.first_statements()])
        yield server


def _figures(costs: Costs, at_most: float | None) -> list[Figure]:
    each = [cost.cpu_each for cost in costs.relay]
    return [
        Figure("relay's CPU a statement, other core busy", "verifications", ratios(each, costs.verify_busy), at_most),
        Figure("the same, other core idle", "verifications", ratios(each, costs.verify_idle)),
        Figure("relay's CPU a statement", "µs", _micro(each)),
        Figure("one ES256 verification, other core busy", "µs", _micro(costs.verify_busy)),
        Figure("one ES256 verification, other core idle", "µs", _micro(costs.verify_idle)),
        Figure("last round over first, as the store grows", "times", (each[-1] / each[0],)),
        Figure("accepted a second", "statements", tuple(cost.statements / cost.seconds for cost in costs.relay)),
        Figure("answered within, half of them", "ms", tuple(cost.p50_ms for cost in costs.relay)),
        Figure("answered within, 99 of 100", "ms", tuple(cost.p99_ms for cost in costs.relay)),
        Figure("load generator's share of the other core", "%", tuple(100 * c.busy_share for c in costs.relay)),
    ]


def _bare_figures(costs: Costs) -> list[Figure]:
    each = [cost.cpu_each for cost in costs.bare]
    relay = [cost.cpu_each for cost in costs.relay]
    return [
        Figure("bare handler's CPU a statement, other core busy", "verifications", ratios(each, costs.verify_busy)),
        Figure("bare handler's CPU a statement", "µs", _micro(each)),
        Figure("relay over bare handler", "times", ratios(relay, each)),
        Figure("bare handler, answered a second", "statements", tuple(c.statements / c.seconds for c in costs.bare)),
        Figure("bare handler, answered within, 99 of 100", "ms", tuple(cost.p99_ms for cost in costs.bare)),
    ]


def _micro(seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(1e6 * value for value in seconds)
