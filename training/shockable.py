"""How well VT and VF are told in patients never seen: vfdb, one patient left out at a time.

``python -m training.shockable CONFIG`` is how the rhythm model is chosen and
judged. What is counted, as Picon (2019) and the AHA do (Kerber, Circulation 1997):
stretches of 4 s, each all shockable (VT, VF) or all of another rhythm; those
annotated as noise, or with a change of rhythm in them, are left out. Beside it,
every episode of 10 s or more, and how long after its onset it is called.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from inference.lethal import lethal_share
from inference.limits import Limits
from inference.running_mean import over_window
from inference.ticks import TICK_MS
from training.assessment.kept import keep
from training.config import TrainConfig, load_config
from training.datasets import LabelledSignal
from training.quiet import fitted
from training.rhythm_spans import SpanRhythm, by_tick
from training.rhythm_task import SHOCKABLE, RhythmTask
from training.sources import read_split

DATABASE = "vfdb"
"""The database whose patients are left out."""
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
"""What is tried."""
WINDOW_TICKS = round(Limits().vf_s * 1000) // TICK_MS
"""Ticks of a stretch: 4 s, which serving judges by too."""
DRAWS = 2000
"""Draws of patients for the intervals."""
LONG_MS = 10_000
"""Length from which an episode must be called, and time from its onset within which, ms."""


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """One lead of a record, scored by a model that never saw its patient."""

    record: str
    """Name."""
    lead: int
    """Place of the lead in the record."""
    probs: NDArray[np.float32]
    """Array of shape (n_ticks, n_classes)."""
    scale_uv: NDArray[np.float32]
    """Array of shape (n_ticks,): amplitude scale, uV."""
    truth: NDArray[np.int8]
    """Array of shape (n_ticks,): :class:`~training.rhythm_spans.SpanRhythm`."""
    rhythm_ms: NDArray[np.int64]
    """Stretches as annotated, see :class:`~training.datasets.LabelledSignal`."""

    def called(self, threshold: float) -> NDArray[np.bool_]:
        """Say of each tick whether a shockable rhythm is called at its end."""
        share = lethal_share(self.probs, self.scale_uv, np.ones(len(self.probs), np.bool_))
        padded = np.pad(share, (WINDOW_TICKS - 1, 0))[None]
        return np.asarray(over_window(padded, WINDOW_TICKS)[0] >= threshold)


@dataclass(frozen=True, slots=True)
class Counts:
    """Stretches of 4 s of one lead of one record."""

    record: str
    """Name."""
    lead: int
    """Place of the lead in the record."""
    shocked: int
    """Shockable and called so."""
    missed: int
    """Shockable, not called."""
    false: int
    """Not shockable, but called."""
    left: int
    """Not shockable, not called."""


@dataclass(frozen=True, slots=True)
class Called:
    """One episode of VT or VF of 10 s or more."""

    record: str
    """Name."""
    lead: int
    """Place of the lead."""
    rhythm: str
    """``"VT"`` or ``"VF"``."""
    onset_s: float
    """Onset as annotated, s."""
    duration_s: float
    """How long it lasts, s."""
    delay_s: float | None
    """From onset to call, s; None where it is not called before its end."""

    def in_words(self) -> str:
        """Say which it is, and when it was called."""
        told = "missed" if self.delay_s is None else f"after {self.delay_s:.1f} s"
        where = f"{self.record} lead {self.lead} at {self.onset_s:.0f} s"
        return f"{self.rhythm} in {where}, {self.duration_s:.0f} s long, {told}"


def leave_out(config: TrainConfig, data: Path, kept: Path) -> Iterator[LeftOut]:
    """Train once a patient of vfdb and score this patient's leads; folds made before are kept.

    Parameters
    ----------
    config : TrainConfig
        Of the task ``rhythm``.
    data : Path
        Folder of the databases.
    kept : Path
        Folder of what was scored before.
    """
    signals = list(read_split(config.data, data).training)
    patients = sorted({s.patient for s in signals if s.patient.startswith(f"{DATABASE}/")})
    told = config.model_dump_json(exclude_defaults=True) + "".join(s.name for s in signals)
    digest = hashlib.sha256(told.encode()).hexdigest()[:12]
    kept.mkdir(parents=True, exist_ok=True)
    for patient in track(patients, description="patients left out"):
        left = [s for s in signals if s.patient == patient]
        path = kept / f"{digest}-{left[0].name}.npz"
        if not path.exists():
            task = fit_without(config, signals, patient)
            np.savez(path, *(task.probabilities(s) for s in left))
        with np.load(path) as probs:
            for at, s in enumerate(left):
                yield LeftOut(
                    s.name,
                    s.lead_index,
                    probs[f"arr_{at}"],
                    s.scale_uv,
                    by_tick(s),
                    s.rhythm_ms,
                )


def fit_without(config: TrainConfig, signals: Sequence[LabelledSignal], patient: str) -> RhythmTask:
    """Fit a model on everybody else."""
    rest = [s for s in signals if s.patient != patient]
    return fitted(lambda: RhythmTask(config, rest, []), config.fit)


def stretches(left: LeftOut, threshold: float) -> Counts:
    """Count stretches of 4 s."""
    return counted(left, left.called(threshold))


def sides(left: LeftOut) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which stretches of 4 s are shockable throughout, and which of another rhythm throughout.

    Returns
    -------
    shockable, other : arrays of shape (n_stretches,)
    """
    n = len(left.truth) // WINDOW_TICKS
    truth = left.truth[: n * WINDOW_TICKS].reshape(n, WINDOW_TICKS)
    shockable = np.isin(truth, SHOCKABLE)
    other = np.isin(truth, (SpanRhythm.OTHER, SpanRhythm.ASYSTOLE))
    return np.logical_and.reduce(shockable, axis=1), np.logical_and.reduce(other, axis=1)


