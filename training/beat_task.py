"""The beat classifier's training: what it sees, its loss, its score on patients kept aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from inference.ticks import N, S, V
from training.architectures.beat import BeatClassifier, BeatSize
from training.architectures.cores import State
from training.architectures.recall import AFTER, BEFORE, LENGTH, MEMORY, recall
from training.architectures.size import Values
from training.beat_sequences import UNTOLD, BeatSampler, BeatSequences, Synthesis, cut_windows
from training.config import CLASSES, TrainConfig
from training.datasets import LabelledSignal
from training.distill import Teacher, soft_losses
from training.export import ExportSpec, export
from training.objectives import Objective
from training.scores import f1
from training.task import Task

POOL_BATCHES = 16
"""Batches that are drawn together, since recall runs over all their sequences at once."""
POOL_USES = 4
"""Epochs a pool is used for, shuffled anew each time."""
SUPRAVENTRICULAR_WEIGHT = 1.5
"""Weight of S beats against the many N."""

Batch = tuple[Tensor, ...]
"""Tensors of shape (n_beats, batch, ...): what ``recall_sequences`` gives, class codes, and what
a teacher says, if there is one."""
Pools = dict[str, tuple[Batch, Mapping[str, Any]]]
"""Pools by the state that the generator had before, each with the state that it had after."""
Prepare = Callable[[BeatSequences, np.random.Generator], Batch]
"""Makes a batch of what was drawn."""


def recall_sequences(windows: Tensor, rr_s: Tensor) -> tuple[Tensor, Tensor]:
    """Run :func:`training.architectures.recall.recall` along sequences.

    Parameters
    ----------
    windows : Tensor of shape (batch, n_beats, LENGTH)
    rr_s : Tensor of shape (batch, n_beats), s

    Returns
    -------
    shape : Tensor of shape (n_beats, batch, 2, LENGTH)
    features : Tensor of shape (n_beats, batch, N_FEATURES)
    """
    memory = torch.zeros(len(windows), MEMORY)
    shapes, features = [], []
    with torch.no_grad():
        for i in range(windows.shape[1]):
            shape, feature, memory = recall(windows[:, i], rr_s[:, i : i + 1], memory)
            shapes.append(shape)
            features.append(feature)
    return torch.stack(shapes), torch.stack(features)


def beats_of(record: LabelledSignal) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut a record's reference beats.

    Returns
    -------
    windows : array of shape (n_beats, LENGTH)
        Beats over their amplitude scale.
    rr_s : array of shape (n_beats,), s
        Interval before each, 0 where unknown.
    """
    at = np.rint(record.r_ms * record.fs / 1000).astype(np.int64)
    rr_s = np.diff(record.r_ms, prepend=record.r_ms[0]) / 1000
    rr_s[rr_s > 3.0] = 0
    return cut_windows(record.scaled, at, BEFORE, AFTER), rr_s.astype(np.float32)


def recall_record(record: LabelledSignal) -> tuple[Tensor, Tensor]:
    """Run the memory along a record's reference beats, as :func:`recall_sequences` in a batch of 1.

    Parameters
    ----------
    record : LabelledSignal
    """
    windows, rr_s = (torch.from_numpy(part)[None] for part in beats_of(record))
    return recall_sequences(windows, rr_s)


def recall_records(records: Sequence[LabelledSignal]) -> list[tuple[Tensor, Tensor]]:
    """Run the memory along the beats of all records side by side; each as ``recall_record`` gives.

    Parameters
    ----------
    records : sequence of LabelledSignal
        Records of any lengths.
    """
    beats = [beats_of(record) for record in records]
    longest = max(len(rr_s) for _, rr_s in beats)
    windows = np.stack([np.pad(w, ((0, longest - len(w)), (0, 0))) for w, _ in beats])
    rr_s = np.stack([np.pad(rr, (0, longest - len(rr))) for _, rr in beats])
    shape, features = recall_sequences(torch.from_numpy(windows), torch.from_numpy(rr_s))
    return [
        (shape[: len(rr), row : row + 1], features[: len(rr), row : row + 1])
        for row, (_, rr) in enumerate(beats)
    ]


