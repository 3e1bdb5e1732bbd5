"""Labelled records, conditioned by the very code that serves.

Every record of a database becomes one :class:`LabelledSignal` per lead: the
signal that :class:`inference.conditioning.Conditioning` gives for it, and its
reference beats on the stream's clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.conditioning import Conditioning
from inference.streams import UV_PER_UNIT
from inference.ticks import TICK_MS
from ingest.errors import InputError
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording
from training.ec57 import read_annotations
from training.labels import aami_codes
from training.noise_bank import NoiseSegment
from training.splits import patient_of
from training.subjects import UNKNOWN, Subject, read_subject

PUSH_S = 60.0
"""Length of signal conditioned at once, s; the result does not depend on it."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSignal:
    """One lead of one record, conditioned, with its reference beats."""

    name: str
    """Record name."""
    lead: str
    """Lead name."""
    lead_index: int
    """Its place in the record, from 0."""
    patient: str
    """The person, as :func:`training.splits.patient_of` names them."""
    fs: int
    """Sampling frequency of ``signal_uv``, Hz."""
    signal_uv: NDArray[np.float32]
    """Array of shape (n_samples,), uV."""
    scale_uv: NDArray[np.float32]
    """Array of shape (n_ticks,): amplitude scale, uV."""
    r_ms: NDArray[np.int64]
    """Array of shape (n_beats,): reference beats, ms since sample 0."""
    aami: NDArray[np.int8]
    """Array of shape (n_beats,): class codes, indices into ``inference.ticks.AAMI``."""
    flutter_ms: NDArray[np.int64]
    """Array of shape (n_spans, 2): ventricular flutter, in which beats are not labelled, ms."""
    first: bool = True
    """It is the first of the leads that were asked for, which validation looks at."""
    subject: Subject = UNKNOWN
    """Age and sex, where the header tells them."""
    weight: float = 1.0
    """How often it is drawn, over a signal of weight 1."""
    rhythm_ms: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    """Array of shape (n_spans, 3): begin and end, ms, and :class:`training.rhythm_spans.SpanRhythm`
    of stretches whose rhythm is labelled."""

    @property
    def scaled(self) -> NDArray[np.float32]:
        """Array of shape (n_samples,): the signal over its amplitude scale."""
        scale_uv = np.repeat(self.scale_uv, self.fs * TICK_MS // 1000)
        return np.asarray(self.signal_uv / scale_uv, np.float32)


def load(
    folder: Path,
    records: Iterable[str],
    *,
    fs: int,
    leads: Sequence[int] = (0,),
    annotator: str = "atr",
) -> list[LabelledSignal]:
    """Read and condition records of a WFDB database with its reference beats.

    Parameters
    ----------
    folder : Path
        The database; its name names it.
    records : iterable of str
        Record names.
    fs : int
        Sampling frequency wanted, Hz.
    leads : sequence of int
        Which signals of each record, each a :class:`LabelledSignal` of its own.
    annotator : str
        Extension of the annotations.

    Raises
    ------
    ingest.errors.InputError
        If a record or its annotations cannot be read, it lacks a lead, or none of its
        annotations is a beat of an AAMI class.
    """
    loaded = []
    for record in records:
        recording = open_recording(folder / record)
        notes = read_annotations(folder, record, annotator, recording.fs)
        codes = aami_codes(notes.symbol)
        if not (codes >= 0).any():
            raise InputError(
                f"record {record} of {folder.name} has no beat with an AAMI class in .{annotator}"
            )
        time_ms = np.rint(notes.sample * 1000 / recording.fs).astype(np.int64)
        flutter = _spans(time_ms, notes.symbol, "[", "]")
        patient, subject = patient_of(folder.name, record), read_subject(folder, record)
        for lead in leads:
            if lead >= len(recording.leads):
                raise InputError(f"record {record} has {len(recording.leads)} leads, no {lead}")
            signal, scale = condition(recording, lead, fs)
            loaded.append(
                LabelledSignal(
                    record,
                    recording.leads[lead].name,
                    lead,
                    patient,
                    fs,
                    signal,
                    scale,
                    time_ms[codes >= 0],
                    codes[codes >= 0],
                    flutter,
                    lead == leads[0],
                    subject,
                )
            )
    return loaded


def all_records(folder: Path, annotator: str) -> tuple[str, ...]:
    """Name all records of a WFDB database that have annotations, in order.

    Raises
    ------
    ingest.errors.InputError
        If there is none.
    """
    names = sorted(p.stem for p in folder.glob(f"*.{annotator}") if p.with_suffix(".hea").exists())
    if not names:
        raise InputError(f"no record with .{annotator} annotations in {folder}")
    return tuple(names)


def condition(
    recording: Recording, lead: int, fs: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Condition one lead of a recording from its first sample to its last.

    Returns
    -------
    signal_uv : array of shape (n_samples,), uV at ``fs``
    scale_uv : array of shape (n_ticks,), uV
    """
    stage = Conditioning(fs, 1)
    raw = recording.samples[lead]
    calibration = recording.leads[lead]
    stage.start(
        0,
        fs=recording.fs,
        first_sample=0,
        first_adu=int(raw[0]),
        gain=calibration.adc_gain / UV_PER_UNIT[calibration.unit],
        baseline=calibration.baseline,
    )
    step = int(PUSH_S * recording.fs)
    slot = np.zeros(1, np.intp)
    blocks = [
        block
        for at in range(0, len(raw), step)
        for block in stage.push(slot, raw[None, at : at + step], recording.fs)
    ]
    signal = np.concatenate([block.signal_uv.reshape(-1) for block in blocks])
    return signal, np.concatenate([block.quality.scale_uv[0] for block in blocks])


def digest(signals: Iterable[LabelledSignal], noise: Iterable[NoiseSegment] = ()) -> str:
    """Fingerprint of training data: signals, labels and noise, in order, as 64 hex digits."""
    total = hashlib.sha256()
    for s in signals:
        total.update(f"{s.patient}/{s.name}/{s.lead}/{s.fs}".encode())
        for array in (s.signal_uv, s.scale_uv, s.r_ms, s.aami, s.flutter_ms):
            total.update(np.ascontiguousarray(array).tobytes())
        if len(s.rhythm_ms):
            total.update(np.ascontiguousarray(s.rhythm_ms).tobytes())
    for segment in noise:
        total.update(f"noise {segment.patient}/{segment.start_s}".encode())
        total.update(np.ascontiguousarray(segment.noise).tobytes())
    return total.hexdigest()


def _spans(
    time_ms: NDArray[np.int64], symbols: Sequence[str], opening: str, closing: str
) -> NDArray[np.int64]:
    """Pair opening and closing marks; an open end lasts for ever."""
    starts = [int(t) for t, s in zip(time_ms, symbols, strict=True) if s == opening]
    ends = [int(t) for t, s in zip(time_ms, symbols, strict=True) if s == closing]
    ends += [np.iinfo(np.int64).max] * (len(starts) - len(ends))
    return np.array(list(zip(starts, ends, strict=False)), np.int64).reshape(-1, 2)
