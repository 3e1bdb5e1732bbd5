"""One way through the API: what it takes, who may use it, what it gives; checked in one place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.console.api.problem import Problem, ProblemError
from deploy.console.context import Console
from deploy.console.roles import Role
from deploy.console.store.accounts import SignedIn

logger = logging.getLogger(__name__)

COOKIE = "vigil_session"
"""Cookie of a session."""
CSRF_HEADER = "x-csrf-token"
"""Header that changing requests must carry."""
MOST_BODY = 16_384
"""Longest body, bytes."""

Line = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$"
    ),
]
"""A line of text that says something: no control characters."""


def _whole(value: object) -> object:
    """Take 7.0 for 7, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)
"""Beside an int: also a number like 7.0."""


class Form(BaseModel):
    """What is sent: its keys and no others, of their own types."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked."""

    console: Console
    """What there is to work with."""
    request: Request
    """The request itself."""
    signed: SignedIn | None
    """Who asks; None only where nobody need sign in."""
    body: Any = None
    """What was sent, as the way's form."""
    query: Any = None
    """What stands behind the question mark, as the way's form."""

    @property
    def who(self) -> str:
        """Name of the account that asks."""
        return "nobody" if self.signed is None else self.signed.account.name

    @property
    def path(self) -> Mapping[str, Any]:
        """What stands in the path."""
        return self.request.path_params

    @property
    def address(self) -> str:
        """Where the request comes from."""
        return self.request.client.host if self.request.client else "?"


@dataclass(frozen=True, slots=True)
class Way:
    """One way through the API."""

    method: str
    """GET or POST."""
    path: str
    """Path with names in braces."""
    handle: Callable[[Call], Any]
    """What does it; runs on a thread of its own, and may wait."""
    summary: str
    """What it does, in one line."""
    needs: frozenset[Role] | None
    """Roles of which one is enough; None: anybody, signed in or not."""
    answer: type[BaseModel] | None
    """Form of the answer; None: no JSON."""
    body: type[BaseModel] | None = None
    """Form of what is sent."""
    query: type[Form] | None = None
    """Form of the query."""
    problems: tuple[int, ...] = ()
    """Statuses of refusals beside those that follow from the above."""
    status: int = 200
    """Status where all went well."""
    media: str = "application/json"
    """Type of the answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the answer, with what they are."""

    def all_problems(self) -> set[int]:
        """Statuses of all refusals that can come."""
        found = set(self.problems)
        if self.needs is not None:
            found |= {401, 403, 503}
        if self.body is not None:
            found |= {400, 413, 415, 422}
        if self.query is not None:
            found |= {422}
        if self.method != "GET":
            found |= {403, 503}
        return found

    async def __call__(self, request: Request) -> Response:
        """Serve one request."""
        try:
            raw = await _body(request) if self.body is not None else b""
            return await run_in_threadpool(self._serve, request, raw)
        except ProblemError as problem:
            return problem.response()
        except (OSError, SQLAlchemyError) as error:
            # What cannot be written down must not be done; nothing has been.
            logger.error("%s %s: %s", self.method, self.path, error)
            return ProblemError(503, "the database or the audit log does not work").response()

    def _serve(self, request: Request, raw: bytes) -> Response:
        console: Console = request.app.state.console
        token = request.cookies.get(COOKIE)
        signed = console.accounts.signed_in(token) if token else None
        if self.needs is not None:
            if signed is None:
                raise ProblemError(401, "sign in first")
            if not self.needs & signed.account.roles:
                raise ProblemError(403, f"this needs a role of {', '.join(sorted(self.needs))}")
        if self.method != "GET":
            check_origin(request)
            if self.needs is not None and signed is not None:
                sent = request.headers.get(CSRF_HEADER, "")
                if not _same(sent, signed.csrf):
                    raise ProblemError(403, f"{CSRF_HEADER} is missing or wrong")
        body = (
            None
            if self.body is None
            else _read(lambda form: form.model_validate_json(raw, strict=True), self.body)
        )
        query = None if self.query is None else _query(request, self.query)
        found = self.handle(Call(console, request, signed, body, query))
        if isinstance(found, Response):
            return found
        if self.answer is None:
            return Response(status_code=self.status)
        return JSONResponse(found, self.status, headers={"cache-control": "no-store"})


async def _body(request: Request) -> bytes:
    """Read a body that is not too long, and is said to be JSON."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, "the body must be application/json")
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > MOST_BODY:
            raise ProblemError(413, f"the body may have {MOST_BODY} bytes")
    return found


def _query(request: Request, form: type[Form]) -> BaseModel:
    pairs = request.query_params.multi_items()
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ProblemError(422, "a key of the query stands there twice")
    return _read(lambda each: each.model_validate(told), form)


def _read(read: Callable[[type[BaseModel]], BaseModel], form: type[BaseModel]) -> BaseModel:
    try:
        return read(form)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "json_invalid":
            raise ProblemError(400, f"the body is not JSON: {first['msg']}") from error
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise ProblemError(422, f"{where}: {first['msg']}") from error


def check_origin(request: Request) -> None:
    """Refuse what another site's page sends."""
    origin = request.headers.get("origin")
    if origin is not None and origin.split("://")[-1] != request.headers.get("host"):
        raise ProblemError(403, "this comes from the page of another site")


def _same(one: str, other: str) -> bool:
    import hmac

    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


__all__ = [
    "COOKIE",
    "CSRF_HEADER",
    "Call",
    "Form",
    "Line",
    "Problem",
    "ProblemError",
    "Way",
    "Whole",
]
