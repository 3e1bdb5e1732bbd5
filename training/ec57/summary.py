"""Results over several records: gross and average (EC57, 4.6; the official tool is sumstats)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Literal

import numpy as np

from training.ec57.beats import BeatComparison
from training.ec57.episodes import NO_EPISODES, EpisodeComparison, EpisodeKind
from training.ec57.runs import NO_RUNS, RunComparison, RunKind
from training.ec57.tally import Confusion, Tally, gross_sveb_tally, mean, qrs_tally, veb_tally

BeatKind = Literal["qrs", "veb", "sveb"]
BEAT_KINDS: tuple[BeatKind, ...] = ("qrs", "veb", "sveb")


@dataclass(frozen=True)
class Rates:
    """Sensitivity, positive predictivity and F1, in percent; None where undefined."""

    se: float | None
    """Sensitivity, percent."""
    ppv: float | None
    """Positive predictivity, percent."""
    f1: float | None
    """Their harmonic mean, percent."""


@dataclass(frozen=True)
class MeanRates(Rates):
    """Mean over records of each rate, percent: not gross, where every beat weighs the same."""


@dataclass(frozen=True)
class Timing:
    """How far test beats lie from the reference beats they match."""

    median_ms: float | None
    """Median of the absolute difference, ms."""
    p95_ms: float | None
    """95th percentile of the absolute difference, ms."""
    bias_ms: float | None
    """Median of test minus reference time, ms."""


@dataclass(frozen=True)
class RecordComparison:
    """Everything compared in one record."""

    record: str
    """Record name."""
    beats: BeatComparison
    """Beat by beat."""
    runs: dict[RunKind, RunComparison] = field(default_factory=dict)
    """Run by run, where asked for."""
    episodes: dict[EpisodeKind, EpisodeComparison] = field(default_factory=dict)
    """Episode by episode, where asked for."""
    mapping: str = ""
    """Name of the AAMI mapping by which beats were counted."""

    def tally(self, kind: BeatKind) -> Tally:
        """Give the counts of QRS, VEB or SVEB."""
        tally: Tally = getattr(self.beats, kind)
        return tally


def rates(tally: Tally) -> Rates:
    """Give a tally's rates.

    Examples
    --------
    >>> rates(Tally(1, 1, 1, 0))
    Rates(se=50.0, ppv=100.0, f1=66.66666666666667)
    """
    return Rates(tally.se, tally.ppv, tally.f1)


def timing(comparisons: Sequence[RecordComparison]) -> Timing:
    """Pool the timing differences of all matched beats."""
    errors = np.concatenate([np.zeros(0), *(c.beats.timing_ms for c in comparisons)])
    if not errors.size:
        return Timing(None, None, None)
    return Timing(
        float(np.median(np.abs(errors))),
        float(np.percentile(np.abs(errors), 95)),
        float(np.median(errors)),
    )


def gross_confusion(comparisons: Sequence[RecordComparison]) -> Confusion:
    """Add up the confusion matrices, shape (7, 7), beats."""
    return sum((c.beats.confusion for c in comparisons), np.zeros((7, 7), dtype=np.int64))


def gross(comparisons: Sequence[RecordComparison]) -> dict[BeatKind, Tally]:
    """Add up the counts: every beat weighs the same.

    SVEB are counted by `gross_sveb_tally`, which differs from a record's own
    count in one cell, Fs.
    """
    confusion = gross_confusion(comparisons)
    return {
        "qrs": qrs_tally(confusion),
        "veb": veb_tally(confusion),
        "sveb": gross_sveb_tally(confusion),
    }


def average(comparisons: Sequence[RecordComparison]) -> dict[BeatKind, MeanRates]:
    """Average the records' rates, each over the records where it is defined.

    Counted as in `gross`.
    """
    each = [gross([c]) for c in comparisons]
    found: dict[BeatKind, MeanRates] = {}
    for kind in BEAT_KINDS:
        tallies = [record[kind] for record in each]
        found[kind] = MeanRates(
            mean([t.se for t in tallies]),
            mean([t.ppv for t in tallies]),
            mean([t.f1 for t in tallies]),
        )
    return found


def average_rr_ms(comparisons: Sequence[RecordComparison]) -> float | None:
    """Average the records' RMS RR interval errors, ms."""
    return mean([c.beats.rr.rms_ms for c in comparisons])


def gross_runs(comparisons: Sequence[RecordComparison], kind: RunKind) -> RunComparison:
    """Add up the runs of one kind."""
    return reduce(add, (c.runs[kind] for c in comparisons if kind in c.runs), NO_RUNS)


def gross_episodes(comparisons: Sequence[RecordComparison], kind: EpisodeKind) -> EpisodeComparison:
    """Add up the episodes of one kind."""
    return reduce(add, (c.episodes[kind] for c in comparisons if kind in c.episodes), NO_EPISODES)
