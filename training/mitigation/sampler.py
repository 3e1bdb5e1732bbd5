"""Sequences drawn so that beats of each group come as often: resampling by group and class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.ticks import V
from training.beat_sequences import BeatSampler, Synthesis
from training.datasets import LabelledSignal
from training.mitigation.settings import MitigationConfig
from training.mitigation.weighting import cell_weights


class CellSampler(BeatSampler):
    """Draws a cell, then a beat of it, then a sequence that holds this beat.

    A cell comes as often as :func:`training.mitigation.weighting.cell_weights` says, over how
    often its beats come by chance. Beats of classes F and Q are in no cell.

    Parameters
    ----------
    signals, before, after, synthesis
        As :class:`training.beat_sequences.BeatSampler`.
    groups : mapping of patient to group
    how : MitigationConfig
        ``cells``, ``power`` and ``max_weight``.
    """

    def __init__(
        self,
        signals: Sequence[LabelledSignal],
        before: int,
        after: int,
        synthesis: Synthesis,
        groups: dict[str, str],
        how: MitigationConfig,
    ) -> None:
        super().__init__(signals, before, after, synthesis)
        names = sorted(set(groups.values()))
        n_classes = V + 1 if how.cells == "group-class" else 1
        which, beat, cell, chance = [], [], [], []
        for row, record in enumerate(self.records):
            at = np.flatnonzero(record.aami <= V)
            classes = record.aami[at].astype(np.int64) if n_classes > 1 else 0
            which.append(np.full(len(at), row))
            beat.append(at)
            cell.append(np.zeros(len(at), np.int64) + classes)
            cell[-1] += n_classes * names.index(groups[record.patient])
            chance.append(np.full(len(at), record.weight / max(len(at), 1)))  # records alike
        self._which, self._beat, cells = (np.concatenate(x) for x in (which, beat, cell))
        by_chance = np.concatenate(chance)
        counts: NDArray[np.float64] = np.zeros(len(names) * n_classes)
        np.add.at(counts, cells, by_chance)
        weights = cell_weights(counts.reshape(-1, n_classes), how.power, how.max_weight).reshape(-1)
        drawn = by_chance * weights[cells]
        self._beat_shares = np.cumsum(drawn) / drawn.sum()

    def place(self, rng: np.random.Generator, n_beats: int) -> tuple[int, int]:
        """Draw a beat, and where in the sequence it stands."""
        at = int(np.searchsorted(self._beat_shares, rng.random(), side="right"))
        at = min(at, len(self._which) - 1)
        which, beat = int(self._which[at]), int(self._beat[at])
        last = max(len(self.records[which].r_ms) - n_beats, 0)
        return which, int(np.clip(beat - rng.integers(0, n_beats), 0, last))
