"""Real relays and centres as the operator starts them: `python -m relay …` with a configuration file."""

import json
import shutil
import ssl
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from relay.protocol.roles import Role
from tests.authorities import KECAMATAN
from tests.bench.material import Material
from tests.bench.processes import Server, serving

_UNIT = Path(__file__).parents[2] / "deploy/raspberrypi/relay.service"
_SHIM = Path(__file__).with_name("slow_sync.c")


def relay_words(material: Material, folder: Path, centre_url: str | None = None) -> list[str]:
    """The command that runs a relay with its data in `folder`; every limit is the default."""
    return ["-m", "relay", "run", "--config", str(_relay_toml(material, folder, centre_url))]


def centre_words(material: Material, folder: Path) -> list[str]:
    """The command that runs a centre with its data in `folder`; every limit is the default."""
    return ["-m", "relay", "central", "run", "--config", str(_centre_toml(material, folder))]


@contextmanager
def relay(
    material: Material,
    *,
    centre_url: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A relay with nothing in it yet, until the block ends; its data is removed."""
    with (
        data_folder(material) as folder,
        serving(relay_words(material, folder, centre_url), folder, environment) as server,
    ):
        yield server


@contextmanager
def centre(material: Material) -> Iterator[Server]:
    """A centre with nothing in it yet, until the block ends; its data is removed."""
    with data_folder(material) as folder, serving(centre_words(material, folder), folder) as server:
        yield server


@contextmanager
def data_folder(material: Material) -> Iterator[Path]:
    """An empty folder on the disk that is measured, removed afterwards."""
    with tempfile.TemporaryDirectory(dir=material.folder) as name:
        yield Path(name)


def counts(server: Server) -> dict[str, int]:
    """What a relay or a centre says that it holds."""
    told: dict[str, int] = status(server)["counts"]
    return told


def status(server: Server) -> dict[str, Any]:
    """All that a relay or a centre says of itself."""
    with urllib.request.urlopen(f"{server.url}/v1/status", timeout=10, context=unchecked_tls()) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def unchecked_tls() -> ssl.SSLContext:
    """Who answers on loopback is not in question here."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def units_environment() -> Mapping[str, str]:
    """What the unit of a Raspberry Pi starts a relay with."""
    lines = [line for line in _UNIT.read_text("utf-8").splitlines() if line.startswith("Environment=")]
    return dict(item.split("=", 1) for line in lines for item in line.removeprefix("Environment=").split())


def slow_sync(material: Material) -> Mapping[str, str] | None:
    """The environment in which every fsync takes 10 ms longer, or None without a C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    library = material.folder / "slow_sync.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, _SHIM, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


def _relay_toml(material: Material, folder: Path, centre_url: str | None) -> Path:
    identity = material.identity(Role.RELAY, KECAMATAN)
    uplink = f'[[uplink]]\nurl = "{centre_url}"\n' if centre_url else ""
    return _write(folder / "relay.toml", folder, identity, f"[announce]\nenabled = false\n{uplink}")


def _centre_toml(material: Material, folder: Path) -> Path:
    return _write(folder / "central.toml", folder, material.identity(Role.CENTRE), "")


def _write(path: Path, folder: Path, identity: Path, more: str) -> Path:
    path.write_text(
        f'[node]\ndata_directory = "{folder / "data"}"\nidentity_directory = "{identity}"\n'
        f'[listen]\nhosts = ["127.0.0.1"]\nport = 0\n{more}',
        "utf-8",
    )
    return path
