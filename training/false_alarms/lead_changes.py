"""What a change of lead does to beats: ``python -m training.false_alarms.lead_changes``.

Real changes are few (two in DS1), so here they are forced: each record of DS1 is scored by its
first lead for 50 s, by its second for 70 s, and so on, whether it can be read or not. Counted are
normal beats that are called ventricular, by time since the change, and false alarms. Writes
``docs/lead-changes.md``.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from inference.beat_rules import LEAST_RUN
from inference.beats import Beats
from inference.lead_choice import LeadChoice
from inference.lead_memory import LeadMemory
from inference.new_lead import NewLead
from inference.pipeline import Pipeline
from inference.slots import Slots
from inference.ticks import TICK_MS, N, V
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording
from training.assessment.kept import keep
from training.assessment.scoring import push_records
from training.assessment.tables import markdown
from training.ec57 import read_annotations
from training.ec57.matching import match_beats
from training.labels import aami_codes
from training.splits import DS1

FIRST_S, OTHER_S = 50, 70
"""For so long each lead is scored in turn, s."""
BINS_S = (0, 2, 10, OTHER_S)
"""Time since the change, s."""
CLEAR_MS = 4000
"""A normal beat counts where none of another class is as near, ms."""
OWN_S = 20
"""Time behind a change within which it is told how many true V beats are found, s."""
WINDOW_MS = 150
"""Largest distance of a beat from its reference, ms."""
PAGE = Path("docs/lead-changes.md")
BEFORE, CUT, NOW, PARKED, STEADY = (
    "beats cut across the change, each a first one (as before)",
    "no beat cut across, each a first one",
    "and beats on pace are the usual ones, each a first one",
    "and memory parked (as it runs)",
    "the second lead all along",
)
"""Ways of changing."""


class _InTurn(LeadChoice):
    """Scores two leads in turn, by the clock alone."""

    def choose(self, slots: Slots, readable: NDArray[np.bool_]) -> NDArray[np.int8]:
        """Choose the lead of each tick; ticks are counted in what else counts readable ones."""
        state, n_ticks = self.state, readable.shape[2]
        tick = state["bad"][slots][:, None] + np.arange(n_ticks + 1)
        chosen = in_second(tick * TICK_MS).astype(np.int8)
        state["bad"][slots], state["lead"][slots] = tick[:, -1], chosen[:, -1]
        state["scored"][slots] = chosen[:, -2]
        return chosen[:, :-1]


class _Second(LeadChoice):
    """Scores the second lead all along."""

    def choose(self, slots: Slots, readable: NDArray[np.bool_]) -> NDArray[np.int8]:
        """Choose it."""
        self.state["lead"][slots] = self.state["scored"][slots] = 1
        return np.ones((len(slots), readable.shape[2]), np.int8)


class _Forgetful(LeadMemory):
    """Keeps nothing of any lead: each change is a first one."""

    def change(self, slot: int, was: int, now: int) -> None:
        """Forget."""
        for stage in self._stages.values():
            stage.reset(np.array([slot]))


@dataclass(frozen=True, slots=True)
class Heard:
    """What was made of one record."""

    r_ms: NDArray[np.int64]
    """Array of shape (n_beats,): R-peaks, ms."""
    aami: NDArray[np.int8]
    """Array of shape (n_beats,): class codes."""


def in_second(at_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say whether the second lead is scored.

    Examples
    --------
    >>> in_second(np.array([0, 49_800, 50_000, 119_800, 120_000])).tolist()
    [False, False, True, True, False]
    """
    return np.asarray(at_ms % (1000 * (FIRST_S + OTHER_S)) >= 1000 * FIRST_S)


