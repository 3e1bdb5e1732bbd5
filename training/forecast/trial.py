"""All detectors on patients never learned from: real series, and the same with one thing planted.

Nested: what a detector learns comes from the other folds, and so do its tables and limits, which
are calibrated on folds within these, on patients that the calibrating detector did not learn
from. Nothing is chosen by the patients that are tested on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.calibration import Calibration
from training.architectures.forecaster import Forecaster
from training.config import TrainConfig
from training.forecast.conformal import (
    alarm_rates,
    alarm_shares,
    calibrated,
    limit_for,
    scores_left_out,
)
from training.forecast.detectors import (
    ControlChart,
    Detector,
    ForecastDetector,
    Forest,
    LinearAutoencoder,
    MatrixProfile,
    SimpleForecast,
)
from training.forecast.detectors.base import Scores
from training.forecast.disturbed import undisturbed
from training.forecast.folds import INNER, OUTER, PRIMARY, deal, forecaster, without
from training.forecast.planted import KINDS, Planted, plant
from training.forecast.series import SensorSeries

ASKED_PER_H = (2.0, 4.0, 8.0, 16.0)
"""False alarms an hour that are asked for."""
ASKED_SHARE = (0.01, 0.02, 0.05, 0.1)
"""Shares of undisturbed time at or above the limit that are asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a detector said of one series of a test patient."""

    record: str
    """Record name."""
    patient: str
    """The person."""
    kind: str
    """What was planted; empty where nothing was."""
    score: NDArray[np.float32]
    """Array of shape (n_steps,)."""
    clean: NDArray[np.bool_]
    """Array of shape (n_steps,): undisturbed."""
    begin: int
    """First step of what was planted, 0 where nothing was."""
    end: int
    """Step after its last."""
    limits: dict[str, float]
    """Limits that were calibrated without this patient, by :func:`limit_name`."""


def limit_name(asked: float, *, share: bool = False) -> str:
    """Name a limit by what was asked for.

    Examples
    --------
    >>> limit_name(4.0), limit_name(0.05, share=True)
    ('4/h', '5%')
    """
    return f"{100 * asked:g}%" if share else f"{asked:g}/h"


def makers(config: TrainConfig, models: Path) -> list[Callable[[], Detector]]:
    """List all detectors, each made afresh when called."""
    run = PRIMARY.config(config, config.fit.seed)

    def make(series: Sequence[SensorSeries]) -> Forecaster:
        return forecaster(run, series, models)

    return [
        lambda: ForecastDetector(make),
        lambda: ForecastDetector(make, still=False),
        lambda: SimpleForecast("naive"),
        lambda: SimpleForecast("seasonal"),
        ControlChart,
        LinearAutoencoder,
        Forest,
        MatrixProfile,
    ]


def planted_in(series: SensorSeries, seed: int) -> list[Planted]:
    """Plant each kind once; desaturation only where there is SpO2."""
    spo2 = series.values[:, series.channels.index("SpO2")]
    lost = np.isnan(spo2).mean() > 0.5
    return [plant(series, kind, seed) for kind in KINDS if not (lost and kind == "desaturation")]


def judge(
    make: Callable[[], Detector], series: Sequence[SensorSeries], seed: int = 0
) -> Iterator[Judged]:
    """Run one detector over all folds.

    Parameters
    ----------
    make : callable
        Makes the detector.
    series : sequence of SensorSeries
        Of all patients.
    seed : int
        Seed of what is planted.
    """
    for fold in deal(series, OUTER):
        rest = without(series, fold)
        calibration, limits = calibrate(make, rest)
        detector = make()
        detector.fit(rest)
        planted = [one for each in fold for one in planted_in(each, seed)]
        for each, components in zip(fold, detector.scores(fold), strict=True):
            score, clean = calibration.score(components), undisturbed(each)
            yield Judged(each.name, each.patient, "", score, clean, 0, 0, limits)
        heard = [one.series for one in planted]
        real = {each.name: each for each in fold}
        for one, components in zip(planted, detector.scores(heard), strict=True):
            score = calibration.score(components)
            clean = undisturbed(real[one.series.name], [(one.begin, one.end)])
            yield Judged(
                one.series.name, one.series.patient, one.kind, score, clean,
                one.begin, one.end, limits,
            )  # fmt: skip


def calibrate(
    make: Callable[[], Detector], series: Sequence[SensorSeries]
) -> tuple[Calibration, dict[str, float]]:
    """Make tables and limits by leaving patients out within these.

    Returns
    -------
    calibration : Calibration
    limits : dict
        By :func:`limit_name`.
    """
    components: list[Scores] = []
    ordered: list[SensorSeries] = []
    for fold in deal(series, INNER):
        detector = make()
        detector.fit(without(series, fold))
        components += detector.scores(fold)
        ordered += fold
    clean = [undisturbed(each) for each in ordered]
    people = [each.patient for each in ordered]
    calibration = calibrated(components, clean, people, ASKED_PER_H)
    scores = scores_left_out(components, clean, people)
    rates, shares = alarm_rates(scores, clean, people), alarm_shares(scores, clean, people)
    limits = {limit_name(a): limit_for(rates, a) for a in ASKED_PER_H}
    limits |= {limit_name(a, share=True): limit_for(shares, a) for a in ASKED_SHARE}
    return calibration, limits
