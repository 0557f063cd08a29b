"""What came of the cases: a line for each while others still run, one table, and the targets. Measures nothing."""

import itertools
import statistics
from collections.abc import Callable, Mapping, Sequence

from tests.bench.uplink.cases import LINKS, SYSTEMS, Case, Link, Outcome, Settings

OURS = "relay"
LAST_TALLY_TIMES_MOST = 1.3
AGAIN_SHARE_MOST = 0.02
_NEVER = float("inf")
_FAST_OPEN = {True: "the centre takes it", False: "off"}
_COLUMNS = (
    "link", "system", "photographs", "last tally, s", "all, s", "goodput", "wire / useful",
    "sent again", "arrived twice", "missing", "doubled",
)  # fmt: skip
_TARGETS = ("link", "what", "is", "target", "")

_SAID = """\
Each system has the same job: 500 tallies of 151 bytes, each of another station and signer, and photographs of
300,000 random bytes, as many as can cross in five minutes of up-time. Everything runs and waits before the link
opens; from there the clock runs. Goodput is the useful bytes that arrived whole (tallies as signed, photographs)
as a share of rate times up-time. The wire's bytes are {counted} that were sent upwards, lost ones
included; what is beyond the useful bytes went into headers, names, certificates and repetition. "Sent again" is the
sender's own count where it keeps one, of parcels that died in a cut as well; "arrived twice" the receiver's, where it
keeps one. Missing and doubled are counted at the receiver, byte for byte. "Never" means
not within three times what an ideal link needs, or that and 200 s. Peers go without TLS where they can, send tallies
first, and start anew half a second after they give up; "batched", and tus, have all tallies in one compressed file.
Room in the modem's queue: {queue}; congestion control: {congestion}; TCP Fast Open: {fast_open}."""


def line(case: Case, outcome: Outcome) -> str:
    """One outcome."""
    last, everything = _seconds(outcome.last_tally_seconds or _NEVER), _seconds(outcome.all_seconds or _NEVER)
    again = "" if outcome.again_share is None else f", sent again {_percent(outcome.again_share)}"
    return (
        f"{case.link.name}, {case.system}, {case.photographs} photographs, seed {case.seed}: last tally {last} s, "
        f"all {everything} s, goodput {outcome.goodput:.3f}, {outcome.wire_per_useful:.3f} wire bytes per useful "
        f"byte{again}, missing {outcome.account.missing}, doubled {outcome.account.doubled}"
    )


def text(outcomes: Mapping[Case, Outcome], machine: str) -> str:
    """All, as Markdown that reads well as it is."""
    settings = next(iter(outcomes)).settings
    counted = "those of IP packets" if settings.packets else "those of TCP's payload (through a proxy)"
    said = _SAID.format(
        counted=counted,
        queue=_queue(settings),
        congestion=settings.congestion,
        fast_open=_FAST_OPEN[settings.fast_open],
    )
    groups = _groups(outcomes)
    rows = [_row(*key, group) for key, group in groups.items() if key[2] or not _has_photographs(key, groups)]
    targets = [row for link in LINKS.values() for row in _held_against(link, groups)]
    parts = ["# What uplinks cost and reach", machine, said, _table(_COLUMNS, rows)]
    if targets:
        parts += ["## This relay and its targets", _table(_TARGETS, targets)]
    return "\n\n".join(parts) + "\n"


Key = tuple[str, str, int]
"""Link, system, photographs."""


def _queue(settings: Settings) -> str:
    count = settings.queue_packets
    return "packets for a second, but 16 to 64" if count is None else f"{count} packets"


def _groups(outcomes: Mapping[Case, Outcome]) -> dict[Key, list[Outcome]]:
    """The repetitions of each, in the order of links and systems."""
    links, systems = list(LINKS), list(SYSTEMS)

    def place(case: Case) -> tuple[int, int, int]:
        return links.index(case.link.name), systems.index(case.system), case.photographs

    ordered = sorted(outcomes, key=place)
    keyed = itertools.groupby(ordered, key=lambda case: (case.link.name, case.system, case.photographs))
    return {key: [outcomes[case] for case in cases] for key, cases in keyed}


