"""Everything that is shown has words, in both languages: one source for pages and sheets."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.errors import Code
from relay.protocol.forms import INCOMPLETE, catalogue

_WEB = Path(__file__).parents[1] / "relay" / "web"
_AREAS = sorted(path.stem for path in (_WEB / "words").glob("*.toml"))
_PLACE = re.compile(r"\{(\w+)\}")
_SAID = re.compile(r"""\bsay\(\s*['"]([\w.-]+)['"]""")
_SAID_ONE_OF = re.compile(r"\bsay\(\s*`([\w.-]+\.)\$\{")


def _area(name: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((_WEB / "words" / f"{name}.toml").read_text("utf-8"))


def _flags() -> Iterator[str]:
    yield INCOMPLETE
    yield "clock-doubtful"
    for form in catalogue().values():
        yield from (rule.id for rule in form.rules)


def _without_number(code: str) -> str:
    """`votes-party-7` has the words of `votes-party`."""
    return re.sub(r"(-party)-\d+$", r"\1", code)


def test_every_code_and_every_flag_says_what_to_do() -> None:
    codes = _area("codes")
    wanted = {code.value for code in Code} | {_without_number(flag) for flag in _flags()}
    assert sorted(wanted - codes.keys()) == []


@pytest.mark.parametrize("area", _AREAS)
def test_both_languages_are_there_with_the_same_places_for_values(area: str) -> None:
    for key, entry in _area(area).items():
        assert set(entry) == {"id", "en"}, key
        assert all(words.strip() for words in entry.values()), key
        assert set(_PLACE.findall(entry["id"])) == set(_PLACE.findall(entry["en"])), key


def test_no_key_stands_in_two_areas() -> None:
    seen: dict[str, str] = {}
    for area in _AREAS:
        for key in _area(area):
            assert key not in seen, f"{key} is in {area} and in {seen[key]}"
            seen[key] = area


@pytest.mark.parametrize("folder", ["phone", "look"])
def test_what_the_pages_say_has_words(folder: str) -> None:
    known = {key for area in _AREAS for key in _area(area)}
    sources = [path for path in (_WEB / "pages" / "src" / folder).rglob("*.ts*") if ".test." not in path.name]
    said = {key for path in sources for key in _SAID.findall(path.read_text("utf-8"))}
    assert said, f"nothing is said in {folder}: the pattern has gone stale"
    begun = {start for path in sources for start in _SAID_ONE_OF.findall(path.read_text("utf-8"))}
    assert sorted(said - known) == []
    assert [start for start in sorted(begun) if not any(key.startswith(start) for key in known)] == []
