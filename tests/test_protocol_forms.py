"""Figures survive packing, and the rules flag what real papers got wrong, and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.errors import Code, Rejected
from relay.protocol import forms
from relay.protocol.forms import FIGURE_MAX, INCOMPLETE, Figures, Form, RuleKind

PRESIDENT, SENATE, HOUSE, REGENCY = 2401, 2402, 2403, 2405
ALL = [forms.catalogue()[code] for code in (PRESIDENT, SENATE, HOUSE, REGENCY)]
seeded = settings(deadline=None, derandomize=True, max_examples=60)
figure = st.none() | st.integers(0, FIGURE_MAX)
each_form = pytest.mark.parametrize("form", ALL, ids=lambda form: form.name)

# Public results of the presidential election of 2024 as Sirekap showed them, read off photographs: pairs 1 to 3,
# valid, invalid, total; DPT L P J; users in DPT L P J; DPTb L P J; DPK L P J; all users L P J.
PESO_HILIR = [  # Bulungan, TPS 6501082001001, …2001002, …2003001, …2004001, …2004003
    (1, 165, 49, 215, 0, 215, 148, 135, 283, 105, 107, 212, 0, 0, 0, 1, 2, 3, 106, 109, 215),
    (8, 149, 44, 201, 5, 206, 170, 113, 283, 117, 88, 205, 0, 0, 0, 1, 0, 1, 118, 88, 206),
    (5, 150, 46, 201, 1, 202, 141, 130, 271, 103, 92, 195, 0, 0, 0, 5, 2, 7, 108, 94, 202),
    (5, 133, 80, 218, 3, 221, 148, 147, 295, 107, 110, 217, 0, 0, 0, 1, 3, 4, 108, 113, 221),
    (5, 23, 12, 40, 1, 41, 26, 15, 41, 23, 14, 37, 0, 0, 0, 0, 4, 4, 23, 18, 41),
]
# Jakarta Barat (MIT), TPS 3173011002126, …005056, …005114 and …005101, with what their arithmetic breaks
CENGKARENG = [
    (
        (65, 117, 29, 214, 3, 217, 134, 132, 266, 103, 106, 209, 0, 1, 1, 1, 3, 4, 104, 110, 214),
        {"votes-sum", "users-equal-votes"},
    ),
    (
        (50, 114, 24, 202, 1, 307, 175, 145, 284, 89, 114, 707, 0, 0, 0, 0, 0, 0, 84, 114, 207),
        {
            "dpt-lp",
            "users_dpt-lp",
            "users-lp",
            "users-sum-l",
            "users-sum-j",
            "votes-sum",
            "valid-and-invalid",
            "users-equal-votes",
            "users-within-dpt-j",
        },
    ),
    (
        (65, 116, 31, 212, 2, 314, 142, 130, 272, 157, 104, 211, 0, 0, 0, 2, 1, 3, 109, 105, 214),
        {"users_dpt-lp", "users-sum-l", "valid-and-invalid", "users-equal-votes", "users-within-dpt-l"},
    ),
    (
        (45, 125, 33, 203, 1, 204, 101, 103, 204, 101, 103, 294, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        {
            "users_dpt-lp",
            "users-sum-l",
            "users-sum-p",
            "users-sum-j",
            "users-equal-votes",
            "users-within-dpt-j",
        },
    ),
]
# Pairs 1 to 3 and valid votes that do not agree: TPS 1801162012002, 1802041007010, 3318162003008, 8208032001004,
# 3306082008004, 1202152004003, 1203022016005.
MISMATCHES = [
    (47, 110, 38, 50),
    (13, 101, 8, 121),
    (0, 0, 0, 187),
    (57, 133, 5, 196),
    (19, 58, 59, 159),
    (0, 105, 52, 158),
    (41, 126, 27, 195),
]
ORDER = [f"votes.{at}" for at in (1, 2, 3)] + ["valid", "invalid", "total"]
ORDER += [f"{row}.{who}" for row in ("dpt", "users_dpt", "users_dptb", "users_dpk", "users") for who in "lpj"]


def figures_of(form: Form) -> st.SearchStrategy[Figures]:
    return st.tuples(*[figure] * len(form.fields))


def flags(form: Form, **named: int | None) -> tuple[str, ...]:
    """The flags of a form of which only these figures are filled in, without the one that says so."""
    return form.flags(form.figures({name.replace("__", "."): value for name, value in named.items()}))[1:]


# --- packing


@each_form
@given(data=st.data())
@seeded
def test_what_is_packed_is_unpacked(form: Form, data: st.DataObject) -> None:
    figures = data.draw(figures_of(form))
    packed = forms.pack(figures)
    assert len(packed) == form.packed_bytes
    assert forms.unpack(form, packed) == figures


@each_form
@given(data=st.data())
@seeded
def test_bytes_are_refused_or_are_the_only_encoding_of_their_figures(form: Form, data: st.DataObject) -> None:
    packed = data.draw(st.binary(min_size=form.packed_bytes, max_size=form.packed_bytes) | st.binary(max_size=400))
    try:
        figures = forms.unpack(form, packed)
    except Rejected as error:
        refusal: Code | None = error.code
    else:
        refusal = None
        assert forms.pack(figures) == packed
    assert refusal in (None, Code.FIGURES_MALFORMED)


@pytest.mark.parametrize("wrong", [-1, 1000, 1022, 1023, 1024, 2**70])
def test_no_figure_beyond_three_boxes_is_packed(wrong: int) -> None:
    with pytest.raises(Rejected) as caught:
        forms.pack((0, wrong, 0))
    assert caught.value.code is Code.FIGURES_MALFORMED


def test_a_blank_box_is_not_zero() -> None:
    assert forms.pack((0,)) == b"\x00\x00"
    assert forms.pack((None,)) == b"\xff\xc0"


def test_a_figure_that_a_form_does_not_have_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        ALL[0].figures({"votes.4": 1})
    assert caught.value.code is Code.FIGURES_MALFORMED


def test_the_forms_have_the_figures_of_the_paper() -> None:
    assert [(form.code, len(form.fields), form.packed_bytes) for form in ALL] == [
        (PRESIDENT, 28, 35),
        (SENATE, 37, 47),
        (HOUSE, 115, 144),
        (REGENCY, 241, 302),
    ]
    assert len(forms.catalogue()) == len(ALL)
    for form in ALL:
        assert len({field.id for field in form.fields}) == len(form.fields)
        assert len({rule.id for rule in form.rules}) == len(form.rules)


# --- rules on real papers


@pytest.mark.parametrize("row", PESO_HILIR)
def test_a_paper_that_adds_up_has_no_flag_but_its_blank_boxes(row: tuple[int, ...]) -> None:
    named = dict(zip(ORDER, row, strict=True))
    assert ALL[0].flags(ALL[0].figures(named)) == (INCOMPLETE,)
    whole = named | {"ballots_received": row[8] + round(row[8] * 0.02), "ballots_used": row[5], "ballots_spoilt": 0}
    whole |= {"ballots_unused": whole["ballots_received"] - row[5], "disabled.l": 0, "disabled.p": 0, "disabled.j": 0}
    assert ALL[0].flags(ALL[0].figures(whole)) == ()


@pytest.mark.parametrize(("row", "wanted"), CENGKARENG)
def test_a_paper_that_does_not_add_up_is_flagged_for_just_that(row: tuple[int, ...], wanted: set[str]) -> None:
    found = ALL[0].flags(ALL[0].figures(dict(zip(ORDER, row, strict=True))))
    assert set(found) == {INCOMPLETE, *wanted}


@pytest.mark.parametrize(("one", "two", "three", "valid"), MISMATCHES)
def test_candidates_that_do_not_add_up_to_the_valid_votes_are_flagged(
    one: int, two: int, three: int, valid: int
) -> None:
    assert flags(ALL[0], votes__1=one, votes__2=two, votes__3=three, valid=valid) == ("votes-sum",)
    assert flags(ALL[0], votes__1=one, votes__2=two, votes__3=three, valid=one + two + three) == ()


def test_the_senate_form_adds_up_its_candidates() -> None:
    votes = {f"votes__{at}": at for at in range(1, 13)}
    assert flags(ALL[1], **votes, valid=78) == ()
    assert flags(ALL[1], **votes, valid=77) == ("votes-sum",)
    assert flags(ALL[1], **(votes | {"votes__7": None}), valid=77) == ()


def test_the_house_form_adds_up_each_party_and_all_of_them() -> None:
    numbers = [*range(1, 18), 24]
    votes: dict[str, int | None] = {}
    for number in numbers:
        votes |= {f"votes__{number}__party": number, f"votes__{number}__1": 1, f"votes__{number}__2": 0}
        votes |= {f"votes__{number}__3": 2, f"votes__{number}__total": number + 3}
    valid = sum(numbers) + 3 * len(numbers)
    assert flags(ALL[2], **votes, valid=valid) == ()
    assert flags(ALL[2], **(votes | {"votes__24__2": 1}), valid=valid) == ("votes-party-24",)
    assert flags(ALL[2], **(votes | {"votes__3__total": 7}), valid=valid) == ("votes-party-3", "votes-sum")


def test_voters_beyond_the_permanent_list_are_no_mistake() -> None:
    """DPTb and DPK voters stand on no DPT: all users may exceed it, those of the DPT may not."""
    assert flags(ALL[0], dpt__j=100, users__j=104) == ()
    assert flags(ALL[0], dpt__j=100, users_dpt__j=101) == ("users-within-dpt-j",)


@pytest.mark.parametrize(
    ("received", "holds"), [(300, False), (303, False), (304, True), (306, True), (308, True), (309, False)]
)
def test_ballot_papers_are_about_two_percent_more_than_voters(received: int, holds: bool) -> None:
    assert flags(ALL[0], dpt__j=300, ballots_received=received) == (() if holds else ("ballots-about-dpt",))


@each_form
@given(data=st.data())
@seeded
def test_rules_say_the_same_as_plain_arithmetic(form: Form, data: st.DataObject) -> None:
    figures = data.draw(figures_of(form))
    found = form.flags(figures)
    assert (INCOMPLETE in found) == (None in figures)
    for rule in form.rules:
        parts = [figures[at] for at in rule.left]
        right = rule.limit if rule.kind is RuleKind.LIMIT else figures[rule.right]
        blank = right is None or None in parts
        assert blank == (rule.holds(figures) is None)
        if right is not None and not blank:
            left = sum(part or 0 for part in parts)
            about = right * (1 + rule.percent / 100)
            holds = {
                RuleKind.SUM: left == right,
                RuleKind.EQUAL: left == right,
                RuleKind.AT_MOST: left <= right,
                RuleKind.LIMIT: left <= right,
                RuleKind.ABOUT: about - rule.tolerance - 1e-9 <= left <= about + rule.tolerance + 1e-9,
            }
            assert rule.holds(figures) == holds[rule.kind]
        assert (rule.id in found) == (rule.holds(figures) is False)


def test_a_form_whose_rule_names_no_field_is_not_loaded() -> None:
    text = (
        'code = 1\nname = "A"\ntitle = "A"\ntitle_en = "A"\npages = 1\nvotes_page = 1\n'
        '[[section]]\nkind = "figure"\nid = "a"\npaper = "1"\nlabel = "a"\nlabel_en = "a"\n'
        '[[rule]]\nid = "r"\nkind = "equal"\nleft = "a"\nright = "{}"\n'
    )
    assert forms.load(text.format("a")).rules[0].holds((4,))
    for wrong in ("b", "votes.*"):
        with pytest.raises(KeyError):
            forms.load(text.format(wrong))
