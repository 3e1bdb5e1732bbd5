"""Figures of two models on the same patients, and of the same draws of these patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.ec57.bootstrap import draw_patients, drawn_rates
from training.mitigation.paired import Told

RESAMPLES = 4000
"""Draws of patients."""
N_BINS = 15
"""Bins of equal width of the expected calibration error (Guo et al., ICML 2017)."""
LEAST_P = 1e-4
"""Least probability that the log loss counts a beat with."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of two models."""

    champion: float
    """The champion's."""
    candidate: float
    """The candidate's."""
    difference: Told
    """Candidate less champion, with a 95 % interval over patients."""

    def to_dict(self) -> dict[str, float | None]:
        """Give it as a JSON object, rounded to what is read."""
        values = {
            "champion": self.champion,
            "candidate": self.candidate,
            "difference": self.difference.value,
            "low": self.difference.low,
            "high": self.difference.high,
        }
        return {name: _rounded(value) for name, value in values.items()}


def f1_change(
    champion: pd.DataFrame,
    candidate: pd.DataFrame,
    condition: str,
    patients: Sequence[str],
    seed: int = 0,
) -> Change:
    """Compare gross F1, percent, as EC57 counts.

    Parameters
    ----------
    champion, candidate : pandas.DataFrame
        Rows as :func:`training.audits.predict.predict` gives them.
    condition : str
        ``QRS``, ``VEB`` or ``SVEB``.
    patients : sequence of str
        Whom to compare on.
    seed : int
        Of the draws.
    """
    draws = np.vstack(
        [np.ones((1, len(patients)), np.int64), draw_patients(len(patients), RESAMPLES, seed)]
    )
    before, after = (
        drawn_rates(draws, counts(table, condition, patients))["f1"]
        for table in (champion, candidate)
    )
    return _change(before, after)


def counts(table: pd.DataFrame, condition: str, patients: Sequence[str]) -> Array:
    """Count beats found, missed and falsely told, shape (n_patients, 3)."""
    rows = table[table["condition"] == condition]
    truth, called = rows["truth"].to_numpy() == 1, rows["prediction"].to_numpy() == 1
    parts = np.stack([truth & called, truth & ~called, ~truth & called], axis=1)
    return _by_patient(rows, parts.astype(np.float64), patients)


def calibration_change(
    champion: pd.DataFrame,
    candidate: pd.DataFrame,
    condition: str,
    patients: Sequence[str],
    seed: int = 0,
) -> dict[str, Change]:
    """Compare ``ece``, ``brier`` and ``log_loss``; parameters as :func:`f1_change`."""
    draws = np.vstack(
        [np.ones((1, len(patients)), np.int64), draw_patients(len(patients), RESAMPLES, seed)]
    )
    before, after = (
        _calibration(draws, _moments(table, condition, patients)) for table in (champion, candidate)
    )
    return {name: _change(before[name], after[name]) for name in before}


def patients_with(table: pd.DataFrame, condition: str) -> set[str]:
    """Name the patients who have a condition."""
    rows = table[(table["condition"] == condition) & (table["truth"] == 1)]
    return set(rows["patient"])


def _moments(table: pd.DataFrame, condition: str, patients: Sequence[str]) -> Array:
    """Sum up each patient: squared error, log loss, beats, and scores less truths of each bin."""
    rows = table[table["condition"] == condition]
    truth, score = (rows[name].to_numpy(np.float64) for name in ("truth", "score"))
    p = np.clip(score, LEAST_P, 1 - LEAST_P)
    loss = -(truth * np.log(p) + (1 - truth) * np.log(1 - p))
    in_bin = np.eye(N_BINS)[np.minimum((score * N_BINS).astype(np.int64), N_BINS - 1)]
    parts = np.column_stack(
        [(score - truth) ** 2, loss, np.ones_like(score), in_bin * (score - truth)[:, None]]
    )
    return _by_patient(rows, parts, patients)


def _calibration(draws: NDArray[np.int64], sums: Array) -> dict[str, Array]:
    drawn = draws @ sums
    with np.errstate(invalid="ignore", divide="ignore"):
        brier, loss = (drawn[:, :2] / drawn[:, 2:3]).T
        ece = np.abs(drawn[:, 3:]).sum(axis=1) / drawn[:, 2]
    return {"ece": ece, "brier": brier, "log_loss": loss}


def _by_patient(rows: pd.DataFrame, parts: Array, patients: Sequence[str]) -> Array:
    place = {patient: at for at, patient in enumerate(patients)}
    at = rows["patient"].map(place)
    known = at.notna().to_numpy()
    summed = np.zeros((len(patients), parts.shape[1]))
    np.add.at(summed, at[known].to_numpy(np.int64), parts[known])
    return summed


def _change(before: Array, after: Array) -> Change:
    """Take the first of all draws as the figure itself."""
    told = Told.of(after[0] - before[0], after[1:] - before[1:])
    return Change(float(before[0]), float(after[0]), told)


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value, 5)
