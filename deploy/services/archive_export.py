"""Stretches of an archive as records that others read: WFDB or EDF+, with beats and alarms."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from deploy.services.score_files import EXTENSION
from ingest.archive import Archive, Stretch
from ingest.errors import InputError
from ingest.frames import MISSING_ADU
from ingest.recording import Recording

FORMATS = ("wfdb", "edf")
"""Forms of records."""
NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
"""What names of WFDB records are made of."""
EDF_LOW, EDF_HIGH = -32768, 32767
"""Range of EDF's samples."""
BEATS = frozenset("NSVFQ")
"""AAMI classes, which are symbols of WFDB's annotations too."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One record that was written."""

    name: str
    """Its name."""
    files: tuple[Path, ...]
    """Its files."""
    session: str
    """Session of the device."""
    first_sample: int
    """Index of the record's first sample in that session."""
    n_samples: int
    """Samples a lead."""
    missing: int
    """How many samples of all leads are missing."""
    beats: int
    """Beats beside it."""
    alarms: int
    """Changes of alarms beside it."""


def export(
    archive: Archive,
    stream: str,
    out: Path,
    form: str = "wfdb",
    start: int | None = None,
    stop: int | None = None,
) -> list[Exported]:
    """Write a stretch of one stream as records: one for each session and layout of leads.

    WFDB: ``NAME.hea`` and ``NAME.dat`` (format 16), beats as ``NAME.vgl``. EDF+: ``NAME.edf``
    with beats and alarms as annotations; it knows no missing samples, so these are told as
    annotations too, and its last second is filled up with them. Beside both:
    ``NAME.alarms.jsonl``, alarms as they were published.

    Parameters
    ----------
    archive : Archive
        The archive.
    stream : str
        Pseudonym of the stream, which the records are named after.
    out : Path
        Folder to write to, made where it is not there.
    form : str
        One of :data:`FORMATS`.
    start, stop : int, optional
        UTC times, ns since 1970.

    Raises
    ------
    InputError
        If there is nothing, a file is there already, or it cannot be written.
    """
    if form not in FORMATS:
        raise InputError(f"--format must be {' or '.join(FORMATS)}, not {form!r}")
    found = archive.stretch(stream, start, stop)
    if not found:
        raise InputError(f"the archive has no signal of {stream!r} then")
    beats = [json.loads(body) for body in archive.beats(stream)]
    alarms = list(archive.alarms(stream))
    base = "".join(char if char in NAME_CHARS else "_" for char in stream)
    try:
        out.mkdir(parents=True, exist_ok=True)
        return [
            _export_one(stretch, base if i == 0 else f"{base}_{i + 1}", out, form, beats, alarms)
            for i, stretch in enumerate(found)
        ]
    except OSError as error:
        raise InputError(f"cannot write into {out}: {error.strerror or error}") from error


def _export_one(
    stretch: Stretch,
    name: str,
    out: Path,
    form: str,
    beats: Sequence[dict[str, Any]],
    alarms: Sequence[bytes],
) -> Exported:
    """Write one record."""
    taken = [path for path in out.glob(f"{name}.*") if path.stem.split(".")[0] == name]
    if taken:
        raise InputError(f"{taken[0]} is there already: export to another folder")
    own = sorted(
        (each["sample"] - stretch.first_sample, each["aami"])
        for each in beats
        if each.get("session") == stretch.session
        and each.get("aami") in BEATS
        and stretch.first_sample <= each["sample"] < stretch.end_sample
    )
    told = [body for body in alarms if _is_of(body, stretch)]
    if form == "wfdb":
        files = _write_wfdb(stretch.recording, name, out)
        if own:
            files.append(_write_beats(own, stretch.recording.fs, name, out))
    else:
        files = [_write_edf(stretch, name, out, own, told)]
    if told:
        files.append(out / f"{name}.alarms.jsonl")
        files[-1].write_bytes(b"".join(body + b"\n" for body in told))
    samples = stretch.recording.samples
    return Exported(
        name, tuple(files), stretch.session, stretch.first_sample, samples.shape[1],
        int((samples == MISSING_ADU).sum()), len(own), len(told),
    )  # fmt: skip


def _is_of(body: bytes, stretch: Stretch) -> bool:
    """Tell whether a change of an alarm was decided within a stretch."""
    told = json.loads(body)
    at = (told.get("decided") or {}).get("sample")
    return (
        told.get("session") == stretch.session
        and isinstance(at, int)
        and stretch.first_sample <= at <= stretch.end_sample
    )


