"""Which rhythm each stretch of a record is in: ventricular tachycardia, fibrillation, or another.

Read from a WFDB database's rhythm annotations, such as those of the MIT-BIH
Malignant Ventricular Ectopy Database. Where a database has none, nothing in it
is taken for ventricular tachycardia or fibrillation, but for what its own beats
contradict.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.ticks import TICK_MS, N, V
from ingest.errors import InputError
from ingest.wfdb_replay import open_recording
from training.assessment.scoring import find_beats
from training.datasets import LabelledSignal, all_records, condition
from training.ec57 import Annotations, read_annotations
from training.found_beats import rhythms
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
    AF = 4
    """Atrial fibrillation."""
    FLUTTER = 5
    """Atrial flutter: neither fibrillation nor safely another rhythm."""
    NOISY = 6
    """A strip too noisy to tell its rhythm, but certainly not VT, VF or asystole."""


NAMED = {
    "AFIB": SpanRhythm.AF,
    "AFL": SpanRhythm.FLUTTER,
    "VT": SpanRhythm.VT,
    "VF": SpanRhythm.VF,
    "VFIB": SpanRhythm.VF,
    "VFL": SpanRhythm.VF,
    "ASYS": SpanRhythm.ASYSTOLE,
}
"""Auxiliary strings of PhysioNet's rhythm annotations, the leading parenthesis left out."""
TABLED = {"A": SpanRhythm.AF, "~": SpanRhythm.NOISY}
"""Rhythms of the table of the PhysioNet/CinC Challenge 2017 that are not simply another one."""
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

    Beats are the reference's; where a table tells the rhythm, those that the shipped models find.

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
    recordings = {record: open_recording(folder / record) for record in records}
    found = find_beats({name: one for name, one in recordings.items() if name in by_table})
    for record, recording in recordings.items():
        length_ms = round(1000 * recording.samples.shape[1] / recording.fs)
        if record in by_table:
            rhythm = TABLED.get(by_table[record], SpanRhythm.OTHER)
            spans = np.array([[0, length_ms, rhythm]], np.int64)
            sample = np.array(found[record].sample, np.int64)
            aami = np.full(len(sample), N, np.int8)
        else:
            notes = read_annotations(folder, record, annotator, recording.fs)
            spans = spans_of(notes, recording.fs, length_ms)
            codes = aami_codes(notes.symbol)
            sample, aami = notes.sample[codes >= 0], codes[codes >= 0]
        r_ms = np.rint(sample * 1000 / recording.fs).astype(np.int64)
        there = [lead for lead in leads if lead < len(recording.leads)]
        if not there:
            raise InputError(f"record {record} has {len(recording.leads)} leads, no {leads[0]}")
        for lead in there:
            signal, scale = condition(recording, lead, fs)
            labelled = LabelledSignal(
                record,
                recording.leads[lead].name,
                lead,
                patient_of(folder.name, record),
                fs,
                signal,
                scale,
                r_ms,
                aami,
                np.zeros((0, 2), np.int64),
                lead == there[0],
                read_subject(folder, record),
                rhythm_ms=spans,
            )
            signals.append(labelled)
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

    Atrial rhythms and noisy strips are other rhythms here: what matters is VT, VF and asystole.

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
        seen = SpanRhythm.OTHER if rhythm > SpanRhythm.ASYSTOLE else rhythm
        labels[-(-begin // TICK_MS) : max(end // TICK_MS, 0)] = seen
    return labels


def _rhythm(aux: str) -> SpanRhythm:
    return SpanRhythm.UNKNOWN if aux == NOISE else NAMED.get(aux, SpanRhythm.OTHER)


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


def _named_in_table(folder: Path) -> dict[str, str]:
    """Give the rhythm of each record that is there and that a table gives one rhythm each."""
    return {
        name: told for name, told in rhythms(folder).items() if (folder / f"{name}.hea").is_file()
    }
