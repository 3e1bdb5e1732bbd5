"""What engineers and auditors see: health, models, dead letters, audits, who did what."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections import deque
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field
from starlette.responses import FileResponse, Response

from deploy import audit_log
from deploy.console.api.problem import ProblemError
from deploy.console.api.route import Call, Form, Way
from deploy.console.roles import INSPECTS, OPERATES, REVIEWS
from inference import model

REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a report may do: be looked at."""


class Health(BaseModel):
    """How the system does."""

    started_ms: int
    now_ms: int
    browsers: int
    patients: int
    counts: dict[str, int]
    metrics: dict[str, Any]


class Models(BaseModel):
    """Models in use."""

    models: list[dict[str, Any]]


class Most(Form):
    """How many."""

    most: Annotated[int, Field(ge=1, le=1000)] = 200


class DeadLetters(BaseModel):
    """Messages that could not be read, the newest first."""

    dead_letters: list[dict[str, Any]]


class Audits(BaseModel):
    """Fairness audits."""

    audits: list[dict[str, Any]]


class LogLine(BaseModel):
    """One line of the audit log."""

    n: int
    at: str
    who: str
    what: str
    details: dict[str, Any]
    hash: str


class AuditLogAnswer(BaseModel):
    """Who did what, the newest first."""

    intact: bool
    """Every line is bound to the one before."""
    why_not: str
    lines: list[LogLine]


def health(call: Call) -> dict[str, Any]:
    """Tell how the system does."""
    hub = call.console.hub
    return {
        "started_ms": hub.started_ms,
        "now_ms": hub.now_ms(),
        "browsers": hub.n_browsers,
        "patients": len(hub.patients),
        "counts": dict(hub.counts),
        "metrics": dict(call.console.metrics()),
    }


def models(call: Call) -> dict[str, Any]:
    """Describe the models that ship; their cards beside them."""
    paths = [model.find(name) for name in model.builtin_names()]
    return {"models": [_describe(path, path.stat().st_mtime_ns) for path in paths]}


@cache
def _describe(path: Path, mtime_ns: int) -> dict[str, Any]:  # part of the key
    """Describe one model; it is loaded for that, so only once."""
    _, info = model.load(path)
    card = path.with_suffix(".md")
    told = {k: v for k, v in dataclasses.asdict(info).items() if _plain(v)}
    text = card.read_text("utf-8") if card.is_file() else ""
    return {**told, "size_bytes": path.stat().st_size, "card": text}


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float | tuple | dict | bool) or value is None


def dead_letters(call: Call) -> dict[str, Any]:
    """Give dead letters, with the begin of their bytes."""
    hub = call.console.hub
    with hub.lock:
        newest = list(hub.dead)[::-1][: call.query.most]
    return {"dead_letters": [_short(letter) for letter in newest]}


def _short(letter: dict[str, Any]) -> dict[str, Any]:
    payload = base64.b64decode(letter["payload"])
    return {**letter, "payload": payload[:256].hex(), "n_bytes": len(payload)}


def audits(call: Call) -> dict[str, Any]:
    """List the audits of the folder."""
    folder = call.console.audits
    names = [] if folder is None else sorted(p.parent.name for p in folder.glob("*/report.html"))
    return {"audits": [{"name": name, "href": f"/audits/{name}"} for name in names]}


def audit_report(call: Call) -> Response:
    """Give the report of one audit."""
    folder, name = call.console.audits, call.path["name"]
    if folder is not None and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        path = folder / name / "report.html"
        if path.is_file():
            return FileResponse(
                path, media_type="text/html", headers={"content-security-policy": REPORT_POLICY}
            )
    raise ProblemError(404, "there is no such audit")


def audit_lines(call: Call) -> dict[str, Any]:
    """Give the audit log's last lines, and whether its chain holds."""
    log = call.console.audit
    newest: deque[audit_log.AuditEntry] = deque(maxlen=call.query.most)
    why_not = ""
    try:
        newest.extend(audit_log.read(log.path, call.console.audit_key))
    except audit_log.TamperedError as error:
        why_not = str(error)
    lines = [
        {"n": e.n, "at": e.at, "who": e.who, "what": e.what, "details": dict(e.details),
         "hash": e.hash}
        for e in reversed(newest)
    ]  # fmt: skip
    return {"intact": not why_not, "why_not": why_not, "lines": lines}


WAYS = (
    Way("GET", "/api/health", health, "How the system does.", OPERATES, Health),
    Way("GET", "/api/models", models, "Models in use.", INSPECTS, Models),
    Way(
        "GET", "/api/dead-letters", dead_letters, "What could not be read.", OPERATES, DeadLetters,
        query=Most,
    ),
    Way("GET", "/api/audits", audits, "Fairness audits.", INSPECTS, Audits),
    Way(
        "GET", "/audits/{name}", audit_report, "The report of an audit.", INSPECTS, None,
        problems=(404,), media="text/html",
    ),
    Way("GET", "/api/audit-log", audit_lines, "Who did what.", REVIEWS, AuditLogAnswer, query=Most),
)  # fmt: skip
"""Ways of this module."""
