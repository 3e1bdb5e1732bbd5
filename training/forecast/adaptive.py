"""Limits that follow each stream, on patients left out: how often scores reach them, and all time.

A limit begins where calibration patients put it, and then follows the test patient's own scores
(:mod:`inference.adaptive_limit`), or stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.adaptive_limit import moved
from inference.forecast import WARM_UP_S
from training.config import TrainConfig
from training.forecast.detectors import Detector, ForecastDetector, SimpleForecast
from training.forecast.folds import OUTER, PRIMARY, deal, forecaster, without
from training.forecast.series import SensorSeries
from training.forecast.trial import ASKED_SHARE, calibrate, limit_name

DRAWS = 2000
"""Draws of patients for an interval."""


def reached(
    score: NDArray[np.floating], start: float, share: float, *, follow: bool
) -> NDArray[np.bool_]:
    """Tell where one stream's scores reach its limit.

    Parameters
    ----------
    score : array of shape (n_steps,)
        Behind the warm-up.
    start : float
        Limit at the beginning.
    share : float
        Share that is asked for.
    follow : bool
        Let the limit follow the scores.

    Examples
    --------
    >>> reached(np.array([3.0, 3.0, 3.0]), 2.98, 0.5, follow=True).tolist()
    [True, False, True]
    """
    limit, found = np.array([start]), np.zeros(len(score), np.bool_)
    for step, value in enumerate(score):
        now = np.array([value >= limit[0]])
        found[step] = now[0]
        if follow:
            limit = moved(limit, now, share)
    return found


def of_adaptive(config: TrainConfig, series: Sequence[SensorSeries], models: Path) -> Any:
    """Measure shares by patient, of standing limits and of such as follow."""
    run = PRIMARY.config(config, config.fit.seed)

    def make(given: Sequence[SensorSeries]) -> Any:
        return forecaster(run, given, models)

    makers: list[Callable[[], Detector]] = [
        lambda: SimpleForecast("naive"),
        lambda: ForecastDetector(make),
    ]
    return {one().name: _of_detector(one, series) for one in makers}


def _of_detector(make: Callable[[], Detector], series: Sequence[SensorSeries]) -> list[Any]:
    """Measure one detector; a row an asked share and kind of limit."""
    shares: dict[tuple[float, bool], dict[str, list[NDArray[np.bool_]]]] = {}
    for fold in deal(series, OUTER):
        rest = without(series, fold)
        calibration, limits = calibrate(make, rest)
        detector = make()
        detector.fit(rest)
        for each, components in zip(fold, detector.scores(fold), strict=True):
            score = calibration.score(components)[round(WARM_UP_S * each.fs) :]
            for asked in ASKED_SHARE:
                start = limits[limit_name(asked, share=True)]
                for follow in (False, True):
                    hits = reached(score, start, asked, follow=follow)
                    people = shares.setdefault((asked, follow), {})
                    people.setdefault(each.patient, []).append(hits)
    return [_row(asked, follow, people) for (asked, follow), people in shares.items()]


def _row(asked: float, follow: bool, people: dict[str, list[NDArray[np.bool_]]]) -> Any:
    """Average over patients, with an interval that draws them."""
    got = np.array([np.concatenate(each).mean() for each in people.values()])
    draws = np.random.default_rng(0).integers(0, len(got), (DRAWS, len(got)))
    low, high = np.quantile(got[draws].mean(axis=1), (0.025, 0.975))
    return {
        "asked": asked,
        "follows": follow,
        "got": float(got.mean()),
        "low": float(low),
        "high": float(high),
        "ratio": float(got.mean() / asked),
        "within": float((np.abs(got / asked - 1) <= 0.2).mean()),
        "worst": float(got.max()),
    }
