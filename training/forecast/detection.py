"""How well anomalies are detected: precision and recall, events, delay, false alarms an hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.forecast import WARM_UP_S
from training.forecast.conformal import onsets
from training.forecast.disturbed import disturbed
from training.forecast.series import SensorSeries
from training.forecast.trial import ASKED_PER_H, ASKED_SHARE, Judged, limit_name

DRAWS = 400
"""Draws of patients for intervals of precision and recall."""
LATE_S = 10
"""Seconds behind the end of an anomaly in which it still counts as found."""


def average_precision(
    score: NDArray[np.floating], wrong: NDArray[np.bool_], weight: NDArray[np.floating]
) -> float:
    """Area under the curve of precision over recall, by steps, tied scores taken together.

    Parameters
    ----------
    score : array of shape (n,)
    wrong : array of shape (n,)
        True where there is something to be found.
    weight : array of shape (n,)
        What each second counts.

    Examples
    --------
    >>> average_precision(np.array([3.0, 2.0, 1.0]), np.array([True, False, True]), np.ones(3))
    0.8333333333333333
    """
    order = np.argsort(-score, kind="stable")
    return _area(wrong[order] * weight[order], weight[order], _ends(score[order]))


def _ends(falling: NDArray[np.floating]) -> NDArray[np.intp]:
    """Last places of runs of equal scores."""
    return np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)


def _area(
    hits: NDArray[np.floating], weight: NDArray[np.floating], ends: NDArray[np.intp]
) -> float:
    found, called = np.cumsum(hits)[ends], np.cumsum(weight)[ends]
    if found[-1] <= 0:
        return float("nan")
    precision = found / np.maximum(called, 1e-12)
    return float((np.diff(found, prepend=0) * precision).sum() / found[-1])


def precision_with_interval(
    score: NDArray[np.floating],
    wrong: NDArray[np.bool_],
    person: NDArray[np.intp],
    seed: int = 0,
) -> dict[str, float]:
    """Average precision, its 95 % interval over patients, and the share that is wrong at all."""
    order = np.argsort(-score, kind="stable")
    wrong, person, ends = wrong[order], person[order], _ends(score[order])
    rng, n = np.random.default_rng(seed), int(person.max()) + 1
    draws = []
    for _ in range(DRAWS):
        weight = np.bincount(rng.integers(0, n, n), minlength=n)[person].astype(float)
        draws.append(_area(wrong * weight, weight, ends))
    low, high = np.nanquantile(draws, (0.025, 0.975))
    ones = np.ones(len(person))
    return {
        "auprc": _area(wrong * ones, ones, ends),
        "low": float(low),
        "high": float(high),
        "share": float(wrong.mean()),
    }


def of_kind(judged: Sequence[Judged], kind: str) -> dict[str, float]:
    """Measure one kind of planted anomaly: precision, and events at four false alarms an hour."""
    mine = [one for one in judged if one.kind == kind]
    people = sorted({one.patient for one in mine})
    score, wrong, person = [], [], []
    found, delay = [], []
    for one in mine:
        steps = np.arange(len(one.score))
        inside = (steps >= one.begin) & (steps < one.end)
        used = inside | one.clean
        score.append(one.score[used])
        wrong.append(inside[used])
        person.append(np.full(used.sum(), people.index(one.patient)))
        began = onsets((one.score >= one.limits[limit_name(4.0)])[:, None])[:, 0]
        hits = np.flatnonzero(began[one.begin : one.end + LATE_S])
        found.append(len(hits) > 0)
        delay += [int(hits[0])] if len(hits) else []
    told = precision_with_interval(
        np.concatenate(score), np.concatenate(wrong), np.concatenate(person)
    )
    return told | {
        "events": len(found),
        "found": float(np.mean(found)),
        "delay_s": float(np.median(delay)) if delay else float("nan"),
    }


def of_real(judged: Sequence[Judged], series: Sequence[SensorSeries]) -> dict[str, float]:
    """Measure what really went wrong, by the rules of :mod:`training.forecast.disturbed`."""
    by_name = {each.name: each for each in series}
    people = sorted({one.patient for one in judged})
    score, wrong, person = [], [], []
    for one in judged:
        if one.kind:
            continue
        inside = disturbed(by_name[one.record])
        inside[:WARM_UP_S] = False
        used = inside | one.clean
        score.append(one.score[used])
        wrong.append(inside[used])
        person.append(np.full(used.sum(), people.index(one.patient)))
    return precision_with_interval(
        np.concatenate(score), np.concatenate(wrong), np.concatenate(person)
    )


def of_false_alarms(judged: Sequence[Judged], seed: int = 0) -> list[dict[str, Any]]:
    """Hold the false alarms of test patients against what was asked for.

    Returns
    -------
    list of dict
        ``asked`` and ``got`` (means over patients, an hour or a share), ``low`` and ``high`` (95 %
        interval over patients) and ``ratio``.
    """
    clean = [one for one in judged if not one.kind]
    people = sorted({one.patient for one in clean})
    rows = []
    for asked, share in [(a, False) for a in ASKED_PER_H] + [(a, True) for a in ASKED_SHARE]:
        amount, time = np.zeros(len(people)), np.zeros(len(people))
        name = limit_name(asked, share=share)
        for one in clean:
            above = one.score >= one.limits[name]
            row = people.index(one.patient)
            if share:
                amount[row] += (above & one.clean).sum()
                time[row] += one.clean.sum()
            else:
                amount[row] += (onsets(above[:, None])[:, 0] & one.clean).sum()
                time[row] += one.clean.sum() / 3600
        got = amount[time > 0] / time[time > 0]
        draws = np.random.default_rng(seed).integers(0, len(got), (2000, len(got)))
        low, high = np.quantile(got[draws].mean(axis=1), (0.025, 0.975))
        rows.append(
            {"asked": name, "got": float(got.mean()), "low": float(low), "high": float(high),
             "ratio": float(got.mean() / asked), "quiet_patients": float((got == 0).mean())}
        )  # fmt: skip
    return rows
