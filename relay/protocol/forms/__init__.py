"""C.HASIL forms as data: which figures in which order, packed ten bits each, and the rules that flag.

A form is a TOML file in this folder; adding an election adds a file. Rules never refuse: the paper is what
it is, and a paper's own mistake is accepted, flagged and kept.
"""

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any

from relay.errors import Code, Rejected

FIGURE_MAX = 999
"""Three boxes on paper hold 0 to 999."""
INCOMPLETE = "incomplete"
"""The flag of a form with blank boxes; rules that need a blank box are not judged."""
_BLANK = 1023
_BITS = 10

Figures = tuple[int | None, ...]
"""In the form's order; None is a blank box, which is not zero."""


class RuleKind(StrEnum):
    """How a rule relates figures."""

    SUM = "sum"  # the parts add up to the total
    EQUAL = "equal"
    AT_MOST = "at-most"
    LIMIT = "limit"  # left is at most a fixed number
    ABOUT = "about"  # left is right plus so many percent, give or take


@dataclass(frozen=True, slots=True)
class Field:
    """One figure: its id in data (`users.l`), its number on paper (`I.B.4`) and its label."""

    id: str
    paper: str
    label: str
    label_en: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One arithmetic rule; positions index the form's fields."""

    id: str
    kind: RuleKind
    left: tuple[int, ...]
    right: int
    percent: int = 0
    tolerance: int = 0
    limit: int = 0
    soft: bool = False

    def holds(self, figures: Figures) -> bool | None:
        """Whether the figures keep this rule; None if a box it needs is blank."""
        kind = self.kind
        right = self.limit if kind is RuleKind.LIMIT else figures[self.right]
        if right is None:
            return None
        left = 0
        for position in self.left:
            part = figures[position]
            if part is None:
                return None
            left += part
        if kind is RuleKind.SUM or kind is RuleKind.EQUAL:
            return left == right
        if kind is RuleKind.ABOUT:
            return abs(left * 100 - right * (100 + self.percent)) <= self.tolerance * 100
        return left <= right


@dataclass(frozen=True, slots=True)
class Form:
    """One form of one election; `code` is what statements carry."""

    code: int
    name: str
    title: str
    title_en: str
    pages: int
    votes_page: int
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...]

    @property
    def packed_bytes(self) -> int:
        """The length of this form's figures when packed."""
        return (len(self.fields) * _BITS + 7) // 8

    def position(self, field: str) -> int:
        """Where a field stands in the form's order; KeyError if it has none of that id."""
        for position, candidate in enumerate(self.fields):
            if candidate.id == field:
                return position
        raise KeyError(field)

    def figures(self, named: Mapping[str, int | None]) -> Figures:
        """Figures in the form's order from a mapping by field id; what is not named is blank."""
        unknown = named.keys() - {field.id for field in self.fields}
        if unknown:
            raise Rejected(Code.FIGURES_MALFORMED, f"{self.name} has no figure called {sorted(unknown)[0]!r}.")
        return tuple(named.get(field.id) for field in self.fields)

    def flags(self, figures: Figures) -> tuple[str, ...]:
        """The ids of the rules that the figures break, in order; `incomplete` first if a box is blank."""
        blank = (INCOMPLETE,) if None in figures else ()
        return blank + tuple(rule.id for rule in self.rules if rule.holds(figures) is False)


def pack(figures: Figures) -> bytes:
    """Ten bits a figure, big-endian, padded with zero bits; a blank box is 1023."""
    bits = 0
    for figure in figures:
        if figure is not None and not 0 <= figure <= FIGURE_MAX:
            raise Rejected(Code.FIGURES_MALFORMED, f"A figure is 0 to {FIGURE_MAX}, or blank; {figure} is not.")
        bits = bits << _BITS | (_BLANK if figure is None else figure)
    size = (len(figures) * _BITS + 7) // 8
    return (bits << size * 8 - len(figures) * _BITS).to_bytes(size, "big")


def unpack(form: Form, packed: bytes) -> Figures:
    """The figures of `form`; `Rejected(figures-malformed)` if `packed` is not exactly an encoding of them."""
    if len(packed) != form.packed_bytes:
        raise Rejected(
            Code.FIGURES_MALFORMED,
            f"{form.name} has {len(form.fields)} figures in {form.packed_bytes} bytes; these are {len(packed)}.",
        )
    bits = int.from_bytes(packed, "big")
    padding = len(packed) * 8 - len(form.fields) * _BITS
    if bits & ((1 << padding) - 1):
        raise Rejected(Code.FIGURES_MALFORMED, "The padding behind the last figure must be zero.")
    top = (len(form.fields) - 1) * _BITS + padding
    values = [bits >> shift & _BLANK for shift in range(top, padding - 1, -_BITS)]
    if max(values) <= FIGURE_MAX:
        return tuple(values)
    for value in values:
        if FIGURE_MAX < value < _BLANK:
            raise Rejected(Code.FIGURES_MALFORMED, f"A figure is 0 to {FIGURE_MAX}, or 1023 for blank; {value} is not.")
    return tuple(None if value == _BLANK else value for value in values)