def _write_wfdb(recording: Recording, name: str, out: Path) -> list[Path]:
    """Write header and samples."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 with pandas 3
        import wfdb
    start = _start(recording)
    wfdb.wrsamp(
        name,
        fs=recording.fs,
        units=[lead.unit for lead in recording.leads],
        sig_name=[lead.name for lead in recording.leads],
        d_signal=recording.samples.T.astype(np.int64),
        fmt=["16"] * len(recording.leads),
        adc_gain=[lead.adc_gain for lead in recording.leads],
        baseline=[lead.baseline for lead in recording.leads],
        base_date=start.date(),
        base_time=start.time(),
        write_dir=str(out),
    )
    return [out / f"{name}.hea", out / f"{name}.dat"]


def _write_beats(beats: Sequence[tuple[int, str]], fs: float, name: str, out: Path) -> Path:
    """Write beats as annotations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 with pandas 3
        import wfdb
    samples, symbols = zip(*beats, strict=True)
    wfdb.wrann(
        name, EXTENSION, np.array(samples, np.int64), symbol=list(symbols), fs=fs,
        write_dir=str(out),
    )  # fmt: skip
    return out / f"{name}.{EXTENSION}"


def _write_edf(
    stretch: Stretch,
    name: str,
    out: Path,
    beats: Sequence[tuple[int, str]],
    alarms: Sequence[bytes],
) -> Path:
    """Write an EDF+C file."""
    import edfio

    recording = stretch.recording
    per_record, record_s = _data_record(recording.fs)
    short = -recording.n_samples % per_record
    samples = np.pad(recording.samples, ((0, 0), (0, short)), constant_values=MISSING_ADU)
    signals = [
        edfio.EdfSignal.from_digital(
            row,
            per_record / record_s,
            label=lead.name[:16],
            physical_dimension=lead.unit[:8],
            physical_range=(
                (EDF_LOW - lead.baseline) / lead.adc_gain,
                (EDF_HIGH - lead.baseline) / lead.adc_gain,
            ),
            digital_range=(EDF_LOW, EDF_HIGH),
        )
        for row, lead in zip(samples, recording.leads, strict=True)
    ]
    told = [
        edfio.EdfAnnotation(*each)
        for each in _edf_annotations(stretch, samples.shape[1], beats, alarms)
    ]
    start = _start(recording)
    path = out / f"{name}.edf"
    try:
        edfio.Edf(
            signals,
            recording=edfio.Recording(startdate=start.date()),
            starttime=start.time(),
            data_record_duration=record_s,
            annotations=told,
        ).write(path)
    except ValueError as error:
        raise InputError(f"{name} cannot be an EDF file: {error}") from error
    return path


def _edf_annotations(
    stretch: Stretch, n_samples: int, beats: Sequence[tuple[int, str]], alarms: Sequence[bytes]
) -> Iterator[tuple[float, float | None, str]]:
    """Yield onset (s), duration (s) and text of what goes with a record."""
    fs, samples = stretch.recording.fs, stretch.recording.samples
    for at, symbol in beats:
        yield at / fs, None, symbol
    for body in alarms:
        told = json.loads(body)
        onset_s = (told["decided"]["sample"] - stretch.first_sample) / fs
        yield onset_s, None, f"alarm {told['condition']} {told['state']}"
    silent = np.append(
        np.all(samples == MISSING_ADU, axis=0), np.ones(n_samples - samples.shape[1])
    )
    edges = np.flatnonzero(np.diff(silent.astype(np.int8), prepend=0, append=0))
    for first, end in edges.reshape(-1, 2).tolist():
        yield first / fs, (end - first) / fs, "no signal"


def _data_record(fs: float) -> tuple[int, float]:
    """Return samples and length, s, of EDF's data records: a whole number in about a second.

    Examples
    --------
    >>> _data_record(360.0), _data_record(62.5), _data_record(0.5)
    ((360, 1.0), (125, 2.0), (1, 2.0))
    """
    for seconds in range(1, 61):
        if float(fs * seconds).is_integer():
            return int(fs * seconds), float(seconds)
    raise InputError(f"{fs:g} Hz: EDF needs a whole number of samples in whole seconds: use wfdb")


def _start(recording: Recording) -> datetime:
    """Return when a record begins, UTC, to the microsecond."""
    since = timedelta(microseconds=recording.start_unix_ns // 1000)
    return datetime(1970, 1, 1, tzinfo=UTC) + since
