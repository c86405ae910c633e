"""The OpenAPI description says what is answered, and nothing answers otherwise (schemathesis)."""

import json
import re
import threading
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from jsonschema import Draft202012Validator
from made_portal import MadePortal, make_portal
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from survey.portal.api import description
from survey.portal.limits import Limits

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    ignored_auth,
]
BASE = "/portal/api/v1"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadePortal]:
    """Cases, reports and keys."""
    made = make_portal(tmp_path_factory.mktemp("portal"))
    yield made
    made.office.ledger.close()


@pytest.fixture(scope="module")
def served(portal: MadePortal) -> Iterator[str]:
    """The portal as uvicorn serves it; floods are another test's, and this one shows wrong keys."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Limits, "may", lambda *_: True)
    server = uvicorn.Server(
        uvicorn.Config(portal.app, port=0, log_level="error", access_log=False, lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
    patch.undo()


SCHEMA = schemathesis.openapi.from_dict(description(BASE))


@SCHEMA.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_described(case: schemathesis.Case, portal: MadePortal, served: str) -> None:
    """Whatever is asked for, rightly or wrongly: the status, the type, the schema that are said."""
    headers = {"Authorization": f"Bearer {portal.keys['es-prueba']}"}
    case.call_and_validate(base_url=f"http://{served}{BASE}", headers=headers, checks=CHECKS)


def test_the_description_is_served_to_anybody(served: str) -> None:
    """As it is tested here."""
    connection = HTTPConnection(served)
    connection.request("GET", f"{BASE}/openapi.json")
    reply = connection.getresponse()
    assert json.loads(reply.read()) == description(BASE)
    assert reply.headers["content-type"] == "application/json"
    connection.close()


def test_schemas_are_schemas() -> None:
    """By the dialect that OpenAPI 3.1 has; each is used, and each reference leads somewhere."""
    said = description(BASE)
    text = json.dumps(said)
    for name, schema in said["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert f'"#/components/schemas/{name}"' in text
    for where in re.findall(r'"#/([^"]+)"', text):
        found = said
        for step in where.split("/"):
            found = found[step]


async def test_every_path_is_described_and_answers(portal: MadePortal) -> None:
    """What the description leaves out is not there, and the other way round."""
    routes = {
        route.path.removeprefix("/api/v1")
        for route in portal.app._app.routes[1].routes
        if route.path.startswith("/api/v1/") and ":path" not in route.path
    } - {"/openapi.json"}
    assert routes == set(description(BASE)["paths"])


async def test_rows_are_exactly_the_schemas(portal: MadePortal) -> None:
    """Of a made world with rows of each kind: no field more, none less."""
    said = description(BASE)
    schemas = said["components"]["schemas"]

    def valid(name: str, value: object) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        Draft202012Validator(schema).validate(value)

    valid("Key", await portal.json("key"))
    valid("ReportPage", await portal.json("reports"))
    valid("FindingPage", await portal.json("findings", limit=2))
    cases = await portal.json("cases", limit=3)
    valid("CasePage", cases)
    for row in cases["items"]:
        valid("CaseSheet", await portal.json(f"cases/{row['number']}"))
    valid("OptOuts", await portal.json("opt-outs"))
    valid("Answers", await portal.json("answers"))
