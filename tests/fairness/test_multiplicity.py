"""Corrections for multiplicity are those of statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from fairness.multiplicity import benjamini_hochberg, holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(P_VALUES)
def test_corrections_are_those_of_statsmodels(p) -> None:
    for mine, theirs in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        expected = multipletests(p, method=theirs)[1]
        assert mine(np.array(p)) == pytest.approx(expected, abs=1e-9)


@given(P_VALUES)
def test_what_cannot_be_judged_is_not_counted(p) -> None:
    padded = np.array([np.nan, *p, np.nan])
    for correct in (holm, benjamini_hochberg):
        found = correct(padded)
        assert np.isnan(found[[0, -1]]).all()
        assert np.array_equal(found[1:-1], correct(np.array(p)))


def test_nothing_to_correct_is_no_error() -> None:
    assert len(holm(np.zeros(0))) == len(benjamini_hochberg(np.zeros(0))) == 0
