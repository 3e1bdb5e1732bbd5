"""The API keeps its OpenAPI document, whatever is sent to it: no 500, no undeclared answer."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from deploy.console.api.openapi import document
from deploy.console.app import make_app
from deploy.console.store.accounts import SignedIn
from deploy.console.throttle import Throttle
from tests.deploy.console.consoles import alarm, make_ward

SETTINGS = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, SignedIn]:
    made = make_ward(Path(tmp_path_factory.mktemp("openapi")))
    made.feed(alarm("p1", "asystole"))
    made.console.commands = _Done()
    made.console.throttle = made.console.throttle_all = Throttle(10**6, 1.0)
    account = made.console.accounts.named("all")
    assert account is not None
    APP.state.console = made.console
    return made.console.accounts.sign_in(account)


class _Done:
    confirms = True

    def do(self, stream_id: str, command: object) -> None:
        """Take any command."""


APP = make_app(None)  # type: ignore[arg-type]  # the fixture gives it a console


async def open_document(_: Request) -> JSONResponse:
    """Give the document without its security, which the fixture sees to: see test_api.py."""
    found = copy.deepcopy(document())
    for path in found["paths"].values():
        for way in path.values():
            way.pop("security", None)
    return JSONResponse(found)


APP.router.routes.append(Route("/open.json", open_document))
schema = schemathesis.openapi.from_asgi("/open.json", APP)


@schema.parametrize()
@SETTINGS
def test_every_answer_is_declared(case: schemathesis.Case, signed: tuple[str, SignedIn]) -> None:
    if case.path == "/api/sign-out":  # would end the session of all others
        return
    if "stream_id" in case.path_parameters and case.method == "GET":
        case.path_parameters["stream_id"] = "p1"
    token, session = signed
    case.call_and_validate(cookies={"vigil_session": token}, headers={"x-csrf-token": session.csrf})


def test_the_document_names_every_role() -> None:
    ways = [way for path in document()["paths"].values() for way in path.values()]
    roles = {role for way in ways for role in way.get("x-vigil-roles", ())}
    assert roles == {"viewer", "clinician", "engineer", "auditor"}
    assert all("session" in way["security"][0] for way in ways if "security" in way)
