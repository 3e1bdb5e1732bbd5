"""The largest gap: what chance makes of it is what permutations of patients say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from fairness.audit import audit_tables
from fairness.build import build_cohort
from fairness.declaration import MetricName
from fairness.estimation import Condition
from fairness.permutation import figures, permute
from tests.fairness.populations import EVERY_METRIC, declared, population

SMALL = {"min_patients": 2, "min_with": 1, "min_without": 0}


def dealt_out(names: tuple[MetricName, ...], rounds: int = 12) -> tuple:
    predictions, subjects = population(30, 25)
    cohort = build_cohort(predictions, subjects, declared(*names))
    condition = Condition(cohort.units["VEB"], cohort, names)
    who = np.flatnonzero(condition.counts.units > 0)
    deal = permute(cohort.groupings[0].code[who], rounds, np.random.default_rng(0))
    return condition, who, deal


def test_figures_of_permuted_groups_are_those_of_the_patients_in_them() -> None:
    exact = ("sensitivity", "f1", "false_alarms_per_h", "mean_delay_s", "brier", "ece", "auroc")
    condition, who, deal = dealt_out(exact)
    drawn = figures(condition, exact, who, deal)
    for name in exact:
        for row, groups in zip(drawn[name], deal, strict=True):
            for group, value in enumerate(row):
                members = np.zeros(condition.size, bool)
                members[who[groups == group]] = True
                expected = condition.figure(name, members).confidence.value
                assert value == pytest.approx(expected, rel=1e-5)


def test_the_others_are_close_to_them() -> None:
    linear = ("auprc", "calibration_intercept", "calibration_slope", "median_delay_s")
    condition, who, deal = dealt_out(linear, 40)
    drawn = figures(condition, linear, who, deal)
    for name in linear:
        true = []
        for groups in deal:
            members = np.zeros(condition.size, bool)
            members[who[groups == 0]] = True
            true.append(condition.figure(name, members).confidence.value)
        assert np.corrcoef(drawn[name][:, 0], true)[0, 1] > 0.8


def test_every_metric_has_a_null() -> None:
    predictions, subjects = population(60, 30)
    result = audit_tables(predictions, subjects, declared(*EVERY_METRIC))
    assert [gap.metric for gap in result.gaps] == list(EVERY_METRIC)
    assert all(gap.null_high > 0 for gap in result.gaps)


def test_without_disparity_p_values_are_uniform() -> None:
    p = []
    groups = [{"attribute": "site"}]
    for seed in range(40):
        predictions, subjects = population(36, 15, seed=seed, spread=1.0)
        declaration = declared("sensitivity", groups=groups, seed=seed, **SMALL)
        p.append(audit_tables(predictions, subjects, declaration).gaps[0].p_value)
    assert kstest(p, "uniform").pvalue > 0.01


def test_a_planted_disparity_stands_out_of_the_null() -> None:
    predictions, subjects = population(120, 30, worse=1.2)
    (gap,) = audit_tables(predictions, subjects, declared("sensitivity")).gaps
    assert gap.largest > gap.null_high > gap.null_median > 0
    assert gap.p_value < 0.01
    assert (gap.best_group, gap.worst_group) == ("M", "F")


def test_the_null_itself_shows_gaps_where_there_are_none() -> None:
    """The largest of several gaps is above 0 by chance: why it must not be read alone."""
    groups = [{"attribute": "age", "bands": [25, 35, 45, 55, 65, 75, 80]}]
    predictions, subjects = population(80, 20, spread=1.0)
    declaration = declared("sensitivity", groups=groups, **SMALL)
    (gap,) = audit_tables(predictions, subjects, declaration).gaps
    assert gap.null_median > 0.05


def test_one_group_with_enough_patients_is_no_gap() -> None:
    predictions, subjects = population(60, 20)
    subjects["site"] = np.where(np.arange(60) < 8, "tiny", "big")
    groups = [{"attribute": "site"}]
    (gap,) = audit_tables(predictions, subjects, declared("sensitivity", groups=groups)).gaps
    assert np.isnan(gap.largest)
    assert gap.best_group == gap.worst_group == ""
