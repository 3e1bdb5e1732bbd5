"""The strips of a record's alarms as a page: what was seen when each was raised, and why it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from deploy.html_page import html_page
from deploy.shadow.strip_picture import strip_picture
from fairness.report.svg import element
from inference.strip import Strip

MOST_STRIPS = 200
"""Strips that are drawn at most, those of high priority first."""
RANK = {"high": 0, "medium": 1, "low": 2}


def strips_page(record: str, alarms: Sequence[bytes]) -> str:
    """Draw the 10 s before each alarm that was raised, in order of time.

    Parameters
    ----------
    record : str
        Its name.
    alarms : sequence of bytes
        Changes of its alarms, which carry their strips.
    """
    changes = [json.loads(line) for line in alarms]
    raised = [each for each in changes if each["state"] == "raised" and "signal" in each["strip"]]
    chosen = sorted(raised, key=lambda each: RANK[each["priority"]])[:MOST_STRIPS]
    chosen.sort(key=lambda each: each["decided"]["sample"])
    words = f"{len(raised)} alarms were raised"
    words += (
        "." if len(chosen) == len(raised) else f"; {len(chosen)} are drawn, high priority first."
    )
    told = element(
        "p",
        f"{words} Each strip ends with the decision. The letters are the beats that were known by "
        "then, by AAMI class; the dashed line is the onset, where it lies within.",
    )
    parts = [_alarm(i, each) for i, each in enumerate(chosen)]
    return html_page(f"Alarms of {record}", "Vigil: strips", [told, *parts])


def strip_of(alarm: Mapping[str, Any]) -> Strip:
    """Read the signal that an alarm carries."""
    told, fs = alarm["strip"]["signal"], float(alarm["strip"]["fs"])
    beats = [(round(1000 * each["sample"] / fs), each["aami"]) for each in told["beats"]]
    return Strip(
        round(1000 * told["begin"]["sample"] / fs),
        told["fs"],
        np.array(told["samples"], np.int16),
        tuple(told["quality"]),
        tuple(beats),
    )


def _alarm(i: int, alarm: Mapping[str, Any]) -> Markup:
    """Tell one alarm, with its strip."""
    strip, fs = strip_of(alarm), float(alarm["strip"]["fs"])
    onset_s, decided_s = (alarm[name]["sample"] / fs for name in ("onset", "decided"))
    condition = alarm["condition"].replace("_", " ")
    marks = [(round(1000 * onset_s), "onset")]
    if strip.begin_ms > marks[0][0]:
        marks = []
    picture = strip_picture(
        f"s{i}", strip, {"beats": strip.beats}, marks, f"ten seconds of ECG before {condition}"
    )
    return element(
        "section",
        element("h3", f"{condition}, {alarm['priority']}"),
        element("p", _words(alarm, strip, onset_s, decided_s)),
        element("figure", picture, class_="wide"),
    )


def _words(alarm: Mapping[str, Any], strip: Strip, onset_s: float, decided_s: float) -> str:
    """Say when it was raised and what was known."""
    told = [f"Onset {_clock(onset_s)}, raised {_clock(decided_s)} ({decided_s - onset_s:.1f} s on)"]
    if alarm.get("lead"):
        told.append(f"lead {alarm['lead']}")
    if alarm.get("heart_rate_bpm") is not None:
        told.append(f"{alarm['heart_rate_bpm']:.0f} bpm")
    if strip.quality:
        told.append(f"quality {min(strip.quality):.2f} at least, {np.mean(strip.quality):.2f} mean")
    pulses = alarm.get("corroboration")
    if pulses:
        told.append(f"pulses: {pulses['verdict']}, {pulses['reason'].replace('_', ' ')}")
    return "; ".join(told) + "."


def _clock(at_s: float) -> str:
    """Write a time since the record began.

    Examples
    --------
    >>> _clock(3725.25)
    '1:02:05.2'
    """
    minutes, seconds = divmod(at_s, 60)
    return f"{int(minutes) // 60}:{int(minutes) % 60:02d}:{seconds:04.1f}"
