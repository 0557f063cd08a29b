"""The two OpenAPI descriptions are true: every route, every status, and what real nodes answer."""

import dataclasses
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import resources
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from relay import identity
from relay.central import app as central_app
from relay.central.events import Events
from relay.central.results import Results
from relay.central.sheets import CentreSheets
from relay.clock import Clock
from relay.config import EnrolmentConfig, ExchangeConfig, NodeConfig, RelayConfig, UplinkConfig
from relay.errors import Code, http_status
from relay.http import PROBLEM_TYPE
from relay.intake import app as intake_app
from relay.intake.enrolments import Enrolments
from relay.intake.returned import Returned
from relay.intake.tus import Tus
from relay.metrics import Metrics
from relay.protocol.roles import Role
from relay.store.custody import CustodyStore
from relay.streams import Streams
from relay.web.nameplate import Nameplate
from relay.web.office import Office
from tests.authorities import KECAMATAN, TPS
from tests.test_enrolment import flipped
from tests.test_protocol_document import TRAVELLING
from tests.world.enrolling import PKCS10, KecamatanAuthority, Phone
from tests.world.events import following
from tests.world.http import TUS, ask, create_upload, patch_upload, post, settled, upload
from tests.world.nodes import Country, documents, running_centre, running_relay, tally
from tests.world.operators import challenge, from_page, session, signed_login

Document = dict[str, Any]
METHODS = ("get", "post", "head", "patch", "options", "put", "delete", "trace")


def description(package: str) -> Document:
    return cast(Document, json.loads(resources.files(package).joinpath("openapi.json").read_bytes()))


