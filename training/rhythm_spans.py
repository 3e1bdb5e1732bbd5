"""Which rhythm each stretch of a record is in: ventricular tachycardia, fibrillation, or another.

Read from a WFDB database's rhythm annotations, such as those of the MIT-BIH
Malignant Ventricular Ectopy Database. Where a database has none, nothing in it
is taken for ventricular tachycardia or fibrillation, but for what its own beats
contradict.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.ticks import TICK_MS, V
from ingest.errors import InputError
from ingest.wfdb_replay import open_recording
from training.datasets import LabelledSignal, all_records, condition
from training.ec57 import Annotations, read_annotations
from training.found_beats import REFERENCE
from training.labels import aami_codes
from training.splits import patient_of
from training.subjects import read_subject


class SpanRhythm(IntEnum):
    """What a stretch is labelled as."""

    UNKNOWN = -1
    """Noise, or nothing that is known."""
    OTHER = 0
    """Any rhythm that is none of these."""
    VT = 1
    """Ventricular tachycardia."""
    VF = 2
    """Ventricular fibrillation or flutter."""
    ASYSTOLE = 3
    """No beats."""


LETHAL = {
    "VT": SpanRhythm.VT,
    "VF": SpanRhythm.VF,
    "VFIB": SpanRhythm.VF,
    "VFL": SpanRhythm.VF,
    "ASYS": SpanRhythm.ASYSTOLE,
}
"""Auxiliary strings of PhysioNet's rhythm annotations, the leading parenthesis left out."""
NOISE = "NOISE"
"""Auxiliary string of a stretch whose rhythm cannot be told."""
EDGE_MS = 400
"""About a change of rhythm, where annotators differ: labelled unknown, ms."""
RUN_BEATS = 3
"""Ventricular beats in a row that are not labelled as another rhythm, where none is annotated."""


def load_spans(
    folder: Path,
    records: Iterable[str],
    *,
    fs: int,
    leads: tuple[int, ...] = (0,),
    annotator: str = "atr",
) -> list[LabelledSignal]:
    """Read and condition records with the rhythm of each stretch.

    Parameters
    ----------
    folder : Path
        The database: with annotations, or with a table of rhythms by record.
    records : iterable of str
        Record names.
    fs : int
        Sampling frequency wanted, Hz.
    leads : tuple of int
        Which signals of each record; those that a record lacks are passed over.
    annotator : str
        Extension of the annotations.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read, has none of the leads, or nothing tells its rhythm.
    """
    signals = []
    by_table = _named_in_table(folder)
    for record in records:
        recording = open_recording(folder / record)
        length_ms = round(1000 * recording.samples.shape[1] / recording.fs)
        if record in by_table:
            rhythms = np.array([[0, length_ms, SpanRhythm.OTHER]], np.int64)
        else:
            notes = read_annotations(folder, record, annotator, recording.fs)
            rhythms = spans_of(notes, recording.fs, length_ms)
        there = [lead for lead in leads if lead < len(recording.leads)]
        if not there:
            raise InputError(f"record {record} has {len(recording.leads)} leads, no {leads[0]}")
        for lead in there:
            signal, scale = condition(recording, lead, fs)
            bare = LabelledSignal(
                record,
                recording.leads[lead].name,
                lead,
                patient_of(folder.name, record),
                fs,
                signal,
                scale,
                np.zeros(0, np.int64),
                np.zeros(0, np.int8),
                np.zeros((0, 2), np.int64),
                lead == there[0],
                read_subject(folder, record),
            )
            signals.append(replace(bare, rhythm_ms=rhythms))
    return signals


def span_records(folder: Path, annotator: str) -> tuple[str, ...]:
    """Name all records of a database that are in its table of rhythms or have annotations.

    Raises
    ------
    ingest.errors.InputError
        If there is none.
    """
    return tuple(sorted(_named_in_table(folder))) or all_records(folder, annotator)


def spans_of(notes: Annotations, fs: float, length_ms: int) -> NDArray[np.int64]:
    """Turn a record's rhythm annotations into stretches.

    Parameters
    ----------
    notes : Annotations
        Of the record.
    fs : float
        Sampling frequency of its sample numbers, Hz.
    length_ms : int
        Length of the record, ms.

    Returns
    -------
    array of shape (n_spans, 3)
        Begin and end, ms, and :class:`SpanRhythm`, in order, without overlap.
    """
    time_ms = np.rint(np.asarray(notes.sample) * 1000 / fs).astype(np.int64)
    changes = [
        (int(at), aux.lstrip("(").rstrip("\x00").strip())
        for at, aux in zip(time_ms, notes.aux_note, strict=True)
        if aux.startswith("(")
    ]
    if not changes:
        return _without_runs(time_ms, notes, length_ms)
    ends = [*(at for at, _ in changes[1:]), length_ms]
    spans = [
        (at + EDGE_MS, end - EDGE_MS, _rhythm(aux))
        for (at, aux), end in zip(changes, ends, strict=True)
        if end - at > 2 * EDGE_MS
    ]
    return np.array(spans, np.int64).reshape(-1, 3)


def by_tick(signal: LabelledSignal) -> NDArray[np.int8]:
    """Label each tick of a signal, array of shape (n_ticks,); unknown where it is not all alike.

    Examples
    --------
    >>> spans = np.array([[0, 500, 0], [500, 1000, 2]])
    >>> nothing = np.zeros((0, 2), np.int64)
    >>> signal = LabelledSignal(
    ...     "r", "II", 0, "p", 125, np.zeros(125, np.float32), np.ones(5, np.float32),
    ...     nothing[:, 0], nothing[:, 0].astype(np.int8), nothing, rhythm_ms=spans)
    >>> by_tick(signal).tolist()
    [0, 0, -1, 2, 2]
    """
    labels = np.full(len(signal.scale_uv), SpanRhythm.UNKNOWN, np.int8)
    for begin, end, rhythm in signal.rhythm_ms.tolist():
        labels[-(-begin // TICK_MS) : max(end // TICK_MS, 0)] = rhythm
    return labels


def _rhythm(aux: str) -> SpanRhythm:
    return SpanRhythm.UNKNOWN if aux == NOISE else LETHAL.get(aux, SpanRhythm.OTHER)


def _without_runs(
    time_ms: NDArray[np.int64], notes: Annotations, length_ms: int
) -> NDArray[np.int64]:
    """All of a record is another rhythm, but for runs of ventricular beats."""
    codes = aami_codes(notes.symbol)
    beats, ventricular = time_ms[codes >= 0], codes[codes >= 0] == V
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ventricular, [False]]).astype(int)))
    spans, begin = [], 0
    for first, stop in edges.reshape(-1, 2):
        if stop - first >= RUN_BEATS:
            spans.append((begin, int(beats[first]) - EDGE_MS, int(SpanRhythm.OTHER)))
            begin = int(beats[stop - 1]) + EDGE_MS
    spans.append((begin, length_ms, int(SpanRhythm.OTHER)))
    return np.array([span for span in spans if span[1] > span[0]], np.int64).reshape(-1, 3)


def _named_in_table(folder: Path) -> frozenset[str]:
    """Name the records that a table gives one rhythm each, none VT or VF (Challenge 2017)."""
    path = folder / REFERENCE
    if not path.is_file():
        return frozenset()
    rows = csv.reader(path.read_text("utf-8").splitlines())
    return frozenset(row[0] for row in rows if row and (folder / f"{row[0]}.hea").is_file())
