"""`relay run`, `relay status` and `relay check-config`: a relay as its operator meets it."""

import argparse
import json
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relay import config as config_module
from relay.config import CentreConfig, RelayConfig
from relay.errors import Code, Rejected, UplinkDown
from relay.http import authority_tls
from relay.identity import ROOT_FILE

if TYPE_CHECKING:
    from rich.console import Console

_CONFIG_DEFAULT = Path("/etc/relay/relay.toml")


def main(words: list[str]) -> int:
    """Dispatches the three commands."""
    return {"run": _run, "status": _status, "check-config": _check_config}[words[0]](words[1:])


def _run(words: list[str]) -> int:
    parser = argparse.ArgumentParser("relay run", description="Run the relay of a kecamatan until it is told to stop.")
    parser.add_argument("--config", type=Path, default=_CONFIG_DEFAULT, help="relay.toml (default: %(default)s)")
    config = config_module.load(parser.parse_args(words).config, RelayConfig)
    from relay import node

    node.set_up_logging(config.log.level)
    node.run(node.run_relay(config))
    return 0


def _check_config(words: list[str]) -> int:
    parser = argparse.ArgumentParser("relay check-config", description="Check a relay.toml or central.toml.")
    parser.add_argument("config", type=Path, nargs="?", default=_CONFIG_DEFAULT, help="default: %(default)s")
    parser.add_argument("--central", action="store_true", help="it is a centre's central.toml")
    parser.add_argument("--explain", action="store_true", help="list every key with its default, and check nothing")
    parser.add_argument("--files-too", action="store_true", help="also open the identity folder that it names")
    options = parser.parse_args(words)
    kind = CentreConfig if options.central else RelayConfig
    if options.explain:
        for name, default, sentence in config_module.explain(kind):
            print(f"{name} = {default}\n    {sentence}")
        return 0
    config = config_module.load(options.config, kind)
    if options.files_too:
        from relay import node

        node.check_identity(config)
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


def show_status(status: dict[str, Any], statements: list[dict[str, Any]], console: "Console") -> None:
    """The relay for a person: the headline first, then the uplinks, then what is not at the centre yet."""
    counts, oldest = status["counts"], status["oldest_without_receipt_seconds"]
    console.print(f"[bold]{status['relay']['id']}[/bold]  scope {status['relay']['scope']}")
    if oldest is None:
        console.print("[green]Everything taken is at the centre.[/green]")
    else:
        waiting = counts["without_receipt"]
        console.print(
            f"[yellow]{waiting} statements have no receipt yet; the oldest has waited {span(oldest)}.[/yellow]"
        )
    if not status["clock"]["sure"]:
        console.print("[yellow]The clock was not set since the start; times are a guess.[/yellow]")
    console.print(
        f"{counts['statements']} statements of {counts['tps']} TPS, {counts['documents']} photographs, "
        f"{counts['in_conflict']} in conflict, {counts['refused']} refused; "
        f"{status['free_for_documents_bytes'] / 1e6:.0f} MB left for photographs"
    )
    for uplink in status["uplinks"]:
        retry = f", again in {span(uplink['retry_in_seconds'])}" if uplink["state"] == "down" else ""
        last = uplink["last_success"]
        success = f"last success {span(time.time() - last)} ago" if last else "no success yet"
        rate = f"{uplink['rate_bytes_per_second'] * 8 / 1000:.0f} kbit/s"
        console.print(f"uplink {uplink['name']}: [bold]{uplink['state']}[/bold]{retry}, {rate}, {success}")
        if uplink["reason"]:
            console.print(f"  {uplink['reason']}")
    neighbours = status["neighbours"]
    if neighbours["statements"] or neighbours["served_now"]:
        served = ", ".join(item["relay"] for item in neighbours["served_now"]) or "none"
        console.print(
            f"for other relays: {neighbours['statements']} statements, {neighbours['without_receipt']} of them without "
            f"a receipt; connected now: {served}"
        )
    waiting = [item for item in statements if item["state"] == "at-relay"]
    if waiting:
        from rich.table import Table

        table = Table("TPS", "what", "revision", "photographs", "since", "relays", title="Not at the centre yet")
        for item in waiting[:50]:
            pages = f"{item['pages_held']} of {item['pages']}" if item["pages"] else ""
            age = span(time.time() - item["held_at"])
            relays = [f"from {item['origin']}"] * bool(item["origin"]) + [f"also at {name}" for name in item["also_at"]]
            table.add_row(item["tps"], item["kind"], str(item["revision"]), pages, age, ", ".join(relays))
        console.print(table)
        if len(waiting) > 50:
            console.print(f"… and {len(waiting) - 50} more")


def span(seconds: float) -> str:
    """A length of time in the two largest units."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def own_tls(config: RelayConfig) -> ssl.SSLContext:
    """TLS for asking the relay of this very machine."""
    public = config.listen.tls_certificate is not None
    return _unchecked() if public else authority_tls(config.node.identity_directory / ROOT_FILE)


def _unchecked() -> ssl.SSLContext:
    """For asking this very machine when it shows a public certificate for a name that is not 127.0.0.1."""
    context = ssl.create_default_context()
    context.check_hostname = False
    return context