RELAY, CENTRE = description("relay.intake"), description("relay.central")
BOTH = pytest.mark.parametrize("document", [RELAY, CENTRE], ids=["relay", "centre"])


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """(path, method, operation) of a description."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def resolved(document: Document, item: Document) -> Document:
    """What a local $ref points to."""
    while "$ref" in item:
        found: Any = document
        for name in item["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        item = found
    return item


# --- the description by itself


@BOTH
def test_the_description_is_openapi_3_1(document: Document) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document)


@BOTH
def test_every_operation_has_words_and_a_name_of_its_own(document: Document) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for path, method, operation in operations(document):
        assert operation["summary"], (path, method)
        assert operation["description"], (path, method)


@BOTH
def test_every_example_matches_its_schema(document: Document) -> None:
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                if "example" in content:
                    problems = list(closed(document, content["schema"]).iter_errors(content["example"]))
                    assert problems == [], (path, method, status)


@BOTH
def test_problems_have_the_status_of_their_code(document: Document) -> None:
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if status == "default" or int(status) < 400 or method == "head":
                continue
            content = response["content"][PROBLEM_TYPE]
            said = content["schema"]["allOf"][1]["properties"]
            assert said["status"]["const"] == int(status), (path, method)
            assert {http_status(Code(code)) for code in said["code"]["enum"]} == {int(status)}, (path, method)
            assert content["example"]["code"] in said["code"]["enum"]


@BOTH
def test_whoever_is_sent_away_is_told_for_how_long(document: Document) -> None:
    for path, method, operation in operations(document):
        for status in ("503", "507"):
            response = operation["responses"].get(status)
            assert response is None or "Retry-After" in response["headers"], (path, method)


@BOTH
def test_every_code_that_travels_is_in_the_description(document: Document) -> None:
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == [str(c) for c in TRAVELLING]


# --- the routes


def routes(app: web.Application) -> set[tuple[str, str]]:
    """(path, method) of every route; the HEAD that aiohttp adds to each GET is not one of its own."""
    found = {}
    for route in app.router.routes():
        assert route.resource is not None
        found[route.resource.canonical, route.method.lower()] = route.handler
    return {
        (path, method)
        for (path, method), handler in found.items()
        if method != "head" or found.get((path, "get")) != handler
    }


def test_the_description_has_the_routes_of_the_relay_and_no_others(country: Country) -> None:
    nothing = cast(Any, None)
    intake = intake_app.Intake(nothing, nothing, nothing, nothing, nothing, (), 1)
    config = RelayConfig(NodeConfig(country.folder, country.folder))
    tus = Tus(nothing, nothing, nothing, nothing, config.intake)
    streams = Streams(nothing, nothing, ExchangeConfig(), nothing)
    returned = Returned(nothing, 1)
    app = intake_app.application(intake, tus, streams, returned, Metrics("relay"), config)
    node = identity.load(country.identity(Role.RELAY, KECAMATAN), Role.RELAY)
    store = CustodyStore(nothing, nothing, queue_max=1)
    office_config = country.relay_config()
    office = Office(office_config, node, store, nothing, nothing, Clock(), status=nothing, under_way=set)
    office.attach(app)
    app.add_routes(Enrolments(store, nothing, nothing, Clock(), None, nothing, office_config.enrolment, 1).routes())
    assert routes(app) == {(path, method) for path, method, _ in operations(RELAY)}


def test_the_description_has_the_routes_of_the_centre_and_no_others(country: Country) -> None:
    nothing = cast(Any, None)
    central = central_app.Central(nothing, nothing, nothing, ())
    streams = Streams(nothing, nothing, ExchangeConfig(), nothing)
    results, sheets = Results(nothing, nothing), CentreSheets(nothing, nothing, nothing, "")
    events = Events(nothing, nothing, 1)
    app = central_app.application(central, results, sheets, events, streams, Metrics("centre"))
    node = identity.load(country.identity(Role.CENTRE), Role.CENTRE)
    app.add_routes(Nameplate("centre", node, Clock(), ()).routes())
    assert routes(app) == {(path, method) for path, method, _ in operations(CENTRE)}


# --- what real nodes answer


def closed(document: Document, schema: Document) -> Any:
    """A validator that also refuses keys which the description does not name: real answers must have none."""
    components = {name: _close(value) for name, value in document["components"]["schemas"].items()}
    return OAS31Validator({**_close(schema), "components": {"schemas": components}})


def _close(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_close(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _close(value) for name, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        made.setdefault("additionalProperties", False)
    return made


class Watched:
    """Asks a node, and holds every answer against the description."""

    def __init__(self, http: aiohttp.ClientSession, url: str, document: Document) -> None:
        self.http, self.url, self.document = http, url, document
        self.seen: set[tuple[str, str, str]] = set()

    async def __call__(self, method: str, template: str, *, query: str = "", **arguments: Any) -> Any:
        path = template.format(**arguments.pop("names", {}))
        answer = await ask(self.http, method, self.url + path + query, **arguments)
        self.check(method, template, answer.status, answer.headers, answer.json)
        return answer.json

    def check(self, method: str, template: str, status: int, headers: dict[str, str], body: Any) -> None:
        operation = self.document["paths"][template][method.lower()]
        response = operation["responses"].get(str(status))
        assert response is not None, f"{method} {template} answers {status}, which is not described"
        self.seen.add((method, template, str(status)))
        for name, header in response.get("headers", {}).items():
            assert name in headers or not resolved(self.document, header).get("required"), name
        if "content" in response:
            content_type = headers["Content-Type"].split(";")[0]
            assert content_type in response["content"], (method, template, status, content_type)
            if body is not None:
                problems = closed(self.document, response["content"][content_type]["schema"]).iter_errors(body)
                assert [error.message for error in problems] == [], (method, template, status)


def with_drive(country: Country, config: RelayConfig) -> RelayConfig:
    """The same relay, which also looks for sticks."""
    drive = UplinkConfig(kind="drive", name="usb", folder=country.folder / "sticks")
    return dataclasses.replace(config, uplink=(*config.uplink, drive))


async def test_a_real_relay_answers_as_described(country: Country, http: aiohttp.ClientSession) -> None:
    officer = country.world.officer()
    statement, photograph, later = tally(officer), os.urandom(20_000), os.urandom(9000)
    listing = documents(officer, [photograph, later])
    name = hashlib.sha256(photograph).hexdigest()
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(with_drive(country, country.relay_config(centre_url=centre))) as relay,
    ):
        asked = Watched(http, relay, RELAY)
        for message in (statement.with_chain(officer[1]), statement.bare, listing.bare):
            answer = await post(http, relay, message)
            asked.check("POST", "/v1/statements", answer.status, answer.headers, answer.json)
        await _tus(asked, name, photograph)
        assert (await create_upload(http, relay, later)).status == 201
        await patch_upload(http, relay, hashlib.sha256(later).hexdigest(), 0, later[:4000])
        await settled(http, relay, statement.id)
        for identifier in (statement.id, listing.id):
            await asked("GET", "/v1/statements/{statement}", names={"statement": identifier.hex()})
        await asked("GET", "/v1/statements/{statement}", names={"statement": "00" * 32})
        await asked("GET", "/v1/statements", query="?after=0&limit=10")
        await asked("GET", "/v1/statements", query="?after=9")
        await asked("GET", "/v1/statements", query="?limit=many")
        await asked("GET", "/v1/tps/{tps}", names={"tps": TPS})
        await asked("GET", "/v1/tps/{tps}", names={"tps": KECAMATAN})
        for path in ("/v1/tps", "/v1/trust", "/v1/status", "/healthz", "/metrics", "/v1/openapi.json", "/v1/exchange"):
            await asked("GET", path)
        assert await asked("GET", "/v1/openapi.json") == RELAY
        await _office(asked, country, statement.id, name)
        await _refused(asked, country)
        for headers in ({"Content-Type": "application/cbor-seq"}, {"Content-Type": "text/plain"}):
            for body in (b"", b"no message", bytes(2**20 + 1)):
                await asked("POST", "/v1/receipts", data=io.BytesIO(body), headers=headers)
    assert successes_described(lambda tags: tags != ["enrolment"]) == {
        item for item in asked.seen if item[2].startswith("2")
    }


def successes_described(wanted: Callable[[list[str]], bool]) -> set[tuple[str, str, str]]:
    """(method, path, status) of all that a relay may answer if all is well, of the operations whose tags are wanted."""
    return {
        (method.upper(), path, status)
        for path, method, operation in operations(RELAY)
        for status in operation["responses"]
        if wanted(operation["tags"]) and status.startswith("2")
    }


async def test_enrolment_is_answered_as_described(country: Country, http: aiohttp.ClientSession) -> None:
    office, phone, operator = KecamatanAuthority(country), Phone(), country.world.operator()
    request = phone.request(office.code())
    seen: set[tuple[str, str, str]] = set()
    json_type = {"Content-Type": "application/json"}
    for chosen in (office.config, EnrolmentConfig(waiting_max=1)):
        config = dataclasses.replace(country.relay_config("at-once" if chosen.authority else "waits"), enrolment=chosen)
        async with running_relay(config) as relay:
            asked = Watched(http, relay, RELAY)
            for body in (request, request, b"nonsense", flipped(request), bytes(3000), Phone().request(office.code())):
                await asked("POST", "/v1/enrolments", data=body, headers=PKCS10)
            await asked("POST", "/v1/enrolments", data=request, headers={"Content-Type": "text/plain"})
            await asked("GET", "/v1/enrolments/{enrolment}", names={"enrolment": phone.id})
            await asked("GET", "/v1/enrolments/{enrolment}", names={"enrolment": "00" * 32})
            known = await session(http, relay, operator)
            for headers in ({}, known):
                await asked("GET", "/v1/enrolments", headers=headers)
            answers = json.dumps({"answers": [office.desk().answer(request, datetime.now(UTC))[0].as_json(), 1]})
            for text in (answers, "no JSON", " " * (2**20 + 1)):
                await asked("POST", "/v1/enrolments/answers", data=io.BytesIO(text.encode()), headers=json_type)
            await asked("GET", "/v1/enrolments/{enrolment}", names={"enrolment": phone.id})
            foreign = {**known, "Origin": "https://evil.example"}
            for headers in ({}, foreign):
                await asked("POST", "/v1/replacements", data=json.dumps({"scope": TPS}), headers=headers)
            scopes = [json.dumps({"scope": scope}) for scope in (TPS, "x", "6502")]
            for text in (*scopes, "", " " * 2000):
                await asked("POST", "/v1/replacements", data=text, headers={**known, **json_type})
            seen |= asked.seen
    assert {item for item in seen if item[2].startswith("2")} == successes_described(lambda tags: tags == ["enrolment"])


async def _office(asked: Watched, country: Country, statement: bytes, document: str) -> None:
    """What only operators see and do: without a session, from a foreign page, and properly."""
    http, relay, operator = asked.http, asked.url, country.world.operator()
    await asked("GET", "/v1/node")
    await asked("POST", "/v1/session/challenge")
    body = signed_login(operator, await challenge(http, relay), relay)
    cose_type, page = {"Content-Type": "application/cose"}, from_page(relay)
    for data, headers in ((b"", {**cose_type, **page}), (body, page), (body, cose_type), (body, {**cose_type, **page})):
        await asked("POST", "/v1/session", data=data, headers=headers)
    known = await session(http, relay, operator)
    stranger = {"Cookie": known["Cookie"], "Origin": "https://evil.example"}
    names = {"statement": statement.hex(), "document": document, "drive": "usb"}
    for headers in ({}, known):
        for path in ("/v1/session", "/v1/board", "/v1/statements/{statement}/cose", "/v1/documents/{document}"):
            await asked("GET", path, names=names, headers=headers)
            await asked("GET", path, names={**names, "statement": "00" * 32, "document": "00" * 32}, headers=headers)
    await _sheets(asked, known)
    await asked("GET", "/v1/board/events", query="?at=soon", headers=known)
    async with following(http, relay, known) as events:
        asked.check("GET", "/v1/board/events", 200, dict(events.answer.headers), None)
    for headers in ({}, stranger, known):
        await asked("POST", "/v1/drives/{drive}/visit", names={**names, "drive": "none"}, headers=headers)
        await asked("POST", "/v1/drives/{drive}/visit", names=names, headers=headers)
    await asked("DELETE", "/v1/session", headers=stranger)
    await asked("DELETE", "/v1/session", headers=known)


async def _sheets(asked: Watched, headers: dict[str, str]) -> None:
    """Totals and sheets, at a relay and at the centre."""
    await asked("GET", "/v1/totals", query="?form=2401")
    for query in ("?form=2401", "", "?form=x", "?form=9", "?form=2401&scope=1", f"?form=2401&scope={TPS}"):
        await asked("GET", "/v1/totals", query=query, headers=headers)
    for sheet in ("stations.csv", "stations.doc", "totals.csv"):
        for query in (f"?scope={KECAMATAN}", "", "?form=2401&language=en", "?scope=1", "?scope=11", "?language=fr"):
            await asked("GET", "/v1/sheets/{sheet}", query=query, names={"sheet": sheet}, headers=headers)


async def _tus(asked: Watched, name: str, photograph: bytes) -> None:
    """An upload in two parts, and what can go wrong with one."""
    http, relay = asked.http, asked.url
    await asked("OPTIONS", "/v1/documents")
    for data, length in ((photograph, None), (photograph, 5), (b"not listed", None)):
        answer = await create_upload(http, relay, data, length=length)
        asked.check("POST", "/v1/documents", answer.status, answer.headers, answer.json)
    await asked("POST", "/v1/documents")
    await asked("HEAD", "/v1/documents/{document}", names={"document": name})
    await asked("HEAD", "/v1/documents/{document}", names={"document": name}, headers=TUS)
    await asked("HEAD", "/v1/documents/{document}", names={"document": "00" * 32}, headers=TUS)
    for offset, data in ((0, photograph[:7000]), (0, photograph), (7000, photograph), (7000, bytes(13_000))):
        answer = await patch_upload(http, relay, name, offset, data)
        asked.check("PATCH", "/v1/documents/{document}", answer.status, answer.headers, answer.json)
    await asked("PATCH", "/v1/documents/{document}", names={"document": name}, headers=TUS)
    answer = await upload(http, relay, photograph)
    asked.check("PATCH", "/v1/documents/{document}", answer.status, answer.headers, answer.json)


async def _refused(asked: Watched, country: Country) -> None:
    """Statements that are not taken."""
    stranger, neighbour = country.world.officer("6501082001002"), country.world.officer("6501082001003")
    good = tally(stranger, "6501082001002")
    altered = good.with_chain(stranger[1]).replace(good.signature, bytes(64))
    for message in (
        b"no statement",
        good.bare,
        altered,
        tally(neighbour).with_chain(neighbour[1]),
        stranger[0].sign(b"\xa0").with_chain(stranger[1]),
        bytes(20_000),
    ):
        answer = await post(asked.http, asked.url, message)
        assert answer.status >= 400
        asked.check("POST", "/v1/statements", answer.status, answer.headers, answer.json)
    await asked("POST", "/v1/statements", data=good.bare, headers={"Content-Type": "text/plain"})


async def test_a_real_centre_answers_as_described(country: Country, http: aiohttp.ClientSession) -> None:
    officer, photograph = country.world.officer(), os.urandom(9000)
    statement, listing = tally(officer), documents(officer, [photograph])
    async with (
        running_centre(country.centre_config()) as centre,
        running_relay(country.relay_config(centre_url=centre)) as relay,
    ):
        asked = Watched(http, centre, CENTRE)
        for message in (statement.with_chain(officer[1]), listing.bare):
            assert (await post(http, relay, message)).status == 201
        await upload(http, relay, photograph)
        await settled(http, relay, listing.id)
        name = hashlib.sha256(photograph).hexdigest()
        for identifier in (statement.id, listing.id, bytes(32)):
            names = {"statement": identifier.hex()}
            await asked("GET", "/v1/statements/{statement}", names=names)
            await asked("GET", "/v1/statements/{statement}/cose", names=names)
        await asked("GET", "/v1/documents/{document}", names={"document": name})
        await asked("GET", "/v1/documents/{document}", names={"document": name}, headers={"Range": "bytes=0-99"})
        await asked("GET", "/v1/documents/{document}", names={"document": "00" * 32})
        for tps in (TPS, "6501082001009", KECAMATAN):
            await asked("GET", "/v1/tps/{tps}", names={"tps": tps})
        for query in ("", f"?scope={KECAMATAN}", f"?scope={TPS}", "?scope=1", "?form=2401", "?form=x"):
            await asked("GET", "/v1/status", query=query)
        for query in ("", f"?scope={KECAMATAN}&after={TPS}", "?scope=abc"):
            await asked("GET", "/v1/tps", query=query)
        await _sheets(asked, {})
        await asked("GET", "/v1/events", query="?scope=1")
        async with http.get(f"{centre}/v1/events?scope={KECAMATAN}") as events:
            asked.check("GET", "/v1/events", events.status, dict(events.headers), None)
        for path in ("/v1/trust", "/healthz", "/metrics", "/v1/openapi.json", "/v1/exchange"):
            await asked("GET", path)
        assert await asked("GET", "/v1/openapi.json") == CENTRE


@pytest.mark.parametrize(
    ("method", "path", "code"), [("GET", "/v2", "not-found"), ("DELETE", "/v1/tps", "method-not-allowed")]
)
async def test_what_is_not_described_is_answered_with_problem_details(
    country: Country, http: aiohttp.ClientSession, method: str, path: str, code: str
) -> None:
    async with running_relay(country.relay_config()) as relay, running_centre(country.centre_config()) as centre:
        for url, document in ((relay, RELAY), (centre, CENTRE)):
            answer = await ask(http, method, url + path)
            assert answer.code == code
            schema = document["components"]["schemas"]["Problem"]
            assert list(closed(document, schema).iter_errors(answer.json)) == []
