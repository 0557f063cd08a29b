"""`relay run`, `relay status` and `relay check-config`: a relay as its operator meets it."""

import argparse
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from relay import config as config_module
from relay import config_file
from relay.config import CentreConfig, RelayConfig
from relay.errors import Code, Rejected, UplinkDown
from relay.http import authority_tls
from relay.identity import ROOT_FILE

_CONFIG_DEFAULT = Path("/etc/relay/relay.toml")


def main(words: list[str]) -> int:
    """Dispatches the three commands."""
    return {"run": _run, "status": _status, "check-config": _check_config}[words[0]](words[1:])


def _run(words: list[str]) -> int:
    parser = argparse.ArgumentParser("relay run", description="Run the relay of a kecamatan until it is told to stop.")
    parser.add_argument("--config", type=Path, default=_CONFIG_DEFAULT, help="relay.toml (default: %(default)s)")
    config = config_module.load(parser.parse_args(words).config, RelayConfig)
    from relay.node import process, relay

    process.set_up_logging(config.log.level)
    process.run(relay.run_relay(config))
    return 0


def _check_config(words: list[str]) -> int:
    parser = argparse.ArgumentParser("relay check-config", description="Check a relay.toml or central.toml.")
    parser.add_argument("config", type=Path, nargs="?", default=_CONFIG_DEFAULT, help="default: %(default)s")
    parser.add_argument("--central", action="store_true", help="it is a centre's central.toml")
    parser.add_argument("--explain", action="store_true", help="list every key with its default, and check nothing")
    parser.add_argument("--files-too", action="store_true", help="also open the files that it names")
    options = parser.parse_args(words)
    kind = CentreConfig if options.central else RelayConfig
    if options.explain:
        for name, default, sentence in config_file.explain(kind):
            print(f"{name} = {default}\n    {sentence}")
        return 0
    config = config_module.load(options.config, kind)
    if options.files_too:
        from relay.node.check import check_files

        check_files(config)
    print(
        f"{options.config} holds. Data in {config.node.data_directory}, identity in {config.node.identity_directory}."
    )
    if isinstance(config, RelayConfig) and not config.uplink:
        print("There is no [[uplink]]: what is taken will stay at this relay.")
    return 0


def _status(words: list[str]) -> int:
    parser = argparse.ArgumentParser("relay status", description="What a running relay holds, and what waits.")
    parser.add_argument("--config", type=Path, default=_CONFIG_DEFAULT, help="relay.toml (default: %(default)s)")
    parser.add_argument("--url", help="ask this address instead of this machine's own")
    parser.add_argument("--json", action="store_true", help="print the JSON as it comes")
    options = parser.parse_args(words)
    config = config_module.load(options.config, RelayConfig)
    url = options.url or f"https://127.0.0.1:{config.listen.port}"
    tls = own_tls(config)
    status = get_json(f"{url}/v1/status", tls)
    if options.json:
        print(json.dumps(status, indent=2))
        return 0
    from rich.console import Console  # 3 MB that a running relay can do without

    from relay.status_screen import show_status

    show_status(status, get_json(f"{url}/v1/tps", tls)["statements"], Console())
    return 0


def get_json(url: str, tls: ssl.SSLContext) -> Any:
    """The JSON at `url`; `UplinkDown` if nobody answers."""
    if not url.startswith("https://"):
        raise Rejected(Code.BAD_REQUEST, f"{url} does not begin with https://.")
    try:
        with urllib.request.urlopen(url, timeout=10, context=tls) as answer:  # noqa: S310 (https only, checked above)
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise UplinkDown(f"Nobody answers at {url} ({error}). Is it running? See: systemctl status relay") from error


def own_tls(config: RelayConfig) -> ssl.SSLContext:
    """TLS for asking the relay of this very machine."""
    public = config.listen.tls_certificate is not None
    return _unchecked() if public else authority_tls(config.node.identity_directory / ROOT_FILE)


def _unchecked() -> ssl.SSLContext:
    """For asking this very machine when it shows a public certificate for a name that is not 127.0.0.1."""
    context = ssl.create_default_context()
    context.check_hostname = False
    return context
