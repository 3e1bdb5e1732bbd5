"""Intervals of gross rates by resampling patients, who are the independent unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError
from training.ec57.summary import BEAT_KINDS, BeatKind, RecordComparison, gross
from training.splits import patient_of

Array = NDArray[np.float64]

MIN_PATIENTS = 2
"""Fewer patients say nothing about how patients differ."""


@dataclass(frozen=True)
class Interval:
    """A percentile interval."""

    low: float
    """Lower end, percent."""
    high: float
    """Upper end, percent."""


def bootstrap_gross(
    comparisons: Sequence[RecordComparison],
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    patient: Callable[[str], str] = lambda record: patient_of("mitdb", record),
) -> dict[BeatKind, dict[str, Interval | None]]:
    """Give intervals of gross Se, +P and F1 by drawing patients with replacement.

    Parameters
    ----------
    comparisons
        One a record.
    resamples
        How many times to draw.
    confidence
        Share of the resampled rates that the interval holds.
    seed
        Of the random numbers; the same seed gives the same intervals.
    patient
        Patient of a record; 201 and 202 of mitdb are one person.

    Returns
    -------
    dict
        By ``"qrs"``, ``"veb"``, ``"sveb"`` and then ``"se"``, ``"ppv"``,
        ``"f1"``; None where fewer than two patients, or no resample, have the
        rate defined.

    Raises
    ------
    InputError
        `resamples` is below 1 or `confidence` not between 0 and 1.
    """
    if resamples < 1 or not 0 < confidence < 1:
        raise InputError("a bootstrap needs at least 1 resample and a confidence between 0 and 1")
    patients = sorted({patient(c.record) for c in comparisons})
    draws = draw_patients(len(patients), resamples, seed)
    tail = 50 * (1 - confidence)
    per_record = [gross([c]) for c in comparisons]
    found: dict[BeatKind, dict[str, Interval | None]] = {}
    for kind in BEAT_KINDS:
        counts = np.zeros((len(patients), 3))
        for c, tallies in zip(comparisons, per_record, strict=True):
            tally = tallies[kind]
            counts[patients.index(patient(c.record))] += (tally.tp_se, tally.fn, tally.fp)
        found[kind] = {}
        for name, values in drawn_rates(draws, counts).items():
            known = values[np.isfinite(values)]
            if len(patients) < MIN_PATIENTS or not known.size:
                found[kind][name] = None
            else:
                low, high = np.percentile(known, [tail, 100 - tail])
                found[kind][name] = Interval(float(low), float(high))
    return found


def draw_patients(n_patients: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """Draw as many patients as there are, with replacement, many times.

    Returns
    -------
    array of shape (resamples, n_patients)
        How often each is drawn.
    """
    if n_patients < 1:
        return np.zeros((resamples, 0), np.int64)
    even = np.full(n_patients, 1 / n_patients)
    return np.random.default_rng(seed).multinomial(n_patients, even, size=resamples)


def drawn_rates(draws: NDArray[np.int64], counts: NDArray[np.float64]) -> dict[str, Array]:
    """Give gross rates of drawn patients, percent; NaN where a rate is not defined.

    Parameters
    ----------
    draws : array of shape (resamples, n_patients)
        From :func:`draw_patients`. The same draws for two systems make their figures pairs.
    counts : array of shape (n_patients, 3)
        Beats found, missed and falsely told of each patient.

    Returns
    -------
    dict of str to array of shape (resamples,)
        ``"se"``, ``"ppv"``, ``"f1"``.

    Examples
    --------
    >>> counts = np.array([[8.0, 2.0, 0.0], [1.0, 1.0, 1.0]])
    >>> rates = drawn_rates(np.array([[1, 1], [0, 2]]), counts)
    >>> rates["se"].tolist(), rates["ppv"].tolist()
    ([75.0, 50.0], [90.0, 50.0])
    """
    tp, fn, fp = (draws @ counts).T
    with np.errstate(invalid="ignore", divide="ignore"):
        se, ppv = 100 * tp / (tp + fn), 100 * tp / (tp + fp)
        f1 = np.where(np.isfinite(se), 200 * tp / (2 * tp + fn + fp), np.nan)
    return {"se": se, "ppv": ppv, "f1": f1}
