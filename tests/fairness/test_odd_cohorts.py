"""Odd cohorts: whatever the tables' reader lets through is audited without a word of warning."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairness.audit import audit_tables
from fairness.errors import AuditError
from fairness.result import AuditResult, Verdict
from tests.fairness.populations import EVERY_METRIC, declared, population

SCORES = st.sampled_from([0.0, 0.1, 0.5, 0.500001, 0.9, 1.0])


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows: list[dict[str, Any]] = []
    people = []
    for patient in range(draw(st.integers(2, 6))):
        people.append(
            {
                "patient": f"p{patient}",
                "sex": draw(st.sampled_from(["F", "M", None])),
                "site": draw(st.sampled_from(["A", "B", "C"])),
                "monitored_h": draw(st.sampled_from([0.5, 10.0, None])),
            }
        )
        for _ in range(draw(st.integers(0, 5))):
            truth, excluded = draw(st.integers(0, 1)), draw(st.sampled_from([0, 0, 0, 1]))
            score = draw(SCORES)
            called = int(score >= 0.5)
            found = truth and called and not excluded
            rows.append(
                {
                    "patient": f"p{patient}",
                    "condition": "VEB",
                    "truth": truth,
                    "prediction": called,
                    "score": score,
                    "delay_s": draw(st.sampled_from([0.0, 1.0, 7.5])) if found else np.nan,
                    "excluded": excluded,
                }
            )
    columns = ["patient", "condition", "truth", "prediction", "score", "delay_s", "excluded"]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(people)


def check(result: AuditResult) -> None:
    for row in result.metrics:
        estimate = row.estimate
        if not math.isnan(estimate.low):
            assert estimate.low <= estimate.value <= estimate.high
    for one in result.comparisons:
        assert one.verdict in set(Verdict)
        if not math.isnan(one.difference.low):
            assert one.difference.low <= one.difference.value <= one.difference.high
        if one.verdict is not Verdict.INSUFFICIENT:
            assert not math.isnan(one.difference.value)
    for gap in result.gaps:
        assert math.isnan(gap.largest) or gap.largest >= 0


@given(cohorts(), st.lists(st.sampled_from(EVERY_METRIC), min_size=1, max_size=5, unique=True))
@settings(max_examples=40, deadline=None)
def test_any_small_cohort_is_audited_or_refused(tables, metrics) -> None:
    groups = [{"attribute": "sex"}, {"attribute": "site", "reference": "largest"}]
    declaration = declared(
        *metrics,
        groups=groups,
        intersections=[["sex", "site"]],
        adjust_by=("site",),
        min_patients=2,
        min_with=1,
        min_without=0,
    )
    try:
        result = audit_tables(*tables, declaration)
    except AuditError:
        return
    check(result)


@pytest.mark.parametrize("metric", EVERY_METRIC)
@pytest.mark.parametrize("kind", ["never called", "always called", "always right", "constant"])
def test_models_without_sense_are_audited(metric, kind) -> None:
    predictions, subjects = population(24, 12)
    truth = predictions["truth"]
    called = {
        "never called": truth * 0,
        "always called": truth * 0 + 1,
        "always right": truth,
        "constant": predictions["prediction"],
    }[kind]
    predictions["prediction"] = called
    predictions["score"] = 0.5 if kind == "constant" else called * 0.8 + 0.1
    found = (truth == 1) & (called == 1) & (predictions["excluded"] == 0)
    predictions["delay_s"] = np.where(found, 2.0, np.nan)
    if kind == "never called" and "delay" in metric:
        with pytest.raises(AuditError, match="delay"):
            audit_tables(predictions, subjects, declared(metric))
        return
    check(audit_tables(predictions, subjects, declared(metric, min_patients=2, min_with=1)))


def test_one_unit_a_patient_is_audited_and_said() -> None:
    predictions, subjects = population(200, 10)
    predictions = predictions[predictions["excluded"] == 0]
    single = predictions.drop_duplicates("patient")
    result = audit_tables(single, subjects, declared("sensitivity", "accuracy", "auroc"))
    check(result)
    assert any("one unit at most" in said for said in result.limits)