def _has_photographs(key: Key, groups: Mapping[Key, object]) -> bool:
    """Whether there is the whole job beside one with tallies alone."""
    return any(other[:2] == key[:2] and other[2] for other in groups)


def _row(link: str, system: str, photographs: int, group: Sequence[Outcome]) -> tuple[str, ...]:
    again = [outcome.again_share for outcome in group if outcome.again_share is not None]
    twice = [outcome.twice_share for outcome in group if outcome.twice_share is not None]
    return (
        LINKS[link].said,
        system,
        str(photographs),
        _spread([outcome.last_tally_seconds or _NEVER for outcome in group], _seconds),
        _spread([outcome.all_seconds or _NEVER for outcome in group], _seconds),
        _spread([outcome.goodput for outcome in group], "{:.2f}".format),
        _spread([outcome.wire_per_useful for outcome in group], _times),
        _spread(again, _percent) if again else "",
        _spread(twice, _percent) if twice else "",
        str(max(outcome.account.missing for outcome in group)),
        str(max(outcome.account.doubled for outcome in group)),
    )


def _held_against(link: Link, groups: Mapping[Key, Sequence[Outcome]]) -> list[tuple[str, ...]]:
    """This relay's rows on a link, each beside its target."""
    found = {
        photographs: group
        for (name, system, photographs), group in groups.items()
        if (name, system) == (link.name, OURS)
    }
    if not found:
        return []
    whole, alone = found[max(found)], found.get(0)
    rows = []
    goodput = statistics.median(outcome.goodput for outcome in whole)
    if link.goodput_least is not None and max(found):
        rows.append(_target(link, "goodput", goodput, link.goodput_least, "{:.3f}".format, at_least=True))
    last = statistics.median(outcome.last_tally_seconds or _NEVER for outcome in whole)
    if link.seconds_most is not None:
        rows.append(_target(link, "last tally, s", last, link.seconds_most, _seconds))
    if alone is not None and max(found):
        base = statistics.median(outcome.last_tally_seconds or _NEVER for outcome in alone)
        what = f"last tally ({_seconds(last)} s) in times what tallies alone need ({_seconds(base)} s)"
        rows.append(_target(link, what, last / base, LAST_TALLY_TIMES_MOST, "{:.2f}".format))
    again = max((outcome.again_share or 0.0) for outcome in whole)
    rows.append(_target(link, "sent again, at worst", again, AGAIN_SHARE_MOST, _percent))
    twice = max((outcome.twice_share or 0.0) for outcome in whole)
    rows.append(_target(link, "arrived twice, at worst", twice, AGAIN_SHARE_MOST, _percent))
    wrong = max(outcome.account.missing + outcome.account.doubled for outcome in whole)
    rows.append(_target(link, "missing or doubled", wrong, 0, str))
    return rows


def _target(
    link: Link, what: str, value: float, target: float, shown: Callable[[float], str], *, at_least: bool = False
) -> tuple[str, ...]:
    met = value >= target if at_least else value <= target
    return link.said, what, shown(value), f"{'≥' if at_least else '≤'} {shown(target)}", "met" if met else "MISSED"


def _spread(values: Sequence[float], shown: Callable[[float], str]) -> str:
    """The median, and the least and the most beside it if there are several."""
    middle, least, most = shown(statistics.median(values)), shown(min(values)), shown(max(values))
    return middle if least == most else f"{middle} ({least} – {most})"


def _seconds(value: float) -> str:
    return "never" if value == _NEVER else f"{value:.1f}"


def _times(value: float) -> str:
    return "–" if value == _NEVER else f"{value:.2f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in (columns, *rows)) for at in range(len(columns))]
    lines = (columns, ["-" * width for width in widths], *rows)
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in lines
    )
