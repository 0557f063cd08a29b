"""Which figures of a form add up to which others, by its rules: so that those others need hardly be sent.

On four of five papers everything adds up. Only `columns` uses this.
"""

import functools
import itertools
import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from relay.errors import Code, Rejected
from relay.protocol import forms
from relay.protocol.forms import Form, RuleKind
from relay.protocol.statements import FIGURES_BYTES_MAX, items

FIGURES_MAX = FIGURES_BYTES_MAX * 8 // 10
TERMS_MAX = 1024
"""How many terms the sums of a form may have together: it bounds the time that they take."""

Sums = Sequence[Sequence[int]]
"""For each figure of a form the earlier ones that add up to it: positions to add, `~position` to take away."""


@functools.cache
def of_form(code: int, figures: int) -> Sums:
    """The sums of a form; none for one that is not known here with so many figures."""
    form = forms.catalogue().get(code)
    found = _equations(form) if form and len(form.fields) == figures else {}
    return [_terms(found.get(position, {}), position) for position in range(figures)]


def check(sums: Any) -> None:
    """`Rejected` unless this is what `of_form` gives: each figure from earlier ones, and not too many terms."""
    terms = 0
    for position, found in enumerate(items(sums, 1, FIGURES_MAX, "sums")):
        for term in items(found, 0, TERMS_MAX, "a sum"):
            if type(term) is not int or not -position <= term < position:
                raise Rejected(Code.BATCH_MALFORMED, "A figure adds up from earlier ones, each named by its place.")
            terms += 1
    if terms > TERMS_MAX:
        raise Rejected(Code.BATCH_MALFORMED, f"The sums of a form have at most {TERMS_MAX} terms together.")


def totals(columns: Sequence[Sequence[int]], terms: Sequence[int], rows: int) -> Iterable[int]:
    """What some columns add up to, row by row; nothing adds up to 0."""
    added: Iterable[int] = itertools.repeat(0, rows)
    for term in terms:
        added = map(operator.add, added, columns[term]) if term >= 0 else map(operator.sub, added, columns[~term])
    return added


def _equations(form: Form) -> dict[int, Counter[int]]:
    """The rules as equations that add up to nothing, each by the last figure in it, which it gives (echelon form)."""
    found: dict[int, Counter[int]] = {}
    for rule in form.rules:
        if rule.kind not in (RuleKind.SUM, RuleKind.EQUAL):
            continue
        equation = Counter(rule.left)
        equation[rule.right] -= 1
        while (last := _last(equation)) in found:
            known = found[last]
            times = equation[last] * known[last]  # 1 or -1 in what is known, so that this takes `last` away
            for position in known:
                equation[position] -= times * known[position]
        if last >= 0 and set(equation.values()) <= {-1, 0, 1}:
            found[last] = equation
    return found


def _last(equation: Counter[int]) -> int:
    return max((position for position, times in equation.items() if times), default=-1)


def _terms(equation: dict[int, int], last: int) -> list[int]:
    """What `last` must be for `equation` to add up to nothing."""
    others = sorted(position for position, times in equation.items() if times and position != last)
    return [position if equation[position] != equation[last] else ~position for position in others]
