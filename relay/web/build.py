"""Builds the pages with Node into `built/`, if their sources have changed since: `python -m relay.web.build`.

Part of making the package, never of running it: setuptools takes `BuildPy` and `Sdist` from here (pyproject.toml),
so this file imports nothing of relay. A package that was made has the pages in it and needs no Node.
`--modules-only` installs what checking and building need, and builds nothing.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from setuptools.command.build_py import build_py  # type: ignore[import-untyped]
from setuptools.command.sdist import sdist  # type: ignore[import-untyped]

_WEB = Path(__file__).resolve().parent
_PAGES = _WEB / "pages"
_BUILT = _WEB / "built"
_SOURCES = (_PAGES, _WEB / "words", _WEB.parent / "protocol" / "forms")
_MADE_FROM = _BUILT / "sources.sha256"
_MODULES = _PAGES / "node_modules"
_INSTALLED_FROM = _MODULES / ".lock.sha256"
_NODE_LEAST = (20, 19)  # of Vite 8
_NOT_SOURCES = {"node_modules", "__pycache__"}


class PagesNotBuilt(Exception):
    """The pages are missing or older than their sources, and cannot be built here: a sentence says why."""


def build_pages() -> bool:
    """Builds unless `built/` was made from these very sources; whether it did. `PagesNotBuilt`."""
    digest = _digest(_source_files())
    if _read(_MADE_FROM) == digest:
        return False
    install_modules()
    _npm("run", "build")
    _MADE_FROM.write_text(digest, "ascii")
    return True


def install_modules() -> None:
    """What `package-lock.json` pins, unless it is there already. `PagesNotBuilt`."""
    lock = _digest(iter([_PAGES / "package-lock.json"]))
    if _read(_INSTALLED_FROM) == lock:
        return
    _npm("ci", "--loglevel=error")
    _INSTALLED_FROM.write_text(lock, "ascii")


class BuildPy(build_py):  # type: ignore[misc]  # setuptools is not typed
    """`build_py` with the pages; an editable install leaves them to `make pages`."""

    def run(self) -> None:
        """Builds, then copies as ever."""
        if not self.editable_mode:
            _end_if_not(build_pages)
            self.__dict__.pop("data_files", None)  # listed before the pages were there
        super().run()


class Sdist(sdist):  # type: ignore[misc]
    """`sdist` with the built pages beside their sources."""

    def run(self) -> None:
        """Builds, then packs as ever."""
        _end_if_not(build_pages)
        super().run()


def _end_if_not(done: Callable[[], object]) -> None:
    """Does it; what cannot be done ends the program with its sentence."""
    try:
        done()
    except PagesNotBuilt as error:
        raise SystemExit(f"relay: {error}") from error


def _source_files() -> Iterator[Path]:
    for folder in _SOURCES:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not _NOT_SOURCES & set(path.relative_to(folder).parts):
                yield path


def _digest(paths: Iterator[Path]) -> str:
    """Of names and contents. Names count relative to relay/web, so that a copy elsewhere has the same."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.relative_to(_WEB.parent).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _read(path: Path) -> str | None:
    return path.read_text("ascii") if path.is_file() else None


def _npm(*words: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise PagesNotBuilt(
            "the pages are not built from these sources yet, and npm is not here. Install Node 20.19 or newer "
            "with npm, or install the package that `make wheel` makes on a machine that has them."
        )
    _check_node(shutil.which("node"))
    if subprocess.run([npm, *words], cwd=_PAGES, stdout=sys.stderr).returncode:  # noqa: S603
        raise PagesNotBuilt(f"`npm {' '.join(words)}` failed in {_PAGES}; what it said is above.")


def _check_node(node: str | None) -> None:
    """`PagesNotBuilt` if Node is older than what Vite runs on."""
    told = subprocess.run([node or "node", "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    version = tuple(int(part) for part in re.findall(r"\d+", told)[:2])
    if version < _NODE_LEAST:
        raise PagesNotBuilt(f"Node {told.strip() or '(none)'} is too old to build the pages; 20.19 or newer does.")


if __name__ == "__main__":
    _end_if_not(install_modules if "--modules-only" in sys.argv[1:] else build_pages)
