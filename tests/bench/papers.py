"""Five hundred real papers, to measure what a tally costs on the wire; `papers.md` says where they are from.

What the data lacks is made up from a seed, at the rates at which real papers break rules: sections II and III, and the
figures of 189 stations, each like those of a real one. Signatures and signers are chance, as they are to a compressor.
"""

import csv
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from relay.protocol import codes, cose, forms, statements, sums
from relay.protocol.cose import X5t
from relay.protocol.forms import FIGURE_MAX, Figures
from relay.protocol.parcels import StatementParcel

FORM = 2401
_VOTES_COUNTED_AT = 1_707_900_000  # 14 February 2024, 15:40 in Jakarta
_SECONDS = 3 * 3600

_Named = dict[str, int]


@cache
def parcels() -> tuple[StatementParcel, ...]:
    """A tally of each station, in the order of their codes, signed within three hours, each by another officer."""
    chance = random.Random(14_02_2024)
    return tuple(_parcel(tps, figures, chance) for tps, figures in _papers(chance))


def _papers(chance: random.Random) -> list[tuple[str, Figures]]:
    form = forms.catalogue()[FORM]
    rows = list(csv.DictReader(Path(__file__).with_name("papers.csv").read_text("utf-8").splitlines()))
    known = {row.pop("tps_code"): {name: int(value) for name, value in row.items() if value} for row in rows}
    real = {tps: form.figures(_filled(named, chance)) for tps, named in known.items() if named}
    models = list(real.values())
    return [(tps, real.get(tps) or _similar(chance.choice(models), chance)) for tps in known]


def _parcel(tps: str, figures: Figures, chance: random.Random) -> StatementParcel:
    payload = statements.tally(
        tps=codes.tps_code(tps),
        form=FORM,
        revision=1,
        signed_at=_VOTES_COUNTED_AT + chance.randrange(_SECONDS),
        figures=forms.pack(figures),
    )
    protected = cose.protected_header(X5t(chance.randbytes(8)))
    return StatementParcel(cose.put_together(protected, payload, chance.randbytes(64)).bare)


def _filled(named: _Named, chance: random.Random) -> _Named:
    """With sections II and III: papers come 2 % above the list, few are spoilt, some papers are miscounted."""
    received = named["dpt.j"] + -(-named["dpt.j"] * 2 // 100) + _seldom(chance, 0.1, [-2, -1, 1, 2, 3, 10])
    used = named["total"] + _seldom(chance, 0.04, [-1, 1, 2, 10])
    spoilt = _seldom(chance, 0.3, [1, 1, 1, 2, 3, 5])
    unused = received - used - spoilt + _seldom(chance, 0.05, [-2, -1, 1, 2])
    men, women = _seldom(chance, 0.3, [1, 1, 2]), _seldom(chance, 0.3, [1, 1, 2])
    return named | {
        "ballots_received": received,
        "ballots_used": used,
        "ballots_spoilt": spoilt,
        "ballots_unused": max(0, unused),
        "disabled.l": men,
        "disabled.p": women,
        "disabled.j": men + women + _seldom(chance, 0.03, [1]),
    }


def _seldom(chance: random.Random, share: float, values: Sequence[int]) -> int:
    return chance.choice(values) if chance.random() < share else 0


def _similar(model: Figures, chance: random.Random) -> Figures:
    """The figures of a station that is a little larger or smaller, with the same mistakes."""
    size = chance.uniform(0.8, 1.2)
    known = [figure or 0 for figure in model]
    figures: list[int] = []
    for figure, terms in zip(known, sums.of_form(FORM, len(model)), strict=True):
        mistake = figure - _total(known, terms)
        fresh = _total(figures, terms) + mistake if terms else round(figure * size)
        figures.append(min(max(fresh, 0), FIGURE_MAX))
    return tuple(figures)


def _total(figures: Sequence[int], terms: Sequence[int]) -> int:
    return sum(figures[term] if term >= 0 else -figures[~term] for term in terms)
