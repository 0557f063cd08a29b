"""What becomes of the country's tallies when the centre comes back after two hours: our rules beside simpler ones.

Virtual time, so that the figures are the same on every machine. What a connection costs the centre is measured as well,
to show how far the model's cost is from this machine's.
"""

import socket

from relay.protocol.planning import backoff_seconds
from tests.bench import nodes
from tests.bench.country_model import EXCHANGE, KECAMATAN, UPLINK, Centre, Outage, Outcome, Rules
from tests.bench.country_night import night
from tests.bench.figures import Figure, Section
from tests.bench.material import Material

HORIZON_SECONDS = 2400.0
_PLACES_FOR_ALL = 8000  # as deploy/raspberrypi/central.toml has it
_KNOCKS = 200
_REQUEST = b"GET /v1/exchange HTTP/1.1\r\nHost: centre\r\nConnection: close\r\n\r\n"


def _backoff(attempt: int, chance: float) -> float:
    first, most = UPLINK.backoff_seconds_first, UPLINK.backoff_seconds_max
    return backoff_seconds(attempt, first=first, most=most, chance=chance)


def _ours(attempt: int, chance: float, asked: float) -> float:
    """As `relay.forwarder.link` waits."""
    return max(_backoff(attempt, chance), asked)


EVERY_5_SECONDS = Rules("every 5 s", lambda _attempt, _chance, _asked: 5.0)
EVERY_60_SECONDS = Rules("every 60 s", lambda _attempt, _chance, _asked: 60.0)
NO_JITTER = Rules("doubling to 60 s, no jitter", lambda attempt, _chance, _asked: _backoff(attempt, 1.0))
NO_TURNS = Rules("doubling, jitter, Retry-After of 20 to 40 s", _ours)
OURS = Rules("ours: the same, and turns", _ours, EXCHANGE.turn_seconds)

_RULES = (EVERY_5_SECONDS, EVERY_60_SECONDS, NO_JITTER, NO_TURNS, OURS)


def coming_back(material: Material, relays: int = KECAMATAN) -> Section:
    """All rules after an outage in which connections were refused; ours also in other circumstances."""
    figures = [figure for rules in _RULES for figure in _figures(rules.name, _night(rules, Outage(), relays))]
    for name, outage in (
        ("ours, after silence", Outage(silent=True)),
        ("ours, no photographs waiting", Outage(photographs_bytes=0)),
    ):
        figures += _figures(name, _night(OURS, outage, relays))
    for rules in (EVERY_5_SECONDS, OURS):
        name = f"{rules.name}; places for all"
        figures += _figures(name, _night(rules, Outage(), relays, _PLACES_FOR_ALL))
    figures.append(_measured_knock(material))
    part = "The whole country" if relays == KECAMATAN else "A part of the country"
    said = (
        f"{part}: {relays} relays with a tally and three photographs of every TPS; a centre of one core, in "
        f"proportion, with {Centre(relays / KECAMATAN).places} streams, back after two hours. {HORIZON_SECONDS:.0f} s "
        "of virtual time, simulated with the rules that run (tests/bench/country_night.py)."
    )
    return Section("The whole country comes back at once", said, tuple(figures))


def _night(rules: Rules, outage: Outage, relays: int, streams_max: int = EXCHANGE.streams_max) -> Outcome:
    return night(rules, outage, relays=relays, streams_max=streams_max, horizon=HORIZON_SECONDS)


def _figures(name: str, outcome: Outcome) -> list[Figure]:
    done = outcome.share_in(HORIZON_SECONDS)
    remark = "" if done == 1 else f"{100 * done:.0f} % of relays by then"
    return [
        Figure(f"{name}: until all tallies are in", "s", (min(outcome.all_in_at, HORIZON_SECONDS),), remark=remark),
        Figure("until half of the relays are rid of theirs", "s", (min(outcome.quantile(0.5), HORIZON_SECONDS),)),
        Figure("connection attempts in the worst second, with TCP's repetitions", "", (float(outcome.arrivals_peak),)),
        Figure("connections in vain", "", (float(outcome.knocks_in_vain),)),
        Figure("longest queue before the centre's core", "s", (outcome.queue_seconds_peak,)),
    ]


def _measured_knock(material: Material) -> Figure:
    """What a new TLS connection with one answer costs a real centre here."""
    tls = nodes.unchecked_tls()
    with nodes.centre(material) as server:
        server.wait_until_quiet()
        before = server.cpu_seconds
        for _ in range(_KNOCKS):
            with tls.wrap_socket(socket.create_connection(("127.0.0.1", server.port), 10)) as connection:
                connection.sendall(_REQUEST)
                connection.recv(4096)
        server.wait_until_quiet()
        each = (server.cpu_seconds - before) / _KNOCKS
    remark = f"the model takes {1e6 * Centre().knock:.0f}"
    return Figure("a connection that is sent away, measured here", "µs", (1e6 * each,), remark=remark)