def hear(recordings: Mapping[str, Recording], way: str) -> dict[str, Heard]:
    """Score records with forced changes of lead.

    Parameters
    ----------
    recordings : mapping
        Records of two leads by name.
    way : str
        :data:`BEFORE`, :data:`CUT`, :data:`NOW`, :data:`PARKED` or :data:`STEADY`.
    """
    pipeline = Pipeline()
    choice = (_Second if way == STEADY else _InTurn)(pipeline.limits, 2)
    pipeline.choice = pipeline._stages.parts["choice"] = choice
    if way in (BEFORE, CUT, NOW):
        shapes = {"beat": pipeline.beats.beat, **pipeline.told.of_shapes}
        pipeline._of_leads = pipeline._stages.parts["of_leads"] = _Forgetful(shapes, 2)
    r_ms: dict[str, list[int]] = {name: [] for name in recordings}
    aami: dict[str, list[int]] = {name: [] for name in recordings}
    with _without(way):
        for results in push_records(pipeline, recordings):
            for part in results.beat_arrays:
                for stream, at, code in zip(part.streams, part.r_ms, part.aami, strict=True):
                    r_ms[stream.stream_id].append(int(at))
                    aami[stream.stream_id].append(int(code))
    return {
        name: Heard(np.array(r_ms[name], np.int64), np.array(aami[name], np.int8))
        for name in recordings
    }


def _without(way: str) -> AbstractContextManager[object]:
    """Take out what came later than a way of changing."""
    if way == BEFORE:
        return patch.object(Beats, "begin_anew", lambda *_: None)
    return patch.object(NewLead, "change", lambda *_: None) if way == CUT else nullcontext()


def false_beats(heard: Heard, r_ms: NDArray[np.int64], aami: NDArray[np.int8]) -> dict[str, Any]:
    """Count normal beats in the second lead by time since the change: all, called V, missed.

    Parameters
    ----------
    heard : Heard
        What was found.
    r_ms, aami : arrays of shape (n_beats,)
        The reference's beats.
    """
    other = r_ms[aami != N]
    nearest = np.abs(r_ms[:, None] - other).min(axis=1) if len(other) else np.full(len(r_ms), 10**9)
    counts = (aami == N) & (nearest > CLEAR_MS) & in_second(r_ms)
    since_ms = r_ms % (1000 * (FIRST_S + OTHER_S)) - 1000 * FIRST_S
    bins = np.searchsorted(1000 * np.array(BINS_S), since_ms, side="right") - 1
    found = np.full(len(r_ms), -1)
    for mine, theirs in match_beats(r_ms.tolist(), heard.r_ms.tolist(), WINDOW_MS):
        if mine is not None and theirs is not None:
            found[mine] = heard.aami[theirs]
    rows = [counts & (bins == k) for k in range(len(BINS_S) - 1)]
    own = (aami == V) & in_second(r_ms) & (since_ms < 1000 * OWN_S)
    return {
        "own": int(own.sum()),
        "own_found": int((own & (found == V)).sum()),
        "runs": _false_runs(heard, r_ms[aami == V]),
        "n": [int(row.sum()) for row in rows],
        "v": [int((row & (found == V)).sum()) for row in rows],
        "missed": [int((row & (found < 0)).sum()) for row in rows],
    }


