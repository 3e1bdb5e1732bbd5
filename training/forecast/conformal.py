"""Limits by split conformal prediction over patients: as many false alarms as were asked for.

Patients, not seconds, are exchangeable: the seconds of one hang together, and a limit that holds
over all seconds can be far off for the next patient. So each calibration patient gives one loss
for each limit that one might choose, and the lowest limit is taken whose mean loss over patients
stays within what was asked (conformal risk control, Angelopoulos et al. 2022). With ``bound``, the
most that one patient can lose, the guarantee is finite-sample and conservative; without, it is the
plain mean, right on average over draws of the calibration patients.

The tables that make scores of components are learned, too. A patient whom a table has seen hardly
exceeds it, a new one does; so each calibration patient is scored by tables of others alone
(cross-conformal, Vovk 2015), as a patient to come is scored by tables of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.calibration import Calibration
from inference.forecast import HOLD_S, REST_S, WARM_UP_S
from ingest.errors import InputError

LIMITS = np.round(np.arange(0.0, 8.01, 0.02), 2)
"""Limits that one might choose."""
PARTS = 10
"""Parts that calibration patients are dealt into: one is scored by tables of the others."""
RARITY = np.round(np.linspace(0.0, 4.0, 41), 2)
"""Rarities that tables are made for, common logarithm."""

Mask = NDArray[np.bool_]


def tables(
    components: Sequence[NDArray[np.floating]], clean: Sequence[Mask]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Learn how rarely each component reaches a value, each patient counting the same.

    Parameters
    ----------
    components : sequence of array of shape (n_steps, n_components)
        Of each calibration patient; NaN where a component says nothing.
    clean : sequence of array of shape (n_steps,)
        True where the patient was undisturbed.

    Returns
    -------
    rarity : array of shape (n_levels,)
    reached : array of shape (n_components, n_levels)
        Cut where the patients at hand are too few to tell more.
    """
    n_columns = components[0].shape[1]
    kept = [np.asarray(c)[m] for c, m in zip(components, clean, strict=True)]
    n = max(1, sum(len(each) for each in kept))
    rarity = RARITY[np.log10(n) >= RARITY]
    reached = np.zeros((n_columns, len(rarity)))
    for column in range(n_columns):
        values = [each[:, column][~np.isnan(each[:, column])] for each in kept]
        weights = [np.full(len(v), 1 / len(v)) for v in values if len(v)]
        if not weights:
            continue
        flat, weight = np.concatenate(values), np.concatenate(weights)
        order = np.argsort(flat, kind="stable")
        above = 1 - (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
        reached[column] = np.interp(rarity, -np.log10(np.clip(above, 1e-12, 1)), flat[order])
    return rarity, np.maximum.accumulate(reached, axis=1)


def false_alarms(score: NDArray[np.floating], clean: Mask, fs: float = 1.0) -> NDArray[np.int64]:
    """Count the anomalies that begin in undisturbed time, for each of ``LIMITS``.

    Parameters
    ----------
    score : array of shape (n_steps,)
    clean : array of shape (n_steps,)
    fs : float
        Steps a second, Hz.

    Returns
    -------
    array of shape (len(LIMITS),)
        Falls as the limit rises: a limit counts what any higher one does.
    """
    above = np.asarray(score)[:, None] >= LIMITS
    counts = (onsets(above, fs) & clean[:, None]).sum(axis=0)
    return np.maximum.accumulate(counts[::-1])[::-1]


def onsets(above: NDArray[np.bool_], fs: float = 1.0) -> NDArray[np.bool_]:
    """Tell where anomalies begin, by the rule of :class:`inference.forecast.ForecastStage`.

    Parameters
    ----------
    above : array of shape (n_steps, n)
        The limit is reached.
    fs : float
        Steps a second, Hz.
    """
    began = np.zeros(above.shape, np.bool_)
    over = np.zeros(above.shape[1], np.int64)
    under, inside = over.copy(), np.zeros(above.shape[1], np.bool_)
    for step, reached in enumerate(above):
        now = reached & (step >= WARM_UP_S * fs)
        over, under = np.where(now, over + 1, 0), np.where(now, 0, under + 1)
        started = ~inside & (over >= HOLD_S * fs)
        began[step] = started
        inside = started | (inside & (under < REST_S * fs))
    return began


def limit_for(losses: NDArray[np.floating], asked: float, bound: float | None = None) -> float:
    """Choose the lowest limit whose mean loss over patients stays within what was asked.

    Parameters
    ----------
    losses : array of shape (n_patients, len(LIMITS))
        Of each calibration patient at each limit; not rising.
    asked : float
        Mean loss of patients to come that is asked for.
    bound : float, optional
        The most that a patient can lose; then ``(sum + bound) / (n + 1)`` is held to it.

    Raises
    ------
    ingest.errors.InputError
        If no limit keeps it: too few patients for so little, with ``bound``.

    Examples
    --------
    >>> losses = np.maximum(0, 8 - LIMITS)[None].repeat(9, axis=0)
    >>> limit_for(losses, 4.0), limit_for(losses, 4.0, bound=8.0)
    (4.0, 4.46)
    """
    n = len(losses)
    mean = losses.mean(axis=0) if bound is None else (losses.sum(axis=0) + bound) / (n + 1)
    kept = np.flatnonzero(mean <= asked + 1e-12)
    if not len(kept):
        raise InputError(
            f"no limit keeps the mean loss of {n} patients within {asked:g}; "
            f"allowed: at least {mean.min():g}"
        )
    return float(LIMITS[kept[0]])


def calibrated(
    components: Sequence[NDArray[np.floating]],
    clean: Sequence[Mask],
    patients: Sequence[str],
    asked: Sequence[float],
    fs: float = 1.0,
) -> Calibration:
    """Make tables and limits of what calibration patients gave.

    Parameters
    ----------
    components, clean : sequence
        As for :func:`tables`, one a record.
    patients : sequence of str
        Whose each record is.
    asked : sequence of float
        False alarms an hour.
    fs : float
        Steps a second, Hz.
    """
    rarity, reached = tables(components, clean)
    rates = alarm_rates(scores_left_out(components, clean, patients), clean, patients, fs)
    return Calibration(rarity, reached, {f"{a:g}": limit_for(rates, a) for a in asked})


def scores_left_out(
    components: Sequence[NDArray[np.floating]], clean: Sequence[Mask], patients: Sequence[str]
) -> list[NDArray[np.float32]]:
    """Score each record by tables that its patient is not in: as a patient to come will be.

    Parameters
    ----------
    components, clean, patients : sequence
        As for :func:`calibrated`.

    Returns
    -------
    list of array of shape (n_steps,)
        In the order of the records.

    Raises
    ------
    ingest.errors.InputError
        If there is one patient alone.

    Examples
    --------
    >>> one, other = np.arange(4.0)[:, None], np.arange(100.0)[:, None]
    >>> clean = [np.ones(4, bool), np.ones(100, bool)]
    >>> scores = scores_left_out([one, other], clean, ["a", "b"])
    >>> bool(scores[0].max() < 0.1), bool(scores[1].max() > 3)
    (True, True)
    """
    people = sorted(set(patients))
    if len(people) < 2:
        raise InputError(f"limits need 2 patients or more, not {len(people)}")
    by: dict[str, Calibration] = {}
    for part in range(min(PARTS, len(people))):
        left = set(people[part::PARTS])
        others = [i for i, person in enumerate(patients) if person not in left]
        learned = tables([components[i] for i in others], [clean[i] for i in others])
        by |= dict.fromkeys(left, Calibration(*learned, {}))
    return [by[who].score(given) for who, given in zip(patients, components, strict=True)]


def alarm_rates(
    scores: Sequence[NDArray[np.floating]],
    clean: Sequence[Mask],
    patients: Sequence[str],
    fs: float = 1.0,
) -> NDArray[np.float64]:
    """Count false alarms an hour of each patient at each limit, shape (n_patients, len(LIMITS))."""
    people = sorted(set(patients))
    count, hours = np.zeros((len(people), len(LIMITS))), np.zeros(len(people))
    for score, mask, patient in zip(scores, clean, patients, strict=True):
        row = people.index(patient)
        count[row] += false_alarms(score, mask, fs)
        hours[row] += mask.sum() / fs / 3600
    return count[hours > 0] / hours[hours > 0, None]


def alarm_shares(
    scores: Sequence[NDArray[np.floating]], clean: Sequence[Mask], patients: Sequence[str]
) -> NDArray[np.float64]:
    """Share of each patient's undisturbed time at or above each limit, as :func:`alarm_rates`."""
    people = sorted(set(patients))
    above, total = np.zeros((len(people), len(LIMITS))), np.zeros(len(people))
    for score, mask, patient in zip(scores, clean, patients, strict=True):
        row = people.index(patient)
        above[row] += (np.asarray(score)[mask][:, None] >= LIMITS).sum(axis=0)
        total[row] += mask.sum()
    return above[total > 0] / total[total > 0, None]
