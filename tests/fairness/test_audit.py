"""The audit as a whole: the same whatever its tables' order, silent where there is too little."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairness.audit import audit, audit_tables
from fairness.build import build_cohort
from fairness.result import OVERALL, UNKNOWN, AuditResult, Provenance, Verdict
from tests.fairness.populations import EVERY_METRIC, declared, population

SMALL = {"min_patients": 2, "min_with": 1, "min_without": 0}


def figures(result: AuditResult) -> dict[tuple[str, str, str], tuple[float, ...]]:
    return {
        (row.metric, row.attribute, row.group): (
            row.estimate.value, row.estimate.low, row.estimate.high, row.mean_over_patients,
        )
        for row in result.metrics
    }  # fmt: skip


def same(one: object, other: object) -> bool:
    """Compare results where ``nan`` equals ``nan``."""
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return one == other


def test_every_metric_is_told_with_an_interval_by_group() -> None:
    predictions, subjects = population(80, 30)
    result = audit_tables(predictions, subjects, declared(*EVERY_METRIC))
    assert {row.metric for row in result.metrics} == set(EVERY_METRIC)
    for row in result.metrics:
        assert row.estimate.low <= row.estimate.value <= row.estimate.high, row
        assert row.estimate.low < row.estimate.high, row
        assert row.pooled.low < row.pooled.high, row
        assert not row.shortfall
    assert len(result.comparisons) == len(EVERY_METRIC)
    assert len(result.calibration) == 3
    assert len(result.delays) == 3
    for gap in result.gaps:
        assert 0 < gap.p_value <= 1
        assert gap.null_median <= gap.null_high


def test_the_same_seed_gives_the_same_result_and_another_seed_other_draws() -> None:
    tables = population(40, 15)
    declaration = declared("sensitivity", "auroc", adjust_by=("site",))
    once, again = audit_tables(*tables, declaration), audit_tables(*tables, declaration)
    assert same(once, again)
    other = audit_tables(*tables, declared("sensitivity", "auroc", adjust_by=("site",), seed=2))
    assert same(once.metrics, other.metrics)
    assert once.comparisons[0].adjusted.low != other.comparisons[0].adjusted.low


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_the_order_of_rows_and_the_names_of_patients_do_not_matter(seed) -> None:
    predictions, subjects = population(24, 12)
    declaration = declared("sensitivity", "ppv", "auroc", "auprc", "ece", **SMALL)
    rng = np.random.default_rng(seed)
    names = dict(zip(subjects["patient"], rng.permutation(subjects["patient"]), strict=True))
    shuffled = predictions.sample(frac=1, random_state=rng.integers(1 << 31))
    renamed = shuffled.assign(patient=shuffled["patient"].map(names))
    people = subjects.sample(frac=1, random_state=1)
    people = people.assign(patient=people["patient"].map(names))
    one = audit_tables(predictions, subjects, declaration)
    other = audit_tables(renamed, people, declaration)
    for key, values in figures(one).items():
        assert values == pytest.approx(figures(other)[key], abs=1e-9, nan_ok=True)
    for mine, theirs in zip(one.comparisons, other.comparisons, strict=True):
        assert (mine.difference.low, mine.p_equal) == pytest.approx(
            (theirs.difference.low, theirs.p_equal), abs=1e-9
        )
        assert mine.verdict is theirs.verdict


def test_a_patient_whose_beats_are_repeated_counts_no_more_in_the_mean_over_patients() -> None:
    predictions, subjects = population(30, 12)
    often = predictions[predictions["patient"] == "p003"]
    louder = pd.concat([predictions, *[often] * 9])
    declaration = declared("sensitivity", "specificity", **SMALL)
    one = audit_tables(predictions, subjects, declaration)
    other = audit_tables(louder, subjects, declaration)
    for mine, theirs in zip(one.metrics, other.metrics, strict=True):
        assert mine.mean_over_patients == pytest.approx(theirs.mean_over_patients)
        assert mine.patients == theirs.patients
    assert figures(one) != figures(other)


def test_repeating_every_beat_does_not_make_the_evidence_much_stronger() -> None:
    predictions, subjects = population(40, 20, spread=1.2)
    declaration = declared("sensitivity", "auroc", **SMALL)
    one = audit_tables(predictions, subjects, declaration)
    many = audit_tables(pd.concat([predictions] * 10), subjects, declaration)
    for mine, theirs in zip(one.comparisons, many.comparisons, strict=True):
        width = mine.difference.high - mine.difference.low
        assert theirs.difference.high - theirs.difference.low > 0.7 * width
        assert theirs.difference.value == pytest.approx(mine.difference.value, abs=0.01)


def test_a_true_harm_fails_and_is_named() -> None:
    predictions, subjects = population(300, 40, seed=3, worse=1.5)
    result = audit_tables(predictions, subjects, declared("sensitivity", margin=0.03))
    assert result.verdict is Verdict.FAIL
    (one,) = result.comparisons
    assert one.p_differs < 0.05
    assert one.patients_needed == 0
    assert one.difference.value * (1 if one.group == "M" else -1) > 0.2
    assert "to the disadvantage of F" in one.reason


def test_groups_that_are_alike_pass_with_enough_patients() -> None:
    predictions, subjects = population(500, 30, seed=4, spread=0.2)
    result = audit_tables(predictions, subjects, declared("sensitivity", "auroc", margin=0.08))
    assert result.verdict is Verdict.PASS
    assert all(one.p_equal < 0.05 for one in result.comparisons)


def test_a_tiny_group_gets_no_verdict_is_no_gap_and_is_named() -> None:
    predictions, subjects = population(60, 20)
    subjects["site"] = np.where(np.arange(60) < 5, "tiny", np.where(np.arange(60) < 32, "A", "B"))
    groups = [{"attribute": "site"}]
    result = audit_tables(predictions, subjects, declared("sensitivity", margin=0.5, groups=groups))
    (tiny,) = [one for one in result.comparisons if one.group == "tiny"]
    assert tiny.verdict is Verdict.INSUFFICIENT
    assert math.isnan(tiny.p_differs)
    assert math.isnan(tiny.p_equal)
    assert "5 patients" in tiny.reason
    assert result.verdict is Verdict.INSUFFICIENT
    (gap,) = result.gaps
    rows = {row.group: row for row in result.metrics if row.attribute == "site"}
    assert gap.largest == pytest.approx(abs(rows["A"].estimate.value - rows["B"].estimate.value))
    assert {gap.best_group, gap.worst_group} == {"A", "B"}
    assert "at least 20" in rows["tiny"].shortfall
    assert any("tiny" in said for said in result.limits)


def test_an_empty_band_is_listed_and_never_a_gap_of_nothing() -> None:
    predictions, subjects = population(60, 20)
    subjects["age"] = np.where(np.arange(60) < 30, 30, 50)
    groups = [{"attribute": "age", "bands": [40, 80]}]
    result = audit_tables(predictions, subjects, declared("sensitivity", margin=0.5, groups=groups))
    (empty,) = [row for row in result.metrics if row.group == ">=80"]
    assert math.isnan(empty.estimate.value)
    assert math.isnan(empty.pooled.value)
    assert empty.patients == 0
    assert "no patients" in empty.shortfall
    (one,) = [each for each in result.comparisons if each.group == ">=80"]
    assert one.verdict is Verdict.INSUFFICIENT
    assert result.gaps[0].largest > 0
    assert result.verdict is not Verdict.PASS


def test_who_is_unknown_is_counted_and_compared_with_nobody() -> None:
    predictions, subjects = population(80, 20)
    subjects.loc[:9, "sex"] = None
    result = audit_tables(predictions, subjects, declared("sensitivity"))
    assert UNKNOWN in {row.group for row in result.cohort}
    assert UNKNOWN in {row.group for row in result.metrics}
    assert UNKNOWN not in {one.group for one in result.comparisons}
    assert UNKNOWN not in {one.reference for one in result.comparisons}
    assert any("unknown of 10 of 80" in said for said in result.limits)


def test_two_groups_are_one_comparison_and_three_are_three() -> None:
    predictions, subjects = population(80, 20)
    groups = [{"attribute": "sex"}, {"attribute": "site"}]
    result = audit_tables(predictions, subjects, declared("sensitivity", groups=groups))
    pairs = {(one.attribute, one.group, one.reference) for one in result.comparisons}
    sizes = subjects["sex"].value_counts()
    first, second = ("F", "M") if sizes["F"] <= sizes["M"] else ("M", "F")
    assert ("sex", first, second) in pairs or ("sex", second, first) in pairs
    assert {pair for pair in pairs if pair[0] == "site"} == {
        ("site", site, "rest") for site in "ABC"
    }
    assert len(pairs) == 4


@pytest.mark.parametrize("reference", ["A", "largest"])
def test_a_named_reference_is_compared_with_all_others(reference) -> None:
    predictions, subjects = population(80, 20)
    groups = [{"attribute": "site", "reference": reference}]
    result = audit_tables(predictions, subjects, declared("sensitivity", groups=groups))
    seen = predictions[predictions["excluded"] == 0]["patient"].unique()
    largest = subjects[subjects["patient"].isin(seen)]["site"].value_counts().idxmax()
    expected = largest if reference == "largest" else "A"
    assert {one.reference for one in result.comparisons} == {expected}
    assert {one.group for one in result.comparisons} == {"A", "B", "C"} - {expected}


def test_what_is_explored_never_decides() -> None:
    predictions, subjects = population(300, 30, seed=3, worse=1.5)
    groups = [{"attribute": "sex", "primary": False}, {"attribute": "site"}]
    intersections = [["sex", "site"]]
    result = audit_tables(
        predictions,
        subjects,
        declared("sensitivity", margin=0.1, groups=groups, intersections=intersections),
    )
    by_primary = {one.primary for one in result.comparisons if one.attribute != "site"}
    assert by_primary == {False}
    assert Verdict.FAIL in {one.verdict for one in result.comparisons if not one.primary}
    assert result.verdict is not Verdict.FAIL
    nobody = declared("sensitivity", groups=[{"attribute": "sex", "primary": False}])
    assert audit_tables(predictions, subjects, nobody).verdict is Verdict.INSUFFICIENT


def test_lists_of_detections_have_no_specificity_and_it_is_said() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for patient in range(50):
        for _ in range(30):
            kind = rng.choice(3, p=[0.95, 0.03, 0.02])
            rows.append((f"p{patient}", "VEB", int(kind != 2), int(kind != 1)))
    predictions = pd.DataFrame(rows, columns=["patient", "condition", "truth", "prediction"])
    subjects = pd.DataFrame(
        {"patient": [f"p{i}" for i in range(50)], "sex": ["F", "M"] * 25}
    )  # fmt: skip
    result = audit_tables(
        predictions, subjects, declared("sensitivity", "ppv", "specificity", "accuracy")
    )
    for row in result.metrics:
        if row.metric in {"specificity", "accuracy"}:
            assert math.isnan(row.estimate.value)
            assert "no true negatives" in row.shortfall
        else:
            assert 0.8 < row.estimate.value < 1
    assert {one.metric for one in result.comparisons} == {"sensitivity", "ppv"}
    (parity,) = result.parity
    assert math.isnan(parity.equalized_odds_difference.value)
    assert not math.isnan(parity.equal_opportunity_difference.value)
    assert any("no true negatives" in said for said in result.limits)


def test_a_cohort_where_all_was_found_still_has_intervals() -> None:
    predictions, subjects = population(60, 20)
    predictions["prediction"] = predictions["truth"]
    predictions = predictions.drop(columns=["delay_s", "score"])
    result = audit_tables(predictions, subjects, declared("sensitivity", "ppv", margin=0.2))
    for row in result.metrics:
        assert row.estimate.value == row.estimate.high == 1
        assert 0.5 < row.estimate.low < 0.9999
    for one in result.comparisons:
        assert one.difference.low < 0 < one.difference.high


def test_progress_is_told_up_to_the_end() -> None:
    tables = population(30, 10)
    declaration = declared("sensitivity", "ppv")
    told: list[tuple[int, int]] = []
    cohort = build_cohort(*tables, declaration)
    audit(cohort, declaration, Provenance("", "", "", "", "", ""), lambda *step: told.append(step))
    assert told == [(step, told[-1][1]) for step in range(1, told[-1][1] + 1)]


def test_the_overall_figures_come_first_and_are_not_compared() -> None:
    result = audit_tables(*population(30, 10), declared("sensitivity", "ppv"))
    assert [row.attribute for row in result.metrics[:2]] == [OVERALL] * 2
    assert OVERALL not in {row.attribute for row in result.metrics[2:]}
    assert OVERALL not in {one.attribute for one in result.comparisons}


def test_exclusions_and_prevalence_that_differ_between_groups_are_told() -> None:
    predictions, subjects = population(80, 30)
    women = predictions["patient"].isin(subjects[subjects["sex"] == "F"]["patient"])
    rng = np.random.default_rng(0)
    predictions["excluded"] = (women & (rng.random(len(women)) < 0.2)).astype(int)
    predictions.loc[predictions["excluded"] == 1, "delay_s"] = np.nan
    kept = predictions[~women | (predictions["truth"] == 1) | (rng.random(len(women)) < 0.2)]
    limits = " ".join(audit_tables(kept, subjects, declared("sensitivity")).limits)
    assert "left out for their signal unequally by sex" in limits
    assert "share of units with the condition differs by sex" in limits
