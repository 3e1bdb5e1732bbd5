"""The survey's figures: scores over seeds, and what a patient-second costs."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.ticks import S, V
from training.datasets import LabelledSignal, digest
from training.speed import step_times_us
from training.survey.arms import Arm
from training.survey.cost import macs
from training.survey.outcome import f1_of
from training.survey.results import kept
from training.survey.run import Plan

Result = dict[str, Any]
"""What :func:`training.survey.results.kept` gives."""
N_STREAMS = 64
"""Streams scored together when time is measured."""
ROUNDS = 300
"""Steps of every model when time is measured, in turn."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over seeds."""

    mean: float
    """Mean."""
    least: float
    """Least."""
    most: float
    """Most."""

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Gather values, at least one."""
        return cls(statistics.fmean(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Row:
    """One arm's figures."""

    name: str
    """Name of the arm."""
    title: str
    """What it is."""
    keys: Sequence[str]
    """Keys of the configuration that select it."""
    note: str
    """What the reader must know."""
    n_seeds: int
    """Seeds that all folds are done of."""
    v_f1: Spread | None
    """F1 of V over all patients, each left out once, percent."""
    s_f1: Spread | None
    """F1 of S, percent."""
    n_parameters: float
    """Parameters that are not zero, mean over runs."""
    macs_a_beat: float | None
    """Multiply-adds a beat."""
    us_a_beat: float | None
    """CPU time a beat, us, with ``N_STREAMS`` streams together."""
    time_ratio: float | None
    """The same over that of the first arm, measured in turn with it."""
    training_s: float
    """CPU time of a fit's steps, s, mean over runs."""
    further: Mapping[str, float]
    """Figures of the arm's own, means over runs."""


@dataclass(frozen=True, slots=True)
class Survey:
    """All figures, and what they were taken under."""

    rows: Sequence[Row]
    """The arms."""
    beats_per_s: float
    """Mean heart rate of the signals, 1/s."""
    n_records: int
    """Records."""
    n_patients: int
    """Patients."""
    seeds: Sequence[int]
    """Seeds."""
    n_folds: int
    """Folds."""
    n_sequences: int
    """Sequences that a fit learns from, with those drawn again."""
    n_beats: int
    """Beats of a sequence."""
    codes: Sequence[str]
    """Digests of the code that the results were made by, by procedure."""

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self)


def survey(
    plan: Plan, signals: Sequence[LabelledSignal], out: Path, *, stale: bool = False
) -> Survey:
    """Gather the results that there are, and time the exported models beside one another.

    Parameters
    ----------
    plan, signals, out, stale
        As :func:`training.survey.run.run` had them.
    """
    data_digest = digest(signals)
    found: dict[str, list[Result]] = defaultdict(list)
    models: dict[str, Path] = {}
    for job in plan.jobs():
        result, model = kept(job, out, data_digest, stale=stale), job.folder(out) / "model.onnx"
        if result is not None:
            found[job.arm.name].append(result)
            if model.is_file():
                models.setdefault(job.arm.name, model)
    times_us = step_times_us(
        list(models.values()), N_STREAMS, rounds=ROUNDS, clock=time.process_time
    )
    a_beat_us = {name: us / N_STREAMS for name, us in zip(models, times_us, strict=True)}
    firsts, fit = [signal for signal in signals if signal.first], plan.base.fit
    keys = [result["key"] for results in found.values() for result in results]
    return Survey(
        rows=[
            _row(arm, found[arm.name], plan.n_folds, models.get(arm.name), a_beat_us)
            for arm in plan.arms
            if found[arm.name]
        ],
        beats_per_s=sum(len(s.r_ms) for s in firsts) / sum(len(s.signal_uv) / s.fs for s in firsts),
        n_records=len(firsts),
        n_patients=len({s.patient for s in firsts}),
        seeds=tuple(plan.seeds),
        n_folds=plan.n_folds,
        n_sequences=fit.epochs * fit.steps * fit.batch,
        n_beats=fit.length,
        codes=sorted({f"{key['procedure']} {key['code']}" for key in keys}),
    )


def _row(
    arm: Arm,
    results: Sequence[Result],
    n_folds: int,
    model: Path | None,
    a_beat_us: Mapping[str, float],
) -> Row:
    """Sum up one arm; its time is told beside the first of those that were measured."""
    whole = list(_whole(results, n_folds).values())
    told = [r["macs_a_beat"] for r in results if r["macs_a_beat"] is not None]
    us = a_beat_us.get(arm.name)
    return Row(
        name=arm.name,
        title=arm.title,
        keys=arm.keys,
        note=arm.note,
        n_seeds=len(whole),
        v_f1=Spread.of([f1_of(counts, V) for counts in whole]) if whole else None,
        s_f1=Spread.of([f1_of(counts, S) for counts in whole]) if whole else None,
        n_parameters=statistics.fmean(r["n_parameters"] for r in results),
        macs_a_beat=statistics.fmean(told) if told else None if model is None else macs(model),
        us_a_beat=us,
        time_ratio=None if us is None else us / next(iter(a_beat_us.values())),
        training_s=statistics.fmean(r["training_s"] for r in results),
        further=_further(results),
    )


def _whole(results: Sequence[Result], n_folds: int) -> dict[int, NDArray[np.int64]]:
    """Add up the confusion of all folds, of seeds that have all."""
    seeds: dict[int, list[NDArray[np.int64]]] = defaultdict(list)
    for result in results:
        if result["confusion"] is not None:
            seeds[result["seed"]].append(np.array(result["confusion"], np.int64))
    return {s: np.sum(parts, axis=0) for s, parts in seeds.items() if len(parts) == n_folds}


def _further(results: Sequence[Result]) -> dict[str, float]:
    names = sorted({name for result in results for name in result["further"]})
    return {
        name: statistics.fmean(r["further"][name] for r in results if name in r["further"])
        for name in names
    }
