"""What arms of one fold have in common: its signals, what is drawn from them, how it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ingest.errors import InputError
from training.beat_task import BeatTask, Pools, recall_records
from training.crossval import LEARNING_MS, LeftOut
from training.datasets import LabelledSignal
from training.guard import Split

NOT_DRAWN_BY = {"architecture", "fit", "gate", "name", "objective", "pruning", "task", "thresholds"}
"""Keys of a configuration by which nothing is drawn; of ``fit``, some are looked at apart."""


@dataclass(slots=True, eq=False)
class Fold:
    """Patients learned from and patients left out."""

    number: int
    """Its number, from 0."""
    split: Split
    """All leads of those learned from; the first lead of those left out."""
    pools: dict[str, Pools] = field(default_factory=dict)
    """Pools that arms share, by all that they depend on but the draw itself."""
    memo: dict[str, Any] = field(default_factory=dict)
    """What else arms of one seed share, by what it depends on."""
    _seen: list[tuple[Tensor, Tensor]] | None = None

    def share(self, task: BeatTask) -> None:
        """Let a task draw what tasks before it drew, where it would draw the same.

        A task with a teacher, or whose batches are not those of :class:`BeatTask`, draws alone.
        """
        config = task.config
        if config.distill is None and type(task).prepare is BeatTask.prepare:
            fit = config.fit
            drawn_by = config.model_dump_json(exclude=NOT_DRAWN_BY)
            key = f"{fit.seed} {fit.batch} {fit.length} {drawn_by}"
            task.pools = self.pools.setdefault(key, {})

    def score(self, task: BeatTask) -> list[LeftOut]:
        """Score the patients left out: reference R-peaks, the first five minutes left out."""
        task.model.eval()
        records = self.split.validation
        if self._seen is None:
            self._seen = recall_records(records)
        scored = []
        for signal, seen in zip(records, self._seen, strict=True):
            v, s = task.score(*seen)
            counted = signal.r_ms >= LEARNING_MS
            scored.append(LeftOut(signal.name, v[counted], s[counted], signal.aami[counted]))
        return scored


def folds_of(signals: Sequence[LabelledSignal], n_folds: int) -> Iterator[Fold]:
    """Leave each patient out once; they are dealt out in the order of their names.

    Raises
    ------
    ingest.errors.InputError
        If there are fewer patients than folds, or one fold.
    """
    patients = sorted({signal.patient for signal in signals})
    if not 2 <= n_folds <= len(patients):
        raise InputError(f"folds must be 2 to {len(patients)}, one a patient, not {n_folds}")
    for number in range(n_folds):
        out = set(patients[number::n_folds])
        learned = [signal for signal in signals if signal.patient not in out]
        left_out = [signal for signal in signals if signal.patient in out and signal.first]
        yield Fold(number, Split(learned, left_out))
