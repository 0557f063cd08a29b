"""Configuration: every mistake is named with what to do, the shipped files hold, the README lists every key."""

from pathlib import Path

import pytest

from relay import cli
from relay.config import CentreConfig, RelayConfig, load
from relay.config_file import explain
from relay.errors import Code, Rejected
from relay.protocol.roles import Role
from tests.world.nodes import Country

ROOT = Path(__file__).parent.parent
NODE = '[node]\ndata_directory = "data"\nidentity_directory = "identity"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "relay.toml"
    path.write_text(text)
    return path


def test_a_short_file_is_enough_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    config = load(written(tmp_path, NODE), RelayConfig)
    assert config.node.data_directory == tmp_path / "data"
    assert config.uplink == ()
    assert config.listen.port == 8443


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[node]\ndata_directory = 'x'\n", "the key node.identity_directory is missing"),
        ("", "the key node is missing"),
        (NODE + "[listen]\nprot = 1\n", "there is no key listen.prot; did you mean listen.port?"),
        (NODE + "[lsten]\n", "there is no key lsten; did you mean listen?"),
        (NODE + "[listen]\nport = '8443'\n", "listen.port must be a whole number, not '8443'"),
        (NODE + "[listen]\nport = 99999\n", "listen.port is 99999; it must be from 0 to 65535"),
        (NODE + "[listen]\nport = true\n", "listen.port must be a whole number"),
        (NODE + "[listen]\nhosts = 'x'\n", "listen.hosts must be a list"),
        (NODE + "[listen]\ntls_key = 'x'\n", "listen.tls_certificate and listen.tls_key go together"),
        (NODE + "[[uplink]]\nname = 'x'\n", "the key uplink[0].url is missing"),
        (NODE + "[[uplink]]\nurl = 'http://x'\n", "uplink[0].url must begin with https://"),
        (NODE + "[[uplink]]\nurl = 'https://x'\ntls = 'none'\n", "uplink[0].tls must be"),
        (NODE + "[uplink]\nurl = 'https://x'\n", "uplink must be a list"),
        (NODE + "[log]\nlevel = 'loud'\n", "log.level must be"),
        (NODE + "[board]\norigins = ['http://x']\n", 'board.origins holds "http://x"'),
        (NODE + "[board]\nforms = [0]\n", "board.forms[0] is 0; it must be from 1 to 65535"),
        ("[node", "is not TOML"),
    ],
)
def test_every_mistake_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(Rejected) as caught:
        load(written(tmp_path, text), RelayConfig)
    assert caught.value.code is Code.CONFIG_INVALID
    assert sentence in caught.value.sentence
    assert "relay.toml" in caught.value.sentence


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"nowhere\.toml cannot be read"):
        load(tmp_path / "nowhere.toml", RelayConfig)


def test_the_shipped_files_hold() -> None:
    relay = load(ROOT / "deploy/raspberrypi/relay.toml", RelayConfig)
    assert [uplink.label for uplink in relay.uplink] == ["4g", "drive"]
    centre = load(ROOT / "deploy/raspberrypi/central.toml", CentreConfig)
    assert centre.exchange.streams_max > 7277


@pytest.mark.parametrize("kind", [RelayConfig, CentreConfig])
def test_the_readme_lists_every_key_with_its_default(kind: type[RelayConfig] | type[CentreConfig]) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    missing = [row for row in explain(kind) if f"| `{row[0]}` | {row[1]} | {row[2]} |" not in readme]
    assert missing == []


def test_check_config_says_what_holds_and_what_does_not(
    tmp_path: Path, country: Country, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = country.identity(Role.RELAY, "650108")
    good = NODE.replace('"identity"', f'"{identity}"')
    assert cli.main(["check-config", str(written(tmp_path, good)), "--files-too"]) == 0
    assert "There is no [[uplink]]" in capsys.readouterr().out
    (tmp_path / "stations.csv").write_text("tps_code\n6501072001001\n")
    elsewhere = good + '[board]\nstations = "stations.csv"\n'
    assert cli.main(["check-config", str(written(tmp_path, elsewhere)), "--files-too"]) == 1
    assert "lists no station of 650108" in capsys.readouterr().err
    written(tmp_path, good)
    (identity / "key.pem").chmod(0o644)
    assert cli.main(["check-config", str(written(tmp_path, good)), "--files-too"]) == 1
    assert "chmod 600" in capsys.readouterr().err
    assert cli.main(["check-config", str(written(tmp_path, "[node]\n"))]) == 1
    assert cli.main(["check-config", "--explain"]) == 0
    assert "intake.reserve_bytes" in capsys.readouterr().out


def test_the_wrong_identity_is_not_run(tmp_path: Path, country: Country, capsys: pytest.CaptureFixture[str]) -> None:
    centre = country.identity(Role.CENTRE)
    path = written(tmp_path, NODE.replace('"identity"', f'"{centre}"'))
    assert cli.main(["run", "--config", str(path)]) == 1
    assert "only relay may sign this" in capsys.readouterr().err
    other = country.identity(Role.RELAY, "650107")
    (centre / "key.pem").write_bytes((other / "key.pem").read_bytes())
    assert cli.main(["check-config", "--central", str(path), "--files-too"]) == 1
    assert "is not the key of" in capsys.readouterr().err
