"""The page of the strips of a record's alarms."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np

from deploy.services.score_strips import MOST_STRIPS, strip_of, strips_page


def alarm(priority: str = "high", state: str = "raised", at: int = 5000) -> dict[str, Any]:
    signal = {
        "begin": {"sample": at - 2500},
        "fs": 125,
        "unit": "uV",
        "gain": 1,
        "samples": (500 * np.sin(np.arange(1250) / 20)).astype(int).tolist(),
        "quality": [0.9] * 49 + [0.4],
        "beats": [{"sample": at - 1000, "aami": "V"}],
    }
    return {
        "state": state,
        "condition": "ventricular_tachycardia",
        "priority": priority,
        "onset": {"sample": at - 1500},
        "decided": {"sample": at},
        "heart_rate_bpm": 151.2,
        "lead": "V1",
        "strip": {"first_sample": 0, "n_samples": 10, "fs": 250.0, "signal": signal},
    }


def page(*alarms: dict[str, Any]) -> str:
    return strips_page("<208>", [json.dumps(each).encode() for each in alarms])


def test_what_was_known_stands_beside_the_strip():
    told = page(alarm(), alarm(state="cleared", at=9000))

    assert told.count("<svg") == 1
    assert "Onset 0:00:14.0, raised 0:00:20.0 (6.0 s on); lead V1; 151 bpm" in told
    assert "quality 0.40 at least" in told
    assert "&lt;208&gt;" in told


def test_times_of_a_strip_are_those_of_the_record():
    strip = strip_of(alarm())

    assert (strip.begin_ms, strip.beats) == (10_000, ((16_000, "V"),))


def test_of_very_many_alarms_those_of_high_priority_are_drawn_in_order_of_time():
    many = [alarm("low", at=3000 + i) for i in range(MOST_STRIPS + 5)]
    told = page(*many, alarm("high", at=900_000))

    assert told.count("<svg") == MOST_STRIPS
    assert f"{MOST_STRIPS + 6} alarms were raised; {MOST_STRIPS} are drawn" in told
    assert told.rindex("<h3>ventricular tachycardia, high") > told.rindex(", low</h3>")


def test_a_record_without_alarms_has_a_page_that_says_so():
    assert "0 alarms were raised." in page()


def test_drawing_strips_needs_nothing_of_the_audits_extra() -> None:
    # Who has just run `make demo` scores records of their own next, without that extra.
    blocked = "import sys; sys.modules |= dict.fromkeys(['jinja2', 'fairlearn', 'weasyprint']);"
    wanted = "import deploy.services.score_strips, deploy.services.record_score"
    done = subprocess.run(
        [sys.executable, "-c", blocked + wanted], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
