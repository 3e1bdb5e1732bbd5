"""How well atrial fibrillation is told in patients never seen: DS1 and the Challenge 2017.

``python -m training.atrial CONFIG`` is how the detector is chosen. Patients are
left out in folds, those who fibrillate spread over all of them. Of mitdb the
time in fibrillation is counted (EC57's duration sensitivity and positive
predictivity, over beats at reference R-peaks); of the Challenge's strips, how
many are told as fibrillation (F1 of class A; strips too noisy to tell are left out).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from training.assessment.kept import keep
from training.atrial_sequences import by_beat
from training.atrial_task import WARM_UP_BEATS, AtrialTask
from training.config import TrainConfig, load_config
from training.datasets import LabelledSignal
from training.quiet import fitted
from training.sources import read_split

STRIPS = "cinc2017/"
"""Patients whose whole record is in one rhythm."""
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""What is tried."""


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """One record, scored by a model that never saw its patient."""

    patient: str
    """The person."""
    probs: NDArray[np.float32]
    """Array of shape (n_beats,): probability of atrial fibrillation."""
    labels: NDArray[np.int8]
    """Array of shape (n_beats,): 1 in fibrillation, 0 in another rhythm, -1 unknown."""
    rr_ms: NDArray[np.int64]
    """Array of shape (n_beats,): time that each beat stands for, ms."""


def folds(signals: Sequence[LabelledSignal], n_folds: int) -> list[set[str]]:
    """Deal patients out to folds, those who fibrillate first, so that each fold has its share."""
    fibrillate = {s.patient: False for s in signals}
    for s in signals:
        fibrillate[s.patient] |= bool((by_beat(s) == 1).any())
    dealt = sorted(fibrillate, key=lambda patient: (not fibrillate[patient], patient))
    return [set(dealt[i::n_folds]) for i in range(n_folds)]


def leave_out(config: TrainConfig, data: Path, n_folds: int) -> Iterator[LeftOut]:
    """Train once a fold and score the patients left out, the first lead of each record.

    Parameters
    ----------
    config : TrainConfig
        Of the task ``atrial``.
    data : Path
        Folder of the databases.
    n_folds : int
        Folds.
    """
    signals = list(read_split(config.data, data).training)
    for left in track(folds(signals, n_folds), description="folds"):
        task = fit_without(config, signals, left)
        for s in signals:
            if s.first and s.patient in left and len(s.r_ms) > WARM_UP_BEATS:
                after_ms = np.diff(s.r_ms, append=s.r_ms[-1:])
                yield LeftOut(s.patient, task.probabilities(s), by_beat(s), after_ms)


def fit_without(
    config: TrainConfig, signals: Sequence[LabelledSignal], left: set[str]
) -> AtrialTask:
    """Fit a model on everybody else."""
    rest = [s for s in signals if s.patient not in left]
    return fitted(lambda: AtrialTask(config, rest, []), config.fit)


def of_strips(left: Sequence[LeftOut], threshold: float) -> str:
    """Say how strips of the Challenge 2017 are told: by the mean probability of their beats."""
    strips = [one for one in left if one.patient.startswith(STRIPS) and (one.labels >= 0).any()]
    truth = np.array([bool((one.labels == 1).any()) for one in strips])
    called = np.array([one.probs[WARM_UP_BEATS:].mean() >= threshold for one in strips])
    hit, missed, false = (truth & called).sum(), (truth & ~called).sum(), (called & ~truth).sum()
    f1 = 200 * hit / max(2 * hit + missed + false, 1)
    return f"F1 of A {f1:.1f} ({hit} of {hit + missed} strips, {false} of {(~truth).sum()} false)"


def of_time(left: Sequence[LeftOut], threshold: float) -> str:
    """Say how much of the time in fibrillation is told, and how much of what is told is true."""
    records = [one for one in left if not one.patient.startswith(STRIPS)]
    both = called = truth = 0.0
    for one in records:
        known, said = one.labels >= 0, one.probs >= threshold
        both += float(one.rr_ms[(one.labels == 1) & said].sum())
        truth += float(one.rr_ms[one.labels == 1].sum())
        called += float(one.rr_ms[known & said].sum())
    se, ppv = 100 * both / max(truth, 1), 100 * both / max(called, 1)
    return f"duration Se {se:.1f}, +P {ppv:.1f} of {truth / 60_000:.1f} min, {len(records)} records"


def main(argv: Sequence[str] | None = None) -> None:
    """Cross-validate one configuration from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--each", action="store_true", help="also each record of mitdb")
    parser.add_argument("--threshold", type=float, default=0.7, help="what is told of each")
    parser.add_argument("--keep", action="store_true", help="keep it for the model's card")
    options = parser.parse_args(argv)
    left = list(leave_out(load_config(options.config), options.data, options.folds))
    for threshold in THRESHOLDS:
        print(f"threshold {threshold}: {of_time(left, threshold)}; {of_strips(left, threshold)}")
    chosen = options.threshold
    if options.keep:
        told = {"time": of_time(left, chosen), "strips": of_strips(left, chosen)}
        keep("atrial", {"folds": options.folds, "threshold": chosen, **told})
    for one in left if options.each else ():
        if not one.patient.startswith(STRIPS):
            truth, said = (one.labels == 1).mean(), (one.probs >= chosen).mean()
            print(f"{one.patient}: {truth:.2f} of beats in fibrillation, {said:.2f} called")


if __name__ == "__main__":
    main()
