"""Figures and broken rules in plain words, for the person who copied them from the paper."""

from collections.abc import Iterator

from relay.protocol.forms import Field, Figures, Form, Rule, RuleKind

_PARTS_NAMED_MAX = 4


def broken_rules(form: Form, figures: Figures) -> Iterator[tuple[str, str]]:
    """The id of each rule that the figures break, and a sentence with the numbers in it."""
    blank = figures.count(None)
    if blank:
        yield "incomplete", f"{blank} of {len(figures)} boxes are blank."
    for rule in form.rules:
        if rule.holds(figures) is False:
            yield rule.id, _sentence(form, rule, figures)


def figure_rows(form: Form, figures: Figures) -> Iterator[tuple[str, str, str]]:
    """Number on paper, label, figure: row by row, a blank box as such."""
    for field, figure in zip(form.fields, figures, strict=True):
        yield field.paper, field.label_en, "blank" if figure is None else str(figure)


def _sentence(form: Form, rule: Rule, figures: Figures) -> str:
    left = sum(figures[position] or 0 for position in rule.left)
    right = rule.limit if rule.kind is RuleKind.LIMIT else figures[rule.right]
    first, other = form.fields[rule.left[0]], form.fields[rule.right]
    match rule.kind:
        case RuleKind.SUM:
            said = f"{_parts(form, rule, figures)} add up to {left}, but {_name(other)} says {right}"
        case RuleKind.EQUAL:
            said = f"{_name(first)} is {left}, but {_name(other)} is {right}; they should be equal"
        case RuleKind.AT_MOST:
            said = f"{_name(first)} is {left}, which is more than {_name(other)}, {right}"
        case RuleKind.LIMIT:
            said = f"{_name(first)} is {left}, which is more than {right}"
        case RuleKind.ABOUT:
            said = f"{_name(first)} is {left}; {_name(other)} is {right}, and {rule.percent} % are added to that"
    return said + (" (honest papers break this too)." if rule.soft else ".")


def _parts(form: Form, rule: Rule, figures: Figures) -> str:
    if len(rule.left) > _PARTS_NAMED_MAX:
        return f"The {len(rule.left)} figures from {_name(form.fields[rule.left[0]])} on"
    return " + ".join(f"{figures[at]} ({form.fields[at].id})" for at in rule.left)


def _name(field: Field) -> str:
    return f"{field.label_en} ({field.paper})"
