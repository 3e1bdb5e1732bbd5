"""Intervals of gross rates by resampling patients, who are the independent unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.errors import InputError
from training.ec57.summary import BEAT_KINDS, BeatKind, RecordComparison, gross
from training.splits import patient_of

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
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(patients), np.full(len(patients), 1 / max(1, len(patients))),
                            size=resamples) if patients else np.zeros((resamples, 0))  # fmt: skip
    tail = 50 * (1 - confidence)
    per_record = [gross([c]) for c in comparisons]
    found: dict[BeatKind, dict[str, Interval | None]] = {}
    for kind in BEAT_KINDS:
        counts = np.zeros((len(patients), 3))
        for c, tallies in zip(comparisons, per_record, strict=True):
            tally = tallies[kind]
            counts[patients.index(patient(c.record))] += (tally.tp_se, tally.fn, tally.fp)
        tp, fn, fp = (draws @ counts).T
        with np.errstate(invalid="ignore", divide="ignore"):
            se, ppv = 100 * tp / (tp + fn), 100 * tp / (tp + fp)
            f1 = np.where(np.isfinite(se), 200 * tp / (2 * tp + fn + fp), np.nan)
        found[kind] = {}
        for name, values in (("se", se), ("ppv", ppv), ("f1", f1)):
            known = values[np.isfinite(values)]
            if len(patients) < MIN_PATIENTS or not known.size:
                found[kind][name] = None
            else:
                low, high = np.percentile(known, [tail, 100 - tail])
                found[kind][name] = Interval(float(low), float(high))
    return found
