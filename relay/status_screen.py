"""What `relay status` shows a person: the headline first, then the uplinks, then what is not at the centre yet."""

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_STATEMENTS_SHOWN = 50
_ONE = {"tallies": "tally", "notes": "note", "lists": "list of photographs", "photographs": "photograph"}


def show_status(status: dict[str, Any], statements: list[dict[str, Any]], console: "Console") -> None:
    """A relay's `/v1/status` and the statements of its `/v1/tps`."""
    _show_headline(status, console)
    for uplink in status["uplinks"]:
        _show_uplink(uplink, console)
    for drive in status["drives"]:
        left = f", {span(drive['seconds_left'])} left" if drive["seconds_left"] else ""
        console.print(f"drive {drive['name']}: [bold]{drive['state']}[/bold] {drive['stick']}{left}")
        if drive["reason"]:
            console.print(f"  {drive['reason']}")
    neighbours = status["neighbours"]
    if neighbours["statements"] or neighbours["served_now"]:
        served = ", ".join(item["relay"] for item in neighbours["served_now"]) or "none"
        console.print(
            f"for other relays: {neighbours['statements']} statements, {neighbours['without_receipt']} of them without "
            f"a receipt; connected now: {served}"
        )
    for problem in status["not_taken"][-3:]:
        console.print(f"[yellow]not taken: {problem['about']}[/yellow] {problem['sentence']}")
    _show_waiting([item for item in statements if item["state"] == "at-relay"], console)


def _show_headline(status: dict[str, Any], console: "Console") -> None:
    counts, oldest = status["counts"], status["oldest_without_receipt_seconds"]
    console.print(f"[bold]{status['relay']['id']}[/bold]  scope {status['relay']['scope']}")
    if oldest is None:
        console.print("[green]Everything taken is at the centre.[/green]")
    else:
        console.print(f"[yellow]The oldest that has no receipt yet has waited {span(oldest)}.[/yellow]")
        for name, waiting in status["waiting"].items():
            if waiting["count"]:
                size = f", {waiting['bytes_left'] / 1e6:.1f} MB" if waiting["bytes_left"] > 100_000 else ""
                eta = waiting["eta_seconds"]
                done = "nothing carries it now" if eta is None else f"about {span(eta)}"
                words = _ONE[name] if waiting["count"] == 1 else name
                console.print(f"  {waiting['count']} {words}{size}: {done}")
    if not status["clock"]["sure"]:
        console.print("[yellow]The clock was not set since the start; times are a guess.[/yellow]")
    console.print(
        f"{counts['statements']} statements of {counts['tps']} TPS, {counts['documents']} photographs, "
        f"{counts['in_conflict']} in conflict, {counts['refused']} refused; "
        f"{status['free_for_documents_bytes'] / 1e6:.0f} MB left for photographs"
    )


def _show_uplink(uplink: dict[str, Any], console: "Console") -> None:
    retry = f", again in {span(uplink['retry_in_seconds'])}" if uplink["state"] == "down" else ""
    last = uplink["last_success"]
    success = f"last success {span(time.time() - last)} ago" if last else "no success yet"
    rate = f"{uplink['rate_bytes_per_second'] * 8 / 1000:.0f} kbit/s"
    left = uplink["budget_bytes_left"]
    budget = "" if left is None else f", {left / 1e6:.1f} MB left today"
    console.print(f"uplink {uplink['name']}: [bold]{uplink['state']}[/bold]{retry}, {rate}{budget}, {success}")
    if uplink["now"]:
        console.print(f"  on it now: {uplink['now']}")
    if uplink["reason"]:
        console.print(f"  {uplink['reason']}")


def _show_waiting(waiting: list[dict[str, Any]], console: "Console") -> None:
    if not waiting:
        return
    from rich.table import Table

    table = Table("TPS", "what", "revision", "photographs", "since", "relays", title="Not at the centre yet")
    for item in waiting[:_STATEMENTS_SHOWN]:
        pages = f"{item['pages_held']} of {item['pages']}" if item["pages"] else ""
        age = span(time.time() - item["held_at"])
        relays = [f"from {item['origin']}"] * bool(item["origin"]) + [f"also at {name}" for name in item["also_at"]]
        table.add_row(item["tps"], item["kind"], str(item["revision"]), pages, age, ", ".join(relays))
    console.print(table)
    if len(waiting) > _STATEMENTS_SHOWN:
        console.print(f"… and {len(waiting) - _STATEMENTS_SHOWN} more")


def span(seconds: float) -> str:
    """A length of time in the two largest units."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
