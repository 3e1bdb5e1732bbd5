"""Forecasts of many streams: the contract of stages, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference import model
from inference.forecast import ForecastStage
from inference.forecast_info import ForecastInfo
from inference.session import StreamSession
from inference.surprise import forecast_error, joined, stillness
from ingest.errors import InputError
from tests.inference.contract import StageCase, check_all, row_bytes

N_STEPS = 75


def values(n_rows: int, seed: int = 0) -> list[np.ndarray]:
    """Numerics of several streams, with holes; one array a step."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 0.6, (N_STEPS, n_rows, 4)), axis=0)
    x = np.round(np.array([80.0, 80.0, 17.0, 96.0]) + walk).astype(np.float32)
    x[rng.random(x.shape) < 0.15] = np.nan
    x[20:40, 0] = np.nan  # a stream of which nothing is heard for a while
    return list(x)


def stage(n_slots: int) -> ForecastStage:
    return ForecastStage(StreamSession(model.builtin("forecast"), "forecast"), n_slots=n_slots)


def following(n_slots: int) -> ForecastStage:
    session = StreamSession(model.builtin("forecast"), "forecast")
    return ForecastStage(session, n_slots=n_slots, share=0.1)


def _step(each: Any, slots: np.ndarray, x: np.ndarray) -> list[bytes]:
    return row_bytes(each.step(slots, x), len(slots))


@pytest.mark.parametrize("make", [stage, following])
def test_the_stage_keeps_the_contract_of_stages(make: Any) -> None:
    check_all(StageCase(make, _step, values(5), 5))  # type: ignore[arg-type]


def test_limits_that_were_not_calibrated_are_refused_by_name() -> None:
    session = StreamSession(model.builtin("forecast"), "forecast")
    with pytest.raises(InputError, match="limits for 2, 4, 8, 16"):
        ForecastStage(session, asked="3")


def test_more_false_alarms_asked_for_is_a_lower_limit() -> None:
    session = StreamSession(model.builtin("forecast"), "forecast")
    limits = [ForecastStage(session.twin(), asked=asked).limit for asked in ("2", "4", "8", "16")]

    assert limits == sorted(limits, reverse=True)


def test_the_shipped_model_names_its_forecasts() -> None:
    info = ForecastInfo.of(StreamSession(model.builtin("forecast"), "forecast").info)

    assert info.channels == ("HR", "PULSE", "RESP", "SpO2")
    assert info.ahead_s == tuple(5.0 * k for k in range(1, 13))
    assert info.quantiles == (0.05, 0.25, 0.5, 0.75, 0.95)


def test_an_error_is_counted_in_the_width_of_its_own_side() -> None:
    low, median, high = (np.float32(v) for v in (70, 80, 84))
    rest = np.float32(0)

    above = forecast_error(np.float32(88), low, median, high, rest)  # type: ignore[arg-type]
    below = forecast_error(np.float32(60), low, median, high, rest)  # type: ignore[arg-type]

    assert (float(above), float(below)) == (2.0, 2.0)


def test_rounding_alone_is_no_error() -> None:
    f = np.full(3, 80.0, np.float32)
    off = np.array([79.5, 80.0, 80.5], np.float32)

    assert forecast_error(off, f, f, f, np.float32(0.5)).tolist() == [0, 0, 0]


def test_a_missing_value_says_nothing_and_a_missing_forecast_is_left_out() -> None:
    errors = np.array([[1.0, np.nan], [3.0, np.nan]], np.float32)

    assert joined(errors)[0] == 2.0
    assert np.isnan(joined(errors)[1])


def test_a_channel_that_never_changes_is_not_strange_for_standing_still() -> None:
    usual = stillness(*(np.full(1, v, np.float32) for v in (400, 0, 0)))
    lively = stillness(*(np.full(1, v, np.float32) for v in (60, 300, 150)))

    assert lively[0] > 20
    assert usual[0] < 1
