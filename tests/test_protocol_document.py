"""PROTOCOL.md is true: its tables are the code's, its bytes are the vectors', its CDDL describes what is sent."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cddl_verifier import Validator  # type: ignore[import-untyped]

from relay import discovery, exchange
from relay.authority import certificates
from relay.central import recorder
from relay.config import AnnounceConfig, IntakeConfig, UplinkConfig
from relay.errors import Code, http_status
from relay.intake import announce
from relay.protocol import (
    cbor,
    columns,
    cose,
    enrolment,
    forms,
    login,
    messages,
    parcels,
    paths,
    receipts,
    statements,
    sums,
    trust,
)
from relay.protocol.certificates import der_of
from relay.protocol.forms import FIGURE_MAX, INCOMPLETE
from relay.protocol.lifecycle import NEXT, SETTLED, Event, State
from relay.protocol.receipts import Verdict
from relay.protocol.roles import Role
from relay.protocol.statements import Key, Kind
from tests.test_vectors import EXAMPLES, read
from tests.vectors import country

ROOT = Path(__file__).parent.parent
NEVER_TRAVELS = {
    Code.CONFIG_INVALID,
    Code.FILE_EXISTS,
    Code.FILE_UNREADABLE,
    Code.PERMISSIONS_TOO_OPEN,
    Code.PASSPHRASE_WRONG,
    Code.CSV_INVALID,
    Code.UPLINK_DOWN,
    Code.RELAY_NOT_FOUND,
}
TRAVELLING = tuple(code for code in Code if code not in NEVER_TRAVELS)


@cache
def document() -> str:
    return (ROOT / "PROTOCOL.md").read_text("utf-8")


def section(title: str) -> str:
    """What stands under a heading, up to the next one of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(title)}$\n(.*?)(?=^#{{1,2}} |\Z)", document(), re.M | re.S)
    assert found, title
    return found.group(2)


def rows(title: str, header: str) -> list[list[str]]:
    """The rows of the table in a section whose first line begins with `header`, without the marks of code."""
    lines = section(title).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(f"| {header} |"))
    table = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    return table


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


# --- tables


def test_every_code_that_travels_is_explained_with_its_status() -> None:
    told = {row[0]: int(row[1]) for row in rows("Codes", "code")}
    assert told == {str(code): http_status(code) for code in TRAVELLING}
    assert all(len(row) == 4 and row[2] and row[3] for row in rows("Codes", "code"))


def test_the_codes_that_never_travel_are_named() -> None:
    never = section("Codes").split("never travel")[1]
    assert set(re.findall(r"`([a-z-]+)`", never)) == set(map(str, NEVER_TRAVELS))


def test_every_kind_and_key_has_its_number() -> None:
    assert {int(row[0]): row[1] for row in rows("Payloads", "kind")} == {kind: kind.name.lower() for kind in Kind}
    names = {int(row[0]): row[1].replace(" ", "_") for row in rows("Payloads", "key")}
    assert names == {key: key.name.lower() for key in Key}
    assert {int(row[0]): row[1] for row in rows("Payloads", "verdict")} == {v: v.name.lower() for v in Verdict}


def test_every_kind_has_the_keys_that_are_listed() -> None:
    listed = {int(row[0]): {int(key) for key in row[2].split(",")} for row in rows("Payloads", "kind")}
    shown: dict[int, set[int]] = {}
    for entry in EXAMPLES:
        if "ok" in entry["expected"] and entry["rule"] not in ("frame", "message"):
            payload = cbor.decode(cose.parse(read(entry["file"])).payload)
            shown[payload[Key.KIND]] = shown.get(payload[Key.KIND], set()) | set(payload)
    assert listed == shown


def test_every_role_is_listed() -> None:
    assert [row[0] for row in rows("Identities", "role")] == list(Role)


def test_every_form_is_listed_with_its_size() -> None:
    told = [(int(row[0]), row[1], int(row[2]), int(row[3])) for row in rows("Forms and flags", "code")]
    shipped = sorted(forms.catalogue().items())
    assert told == [(code, form.name, len(form.fields), form.packed_bytes) for code, form in shipped]
    for kind in forms.RuleKind:
        assert f"`{kind}`" in section("Forms and flags")
    for flag in (INCOMPLETE, "form-unknown", "clock-doubtful"):
        assert f"`{flag}`" in section("Forms and flags")


