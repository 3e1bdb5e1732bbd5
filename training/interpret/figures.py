"""Drawings: an explained strip, and how far scores fall as parts are taken away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.architectures.beat import BeatClassifier
from training.architectures.recall import BEFORE
from training.datasets import LabelledSignal
from training.interpret.deletion import Deletion
from training.interpret.gradients import integrated_gradients
from training.interpret.moments import SEGMENT, by_segment, moments
from training.interpret.trial import FROM_MS, Trial, served_inputs

mpl.use("Agg")
RAISES, LOWERS, INK = "#c0392b", "#2471a3", "#1b2631"


def draw_strip(
    model: BeatClassifier, signal: LabelledSignal, code: int, path: Path, which: int = 3
) -> None:
    """Draw 6 s about a ventricular beat, shaded by what raised or lowered its V logit.

    Parameters
    ----------
    model : BeatClassifier
        One that has not seen the patient.
    signal : LabelledSignal
    code : int
        AAMI class of the beat in the middle.
    path : Path
        PNG to write.
    which : int
        Which of the beats of that class.
    """
    candidates = np.flatnonzero((signal.aami == code) & (signal.r_ms >= FROM_MS))
    if not len(candidates):
        return
    middle_ms = int(signal.r_ms[candidates[min(which, len(candidates) - 1)]])
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    axes = figure.subplots()
    fs = signal.fs
    first = (middle_ms - 3000) * fs // 1000
    t = np.arange(6 * fs) / fs
    trace_mv = signal.signal_uv[first : first + 6 * fs] / 1000
    axes.plot(t, trace_mv, color=INK, linewidth=0.9)
    near = np.flatnonzero(np.abs(signal.r_ms - middle_ms) < 2800)
    explained = _explain(model, signal, near)
    largest = max(float(np.abs(explained).max()), 1e-6)
    top = float(trace_mv.max() + 0.25)
    for row, i in enumerate(near):
        r_s = (int(signal.r_ms[i]) - middle_ms + 3000) / 1000
        _shade(axes, r_s, explained[row] / largest, fs)
        letter = "NSVFQ"[signal.aami[i]]
        colour = RAISES if letter == "V" else INK
        axes.text(r_s, top, letter, ha="center", va="bottom", color=colour, fontsize=9)
    axes.set(xlabel="time, s", ylabel="mV", xlim=(0, 6), ylim=(None, top + 0.5))
    axes.set_title(
        f"{signal.name}, {signal.lead}: what raises (red) and lowers (blue) the logit of V, "
        "by integrated gradients",
        fontsize=10,
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _explain(
    model: BeatClassifier, signal: LabelledSignal, near: np.ndarray
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Attributions to segments of some beats of a record, shape (n, N_SEGMENTS)."""
    windows, rr_s = served_inputs(signal)
    at = moments(model, windows, rr_s, near.tolist())
    found = integrated_gradients(lambda beat: at.logits(model, beat)[0], at.beat, at.usual, 32)
    return np.asarray(by_segment(found).numpy())


def _shade(axes: Axes, r_s: float, shares: np.ndarray, fs: int) -> None:
    """Shade a beat's segments by what they did."""
    begin = r_s - BEFORE / fs
    for k, share in enumerate(shares.tolist()):
        if abs(share) > 0.03:
            left = begin + k * SEGMENT / fs
            axes.axvspan(
                left,
                left + SEGMENT / fs,
                color=RAISES if share > 0 else LOWERS,
                alpha=min(abs(share), 1) * 0.75,
                linewidth=0,
            )


def draw_deletions(found: Sequence[Trial], path: Path) -> None:
    """Draw how far logits fall with every part taken away: as named, and at random."""
    kinds = list(dict.fromkeys((one.way, one.aami) for one in found))
    figure = Figure(figsize=(2.9 * len(kinds), 2.9), layout="constrained")
    for axes, (way, aami) in zip(
        figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True
    ):
        of = [one.deletion for one in found if (one.way, one.aami) == (way, aami)]
        pooled = Deletion(
            torch.cat([one.named for one in of]), torch.cat([one.random for one in of])
        )
        steps = np.arange(1, pooled.named.shape[1] + 1)
        for what, colour, name in (
            (pooled.named, RAISES, "as named"),
            (pooled.random, LOWERS, "at random"),
        ):
            axes.plot(steps, what.mean(dim=0).numpy(), "o-", color=colour, markersize=3, label=name)
        axes.set_title(f"{way}, {aami} beats", fontsize=9)
        axes.set_xlabel("beats hidden" if way == "attention" else "segments of 40 ms taken away")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.supylabel("fall of the logit", fontsize=9)
    figure.savefig(path, dpi=110)
