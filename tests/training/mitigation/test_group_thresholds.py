"""Thresholds of each group: equal rates where they were fitted, and never without being asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.beats import called as served
from inference.ticks import N, S, V
from ingest.errors import InputError
from training.mitigation.group_thresholds import DEFAULT, OptIn, Scores, fit_thresholds, rate

ASKED = OptIn("Dr Who", "a trial, 2026-11")


def scores(seed: int, shift: float, n: int = 4000, patients: int = 5) -> Scores:
    """Make scores of a group; with a shift its V and S beats are told less surely."""
    rng = np.random.default_rng(seed)
    aami = rng.choice(3, n, p=(0.8, 0.1, 0.1)).astype(np.int8)
    v = 1 / (1 + np.exp(-(rng.normal(np.where(aami == V, 1.5 - shift, -3), 1.5))))
    s = 1 / (1 + np.exp(-(rng.normal(np.where(aami == S, 1.0 - shift, -3), 1.5))))
    return Scores(v.astype(np.float32), s.astype(np.float32), aami, patients)


@pytest.mark.parametrize("metric", ["se", "fpr"])
def test_the_rate_is_made_equal_where_the_thresholds_were_fitted(metric) -> None:
    groups = {"F": scores(0, 1.5), "M": scores(1, 0.0)}

    def gap(thresholds, code: int) -> float:
        rates = [
            rate(one.aami, one.called(thresholds(name)), code, metric)
            for name, one in groups.items()
        ]
        return max(rates) - min(rates)

    found = fit_thresholds(groups, "sex", ASKED, metric)
    for code in (V, S):
        assert gap(found.of, code) < 0.01
    if metric == "se":
        assert gap(lambda _: DEFAULT, V) > 0.15
        assert found.of("F")["V"] < DEFAULT["V"] < found.of("M")["V"]
    assert found.reached["F"]["V"] == pytest.approx(found.targets["V"], abs=0.01)


@pytest.mark.parametrize(("who", "why"), [("", "because"), ("me", ""), (" ", " ")])
def test_nobody_is_treated_differently_without_a_name_and_a_reason(who: str, why: str) -> None:
    with pytest.raises(InputError, match="differential treatment: say who asks and why"):
        OptIn(who, why)


def test_they_are_refused_without_the_opt_in() -> None:
    with pytest.raises(InputError, match="need an OptIn"):
        fit_thresholds({"F": scores(0, 0)}, "sex", None)  # type: ignore[arg-type]


def test_what_is_written_says_what_it_is() -> None:
    told = fit_thresholds({"F": scores(0, 1), "M": scores(1, 0)}, "sex", ASKED).as_json()
    assert told["kind"] == "differential treatment"
    assert told["opt_in"] == {"asked_by": "Dr Who", "why": "a trial, 2026-11"}
    assert set(told["thresholds"]) == {"F", "M"}
    assert told["patients"] == {"F": 5, "M": 5}


def test_too_few_patients_or_beats_and_the_unknown_keep_the_default() -> None:
    rare = scores(2, 2.0)
    rare = replace(rare, aami=np.where(rare.aami == V, N, rare.aami).astype(np.int8))
    groups = {
        "M": scores(0, 0),
        "one": scores(1, 2.0, patients=1),
        "no V": rare,
        "unknown": scores(3, 2.0),
    }
    found = fit_thresholds(groups, "sex", ASKED, min_patients=2)
    assert found.of("one") == found.of("unknown") == found.of("nobody") == DEFAULT
    assert found.of("no V")["V"] == DEFAULT["V"] != found.of("no V")["S"]
    assert found.reached["no V"]["V"] is None
    with pytest.raises(InputError, match="at least one group"):
        fit_thresholds({}, "sex", ASKED)
    with pytest.raises(InputError, match="metric is 'ppv'; allowed: se, fpr"):
        fit_thresholds(groups, "sex", ASKED, "ppv")  # type: ignore[arg-type]


def test_beats_are_called_as_serving_calls_them() -> None:
    from types import SimpleNamespace

    rng = np.random.default_rng(0)
    v, s = rng.random((2, 5000)).astype(np.float32)
    for thresholds in ({"V": 0.5, "S": 0.5}, {"V": 0.2, "S": 0.3}, {"V": 0.9, "S": 0.1}):
        info = SimpleNamespace(classes=("N", "S", "V"), thresholds=thresholds)
        probs = np.stack([(1 - v) * (1 - s), (1 - v) * s, v], axis=1)
        ours = Scores(v, s, np.zeros(5000, np.int8)).called(thresholds)
        theirs = served(probs, info)  # type: ignore[arg-type]
        assert (ours == theirs).mean() > 0.999  # but for ties of rounding
