"""Figures for people: what is written reads back as what was meant."""

from __future__ import annotations

import math
import re

from hypothesis import given
from hypothesis import strategies as st

from fairness.report.numerals import NOT_ESTIMABLE, Style, p_value, style_for
from fairness.result import Estimate

SHARES = st.floats(-1, 1, allow_nan=False)


def read(text: str) -> float:
    return float(text.replace("−", "-").replace("+", ""))


@given(SHARES, st.integers(1, 3))
def test_a_share_reads_back_within_half_a_last_digit(value: float, decimals: int) -> None:
    text = Style("share", decimals).bare(value, signed=True)
    assert abs(read(text) - 100 * value) <= 0.5 * 10**-decimals + 1e-9
    assert (text[0] == "−") == (read(text) < 0)
    assert (text[0] == "+") == (read(text) > 0)


@given(st.floats(0, 1, allow_nan=False), st.floats(0, 0.3), st.floats(0, 0.3))
def test_an_interval_is_written_low_to_high(value: float, below: float, above: float) -> None:
    text = Style("share", 1).interval(Estimate(value, value - below, value + above))
    first, low, high = re.findall(r"[−]?\d+\.\d", text)
    assert read(low) <= read(first) <= read(high)


@given(st.sampled_from([math.nan, math.inf, -math.inf]))
def test_no_figure_is_ever_written_nan(value: float) -> None:
    style = Style("seconds", 1)
    assert style.value(value) == style.bare(value) == p_value(value) == NOT_ESTIMABLE
    assert style.interval(Estimate(value, 0.0, 1.0)) == NOT_ESTIMABLE
    assert style.difference(Estimate(value, 0.0, 1.0)) == NOT_ESTIMABLE
    assert style.interval(Estimate(1.0, value, value)) == "1.0 s (no interval)"
    assert style.interval(Estimate(1.0, 0.5, value)) == "1.0 s (0.5 to open)"


@given(st.lists(st.floats(1e-6, 1), min_size=1))
def test_the_decimals_show_the_typical_interval_wherever_the_kind_allows(
    widths: list[float],
) -> None:
    style = style_for("share", [Estimate(0.5, 0.5 - w / 2, 0.5 + w / 2) for w in widths])
    assert 1 <= style.decimals <= 2
    if 0.002 < min(widths) <= max(widths) < 0.02:
        assert style.decimals == 1


def test_nothing_to_go_by_gives_the_fewest_decimals() -> None:
    assert style_for("number", []) == Style("number", 2)
    assert style_for("share", [Estimate(math.nan, math.nan, math.nan)]) == Style("share", 1)


def test_percent_differ_by_points_and_other_figures_by_their_unit() -> None:
    assert Style("share", 1).margin(0.02) == "±2 points"
    assert Style("per_hour", 2).margin(0.25) == "±0.25 /h"
    assert Style("number", 2).difference(Estimate(0.1, 0.05, 0.15)) == "+0.10 (+0.05 to +0.15)"