class BeatBatches(IterableDataset[Batch]):
    """Draws pools of sequences and hands them out as batches; one iteration is one epoch."""

    def __init__(
        self,
        sampler: BeatSampler,
        config: TrainConfig,
        prepare: Prepare,
        pools: Pools | None = None,
    ) -> None:
        self._sampler, self._fit, self._prepare, self._pools = sampler, config.fit, prepare, pools
        self._rng = np.random.default_rng(config.fit.seed)
        self._pool: Batch | None = None
        self._used = 0

    def __iter__(self) -> Iterator[Batch]:
        left = self._fit.steps
        while left > 0:
            pool = self._fresh()
            order = self._rng.permutation(pool[0].shape[1])
            for part in np.array_split(order, POOL_BATCHES)[:left]:
                index = torch.from_numpy(part)
                drawn = tuple(values[:, index] for values in pool)
                yield from cut_beats(drawn, self._fit.truncate)
            left -= POOL_BATCHES

    def _fresh(self) -> Batch:
        if self._pool is None or self._used >= POOL_USES:
            self._pool = self._draw()
            self._used = 0
        self._used += 1
        return self._pool

    def _draw(self) -> Batch:
        """Draw a pool, or take what another run drew with the generator in the same state."""
        if self._pools is None:
            return self._draw_new()
        generator = self._rng.bit_generator
        key = str(generator.state)
        if key not in self._pools:
            self._pools[key] = self._draw_new(), generator.state
        pool, generator.state = self._pools[key]
        return pool

    def _draw_new(self) -> Batch:
        drawn = self._sampler.draw(self._rng, POOL_BATCHES * self._fit.batch, self._fit.length)
        return self._prepare(drawn, self._rng)


