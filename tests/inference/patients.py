"""Tapes: all that a stream's sequencer would say, to be cut and mixed in any way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from inference.alarm_json import ModelRef, render
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.results import Results
from ingest.frames import MISSING_ADU, Lead
from ingest.sequence_types import Chunk, End, Gap, Item
from ingest.simulator import (
    Ectopy,
    Script,
    Segment,
    SimulatedRecord,
    asystole,
    atrial_fibrillation,
    bradycardia,
    lead_off,
    simulate,
    sinus,
    ventricular_fibrillation,
    ventricular_tachycardia,
    with_ectopy,
    with_noise,
)

START_UNIX_NS = 1_700_000_000_000_000_000
LEAD = Lead("II", "mV", 200.0, 0)


@cache
def patient(segments: tuple[Segment, ...], fs: float = 250.0, seed: int = 1) -> SimulatedRecord:
    """One patient whose script is gone through once."""
    seconds = sum(segment.duration_s for segment in segments)
    return simulate(Script("x", segments), fs, seconds, seed)


def chunk(
    samples: np.ndarray,
    first_sample: int = 0,
    *,
    stream_id: str = "p",
    session: str = "a",
    fs: float = 250.0,
    begins: bool = False,
    lead: Lead = LEAD,
) -> Chunk:
    """One chunk of one lead."""
    leads, origin = (lead,), START_UNIX_NS
    rows = np.atleast_2d(samples)
    return Chunk(stream_id, session, first_sample, rows, fs, leads, origin, begins, False)


@dataclass
class Tape:
    """A stream in the making."""

    stream_id: str
    fs: float = 250.0
    lead: Lead = LEAD
    at: int = 0

    def __post_init__(self) -> None:
        self.items: list[Item] = []
        self.session = 0
        self.begins = True

    def play(self, samples: np.ndarray) -> Tape:
        """Add samples."""
        self.items.append(
            chunk(
                samples,
                self.at,
                stream_id=self.stream_id,
                session=str(self.session),
                fs=self.fs,
                begins=self.begins,
                lead=self.lead,
            )
        )
        self.at, self.begins = self.items[-1].end_sample, False
        return self

    def simulate(self, *segments: Segment, seed: int = 1) -> Tape:
        """Add a simulated patient."""
        return self.play(patient(segments, self.fs, seed).samples)

    def gap(self, seconds: float) -> Tape:
        """Add a gap."""
        n = round(seconds * self.fs)
        self.items.append(Gap(self.stream_id, str(self.session), self.at, n))
        self.at += n
        return self

    def restart(self, at: int = 0) -> Tape:
        """Begin another session, the old one unended."""
        self.session, self.at, self.begins = self.session + 1, at, True
        return self

    def end(self) -> Tape:
        """End the session."""
        self.items.append(End(self.stream_id, str(self.session), self.at))
        return self.restart()


def cut(items: Iterable[Item], lengths: Iterator[int]) -> Iterator[Item]:
    """Cut chunks and gaps into pieces of the given lengths, samples."""
    for item in items:
        if isinstance(item, End):
            yield item
            continue
        at = item.first_sample
        while at < item.end_sample:
            n = min(next(lengths), item.end_sample - at)
            if isinstance(item, Gap):
                yield replace(item, first_sample=at, n_samples=n)
            else:
                first = at - item.first_sample
                yield replace(
                    item,
                    first_sample=at,
                    samples=item.samples[:, first : first + n],
                    begins=item.begins and first == 0,
                )
            at += n


def random_pushes(
    tapes: Sequence[Tape], rng: np.random.Generator, *, longest_s: float = 10.0
) -> list[list[Item]]:
    """Cut every tape its own way, and mix the pieces into pushes, each tape in its order."""
    waiting = []
    for tape in tapes:
        around_s = float(np.exp(rng.uniform(np.log(0.02), np.log(longest_s))))
        spread = float(rng.choice([1.0, 2.0]))  # either all of one length, or varied
        lengths = iter(
            lambda a=around_s, s=spread, fs=tape.fs: max(1, round(a * fs * rng.uniform(1 / s, 1))),
            0,
        )
        waiting.append(list(cut(tape.items, lengths)))
    share = max(len(pieces) for pieces in waiting)
    pushes: list[list[Item]] = []
    taken = [0] * len(waiting)
    for k in range(1, share + 1):
        push: list[Item] = []
        for t in rng.permutation(len(waiting)):
            upto = round(len(waiting[t]) * k / share)
            push += waiting[t][taken[t] : upto]
            taken[t] = upto
        pushes.append(push)
    return pushes


Told = dict[str, list[tuple]]


def told(results: Iterable[Results], into: Told | None = None) -> Told:
    """Everything a push gave, by stream and kind, in a form to be compared to the last bit."""
    model, limits = ModelRef("m", "1", "0" * 64), Limits()
    found: Told = {} if into is None else into

    def note(stream_id: str, kind: str, *values: object) -> None:
        found.setdefault(f"{stream_id} {kind}", []).append(values)

    for result in results:
        for b in result.beats():
            note(b.stream.stream_id, "beats", b.sample, b.r_ms, b.rr_ms, b.aami, b.confidence)
        for e in result.edges:
            note(e.stream.stream_id, "edges", e.code.name, e.onset, e.at_ms)
        for w in result.windows:
            note(
                w.stream.stream_id, f"windows {w.model}", w.begin_ms, w.end_ms, w.label,
                w.probability,
            )  # fmt: skip
        for a in result.alarms:
            note(a.stream.stream_id, "alarms", render(a.transition, a.stream.source, model, limits))
    return found


def score(pipeline: Pipeline, pushes: Iterable[Iterable[Item]]) -> Told:
    """Push, and tell what came."""
    return told([pipeline.push(items) for items in pushes])


def spoiled(samples: np.ndarray, seed: int = 0) -> np.ndarray:
    """The same with samples missing here and there, one stretch of them, and the rails touched."""
    rng = np.random.default_rng(seed)
    rows = samples.copy()
    n = rows.shape[1]
    rows[:, rng.random(n) < 0.02] = MISSING_ADU
    rows[:, n // 3 : n // 3 + n // 10] = MISSING_ADU
    rows[:, n // 2 : n // 2 + n // 20] = 32767
    rows[:, 0] = MISSING_ADU
    return rows


@cache
def ward() -> tuple[Tape, ...]:
    """Streams to which everything happens that may happen to a stream."""
    lively = with_ectopy(sinus(9.0, 80.0), Ectopy(probability=0.3), Ectopy("S", 0.2))
    loud = with_noise(sinus(6.0), emg_mv=0.4, motion_mv=0.8)
    return (
        Tape("lively", 250.0).simulate(lively).end(),
        Tape("vf", 360.0).simulate(sinus(4.0), ventricular_fibrillation(5.0), sinus(3.0)).end(),
        Tape("asystole", 257.3).simulate(sinus(4.0), asystole(7.0), sinus(2.0)).end(),
        Tape("off", 128.0).simulate(sinus(3.0), lead_off(5.0, level_mv=99.0), sinus(4.0)),
        Tape("loud", 500.0).simulate(loud, sinus(3.0)).end(),
        Tape("gaps", 250.0)
        .simulate(sinus(4.0))
        .gap(0.7)
        .simulate(ventricular_tachycardia(6.0))
        .gap(3.1)
        .simulate(sinus(3.0), seed=2)
        .end(),
        Tape("long gap", 125.0, at=2**40 + 7)
        .simulate(bradycardia(5.0))
        .gap(23.0)
        .simulate(sinus(5.0))
        .gap(12.0)
        .end(),
        Tape("restarts", 200.0)
        .simulate(sinus(4.0))
        .restart(at=333)
        .simulate(atrial_fibrillation(6.0))
        .end()
        .simulate(sinus(3.0)),
        Tape("brief", 1000.0).play(np.zeros((1, 3), np.int16)).end(),
        Tape("spoiled", 257.3, Lead("II", "mV", -200.0, 40))
        .play(spoiled(patient((lively,), 257.3).samples))
        .end(),
    )
