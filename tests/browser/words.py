"""The words of the pages, from the files that the pages are built with: tests look for meaning, not for wording."""

import tomllib
from functools import cache
from pathlib import Path

_WORDS = Path(__file__).parents[2] / "relay/web/words"


def say(key: str, **values: object) -> str:
    """The words for `key` in Bahasa Indonesia, as the pages say them."""
    return _entries()[key]["id"].format_map(values)


@cache
def _entries() -> dict[str, dict[str, str]]:
    files = ("common", "codes", "phone", "ppk")
    return {key: entry for name in files for key, entry in tomllib.loads((_WORDS / f"{name}.toml").read_text()).items()}
