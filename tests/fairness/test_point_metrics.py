"""Figures by group are those of fairlearn and scikit-learn, to the last digits."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fair
from sklearn import metrics as sk

from fairness.audit import audit_tables
from fairness.result import AuditResult, GroupMetric
from tests.fairness.populations import declared, population

EXACT = 1e-9

OF_LABELS = {
    "sensitivity": sk.recall_score,
    "specificity": partial(sk.recall_score, pos_label=0),
    "ppv": sk.precision_score,
    "fnr": fair.false_negative_rate,
    "fpr": fair.false_positive_rate,
    "f1": sk.f1_score,
    "accuracy": sk.accuracy_score,
    "selection_rate": fair.selection_rate,
}
OF_SCORES = {
    "auroc": sk.roc_auc_score,
    "auprc": sk.average_precision_score,
    "brier": sk.brier_score_loss,
}
# Every group is compared, as in fairlearn, which has no minimum numbers.
LENIENT = {"min_patients": 2, "min_with": 1, "min_without": 0}


@pytest.fixture(scope="module", params=[1, 2, 3])
def audited(request: pytest.FixtureRequest) -> tuple[pd.DataFrame, pd.DataFrame, AuditResult]:
    predictions, subjects = population(40, 25, seed=request.param)
    declaration = declared(
        *OF_LABELS,
        *OF_SCORES,
        groups=[{"attribute": "sex"}, {"attribute": "site"}],
        intersections=[["sex", "site"]],
        **LENIENT,
    )
    result = audit_tables(predictions, subjects, declaration)
    kept = predictions[predictions["excluded"] == 0].merge(subjects, on="patient")
    kept["sex × site"] = kept["sex"] + " × " + kept["site"]
    return kept, subjects, result


def rows(result: AuditResult, metric: str, attribute: str) -> dict[str, GroupMetric]:
    return {
        row.group: row
        for row in result.metrics
        if row.metric == metric and row.attribute == attribute
    }


@pytest.mark.parametrize("attribute", ["sex", "site", "sex × site"])
def test_labels_are_counted_as_by_fairlearn(audited, attribute) -> None:
    kept, _, result = audited
    frame = fair.MetricFrame(
        metrics=OF_LABELS,
        y_true=kept["truth"],
        y_pred=kept["prediction"],
        sensitive_features=kept[attribute],
    )
    for metric in OF_LABELS:
        mine = rows(result, metric, attribute)
        assert set(mine) == set(frame.by_group.index)
        for group, row in mine.items():
            assert row.estimate.value == pytest.approx(frame.by_group[metric][group], abs=EXACT)
            assert row.numerator / row.denominator == pytest.approx(row.estimate.value)
        assert rows(result, metric, "overall")["overall"].estimate.value == pytest.approx(
            frame.overall[metric], abs=EXACT
        )


@pytest.mark.parametrize("attribute", ["sex", "site", "sex × site"])
def test_scores_are_ranked_as_by_scikit_learn(audited, attribute) -> None:
    kept, _, result = audited
    frame = fair.MetricFrame(
        metrics=OF_SCORES,
        y_true=kept["truth"],
        y_pred=kept["score"],
        sensitive_features=kept[attribute],
    )
    for metric in OF_SCORES:
        for group, row in rows(result, metric, attribute).items():
            assert row.estimate.value == pytest.approx(frame.by_group[metric][group], abs=EXACT)


@pytest.mark.parametrize("attribute", ["sex", "site", "sex × site"])
def test_summary_differences_are_those_of_fairlearn(audited, attribute) -> None:
    kept, _, result = audited
    (found,) = [one for one in result.parity if one.attribute == attribute]
    of = {"y_true": kept["truth"], "y_pred": kept["prediction"]}
    by = {"sensitive_features": kept[attribute]}
    theirs = {
        "equal_opportunity_difference": fair.equal_opportunity_difference(**of, **by),
        "equalized_odds_difference": fair.equalized_odds_difference(**of, **by),
        "demographic_parity_difference": fair.demographic_parity_difference(**of, **by),
    }
    for name, value in theirs.items():
        estimate = getattr(found, name)
        assert estimate.value == pytest.approx(value, abs=EXACT)
        assert estimate.low <= estimate.value <= estimate.high


@pytest.mark.parametrize("attribute", ["sex", "site", "sex × site"])
def test_gaps_and_ratios_are_those_of_fairlearn(audited, attribute) -> None:
    kept, _, result = audited
    frame = fair.MetricFrame(
        metrics=OF_LABELS,
        y_true=kept["truth"],
        y_pred=kept["prediction"],
        sensitive_features=kept[attribute],
    )
    for gap in result.gaps:
        if gap.attribute == attribute and gap.metric in OF_LABELS:
            assert gap.largest == pytest.approx(frame.difference()[gap.metric], abs=EXACT)
            assert gap.ratio == pytest.approx(frame.ratio()[gap.metric], abs=EXACT)


def test_a_difference_is_one_group_less_the_other(audited) -> None:
    *_, result = audited
    for one in result.comparisons:
        if one.attribute != "sex" or one.metric == "ece":
            continue
        mine = rows(result, one.metric, "sex")
        apart = mine[one.group].estimate.value - mine[one.reference].estimate.value
        assert one.difference.value == pytest.approx(apart, abs=EXACT)
        ratio = mine[one.group].estimate.value / mine[one.reference].estimate.value
        assert one.ratio.value == pytest.approx(ratio, abs=EXACT)
        assert one.ratio.low <= one.ratio.value <= one.ratio.high


def test_the_rest_is_everybody_else_who_is_known() -> None:
    predictions, subjects = population(40, 25, seed=5)
    subjects.loc[:5, "site"] = None
    declaration = declared("sensitivity", groups=[{"attribute": "site"}], **LENIENT)
    result = audit_tables(predictions, subjects, declaration)
    kept = predictions[(predictions["excluded"] == 0) & (predictions["truth"] == 1)]
    kept = kept.merge(subjects, on="patient")
    assert {one.group for one in result.comparisons} == {"A", "B", "C"}
    for one in result.comparisons:
        own = kept["site"] == one.group
        rest = kept["site"].notna() & ~own
        apart = kept["prediction"][own].mean() - kept["prediction"][rest].mean()
        assert one.difference.value == pytest.approx(apart, abs=EXACT)


def test_the_mean_over_patients_counts_each_patient_once() -> None:
    predictions, subjects = population(30, 25, seed=6)
    result = audit_tables(predictions, subjects, declared("sensitivity", **LENIENT))
    kept = predictions[(predictions["excluded"] == 0) & (predictions["truth"] == 1)]
    own = kept.groupby("patient")["prediction"].mean()
    (row,) = rows(result, "sensitivity", "overall").values()
    assert row.mean_over_patients == pytest.approx(own.mean(), abs=EXACT)
    assert row.patients == len(own)


def test_rates_delays_and_exclusions_are_counted_by_group() -> None:
    predictions, subjects = population(30, 25, seed=7)
    names = ("false_alarms_per_h", "mean_delay_s", "median_delay_s", "exclusion_rate")
    result = audit_tables(predictions, subjects, declared(*names, **LENIENT))
    joined = predictions.merge(subjects, on="patient")
    for sex, hours in subjects.groupby("sex")["monitored_h"].sum().items():
        everything = joined[joined["sex"] == sex]
        kept = everything[everything["excluded"] == 0]
        false = ((kept["truth"] == 0) & (kept["prediction"] == 1)).sum()
        expected = {
            "false_alarms_per_h": false / hours,
            "mean_delay_s": kept["delay_s"].mean(),
            "median_delay_s": np.nanmedian(kept["delay_s"]),
            "exclusion_rate": everything["excluded"].mean(),
        }
        for name, value in expected.items():
            found = rows(result, name, "sex")[sex].estimate
            assert found.value == pytest.approx(value, abs=EXACT)
            assert found.low < found.value < found.high
