"""A cohort holds what the tables say: every unit, every patient, every group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairness.build import band_names, build_cohort
from fairness.errors import AuditError
from tests.fairness.cohorts import declaration, predictions, subjects


def test_units_lie_with_their_patients_whatever_the_order_of_the_rows() -> None:
    table = predictions()
    cohort = build_cohort(table, subjects(), declaration())
    again = build_cohort(table.iloc[::-1], subjects().iloc[::-1], declaration())
    assert cohort.patients == again.patients == tuple(f"p{i}" for i in range(6))
    for one in (cohort, again):
        units = one.units["all"]
        assert np.all(np.diff(units.patient) >= 0)
        assert np.bincount(units.patient, weights=units.truth).tolist() == [2] * 6
        assert np.bincount(units.patient, weights=units.prediction).tolist() == [1] * 6


def test_bands_ascend_and_empty_ones_stay_named() -> None:
    groups = [{"attribute": "age", "bands": [25, 40, 90]}]
    (age,) = build_cohort(predictions(), subjects(), declaration(groups=groups)).groupings
    assert age.names == ("<25", "25-39", "40-89", ">=90")
    assert np.bincount(age.code, minlength=4).tolist() == [1, 1, 4, 0]


@given(st.lists(st.integers(-50, 150), unique=True, min_size=1, max_size=6).map(sorted))
def test_bands_have_names_of_their_own(edges: list[int]) -> None:
    found = band_names(tuple(edges))
    assert len(set(found)) == len(edges) + 1


def test_who_is_unknown_is_a_group_of_its_own_and_stays_one_in_intersections() -> None:
    people = subjects()
    people.loc[0, "sex"] = None
    people.loc[3, "age"] = None
    keys = {
        "groups": [{"attribute": "sex"}, {"attribute": "age", "bands": [50]}],
        "intersections": [["sex", "age"]],
    }
    sex, age, both = build_cohort(predictions(), people, declaration(**keys)).groupings
    assert sex.names == ("F", "M", "unknown")
    assert age.names == ("<50", ">=50", "unknown")
    assert both.names == ("F × <50", "F × >=50", "M × <50", "M × >=50", "unknown")
    assert [both.names[code] for code in both.code] == [
        "unknown", "F × <50", "M × <50", "unknown", "M × >=50", "F × >=50",
    ]  # fmt: skip


def test_strangers_count_as_unknown_and_silent_patients_as_monitored() -> None:
    people = pd.concat(
        [subjects().iloc[1:], pd.DataFrame({"patient": ["p9"], "sex": ["F"], "monitored_h": [3]})]
    )
    cohort = build_cohort(predictions(), people, declaration())
    (sex,) = cohort.groupings
    assert cohort.patients == ("p0", "p1", "p2", "p3", "p4", "p5", "p9")
    assert sex.names[sex.code[0]] == "unknown"
    assert np.isnan(cohort.monitored_h[0])
    assert "1 patients have no row in the subjects: all about them is unknown." in cohort.notes
    assert any("hours but no predictions" in note for note in cohort.notes)


def test_a_patient_is_never_adjusted_for_what_is_compared() -> None:
    keys = {
        "groups": [{"attribute": "sex"}, {"attribute": "age", "bands": [50]}],
        "adjust_by": ["age", "sex"],
    }
    cohort = build_cohort(predictions(), subjects(), declaration(**keys))
    assert cohort.strata_beside(("sex",)).columns == ("age",)
    assert cohort.strata_beside(("sex", "age")).names == ("all",)
    every = cohort.strata_beside(())
    assert every.names == ("<50 × F", "<50 × M", ">=50 × F", ">=50 × M")
    assert np.bincount(every.code).tolist() == [1, 2, 2, 1]


def test_a_number_that_is_only_adjusted_by_is_cut_at_its_quartiles() -> None:
    people = subjects(40).assign(height=np.arange(40) + 0.5)
    cohort = build_cohort(predictions(40), people, declaration(adjust_by=["height"]))
    assert np.bincount(cohort.adjust_by[0].code).tolist() == [10] * 4


def test_excluded_units_are_counted_and_nothing_else() -> None:
    table = predictions().assign(excluded=[1, 1, 0, 0] * 6)
    units = build_cohort(table, subjects(), declaration()).units["all"]
    assert units.excluded.tolist() == [2] * 6
    assert len(units.truth) == 12


def test_detection_has_no_true_negatives() -> None:
    table = predictions()
    assert not build_cohort(table, subjects(), declaration()).units["all"].is_detection
    found = table[(table["truth"] == 1) | (table["prediction"] == 1)]
    assert build_cohort(found, subjects(), declaration()).units["all"].is_detection


def metric(name: str, condition: str = "all") -> dict[str, object]:
    return {"metrics": [{"name": name, "margin": 0.1, "condition": condition}]}


@pytest.mark.parametrize(
    ("table", "people", "keys", "told"),
    [
        ({}, {"sex": "F"}, {}, "sex has one group only, F: there is nothing to compare"),
        ({}, {"sex": None}, {}, "sex has no known value"),
        ({"truth": 1}, {}, metric("specificity"), "specificity .* needs units with truth 0"),
        ({"truth": 1}, {}, metric("auroc"), "auroc .* needs units with truth 0"),
        ({"truth": 0}, {}, {}, "sensitivity .* needs units with truth 1"),
        ({"score": None}, {}, metric("auroc"), "auroc .* needs a column score"),
        ({}, {}, metric("mean_delay_s"), "needs a column delay_s"),
        ({}, {"monitored_h": None}, metric("false_alarms_per_h"), "needs a column monitored_h"),
        ({}, {}, metric("ppv", "VEB"), "no row of the declared condition VEB; there are: all"),
        ({"excluded": 1}, {}, {}, "every unit is excluded"),
        ({}, {}, {"groups": [{"attribute": "site"}]}, "no column site"),
        ({}, {}, {"groups": [{"attribute": "sex", "bands": [3]}]}, "sex must be a finite number"),
        ({}, {}, {"groups": [{"attribute": "sex", "reference": "X"}]}, "allowed are rest, largest"),
        ({}, {}, {"groups": [{"attribute": "patient"}]}, "patient is no attribute"),
        ({}, {}, {"adjust_by": ["site"]}, "no column site"),
    ],
)
def test_what_cannot_be_audited_is_refused_with_the_reason(
    table: dict[str, object], people: dict[str, object], keys: dict[str, object], told: str
) -> None:
    with pytest.raises(AuditError, match=told):
        build_cohort(
            predictions().assign(**table), subjects().assign(**people), declaration(**keys)
        )


def test_many_values_without_bands_are_no_groups() -> None:
    keys = {"groups": [{"attribute": "age"}]}
    with pytest.raises(AuditError, match=r"age has 30 different values, .* declare bands"):
        build_cohort(predictions(30), subjects(30), declaration(**keys))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["F", "M", "", None, "X"]), min_size=6, max_size=6))
def test_every_patient_is_in_exactly_one_group(values: list[str | None]) -> None:
    people = subjects().assign(sex=values)
    known = {value for value in values if value}
    if len(known) < 2:
        return
    (sex,) = build_cohort(predictions(), people, declaration()).groupings
    assert [sex.names[code] for code in sex.code] == [value or "unknown" for value in values]
    assert ("unknown" in sex.names) == any(not value for value in values)
