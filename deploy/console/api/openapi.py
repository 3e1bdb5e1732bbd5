"""The OpenAPI document, written from the ways themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from deploy.console.api import acting, patients, reports, signing, system
from deploy.console.api.problem import Problem
from deploy.console.api.route import COOKIE, CSRF_HEADER, Way

WAYS: tuple[Way, ...] = (*signing.WAYS, *patients.WAYS, *acting.WAYS, *system.WAYS, *reports.WAYS)
"""All ways through the API."""

PROBLEMS = {
    400: "The body is not JSON.",
    401: "Nobody is signed in, or name or password is wrong.",
    403: "The account has no role for this, or the request comes from another site.",
    404: "There is no such thing.",
    409: "Not possible now; nothing was changed.",
    413: "The body is too long.",
    415: "The body is not JSON by its type.",
    422: "Something sent is not of the form asked for.",
    429: "Too many tries.",
    503: "Whoever should do it does not answer.",
}
"""What refusals mean."""
_REF = "#/components/schemas/{model}"


@cache
def document() -> dict[str, Any]:
    """Write the OpenAPI 3.1 document.

    Examples
    --------
    >>> sorted(document()["paths"]["/api/patients/{stream_id}/commands"])
    ['post']
    """
    forms: list[type[BaseModel]] = [Problem]
    for way in WAYS:
        forms += [form for form in (way.answer, way.body, way.query) if form is not None]
    unique = [(form, "validation") for form in dict.fromkeys(forms)]
    refs, schemas = models_json_schema(unique, ref_template=_REF)  # type: ignore[arg-type]
    names = {form: refs[form, "validation"] for form, _ in unique}
    paths: dict[str, dict[str, Any]] = {}
    for way in WAYS:
        paths.setdefault(way.path, {})[way.method.lower()] = _operation(way, names, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vigil console",
            "version": version("vigil-ecg"),
            "description": "Patients, alarms and feedback. Not a medical device. Waveforms come "
            "over the WebSocket /ws, see docs/console.md.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
                "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
            },
        },
    }


def _operation(
    way: Way, names: dict[type[BaseModel], Any], schemas: dict[str, Any]
) -> dict[str, Any]:
    """Describe one way."""
    found: dict[str, Any] = {
        "summary": way.summary,
        "operationId": f"{way.method.lower()}{way.path.replace('/', '_').translate(_NO_BRACES)}",
        "responses": _responses(way, names),
    }
    if parameters := _parameters(way, schemas):
        found["parameters"] = parameters
    if way.body is not None:
        content = {"application/json": {"schema": names[way.body]}}
        found["requestBody"] = {"required": True, "content": content}
    if way.needs is not None:
        needed: dict[str, list[str]] = {"session": []}
        if way.method != "GET":
            needed["csrf"] = []
        found["security"] = [needed]
        found["x-vigil-roles"] = sorted(way.needs)
    return found


_NO_BRACES = str.maketrans("", "", "{}")


def _responses(way: Way, names: dict[type[BaseModel], Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done."}
    if way.answer is not None:
        good["content"] = {way.media: {"schema": names[way.answer]}}
    elif way.media == "text/html":
        good["content"] = {way.media: {"schema": {"type": "string"}}}
    found = {str(way.status): good}
    for status in sorted(way.all_problems()):
        told: dict[str, Any] = {
            "description": PROBLEMS[status],
            "content": {"application/json": {"schema": names[Problem]}},
        }
        if status == 429:
            seconds = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
            told["headers"] = {"Retry-After": seconds}
        found[str(status)] = told
    return found


def _parameters(way: Way, schemas: dict[str, Any]) -> Sequence[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", way.path)
    ]
    if way.query is not None:
        form = schemas["$defs"][way.query.__name__]
        for name, schema in form["properties"].items():
            options = [x for x in schema.get("anyOf", []) if x.get("type") != "null"]
            kept = {k: v for k, v in schema.items() if k not in ("anyOf", "default", "title")}
            kept |= options[0] if options else {}
            required = name in form.get("required", ())
            found.append({"name": name, "in": "query", "required": required, "schema": kept})
    return found
