"""Groups of patients, and what cells weigh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import InputError
from tests.training.mitigation.cohort import person
from training.mitigation.groups import Grouping, group_names, groups_of, members
from training.mitigation.weighting import cell_weights
from training.subjects import Subject


@pytest.mark.parametrize(
    ("attribute", "subject", "name"),
    [
        ("sex", Subject(60, "F"), "F"),
        ("sex", Subject(60, ""), "unknown"),
        ("age", Subject(39, "F"), "under 40"),
        ("age", Subject(40, "F"), "40 to 64"),
        ("age", Subject(65, "F"), "65 and over"),
        ("age", Subject(None, "F"), "unknown"),
        ("sex-age", Subject(None, "M"), "M, unknown"),
        ("patient", Subject(60, "M"), "mitdb/100"),
    ],
)
def test_a_person_is_in_the_group_that_the_header_tells(attribute, subject, name) -> None:
    assert Grouping(attribute, (40, 65)).name("mitdb/100", subject) == name


def test_two_records_of_one_patient_that_disagree_are_refused() -> None:
    first = person("a", "F", 0, rare=False)
    other = replace(first, name="b", subject=Subject(50, "M"))
    with pytest.raises(InputError, match="made/a is in two groups by sex: 'F' and, by record b"):
        groups_of([first, other], Grouping("sex"))
    assert groups_of([first, replace(first, name="b")], Grouping("sex")) == {"made/a": "F"}


def test_unknown_is_a_group_of_its_own_and_stands_last() -> None:
    groups = {"a": "unknown", "b": "M", "c": "F", "d": "unknown"}
    assert group_names(groups) == ("F", "M", "unknown")
    assert members(groups, "abcd") == {"F": ["c"], "M": ["b"], "unknown": ["a", "d"]}


COUNTS = st.lists(
    st.lists(st.integers(0, 5000), min_size=3, max_size=3), min_size=2, max_size=5
).map(lambda rows: np.array(rows, float))


@given(COUNTS, st.floats(0.1, 1.0), st.floats(1.0, 50.0))
def test_classes_keep_their_share_and_no_empty_cell_has_weight(
    counts: np.ndarray, power: float, most: float
) -> None:
    weights = cell_weights(counts, power, most)
    assert np.isfinite(weights).all()
    assert (weights[counts == 0] == 0).all()
    np.testing.assert_allclose((weights * counts).sum(0), counts.sum(0), rtol=1e-9)


@given(COUNTS)
def test_wholly_evened_out_groups_count_the_same_within_each_class(counts: np.ndarray) -> None:
    told = cell_weights(counts) * counts
    for column, there in zip(told.T, (counts > 0).T, strict=True):
        if there.any():
            np.testing.assert_allclose(column[there], column[there][0], rtol=1e-9)


def test_a_cap_holds_back_what_a_tiny_cell_would_count() -> None:
    free, capped = (cell_weights(np.array([[9990.0], [10.0]]), 1.0, most) for most in (1e9, 10.0))
    assert free[1, 0] == pytest.approx(500)
    assert 10 <= capped[1, 0] < 20
