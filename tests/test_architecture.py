"""The house as ARCHITECTURE.md draws it: imports point down, doors are few, named tests exist, protocol is pure."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "relay").rglob("*.py"))
PURE_MAY_NOT = {"asyncio", "time", "random", "secrets", "os", "pathlib", "socket", "sqlite3", "aiohttp", "aiosqlite"}
DOORS = {
    "sqlite3": {"relay/store/database.py"},
    "aiosqlite": {"relay/store/database.py"},
    "cbor2": {"relay/protocol/cbor.py"},
    "zstandard": {"relay/protocol/parcels.py"},
    "zeroconf": {"relay/intake/announce.py", "relay/discovery.py"},
    "prometheus_client": {"relay/metrics.py"},
    "uvloop": {"relay/node/process.py", "relay/uplink/https.py"},
    "PIL": {"relay/demo/"},
    "fpdf": {"relay/authority/cards.py", "relay/web/sheet_pdf.py"},
    "segno": {"relay/authority/cards.py"},
    "xlsxwriter": {"relay/web/sheet_xlsx.py"},
}
FLOORS = [
    {"errors"},
    {"protocol"},
    {
        "config",
        "config_file",
        "clock",
        "files",
        "identity",
        "metrics",
        "http",
        "callers",
        "listening",
        "verifier",
        "discovery",
        "registry",
    },
    {"store", "uplink", "authority"},
    {"trust_book"},
    {"exchange", "drive"},
    {"streams", "within"},
    {"web"},
    {"forwarder", "intake", "central"},
    {"node", "status_screen"},
    {"phone", "verify", "node_commands", "enrolment_commands", "central_commands", "drive_commands"},
    {"demo"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: at for at, rooms in enumerate(FLOORS) for room in rooms}


def imported(path: Path) -> set[str]:
    """Every module that a file imports, whole names."""
    found: set[str] = set()
    for item in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(item, ast.Import):
            found |= {alias.name for alias in item.names}
        elif isinstance(item, ast.ImportFrom) and item.module:
            found |= {f"{item.module}.{alias.name}" for alias in item.names} | {item.module}
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    own = path.relative_to(ROOT / "relay").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    above = {
        module
        for module in imported(path)
        if module.startswith("relay.")
        and (room := room_of(module)) in FLOOR
        and room != own
        and FLOOR[room] > FLOOR[own]
    }
    assert above == set()


def test_every_room_stands_on_a_floor() -> None:
    rooms = {path.relative_to(ROOT / "relay").parts[0].removesuffix(".py") for path in FILES} - {"__init__"}
    assert rooms == set(FLOOR)


@pytest.mark.parametrize("library", DOORS)
def test_a_library_is_known_at_its_doors_alone(library: str) -> None:
    users = {name_of(path) for path in FILES if any(module.split(".")[0] == library for module in imported(path))}
    assert users
    assert all(any(user.startswith(door) for door in DOORS[library]) for user in users), users


@pytest.mark.parametrize("path", sorted((ROOT / "relay/protocol").rglob("*.py")), ids=name_of)
def test_protocol_is_pure(path: Path) -> None:
    modules = {module.split(".")[0] for module in imported(path)}
    assert not modules & PURE_MAY_NOT
    source = ast.parse(path.read_text("utf-8"))
    assert not any(isinstance(item, ast.Await | ast.AsyncFunctionDef) for item in ast.walk(source))


def named_tests() -> list[Path]:
    return [*(ROOT / "tests").glob("test_*.py"), *(ROOT / "tests/browser").glob("test_*.py")]


def test_every_test_that_architecture_names_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    sources = {path.name: path.read_text("utf-8") for path in named_tests()}
    files = set(re.findall(r"(test_\w+\.py)", text))
    assert files
    assert files <= sources.keys()
    named = set(re.findall(r"[`…:](test_\w+)(?!\w|\.py)", text))
    assert named
    missing = {name for name in named if not any(f"def {name}(" in source for source in sources.values())}
    assert missing == set()
