"""Adjusted differences: those within strata, even where the crude one points the other way."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from fairness.audit import audit_tables
from tests.fairness.populations import declared, population


def hospital(counts: dict[tuple[str, str], tuple[int, float]], seed: int = 0) -> tuple:
    """Make patients by (sex, site): how many, and how often their beats are found."""
    rng = np.random.default_rng(seed)
    rows, people = [], []
    for (sex, site), (number, share) in counts.items():
        for _ in range(number):
            name = f"p{len(people)}"
            people.append((name, sex, site))
            own = np.clip(rng.normal(share, 0.05), 0, 1)
            rows += [(name, "VEB", 1, int(found)) for found in rng.random(40) < own]
            rows += [(name, "VEB", 0, 0)] * 3
    predictions = pd.DataFrame(rows, columns=["patient", "condition", "truth", "prediction"])
    return predictions, pd.DataFrame(people, columns=["patient", "sex", "site"])


PARADOX = {
    ("F", "easy"): (20, 0.97), ("F", "hard"): (80, 0.75),
    ("M", "easy"): (80, 0.90), ("M", "hard"): (20, 0.65),
}  # fmt: skip
"""Women fare better at each site, and worse over both: they are more often at the hard one."""


def test_simpsons_paradox_is_seen_and_said() -> None:
    tables = hospital(PARADOX)
    result = audit_tables(*tables, declared("sensitivity", adjust_by=("site",)))
    (one,) = result.comparisons
    sign = 1 if one.group == "F" else -1
    assert sign * one.difference.value < -0.03
    assert sign * one.adjusted.value == pytest.approx(0.085, abs=0.03)
    assert min(sign * one.adjusted.low, sign * one.adjusted.high) > 0
    assert one.adjusted_by == ("site",)
    assert "turns round among patients of the same site" in one.reason


def test_the_adjusted_difference_is_mantel_and_haenszels_of_patients() -> None:
    predictions, subjects = hospital({**PARADOX, ("F", "easy"): (31, 0.9)}, seed=3)
    (one,) = audit_tables(
        predictions, subjects, declared("sensitivity", adjust_by=("site",))
    ).comparisons
    beats = predictions[predictions["truth"] == 1].merge(subjects, on="patient")
    total = weights = 0.0
    for _, inside in beats.groupby("site"):
        share = inside.groupby("sex")["prediction"].mean()
        patients = inside.groupby("sex")["patient"].nunique()
        weight = patients.prod() / patients.sum()
        total += weight * (share[one.group] - share[one.reference])
        weights += weight
    assert one.adjusted.value == pytest.approx(total / weights, abs=1e-9)


def test_strata_that_say_nothing_change_nothing_much() -> None:
    predictions, subjects = population(150, 30)
    result = audit_tables(predictions, subjects, declared("sensitivity", adjust_by=("site",)))
    (one,) = result.comparisons
    assert one.adjusted.value == pytest.approx(one.difference.value, abs=0.03)
    crude, adjusted = (end.high - end.low for end in (one.difference, one.adjusted))
    assert 0.5 < adjusted / crude < 1.6


def test_attribute_and_stratum_that_cannot_be_told_apart_give_no_adjusted_figure() -> None:
    predictions, subjects = population(60, 20)
    subjects["site"] = np.where(subjects["sex"] == "F", "one", "other")
    result = audit_tables(predictions, subjects, declared("sensitivity", adjust_by=("site",)))
    (one,) = result.comparisons
    assert math.isnan(one.adjusted.value)
    assert not math.isnan(one.difference.value)
    assert any("cannot be told apart" in said for said in result.limits)


def test_nothing_is_adjusted_by_itself() -> None:
    predictions, subjects = population(60, 20)
    groups = [{"attribute": "sex"}, {"attribute": "site"}]
    declaration = declared("sensitivity", groups=groups, adjust_by=("site", "sex"))
    for one in audit_tables(predictions, subjects, declaration).comparisons:
        assert one.adjusted_by == (("site",) if one.attribute == "sex" else ("sex",))


@pytest.mark.parametrize("metric", ["auroc", "auprc", "ece", "calibration_slope", "median_delay_s"])
def test_other_metrics_are_adjusted_too(metric) -> None:
    predictions, subjects = population(120, 60)
    (one,) = audit_tables(predictions, subjects, declared(metric, adjust_by=("site",))).comparisons
    assert one.adjusted.low < one.adjusted.value < one.adjusted.high
    crude = one.difference.high - one.difference.low
    assert abs(one.adjusted.value - one.difference.value) < crude


def test_intervals_of_adjusted_differences_hold_the_truth() -> None:
    """Truth: women fare 7 points worse at one site and 10 at the other."""
    held = 0
    for seed in range(100):
        cells = {
            ("F", "easy"): (15, 0.88), ("F", "hard"): (25, 0.70),
            ("M", "easy"): (25, 0.95), ("M", "hard"): (15, 0.80),
        }  # fmt: skip
        declaration = declared("sensitivity", adjust_by=("site",), seed=seed)
        (one,) = audit_tables(*hospital(cells, seed), declaration).comparisons
        truth = -0.085 if one.group == "F" else 0.085
        held += one.adjusted.low <= truth <= one.adjusted.high
    assert held >= 88