def _false_runs(heard: Heard, v_ms: NDArray[np.int64]) -> int:
    """Count runs of three and more V beats begun in the second lead, no beat of which is one."""
    is_v, n = heard.aami == V, 0
    starts = np.flatnonzero(is_v & ~np.roll(is_v, 1) & in_second(heard.r_ms))
    for i in starts.tolist():
        length = int(np.argmin(np.append(is_v[i:], False)))
        begin, end = heard.r_ms[i], heard.r_ms[i + length - 1]
        near = (v_ms >= begin - WINDOW_MS) & (v_ms <= end + WINDOW_MS)
        n += length >= LEAST_RUN and not near.any()
    return n


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--minutes", type=float, default=30.0, help="of each record")
    parser.add_argument("--records", nargs="+", default=list(DS1), choices=DS1)
    parser.add_argument("--svdb", type=int, default=0, help="so many records of svdb beside")
    told = parser.parse_args(arguments)
    beside = sorted(path.stem for path in (told.data / "svdb").glob("*.hea"))[: told.svdb]
    recordings, reference = {}, {}
    for name in [*told.records, *beside]:
        folder = told.data / ("svdb" if name in beside else "mitdb")
        whole = open_recording(folder / name)
        n = round(told.minutes * 60 * whole.fs)
        recordings[name] = replace(whole, samples=whole.samples[:, :n])
        notes = read_annotations(folder, name, "atr", whole.fs)
        codes = aami_codes(notes.symbol)
        own = (codes >= 0) & (notes.sample < n)
        r_ms = np.rint(notes.sample[own] * 1000 / whole.fs).astype(np.int64)
        reference[name] = (r_ms, codes[own])
    ways = {}
    for way in (BEFORE, CUT, NOW, PARKED, STEADY):
        heard = hear(recordings, way)
        ways[way] = {name: false_beats(heard[name], *reference[name]) for name in recordings}
    found = {"minutes": told.minutes, "records": told.records, "svdb": len(beside), "ways": ways}
    keep("lead_changes", found)
    PAGE.write_text(page(found), "utf-8")


def page(found: Mapping[str, Any]) -> str:
    """Write what was found in words and a table."""
    times = (f"{a} to {b} s" for a, b in pairwise(BINS_S))
    head = ["", *times, "missed", "false runs", "true V found"]
    rows, worst, total = [], [], [0]
    for way, of in found["ways"].items():
        n, v, missed = (np.array([r[key] for r in of.values()]) for key in ("n", "v", "missed"))
        total = n.sum(axis=0).tolist()
        shares = [f"{1000 * a / max(b, 1):.1f}" for a, b in zip(v.sum(0), total, strict=True)]
        runs, own, own_found = (
            sum(r[k] for r in of.values()) for k in ("runs", "own", "own_found")
        )
        lost = f"{1000 * missed.sum() / max(n.sum(), 1):.1f}"
        rows.append([way, *shares, lost, str(runs), f"{own_found} of {own}"])
        by_record = Counter({name: sum(r["v"]) for name, r in of.items()})
        told = [f"{name} {k}" for name, k in by_record.most_common(4) if k]
        worst.append([way, ", ".join(told) or "none"])
    return _PAGE.format(
        n_records=len(found["records"]),
        n_svdb=found["svdb"],
        own=OWN_S,
        minutes=found["minutes"],
        n=", ".join(str(k) for k in total),
        first=FIRST_S,
        other=OTHER_S,
        table=markdown(head, rows),
        worst=markdown(["", "false V beats, by record"], worst),
    )


_PAGE = """# What a change of lead does to beats

Made by `python -m training.false_alarms.lead_changes --minutes {minutes:g} --svdb {n_svdb}`:
the first {minutes:g} min of {n_records} records of DS1 and {n_svdb} of svdb, scored by the first
lead for {first} s and by the second for {other} s in turn, whether they can be read or not. Of 1000
normal beats in the second lead, none of another class within 4 s, so many are called ventricular,
by time since the change ({n} beats); and so many are missed at any time. False runs: of three and
more V beats none of which is one. True V: those within {own} s behind a change.

{table}

The beats' windows reach back before the R-peak, and a beat is decided 0.7 s behind it. Once the
signal of both leads stood in one window at a change, and the first beats that a beat model
without a memory of the lead learned from were such ones. Now nothing is cut or measured across
a change ([ADR 0034](adr/0034-no-beat-is-cut-across-a-change-of-lead.md)). And until the model has
called three beats of a lead normal, a beat that comes on the pace from before the change is not
taken for ventricular (`inference/new_lead.py`,
[ADR 0040](adr/0040-a-beat-on-pace-is-the-usual-one.md)).

{worst}
"""


if __name__ == "__main__":
    main()