def counted(
    left: LeftOut, by_tick: NDArray[np.bool_], counts: NDArray[np.bool_] | None = None
) -> Counts:
    """Count stretches of 4 s, given what is called at the end of each tick.

    Parameters
    ----------
    left : LeftOut
        The lead.
    by_tick : array of shape (n_ticks,)
        Whether a shockable rhythm is called.
    counts : array of shape (n_stretches,), optional
        Stretches that count.
    """
    shockable, other = sides(left)
    if counts is not None:
        shockable, other = shockable & counts, other & counts
    called = by_tick[WINDOW_TICKS - 1 :: WINDOW_TICKS][: len(other)]
    return Counts(
        left.record,
        left.lead,
        int((shockable & called).sum()),
        int((shockable & ~called).sum()),
        int((other & called).sum()),
        int((other & ~called).sum()),
    )


def long_episodes(left: LeftOut, threshold: float) -> Iterator[Called]:
    """Tell of each episode of 10 s or more when it was called; VT into VF is one."""
    return timed(left, left.called(threshold))


def timed(left: LeftOut, called: NDArray[np.bool_]) -> Iterator[Called]:
    """Tell the same, given what is called at the end of each tick."""
    for begin, end, rhythm in joined(left.rhythm_ms):
        if end - begin < LONG_MS:
            continue
        ticks = np.flatnonzero(called[begin // TICK_MS : end // TICK_MS])
        delay = (int(ticks[0]) + 1) * TICK_MS / 1000 if len(ticks) else None
        name = SpanRhythm(rhythm).name
        yield Called(left.record, left.lead, name, begin / 1000, (end - begin) / 1000, delay)


def joined(rhythm_ms: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Join shockable stretches that follow one another; the first names the episode.

    Examples
    --------
    >>> joined(np.array([[0, 900, 0], [1000, 5000, 1], [5800, 9000, 2], [20000, 30000, 2]]))
    [(1000, 9000, 1), (20000, 30000, 2)]
    """
    episodes: list[tuple[int, int, int]] = []
    for begin, end, rhythm in rhythm_ms.tolist():
        if rhythm not in SHOCKABLE:
            continue
        if episodes and begin - episodes[-1][1] <= 1000:
            episodes[-1] = (episodes[-1][0], end, episodes[-1][2])
        else:
            episodes.append((begin, end, rhythm))
    return episodes


def main(argv: Sequence[str] | None = None) -> None:
    """Cross-validate one configuration from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--kept", type=Path, default=Path("runs/shockable"))
    parser.add_argument("--threshold", type=float, default=0.5, help="what is told in full")
    parser.add_argument("--keep", action="store_true", help="keep it for the model's card")
    options = parser.parse_args(argv)
    left = list(leave_out(load_config(options.config), options.data, options.kept))
    for threshold in THRESHOLDS:
        for lead in (0, 1):
            counts = [stretches(one, threshold) for one in left if one.lead == lead]
            print(f"threshold {threshold}, lead {lead}: {in_words(counts)}")
    found = figures(left, options.threshold)
    for row in found["rows"]:
        print(row["record"], *row["cells"])
    print(f"{found['n_in_time']} of {found['n_episodes']} episodes of 10 s within 10 s")
    print(*found["late"], sep="\n")
    if options.keep:
        keep("rhythm", found)


def figures(left: Sequence[LeftOut], threshold: float) -> dict[str, Any]:
    """Gather what one threshold gives: each record, both leads, and all of them with intervals."""
    counts = [[stretches(one, threshold) for one in left if one.lead == lead] for lead in (0, 1)]
    rows = [
        {"record": one.record, "cells": [*cells([one]), *cells([other])]}
        for one, other in zip(*counts, strict=True)
    ]
    whole = [cell for of_lead in counts for cell in cells(of_lead, intervals=True)]
    episodes = [episode for one in left for episode in long_episodes(one, threshold)]
    late = [e for e in episodes if e.delay_s is None or e.delay_s > LONG_MS / 1000]
    return {
        "patients": len(rows),
        "threshold": threshold,
        "rows": [*rows, {"record": "all", "cells": whole}],
        "n_episodes": len(episodes),
        "n_in_time": len(episodes) - len(late),
        "late": [e.in_words() for e in late],
    }


def cells(counts: Sequence[Counts], *, intervals: bool = False) -> list[str]:
    """Say sensitivity and specificity, percent, with what they are out of or their intervals."""
    pairs = np.array([[[c.shocked, c.missed], [c.left, c.false]] for c in counts])
    told = []
    for right, wrong in pairs.sum(axis=0).tolist():
        n = right + wrong
        told.append(f"{100 * right / n:.1f} of {n}" if n else "–")
    if not intervals:
        return told
    drawn = np.random.default_rng(0).integers(0, len(pairs), (DRAWS, len(pairs)))
    totals = pairs[drawn].sum(axis=1)
    shares = 100 * totals[:, :, 0] / totals.sum(axis=2)
    low, high = np.percentile(shares, (2.5, 97.5), axis=0)
    return [f"{cell} [{a:.1f}, {b:.1f}]" for cell, a, b in zip(told, low, high, strict=True)]


def in_words(counts: Sequence[Counts]) -> str:
    """Say gross sensitivity and specificity with their denominators, in percent."""
    shocked, missed = sum(c.shocked for c in counts), sum(c.missed for c in counts)
    false, left = sum(c.false for c in counts), sum(c.left for c in counts)
    se, sp = 100 * shocked / max(shocked + missed, 1), 100 * left / max(left + false, 1)
    return f"Se {se:.2f} of {shocked + missed}, Sp {sp:.2f} of {left + false}"


if __name__ == "__main__":
    main()
