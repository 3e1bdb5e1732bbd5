"""The bootstrap draws patients with all their units, and groups keep their sizes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from fairness import gaps
from fairness.audit import audit_tables
from fairness.bootstrap import draw, drawn_ratio
from fairness.permutation import permute
from tests.fairness.populations import declared, population

CODES = st.lists(st.integers(0, 4), min_size=1, max_size=30).map(lambda c: np.array(c, np.int32))


@given(CODES, st.integers(0, 2**32 - 1))
def test_groups_keep_their_sizes_in_every_draw_and_deal(code, seed) -> None:
    often = draw(code, 7, np.random.default_rng(seed))
    dealt = permute(code, 7, np.random.default_rng(seed))
    assert often.shape == dealt.shape == (7, len(code))
    for group in np.unique(code):
        assert (often[:, code == group].sum(1) == (code == group).sum()).all()
        assert ((dealt == group).sum(1) == (code == group).sum()).all()


def test_patients_are_drawn_alike_often() -> None:
    often = draw(np.zeros(8, np.int32), 4000, np.random.default_rng(0))
    assert chisquare(often.sum(0)).pvalue > 0.001
    assert often.var() == pytest.approx(7 / 8, abs=0.02)


def test_a_draw_is_repeating_the_patients_rows() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"patient": rng.integers(0, 6, 90), "found": rng.integers(0, 2, 90)})
    counts = table.groupby("patient")["found"].agg(["sum", "count"])
    often = draw(np.zeros(6, np.int32), 25, rng)
    ratios = drawn_ratio(often, counts["sum"].to_numpy(float), counts["count"].to_numpy(float))
    for weights, ratio in zip(often, ratios, strict=True):
        rows = pd.concat(
            [table[table["patient"] == p] for p in range(6) for _ in range(int(weights[p]))]
        )
        assert ratio == pytest.approx(rows["found"].mean(), abs=1e-6)


def test_what_was_not_drawn_is_no_figure() -> None:
    often = np.array([[2.0, 0.0], [0.0, 2.0]], np.float32)
    ratio = drawn_ratio(often, np.array([0.0, 1.0]), np.array([0.0, 4.0]))
    assert np.isnan(ratio[0])
    assert ratio[1] == 0.25


def test_dealing_in_parts_gives_the_same_null(monkeypatch) -> None:
    tables = population(40, 15)
    declaration = declared("sensitivity", rounds=2000)
    (whole,) = audit_tables(*tables, declaration).gaps
    monkeypatch.setattr(gaps, "MOST_DEALT", 40 * 300)
    (parts,) = audit_tables(*tables, declaration).gaps
    assert parts.null_high == pytest.approx(whole.null_high, rel=0.1)
    assert parts.p_value == pytest.approx(whole.p_value, abs=0.05)
