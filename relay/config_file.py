"""A TOML file read strictly into a frozen tree of dataclasses: their annotations are the schema, their defaults hold.

An unknown key is refused with the nearest known name, a wrong type or value with what is wanted. Each key is a field
made with `key()`. What the keys mean is not known here.
"""

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Any, TypeVar

from relay.errors import Code, Rejected

Tree = TypeVar("Tree")

_TYPES = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}


def key(sentence: str, default: Any = MISSING, **limits: Any) -> Any:
    """A field that a file may set, or must if it has no default; `sentence` says what it is, with its unit.

    `limits` of the value, or of each in a list: `least` and `most` of a number, or the `words` of which it is one.
    """
    metadata = {"sentence": sentence} | limits
    if default is MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def read(path: Path, kind: type[Tree]) -> Tree:
    """The tree in a TOML file. Relative paths are relative to the file. `Rejected(config-invalid)`."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Rejected(Code.CONFIG_INVALID, f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Rejected(Code.CONFIG_INVALID, f"{path} is not TOML: {error}.") from error
    return typing.cast(Tree, _table(kind, data, "", path))


def explain(kind: type[Any]) -> list[tuple[str, str, str]]:
    """Every key of a file in order: (name, default or "required", sentence)."""
    rows: list[tuple[str, str, str]] = []
    hints = typing.get_type_hints(kind)
    for section in dataclasses.fields(kind):
        many = _is_tuple(hints[section.name])
        part = typing.get_args(hints[section.name])[0] if many else hints[section.name]
        for entry in dataclasses.fields(part):
            name = f"[[{section.name}]] {entry.name}" if many else f"{section.name}.{entry.name}"
            default = "required" if entry.default is MISSING else _shown(entry.default)
            rows.append((name, default, entry.metadata["sentence"]))
    return rows


def invalid(path: Path, why: str) -> Rejected:
    """The refusal of a file, to be raised; `why` names the key and says what to write."""
    return Rejected(Code.CONFIG_INVALID, f"{path}: {why}.")


def _table(kind: type[Any], data: dict[str, Any], prefix: str, path: Path) -> Any:
    hints = typing.get_type_hints(kind)
    names = {entry.name: entry for entry in dataclasses.fields(kind)}
    for name in data:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1, 0.5)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known here: {', '.join(names)}"
            raise invalid(path, f"there is no key {prefix}{name}; {hint}")
    values = {name: _value(hints[name], names[name], value, f"{prefix}{name}", path) for name, value in data.items()}
    missing = [name for name, entry in names.items() if name not in values and _is_required(entry)]
    if missing:
        raise invalid(path, f"the key {prefix}{missing[0]} is missing")
    return kind(**values)


def _value(hint: Any, entry: "dataclasses.Field[Any]", value: Any, name: str, path: Path) -> Any:
    if dataclasses.is_dataclass(hint):
        return _table(typing.cast(type[Any], hint), _typed(value, dict, "a table", name, path), f"{name}.", path)
    if _is_tuple(hint):
        inner = typing.get_args(hint)[0]
        listing = _typed(value, list, "a list", name, path)
        return tuple(_value(inner, entry, item, f"{name}[{at}]", path) for at, item in enumerate(listing))
    if isinstance(hint, types.UnionType):
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
    if hint is Path:
        return path.parent / Path(_typed(value, str, "a path in quotes", name, path)).expanduser()
    if hint is float and type(value) is int:
        value = float(value)
    value = _typed(value, hint, _TYPES[hint], name, path)
    _check_limits(value, entry.metadata, name, path)
    return value


def _check_limits(value: Any, limits: Mapping[str, Any], name: str, path: Path) -> None:
    if "words" in limits and value not in limits["words"]:
        raise invalid(path, f"{name} must be one of {', '.join(limits['words'])}")
    if "least" in limits and not limits["least"] <= value <= limits["most"]:
        raise invalid(path, f"{name} is {value}; it must be from {limits['least']} to {limits['most']}")


def _typed(value: Any, kind: type[Any], words: str, name: str, path: Path) -> Any:
    if type(value) is not kind:
        raise invalid(path, f"{name} must be {words}, not {value!r}")
    return value


def _is_tuple(hint: Any) -> bool:
    return typing.get_origin(hint) is tuple


def _is_required(entry: "dataclasses.Field[Any]") -> bool:
    return entry.default is MISSING and entry.default_factory is MISSING


def _shown(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case tuple():
            return "[" + ", ".join(f'"{item}"' for item in value) + "]"
        case str():
            return f'"{value}"'
    return str(value)