def test_the_lifecycle_is_the_codes() -> None:
    events = (Event.SLIP, Event.RECORDED, Event.CONFLICT, Event.REFUSED)
    told = {
        (State(row[0]), event): State(to)
        for row in rows("Lifecycle", "state")
        for event, to in zip(events, row[1:], strict=True)
    }
    assert told == NEXT
    assert {State(row[0]) for row in rows("Lifecycle", "state")[-3:]} == SETTLED
    assert "The last three are settled" in section("Lifecycle")


def test_every_message_has_its_number() -> None:
    told = {int(row[0]): row[1] for row in rows("Node to node", "number")}
    shown = {
        entry["expected"]["ok"]["message"]: entry["what"]
        for entry in EXAMPLES
        if entry["name"].startswith("message-") and "ok" in entry["expected"]
    }
    assert told.keys() == shown.keys() == set(range(1, 10))
    assert all(shown[number].startswith(f"{number} {name}") for number, name in told.items())


LIMITS = {
    "a signed message, bare, in bytes": cose.BARE_BYTES_MAX,
    "its x5chain, in bytes": cose.CHAIN_BYTES_MAX,
    "both together, in bytes": cose.MESSAGE_BYTES_MAX,
    "certificates in a chain": paths.CHAIN_LENGTH_MAX,
    "revision": statements.REVISION_MAX,
    "form code": statements.FORM_MAX,
    "time, in Unix seconds": statements.TIME_MAX,
    "a tally's figures, in bytes": statements.FIGURES_BYTES_MAX,
    "a figure": FIGURE_MAX,
    "pages in a statement": statements.PAGES_MAX,
    "page number": statements.PAGE_NUMBER_MAX,
    "a photograph, in bytes": statements.DOCUMENT_BYTES_MAX,
    "statements that a note is about": statements.ABOUT_MAX,
    "a note's text, in bytes": statements.TEXT_BYTES_MAX,
    "a login's challenge, in bytes": login.CHALLENGE_BYTES,
    "a login's origin, in bytes": login.ORIGIN_BYTES_MAX,
    "outcomes in a receipt": receipts.OUTCOMES_MAX,
    "notes of an outcome": receipts.NOTES_MAX,
    "a note, in characters": receipts.NOTE_LENGTH_MAX,
    "a cell, in bytes": parcels.CELL_BYTES,
    "a frame, in bytes": parcels.FRAME_BYTES_MAX,
    "a frame unpacked, in bytes": parcels.UNPACKED_BYTES_MAX,
    "statements in a frame": columns.STATEMENTS_IN_FRAME_MAX,
    "groups of columns in a frame": columns.GROUPS_MAX,
    "terms of a group's sums, together": sums.TERMS_MAX,
    "frames in a batch": parcels.FRAMES_IN_BATCH_MAX,
    "frames announced and not sent": exchange._ANNOUNCED_MAX,
    "a message of a stream, in bytes": messages.MESSAGE_BYTES_MAX,
    "names in ASK and HELD, of each sort": messages.ASKED_MAX,
    "a request for a certificate, in bytes": enrolment.REQUEST_BYTES_MAX,
}


def test_every_limit_stands_there() -> None:
    assert {row[0]: int(row[1].replace(",", "")) for row in rows("Limits", "what")} == LIMITS


def test_every_limit_of_the_code_is_in_the_table() -> None:
    modules: tuple[Any, ...] = (cose, paths, statements, receipts, parcels, messages, login)
    named = {
        name: value for module in modules for name, value in vars(module).items() if re.fullmatch(r"[A-Z_]+_MAX", name)
    }
    assert set(named.values()) <= set(LIMITS.values()), named


# --- sentences with figures in them