class BeatTask(Task):
    """Fits a :class:`BeatClassifier`; parameters as :class:`Task`."""

    SIZE, ENRICHMENT = BeatSize, Synthesis
    model: BeatClassifier
    pools: Pools | None = None
    """Where runs on the same signals, of the same enrichment, batch and length, share pools."""
    _carried: State = ()

    @staticmethod
    def build(architecture: Values) -> BeatClassifier:
        """Make a classifier of the size that is asked for."""
        return BeatClassifier(BeatSize.of(architecture))

    def train_dataloader(self) -> DataLoader[Batch]:
        """Synthesised sequences of the training patients."""
        self._teacher = self.teacher()
        batches = BeatBatches(self.sampler(), self.own_config, self.prepare, self.pools)
        return DataLoader(batches, batch_size=None)

    def sampler(self) -> BeatSampler:
        """Make what draws sequences from the training signals."""
        enrichment = self.ENRICHMENT(**self.config.enrichment)
        return BeatSampler(self.training_signals, BEFORE, AFTER, enrichment, self.N_LEADS)

    def prepare(self, drawn: BeatSequences, rng: np.random.Generator) -> Batch:
        """Run the memory along what was drawn, and ask the teacher."""
        seen = recall_sequences(torch.from_numpy(drawn.windows), torch.from_numpy(drawn.rr_s))
        return (*seen, *self.taught(drawn))

    def taught(self, drawn: BeatSequences) -> Batch:
        """Return class codes, and the teacher's logits (n_beats, batch, 2) if there is one."""
        aami = torch.from_numpy(drawn.aami.T.astype(np.int64))
        if self._teacher is None:
            return (aami,)
        return aami, self._teacher.beats(drawn.windows, drawn.rr_s)

    def teacher(self) -> Teacher | None:
        """Open what this model is distilled from, if the configuration names it."""
        distill = self.config.distill
        return None if distill is None else Teacher(distill.teachers, self.spec(""))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Add the losses of both branches; F and Q teach neither."""
        shape, features, aami, *taught = batch
        v, s = self.follow(shape, features, batch_idx)
        loss_v, loss_s = self.losses(v, s, aami, *taught)
        self.log_dict({"loss_v": loss_v, "loss_s": loss_s}, prog_bar=True, on_epoch=True)
        return loss_v + loss_s

    def follow(self, shape: Tensor, features: Tensor, batch_idx: int) -> tuple[Tensor, Tensor]:
        """Score a batch; logits v and s, each of shape (n_beats, batch).

        A piece of a sequence goes on from the state that the piece before left; no gradient
        goes back there (truncated back-propagation through time).
        """
        begins = batch_idx % self.config.fit.pieces == 0
        state = self.model.initial_state(shape.shape[1]) if begins else self._carried
        v, s, state = self.model.logits(shape, features, state)
        self._carried = tuple(part.detach() for part in state)
        return v, s

    @cached_property
    def objectives(self) -> tuple[Objective, Objective]:
        """Losses of a V beat or none, and of an S beat or none."""
        beats = [signal.aami for signal in self.training_signals if signal.first]
        n, s, v = (sum(int((aami == code).sum()) for aami in beats) for code in (N, S, V))
        how = self.config.objective
        return Objective.of(how, 1.0, v, n + s), Objective.of(how, SUPRAVENTRICULAR_WEIGHT, s, n)

    def losses(
        self,
        v: Tensor,
        s: Tensor,
        aami: Tensor,
        taught: Tensor | None = None,
        weight: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Losses of both branches, from the labels and from the teacher if there is one.

        Parameters
        ----------
        v, s : Tensors of shape (n_beats, batch)
            Logits.
        aami : Tensor of shape (n_beats, batch)
            Class codes; of one below 0 the labels teach nothing.
        taught : Tensor of shape (n_beats, batch, 2), optional
            The teacher's logits.
        weight : Tensor of shape (n_beats, batch), optional
            How much each beat counts, 1 on average over the run; all the same without.
        """
        counts = 1.0 if weight is None else weight
        known, sinus = aami >= N, (aami == N) | (aami == S)
        objective_v, objective_s = self.objectives
        loss_v = _masked(counts * objective_v.losses(v, aami == V), known)
        loss_s = _masked(counts * objective_s.losses(s, aami == S), sinus)
        distill = self.config.distill
        if taught is None or distill is None:
            return loss_v, loss_s
        untold = aami == UNTOLD
        soft_v, soft_s = (
            counts * soft_losses(logits, taught[..., branch], distill.temperature)
            for branch, logits in enumerate((v, s))
        )
        sinus = sinus | (untold & (taught[..., 0] < 0))
        taught_v, taught_s = _masked(soft_v, known | untold), _masked(soft_s, sinus)
        share = distill.weight
        return (1 - share) * loss_v + share * taught_v, (1 - share) * loss_s + share * taught_s

    def on_validation_epoch_start(self) -> None:
        """Forget the scores of the epoch before."""
        self._seen: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Score one whole record, the state carried through."""
        record = self.validation_signals[int(batch)]
        self._seen.append((*self.predict(record), record.aami))

    def on_validation_epoch_end(self) -> None:
        """Log the gross F1 of V and of S beats."""
        v, s, aami = (np.concatenate(column) for column in zip(*self._seen, strict=True))
        called = np.where(v >= 0.5, V, np.where(s >= 0.5, S, N))
        scores = {"val_veb_f1": f1(aami, called, V), "val_sveb_f1": f1(aami, called, S)}
        self.log_dict(scores | {"val_f1": sum(scores.values()) / 2}, prog_bar=True)

    def predict(self, record: LabelledSignal) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of V, and of S if not V, at a record's reference R-peaks.

        Returns
        -------
        v, s : arrays of shape (n_beats,)
        """
        return self.score(*recall_record(record))

    def score(self, shape: Tensor, features: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of V, and of S if not V, of what :func:`recall_record` gives."""
        with torch.no_grad():
            shape, features = shape.to(self.device), features.to(self.device)
            v, s, _ = self.model.logits(shape, features, self.model.initial_state(1))
        p_v, p_s = (torch.sigmoid(logits.float())[:, 0].cpu().numpy() for logits in (v, s))
        return p_v, p_s

    def write(self, path: Path, data_digest: str) -> float:
        """Export the model; return its largest difference from torch."""
        names, parts = self.model.state_names, self.model.initial_state(2)
        inputs = {
            "signal": torch.zeros(2, 1, LENGTH),
            "rr_s": torch.zeros(2, 1),
            "state_memory": torch.zeros(2, MEMORY),
            **{f"state_{name}": part for name, part in zip(names, parts, strict=True)},
        }
        return export(self.model, inputs, self.spec(data_digest), path)

    def spec(self, data_digest: str) -> ExportSpec:
        """Return what the exported model's metadata says."""
        fs = self.config.data.fs
        return ExportSpec(
            name=self.config.name,
            version=self.config.version,
            kind="beat",
            fs=fs,
            classes=CLASSES["beat"],
            thresholds={"S": 0.5, "V": 0.5} | self.config.thresholds,
            data_digest=data_digest,
            look_ahead_s=AFTER / fs,
            length=LENGTH,
            before=BEFORE,
            leads=("any",) * self.N_LEADS,
        )


def cut_beats(batch: Batch, n_beats: int) -> Iterator[Batch]:
    """Cut a batch into pieces of so many beats, in order; 0 leaves it whole.

    Examples
    --------
    >>> [part.tolist() for (part,) in cut_beats((torch.arange(5),), 2)]
    [[0, 1], [2, 3], [4]]
    """
    pieces = zip(*(values.split(n_beats or len(values)) for values in batch), strict=True)
    yield from pieces


def _masked(losses: Tensor, mask: Tensor) -> Tensor:
    return (losses * mask).sum() / mask.sum().clamp(min=1)
