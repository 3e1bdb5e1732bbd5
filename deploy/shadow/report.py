"""The difference of champion and candidate as ``vigil.shadow-report/1``, a JSON object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from deploy.shadow.compare import Comparison
from deploy.shadow.pairs import KINDS, Pair
from deploy.shadow.rates import LEVEL, rates
from deploy.shadow.said import Said, SaidAlarm

SCHEMA = "vigil.shadow-report/1"
"""Name and version of the form."""
HOUR_S = 3600.0


def report_object(found: Comparison) -> dict[str, Any]:
    """Return all that differs, alarm by alarm, with rates and costs; no signal."""
    counts = Counter(pair.kind for pair in found.pairs)
    changes = Counter(p.priority_change for p in found.pairs if p.priority_change is not None)
    shifts = [p.shift_s for p in found.pairs if p.kind == "both" and p.shift_s is not None]
    return {
        "schema": SCHEMA,
        "champion": _side(found.champion, found),
        "candidate": _side(found.candidate, found),
        "patients": len(found.hours),
        "hours": round(sum(found.hours.values()), 4),
        "alarms": {kind: counts[kind] for kind in KINDS},
        "priority_changes": dict(sorted(changes.items())),
        "shift_s": _spread(shifts),
        "level": LEVEL,
        "rates": [
            {
                "priority": rate.priority,
                "champion_per_h": round(rate.champion, 4),
                "candidate_per_h": round(rate.candidate, 4),
                "difference_per_h": round(rate.difference, 4),
                "interval_per_h": None
                if rate.interval is None
                else [round(end, 4) for end in rate.interval],
            }
            for rate in rates(found.pairs, found.hours)
        ],
        "conditions": _by(found, lambda pair: pair.one.condition, "condition"),
        "by_patient": _by(found, lambda pair: pair.one.stream[0], "stream_id", found.hours),
        "by_hour": _by(found, lambda pair: int(pair.one.onset_s // HOUR_S), "hour"),
        "differences": [pair_object(pair) for pair in found.pairs if differs(pair)],
    }


def differs(pair: Pair) -> bool:
    """Tell whether a pair is worth telling: not the same alarm at the same time."""
    return pair.kind != "both" or pair.priority_change is not None or bool(pair.shift_s)


def pair_object(pair: Pair) -> dict[str, Any]:
    """Return one difference."""
    one = pair.one
    return {
        "kind": pair.kind,
        "stream_id": one.stream[0],
        "session": one.stream[1],
        "utc": one.alarm["onset"]["utc"],
        "onset_s": round(one.onset_s, 3),
        "shift_s": None if pair.shift_s is None else round(pair.shift_s, 3),
        "priority_change": pair.priority_change,
        "champion": _alarm(pair.champion),
        "candidate": _alarm(pair.candidate),
    }


def _alarm(alarm: SaidAlarm | None) -> dict[str, Any] | None:
    if alarm is None:
        return None
    return {
        "id": alarm.alarm["id"],
        "condition": alarm.condition,
        "priority": alarm.priority,
        "onset_s": round(alarm.onset_s, 3),
        "offset_s": None if alarm.offset_s is None else round(alarm.offset_s, 3),
        "score": alarm.alarm["score"],
        "heart_rate_bpm": alarm.alarm["heart_rate_bpm"],
    }


def _side(said: Said, found: Comparison) -> dict[str, Any]:
    hours = sum(found.hours.values())
    return {
        "name": said.name,
        "models": list(said.models),
        "alarms": len(said.alarms),
        "beats": sum(map(len, said.beats.values())),
        "cpu_s_per_signal_h": round(said.score_s / hours, 4) if hours else None,
    }


def _by(
    found: Comparison,
    key: Callable[[Pair], Any],
    name: str,
    hours: dict[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Count pairs by something."""
    counts: dict[Any, Counter[str]] = {each: Counter() for each in hours or ()}
    for pair in found.pairs:
        counts.setdefault(key(pair), Counter())[pair.kind] += 1
    rows = []
    for value, own in sorted(counts.items()):
        row: dict[str, Any] = {name: value, **{kind: own[kind] for kind in KINDS}}
        if hours is not None:
            row["hours"] = round(hours[value], 4)
        rows.append(row)
    return rows


def _spread(values: list[float]) -> dict[str, Any]:
    """Return how shifts are spread, s."""
    if not values:
        return {"n": 0}
    p05, median, p95 = np.percentile(values, [5, 50, 95]).tolist()
    zero = sum(value == 0 for value in values)
    return {
        "n": len(values),
        "zero": zero,
        "p05": round(p05, 3),
        "median": round(median, 3),
        "p95": round(p95, 3),
    }
