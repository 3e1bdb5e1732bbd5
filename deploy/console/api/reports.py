"""What engineers and auditors see of models over time: drift, and champion beside candidate."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from pydantic import BaseModel

from deploy.console.api.route import Call, Way
from deploy.console.reports import CHANGE, DRIFT, SHADOW, Report, model_key
from deploy.console.roles import INSPECTS

MOST_SHOWN = 50
"""Most reports of one kind in an answer."""


class Drift(BaseModel):
    """Watches for drift."""

    given: bool
    """Whether the console was given a folder of reports."""
    watches: list[dict[str, Any]]


class Lineage(BaseModel):
    """Which models are in use, and which stand beside or behind them."""

    given: bool
    """Whether the console was given a folder of reports."""
    in_use: list[dict[str, Any]]
    """Models that the latest alarm of each patient came from."""
    changes: list[dict[str, Any]]
    """Signed records of changes, the newest first."""
    shadows: list[dict[str, Any]]
    """Comparisons of a candidate with the champion on the same signal."""


def drift(call: Call) -> dict[str, Any]:
    """Give what watches for drift last said."""
    reports = call.console.reports
    watches = [_head(report) | report.content for report in reports.of(DRIFT)[:MOST_SHOWN]]
    return {"given": reports.given, "watches": watches}


def lineage(call: Call) -> dict[str, Any]:
    """Give champion and candidate."""
    reports, hub = call.console.reports, call.console.hub
    with hub.lock:
        latest = [patient.alarms[-1] for patient in hub.patients.values() if patient.alarms]
    counts = Counter(key for alarm in latest for key in {model_key(m) for m in _models(alarm)})
    in_use = [
        {**dict(zip(("name", "version", "digest"), json.loads(key), strict=True)), "patients": n}
        for key, n in sorted(counts.items())
    ]
    return {
        "given": reports.given,
        "in_use": in_use,
        "changes": [_change(report) for report in reports.of(CHANGE)[:MOST_SHOWN]],
        "shadows": [_shadow(report) for report in reports.of(SHADOW)[:MOST_SHOWN]],
    }


def _head(report: Report) -> dict[str, Any]:
    return {"file": report.name, "at_ms": report.at_ms}


def _models(alarm: dict[str, Any]) -> list[Any]:
    told = alarm.get("models") or [alarm.get("model")]
    return [each for each in told if isinstance(each, dict)]


def _change(report: Report) -> dict[str, Any]:
    """Shorten the record of a change to what a table shows."""
    told = report.content
    described = told.get("description_of_modifications") or {}
    gates = (told.get("impact_assessment") or {}).get("gates") or []
    return _head(report) | {
        "name": told.get("name"),
        "at": told.get("at"),
        "outcome": told.get("outcome"),
        "stopped_by": told.get("stopped_by") or [],
        "champion": described.get("champion"),
        "candidate": described.get("candidate"),
        "gates": gates,
    }


def _shadow(report: Report) -> dict[str, Any]:
    """Shorten a comparison to what a table shows; streams are left out."""
    names = ("champion", "candidate", "patients", "hours", "alarms", "priority_changes", "shift_s",
             "level", "rates")  # fmt: skip
    return _head(report) | {name: report.content.get(name) for name in names}


WAYS = (
    Way("GET", "/api/drift", drift, "What watches for drift say.", INSPECTS, Drift),
    Way("GET", "/api/lineage", lineage, "Champion and candidate.", INSPECTS, Lineage),
)
"""Ways of this module."""