def test_what_is_said_of_waiting_and_sizes_is_the_default() -> None:
    uplink, intake = UplinkConfig(url="https://pusat.example"), IntakeConfig()
    assert (uplink.backoff_seconds_first, uplink.backoff_seconds_max) == (0.5, 60)
    assert "doubles from half a second up to 60" in flat(section("Phone to relay"))
    assert intake.document_bytes_max == 32 * 2**20
    assert "32 MiB unless configured" in flat(section("Limits"))
    assert recorder._CLOCK_DOUBT_SECONDS == 14 * 86400
    assert "more than 14 days" in flat(section("Forms and flags"))
    assert certificates.ROOT_PATH_LENGTH == 2
    assert "path length 2" in section("Identities")


def test_the_reasons_for_which_a_refusal_is_signed_are_named() -> None:
    told = section("Node to node").split("for one of:")[1].split("Everything else")[0]
    assert set(re.findall(r"`([a-z-]+)`", told)) == set(map(str, recorder._REFUSED))


def test_the_announcement_is_as_described() -> None:
    identity = trust.pin(der_of(country.ROOT.certificate)).identify(country.RELAY.chain, None)
    service = announce.service(AnnounceConfig(), ["192.0.2.1"], 8443, identity)
    assert {row[0] for row in rows("Discovery", "key")} == {key.decode() for key in service.properties}
    assert f"`{discovery.SERVICE}`" in section("Discovery")
    assert service.server == "relay-650108.local."
    assert "`relay-SCOPE.local.`" in section("Discovery")


@pytest.mark.parametrize(("room", "title"), [("intake", "Phone to relay"), ("central", "Node to node")])
def test_every_path_of_the_api_is_mentioned(room: str, title: str) -> None:
    paths = json.loads((ROOT / "relay" / room / "openapi.json").read_text("utf-8"))["paths"]
    for path in paths:
        plain = path.replace("{statement}", "{id}")
        assert plain in section(title) or plain in section("Phone to relay"), path


# --- bytes


def test_the_tally_byte_by_byte_is_the_vector() -> None:
    data = read("signed/tally.cose")
    title = "A tally, byte by byte"
    block = section(title).split("```")[1]
    lines = [re.match(r"\s*((?:[0-9a-f…]+ ?)+?)\s{2,}(\d+)(?:\s|$)", line) for line in block.splitlines()]
    budget = [(found.group(1).replace(" ", ""), int(found.group(2))) for found in lines if found]
    at = 0
    for text, size in budget[: -1 if not budget[-1][0] else None]:
        head, _, tail = text.partition("…")
        start, stop = bytes.fromhex(head), bytes.fromhex(tail)
        part = data[at : at + size]
        assert part.startswith(start), text
        assert part.endswith(stop), text
        assert "…" in text or part == start, text
        at += size
    assert at == len(data) == 151
    message = cose.parse(data)
    assert message.id.hex() in section(title)
    assert message.sig_structure.startswith(bytes.fromhex("846a5369676e61747572653150") + message.protected)
    assert len(message.payload) == 63


def test_the_worked_example_of_packing_is_the_vector() -> None:
    packed = statements.parse(read("signed/tally.cose")).figures
    assert packed.hex() in section("Figures")
    assert packed[:5].hex(" ") == " ".join(["25", "08", "74", "6c", "69"])
    bits = f"{int.from_bytes(packed, 'big'):0280b}"
    assert " ".join(bits[at : at + 10] for at in range(0, 40, 10)) in section("Figures")
    assert " ".join(bits[at : at + 8] for at in range(0, 40, 8)) in section("Figures")
    numbers = [
        int(number)
        for number in re.findall(
            r"\b\d{1,3}\b", section("Figures").split("made up):")[1].split("```")[1].rsplit("\n\n", 1)[0]
        )
    ]
    assert tuple(numbers) == forms.unpack(forms.catalogue()[2401], packed)


# --- CDDL


@cache
def cddl() -> Validator:
    return Validator(section("CDDL").split("```cddl\n")[1].split("```")[0])


@pytest.mark.parametrize("entry", EXAMPLES, ids=lambda entry: entry["name"])
def test_the_cddl_takes_what_it_should_and_nothing_else(entry: dict[str, Any]) -> None:
    result = cddl().validate(read(entry["file"]), root_type=entry["rule"])
    assert result.valid == entry["cddl"], [item.message for item in result.diagnostics]


def test_every_document_that_is_linked_to_is_there() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in document().splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", document())) <= headings
