"""Leakage: how well a fresh probe tells a patient's group from what a model's heads see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from ingest.errors import InputError
from training.architectures.beat import BeatClassifier
from training.beat_task import recall_records
from training.datasets import LabelledSignal
from training.mitigation.adversary import evidence_of

BEGIN, END, EVERY = 200, 800, 4
"""Beats of a record that the probe looks at: by then the memory has settled."""
RIDGE = 1e-2
"""Penalty on the probe's weights, on standardised evidence, over the mean loss."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the heads saw of one patient's beats."""

    patient: str
    """The person."""
    group: str
    """Their group."""
    beats: NDArray[np.float64]
    """Array of shape (n_beats, n_evidence)."""


Recalled = Sequence[tuple[str, Tensor, Tensor]]
"""A patient, and shape and features of some of their beats."""


def recall_beginnings(signals: Sequence[LabelledSignal]) -> Recalled:
    """Run the memory along the first ``END`` beats of records."""
    short = [replace(s, r_ms=s.r_ms[:END], aami=s.aami[:END]) for s in signals]
    seen = recall_records(short)
    return [(s.patient, *one) for s, one in zip(short, seen, strict=True)]


def gather_evidence(
    model: BeatClassifier, recalled: Recalled, groups: Mapping[str, str]
) -> list[Evidence]:
    """Run a frozen model; note what its heads see of some beats of each patient.

    Parameters
    ----------
    model : BeatClassifier
        Left in evaluation mode.
    recalled : Recalled
        From :func:`recall_beginnings`.
    groups : mapping of patient to group
    """
    model.eval()
    found = []
    for patient, shape, features in recalled:
        with torch.no_grad(), evidence_of(model) as seen:
            model.logits(shape, features, model.initial_state(1))
        beats = torch.cat(seen, dim=2)[:, 0].double().numpy()
        begin = min(BEGIN, len(beats) // 4)
        found.append(Evidence(patient, groups[patient], beats[begin::EVERY]))
    return found


def probe(learned: Sequence[Evidence], fresh: Sequence[Evidence]) -> dict[str, float]:
    """Fit a linear probe on some patients, try it on others.

    A multinomial logistic regression; patients count the same within their group, and groups
    count the same.

    Parameters
    ----------
    learned, fresh : sequence of Evidence
        Patients to fit on, and others to try on.

    Returns
    -------
    dict of patient to float
        Share of each fresh patient's beats of which the probe tells the group; those of a group
        that nobody in ``learned`` is of are left out.

    Raises
    ------
    ingest.errors.InputError
        If a patient is on both sides, or those to fit on are of fewer than two groups.
    """
    if both := {e.patient for e in learned} & {e.patient for e in fresh}:
        raise InputError(f"a probe is tried on other patients than it is fitted on: {sorted(both)}")
    names = sorted({e.group for e in learned})
    if len(names) < 2:
        raise InputError(f"a probe needs patients of two groups, not of {', '.join(names)} alone")
    x = np.concatenate([e.beats for e in learned])
    y = np.concatenate([np.full(len(e.beats), names.index(e.group)) for e in learned])
    n_of = {name: sum(e.group == name for e in learned) for name in names}
    weight = np.concatenate(
        [np.full(len(e.beats), 1 / len(e.beats) / n_of[e.group]) for e in learned]
    )
    mean, sd = x.mean(axis=0), x.std(axis=0) + 1e-6
    weights = _softmax_regression((x - mean) / sd, y, weight / weight.sum(), len(names))
    told = {}
    for e in fresh:
        if e.group in names:
            z = np.column_stack([(e.beats - mean) / sd, np.ones(len(e.beats))]) @ weights
            told[e.patient] = float((z.argmax(axis=1) == names.index(e.group)).mean())
    return told


def _softmax_regression(
    x: NDArray[np.float64], y: NDArray[np.int64], weight: NDArray[np.float64], n_classes: int
) -> NDArray[np.float64]:
    """Fit penalised weights, array of shape (n_evidence + 1, n_classes); the last are biases."""
    with_bias = np.column_stack([x, np.ones(len(x))])
    truth = np.eye(n_classes)[y]

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w = flat.reshape(-1, n_classes)
        z = with_bias @ w
        z = z - z.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        loss = -(weight * (log_p * truth).sum(axis=1)).sum() + RIDGE / 2 * (w[:-1] ** 2).sum()
        slope = with_bias.T @ ((np.exp(log_p) - truth) * weight[:, None])
        slope[:-1] += RIDGE * w[:-1]
        return float(loss), slope.reshape(-1)

    start = np.zeros(with_bias.shape[1] * n_classes)
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return np.asarray(found.x, np.float64).reshape(-1, n_classes)


def balanced_accuracy(told: Mapping[str, float], groups: Mapping[str, str]) -> float:
    """Mean over groups of the mean over their patients.

    Examples
    --------
    >>> balanced_accuracy({"a": 1.0, "b": 0.5, "c": 0.0}, {"a": "F", "b": "F", "c": "M"})
    0.375
    """
    names = {groups[patient] for patient in told}
    return fmean(fmean(told[p] for p in told if groups[p] == name) for name in sorted(names))