def unpack_or_blank(form: Form, packed: bytes) -> Figures:
    """The figures of `form`; all of them blank if `packed` is no encoding of them.

    For those who only count: what was recorded under another version of the form must not stop them.
    """
    try:
        return unpack(form, packed)
    except Rejected:
        return (None,) * len(form.fields)


@functools.cache
def catalogue() -> Mapping[int, Form]:
    """Every form shipped with this version, by code."""
    files = [item for item in resources.files(__name__).iterdir() if item.name.endswith(".toml")]
    forms = [load(item.read_text("utf-8")) for item in sorted(files, key=lambda item: item.name)]
    return {form.code: form for form in forms}


def load(text: str) -> Form:
    """The form in one TOML document; a rule that names no field is a KeyError (a mistake in the data)."""
    data = tomllib.loads(text)
    fields: list[Field] = []
    rules: list[dict[str, Any]] = []
    for section in data["section"]:
        section_fields, section_rules = _expand(section)
        fields += section_fields
        rules += section_rules
    positions = {field.id: position for position, field in enumerate(fields)}
    return Form(
        data["code"],
        data["name"],
        data["title"],
        data["title_en"],
        data["pages"],
        data["votes_page"],
        tuple(fields),
        tuple(_rule(rule, positions) for rule in rules + data["rule"]),
    )


def _expand(section: dict[str, Any]) -> tuple[list[Field], list[dict[str, Any]]]:
    """A section of the paper as figures, and the rules that its shape implies."""
    name, paper, label, label_en = section["id"], section["paper"], section["label"], section["label_en"]

    def field(suffix: str, words: str, words_en: str) -> Field:
        return Field(f"{name}.{suffix}", paper, f"{label} {words}", f"{label_en} {words_en}")

    match section["kind"]:
        case "figure":
            return [Field(name, paper, label, label_en)], []
        case "people":
            fields = [field("l", "(L)", "(men)"), field("p", "(P)", "(women)"), field("j", "(J)", "(total)")]
            return fields, [_sum(f"{name}-lp", [f"{name}.l", f"{name}.p"], f"{name}.j")]
        case "choices":
            return [field(str(number), str(number), str(number)) for number in range(1, section["count"] + 1)], []
        case "parties":
            fields, rules = [], []
            for party in section["parties"]:
                number, candidates = party["number"], [str(c) for c in range(1, party["candidates"] + 1)]
                fields.append(field(f"{number}.party", f"{number}", f"{number}"))
                fields += [
                    field(f"{number}.{c}", f"{number}, calon {c}", f"{number}, candidate {c}") for c in candidates
                ]
                fields.append(field(f"{number}.total", f"{number}, jumlah", f"{number}, total"))
                parts = [f"{name}.{number}.{suffix}" for suffix in ["party", *candidates]]
                rules.append(_sum(f"{name}-party-{number}", parts, f"{name}.{number}.total"))
            return fields, rules
        case unknown:
            raise KeyError(unknown)


def _sum(rule: str, parts: Sequence[str], total: str) -> dict[str, Any]:
    return {"id": rule, "kind": "sum", "parts": parts, "total": total}


def _rule(rule: dict[str, Any], positions: Mapping[str, int]) -> Rule:
    kind = RuleKind(rule["kind"])
    names = rule["parts"] if kind is RuleKind.SUM else [rule["left"]]
    left = tuple(position for name in names for position in _positions(name, positions))
    right = -1 if kind is RuleKind.LIMIT else positions[rule["total" if kind is RuleKind.SUM else "right"]]
    numbers = {key: rule[key] for key in ("percent", "tolerance", "limit", "soft") if key in rule}
    return Rule(rule["id"], kind, left, right, **numbers)


def _positions(pattern: str, positions: Mapping[str, int]) -> list[int]:
    """`votes.*` and `votes.*.total` stand for every field of that shape; other names for themselves."""
    if "*" not in pattern:
        return [positions[pattern]]
    start, end = pattern.split("*")
    found = [at for name, at in positions.items() if name.startswith(start) and name.endswith(end)]
    if not found:
        raise KeyError(pattern)
    return found
