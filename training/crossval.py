"""Leave-patients-out on DS1: how well beats of patients never seen are told, at each threshold.

``python -m training.crossval CONFIG`` is how the beat model's configuration and
thresholds are chosen. Every patient of DS1 is left out once; the scores of all
of them are pooled. Reference R-peaks, first five minutes left out.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.ticks import N, S, V
from ingest.errors import InputError
from training.beat_task import BeatTask
from training.config import TrainConfig, load_config
from training.datasets import LabelledSignal
from training.fit import TASKS, task_kind
from training.guard import Look, Split
from training.quiet import fitted
from training.scores import f1
from training.sources import read_split

LEARNING_MS = 300_000
"""Start of a record that does not count, ms (EC57)."""
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""What is tried."""


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """One record, scored by a model that never saw its patient."""

    record: str
    """Name."""
    v: NDArray[np.float32]
    """Array of shape (n_beats,): probability of V."""
    s: NDArray[np.float32]
    """Array of shape (n_beats,): probability of S, if not V."""
    aami: NDArray[np.int8]
    """Array of shape (n_beats,): reference classes."""

    def called(self, v: float, s: float) -> NDArray[np.int64]:
        """Classes at two thresholds, array of shape (n_beats,)."""
        return np.where(self.v >= v, V, np.where((1 - self.v) * self.s >= s, S, N))


def fold_tasks(
    config: TrainConfig,
    signals: Sequence[LabelledSignal],
    n_folds: int,
    teachers: Sequence[TrainConfig] = (),
    look: Look | None = None,
) -> Iterator[tuple[BeatTask, Split]]:
    """Train once a fold, on all patients but the fold's own.

    Parameters
    ----------
    config : TrainConfig
        The run that every fold makes.
    signals : sequence of LabelledSignal
        All leads of all records.
    n_folds : int
        Folds; patients are dealt out in the order of their names.
    teachers : sequence of TrainConfig, optional
        Runs of the models that a distilled one learns from, fitted anew in each fold.
    look : Look, optional
        Leave to learn from DS2, as :class:`training.guard.Split`.

    Yields
    ------
    task : BeatTask
        What was trained.
    split : Split
        Whom it learned from; those left out stand as validation, by their first leads
        unless the model looks at several.

    Raises
    ------
    ingest.errors.InputError
        If a run is not of a beat model, there are fewer patients than folds, or one fold, or a
        distilled model would learn from a teacher that knows those left out.
    """
    patients = sorted({signal.patient for signal in signals})
    kind = _kind(config)
    if config.distill is not None and not teachers:
        raise InputError(
            f"distill.teacher is {config.distill.teacher!r}, which may have learned from those "
            "left out: name its configuration with --teacher, to be fitted anew in each fold"
        )
    if not 2 <= n_folds <= len(patients):
        raise InputError(f"folds must be 2 to {len(patients)}, one a patient, not {n_folds}")
    for fold in range(n_folds):
        out = set(patients[fold::n_folds])
        split = Split(
            [signal for signal in signals if signal.patient not in out],
            [s for s in signals if s.patient in out and (s.first or kind.N_LEADS > 1)],
            look,
        )
        if config.distill is None:
            yield _fitted(config, split), split
            continue
        with tempfile.TemporaryDirectory() as folder:
            taught_by = tuple(f"{folder}/teacher{i}.onnx" for i in range(len(teachers)))
            for path, teacher in zip(taught_by, teachers, strict=True):
                _fitted(teacher, split).write(Path(path), "of one fold")
            distill = config.distill.model_copy(update={"teacher": taught_by})
            yield _fitted(config.model_copy(update={"distill": distill}), split), split


def _kind(config: TrainConfig) -> type[BeatTask]:
    kind = task_kind(config)
    if not issubclass(kind, BeatTask):
        allowed = ", ".join(
            repr(name) for name, each in TASKS.items() if issubclass(each, BeatTask)
        )
        raise InputError(f"task is {config.task!r}; allowed here: {allowed}")
    return kind


def _fitted(config: TrainConfig, split: Split) -> BeatTask:
    """Fit one model on one side of a split."""
    return fitted(lambda: _kind(config)(config, split.training, split.validation), config.fit)


def leave_out(
    config: TrainConfig,
    signals: Sequence[LabelledSignal],
    n_folds: int,
    teachers: Sequence[TrainConfig] = (),
) -> Iterator[LeftOut]:
    """Train once a fold and score the patients left out; parameters as :func:`fold_tasks`."""
    for task, split in fold_tasks(config, signals, n_folds, teachers):
        for signal in (signal for signal in split.validation if signal.first):
            counted = signal.r_ms >= LEARNING_MS
            if not counted.any():  # a short record, of which only the rhythm is known
                continue
            v, s = task.predict(signal)
            yield LeftOut(signal.name, v[counted], s[counted], signal.aami[counted])


def main(argv: Sequence[str] | None = None) -> None:
    """Cross-validate one configuration from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--teacher", type=Path, help="configuration of a distilled run's teacher")
    parser.add_argument(
        "--teachers", type=int, default=1, help="so many teachers, seeds 0, 1 … (1)"
    )
    arguments = parser.parse_args(argv)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    config = load_config(arguments.config)
    teachers: list[TrainConfig] = []
    if arguments.teacher is not None:
        teacher = load_config(arguments.teacher)
        teachers = [teacher.with_seed(seed) for seed in range(max(arguments.teachers, 1))]
    signals = read_split(config.data, arguments.data).training
    patients = {signal.patient for signal in signals}
    print(f"{sum(signal.first for signal in signals)} records of {len(patients)} patients")
    done = []
    for result in leave_out(config, signals, arguments.folds, teachers):
        done.append(result)
        called = result.called(0.5, 0.5)
        veb, sveb = f1(result.aami, called, V), f1(result.aami, called, S)
        counts = np.bincount(result.aami, minlength=5)
        print(
            f"{result.record}: {counts[S]} S F1 {sveb:.3f}, {counts[V]} V F1 {veb:.3f}", flush=True
        )
    aami = np.concatenate([result.aami for result in done])
    for v, s in itertools.product(THRESHOLDS, THRESHOLDS):
        called = np.concatenate([result.called(v, s) for result in done])
        print(f"V {v} S {s}: V F1 {f1(aami, called, V):.4f}  S F1 {f1(aami, called, S):.4f}")


if __name__ == "__main__":
    main()
