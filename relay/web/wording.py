"""The words of pages and sheets: the same TOML files that the pages are built with. Bahasa Indonesia first."""

import datetime
import functools
import tomllib
from collections.abc import Mapping
from importlib import resources

from relay.errors import Code, Rejected

LANGUAGES = ("id", "en")


class Words:
    """The words of some areas (`words/AREA.toml`) in one language."""

    def __init__(self, language: str, *areas: str) -> None:
        self.language = language
        self._entries: dict[str, Mapping[str, str]] = {}
        for area in areas:
            self._entries |= _area(area)

    def say(self, key: str, **values: object) -> str:
        """The words for `key`, with `{name}` in them replaced; the key itself if there are none."""
        entry = self._entries.get(key)
        return entry[self.language].format_map(values) if entry else key

    def number(self, value: int) -> str:
        """`1.234` in Bahasa Indonesia, `1,234` in English."""
        text = f"{value:,}"
        return text.replace(",", ".") if self.language == "id" else text

    def moment(self, unix_seconds: int) -> str:
        """A time by this machine's clock: `14-02-2024 21.53 WITA`."""
        return self._local(unix_seconds, "%d-%m-%Y {} %Z")

    def day_and_time(self, unix_seconds: int) -> str:
        """The same in short: `14-02 21.53`."""
        return self._local(unix_seconds, "%d-%m {}")

    def _local(self, unix_seconds: int, form: str) -> str:
        clock = "%H.%M" if self.language == "id" else "%H:%M"
        return datetime.datetime.fromtimestamp(unix_seconds).astimezone().strftime(form.format(clock))


def language(text: str) -> str:
    """The language that somebody asks for; empty: Bahasa Indonesia."""
    if (text or LANGUAGES[0]) not in LANGUAGES:
        raise Rejected(Code.BAD_REQUEST, "language is id (Bahasa Indonesia) or en (English).")
    return text or LANGUAGES[0]


@functools.cache
def _area(name: str) -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(resources.files(__package__).joinpath("words", f"{name}.toml").read_text("utf-8"))
