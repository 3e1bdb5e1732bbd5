"""A made-up ward's events, for tests of the watch."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from fairness.live.declaration import WatchDeclaration
from fairness.live.events import Alarm, Event, Feedback

HOUR = 3600.0


def declared(**keys: object) -> WatchDeclaration:
    """Watch sex; ``keys`` stand in place of defaults."""
    return WatchDeclaration.model_validate({"groups": [{"attribute": "sex"}], **keys})


def people(n: int, groups: tuple[str, ...] = ("F", "M")) -> pd.DataFrame:
    """Patients of the groups in turn."""
    return pd.DataFrame(
        {"patient": [f"p{i}" for i in range(n)], "sex": [groups[i % len(groups)] for i in range(n)]}
    )


def ward(
    n: int, false_share: dict[str, float], seed: int, groups: tuple[str, ...] = ("F", "M")
) -> list[Event]:
    """One patient an hour, up to five alarms each, judged a minute later; in order of time."""
    rng = np.random.default_rng(seed)
    events: list[Event] = []
    for i in range(n):
        mean = false_share[groups[i % len(groups)]]
        own = rng.beta(2 * mean + 1e-9, 2 * (1 - mean) + 1e-9)
        for k in range(int(rng.integers(1, 6))):
            at_s = (i + k / 7) * HOUR
            events.append(Alarm(at_s, f"a{i}-{k}", f"p{i}", "asystole"))
            verdict = "false" if rng.random() < own else "true"
            events.append(Feedback(at_s + 60, f"a{i}-{k}", verdict))
    return sorted(events, key=lambda event: event.at_s)


def alarm_line(alarm_id: str, stream_id: str, at_s: float, **keys: object) -> str:
    """Write what the monitor writes of an alarm, as far as the watch reads it."""
    told = {
        "id": alarm_id,
        "stream_id": stream_id,
        "condition": "asystole",
        "kind": "physiological",
        "state": "raised",
        "decided": {"sample": 0, "utc": utc(at_s)},
    }
    return json.dumps(told | keys)


def feedback_line(alarm_id: str, verdict: str, at_s: float) -> str:
    """Write what the console writes when a clinician judges."""
    return json.dumps({"alarm_id": alarm_id, "verdict": verdict, "utc": utc(at_s)})


def utc(at_s: float) -> str:
    """Write a time as the monitor does, with nanoseconds."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
