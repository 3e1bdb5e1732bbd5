"""Deletion tests on real records that the model has not learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inference.ticks import S, V
from training.architectures.beat import BeatClassifier
from training.architectures.cores.attention import AttentionCore
from training.architectures.recall import AFTER, BEFORE
from training.beat_sequences import cut_windows
from training.datasets import LabelledSignal
from training.interpret.attention import logit_without, looked_at
from training.interpret.deletion import Deletion, deletion_test
from training.interpret.gradients import integrated_gradients
from training.interpret.moments import Moments, by_segment, moments, occlusion, with_segments_usual

FROM_MS = 300_000
"""Beats before this time are not looked at, ms: EC57 leaves them out."""
MOST = 40
"""Beats of a class and a record looked at, the first ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One way to explain, tried on beats of one class of one record."""

    way: str
    """Integrated gradients, occlusion or attention."""
    record: str
    """Record name."""
    aami: str
    """Class of the beats by the reference."""
    deletion: Deletion
    """What came of it."""


def beats_of(model: BeatClassifier, signal: LabelledSignal, code: int) -> Moments | None:
    """Stop a model at the first beats of a class behind the learning period.

    Parameters
    ----------
    model : BeatClassifier
    signal : LabelledSignal
    code : int
        AAMI class code.

    Returns
    -------
    Moments or None
        None where there are none.
    """
    chosen = np.flatnonzero((signal.aami == code) & (signal.r_ms >= FROM_MS))[:MOST]
    if not len(chosen):
        return None
    return moments(model, *served_inputs(signal), chosen.tolist())


def served_inputs(signal: LabelledSignal) -> tuple[Tensor, Tensor]:
    """Cut a record's reference beats as a model is given them.

    Returns
    -------
    windows : Tensor of shape (n_beats, LENGTH)
    rr_s : Tensor of shape (n_beats, 1), s
    """
    at = np.rint(signal.r_ms * signal.fs / 1000).astype(np.int64)
    windows = torch.from_numpy(cut_windows(signal.scaled, at, BEFORE, AFTER))
    rr_s = np.diff(signal.r_ms, prepend=signal.r_ms[0]) / 1000
    rr_s[rr_s > 3.0] = 0
    return windows, torch.from_numpy(rr_s.astype(np.float32))[:, None]


def trials(model: BeatClassifier, signal: LabelledSignal) -> list[Trial]:
    """Try every way to explain that the model allows, on its V and its S beats."""
    done = []
    for code, branch, name in ((V, 0, "V"), (S, 1, "S")):
        at = beats_of(model, signal, code)
        if at is None:
            continue
        for way, attribution in _ways(model, at, branch).items():

            def deleted(gone: Tensor, at: Moments = at, branch: int = branch) -> Tensor:
                return at.logits(model, with_segments_usual(at.beat, at.usual, gone))[branch]

            done.append(Trial(way, signal.name, name, deletion_test(deleted, attribution)))
        if code == V and isinstance(model.core_v, AttentionCore):
            done.append(_attention(model, at, signal.name))
    return done


def _ways(model: BeatClassifier, at: Moments, branch: int) -> dict[str, Tensor]:
    """Attributions to segments, by the ways that every model allows."""
    gradients = integrated_gradients(
        lambda beat: at.logits(model, beat)[branch], at.beat, at.usual, steps=32
    )
    return {
        "integrated gradients": by_segment(gradients),
        "occlusion": occlusion(model, at)[branch],
    }


def _attention(model: BeatClassifier, at: Moments, record: str) -> Trial:
    """Hide the beats that were looked at most; the logit may rise or fall, so its change counts."""
    weights, known = looked_at(model, at)
    with torch.no_grad():
        whole = at.logits(model, at.beat)[0]

    def unchanged(gone: Tensor) -> Tensor:
        return -(logit_without(model, at, gone) - whole).abs()

    return Trial("attention", record, "V", deletion_test(unchanged, weights, known, steps=4))


def table(found: list[Trial]) -> list[tuple[str, str, int, int, float, float, float]]:
    """Pool trials over records.

    Returns
    -------
    list of tuple
        Way, class, records, beats, mean fall of the logit where what was named is taken away,
        the same at random, and the share of beats in which what was named told more.
    """
    rows = []
    for way, aami in dict.fromkeys((one.way, one.aami) for one in found):
        of = [one for one in found if (one.way, one.aami) == (way, aami)]
        pooled = Deletion(
            torch.cat([one.deletion.named for one in of]),
            torch.cat([one.deletion.random for one in of]),
        )
        told = pooled.summary()
        rows.append(
            (way, aami, len(of), int(told["n"]), told["named"], told["random"], told["named_wins"])
        )
    return rows
