"""Real noise, from records that their makers marked noisy, in two parts that share no patient.

Sources are what vfdb marks ``(NOISE`` in its rhythm annotations, and records of
class ``~`` (too noisy) of the PhysioNet/CinC Challenge 2017. Such records still
hold heartbeats under the noise. A stretch is therefore taken only where nothing
in the band of the QRS comes back at the pace of a heart: the autocorrelation of
the QRS-band envelope stays low at all lags of 38 to 170 beats a minute. No QRS
detector has a say, so none is favoured. What is left of QRS complexes is weak
against the noise, or irregular, but it is not nothing; it is the same for every
detector that is tried.

Records with an even number are for tests (:mod:`training.noise_stress`), those
with an odd number may be learned from. Nothing may learn from the first part:
:func:`patients_kept_apart` names it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, detrend, resample_poly, sosfiltfilt

from inference.streams import UV_PER_UNIT
from ingest.errors import InputError
from ingest.frames import MISSING_ADU
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording
from training.ec57 import Annotations, read_annotations

Part = Literal["training", "test"]
"""Which half of the patients."""
NOISE_MARK = "(NOISE"
"""Rhythm annotation of vfdb."""
SEGMENT_S = 8.0
"""Length of a stretch, s: several heartbeats, so that a rhythm would show."""
FADE_S = 0.25
"""Overlap of one stretch with the next, s."""
QRS_HZ = (8.0, 25.0)
"""Where a QRS complex stands out, Hz."""
ENVELOPE_HZ = 50.0
"""Sampling frequency of the envelope, which is smoothed over 0.1 s, Hz."""
PACE_BPM = (38.0, 170.0)
"""Paces that are looked for, beats a minute."""
MOST_REGULAR = 0.25
"""Autocorrelation of the envelope from which a stretch is taken to hold heartbeats."""
MOST_CREST = 7.0
"""Peak over RMS from which a stretch is single knocks with heartbeats plain to see between."""
MOST_STILL = 0.15
"""Share of samples equal to the one before, in runs, from which a stretch is clipped or flat."""
LEAST_MV = 0.05
"""Least RMS of a stretch, mV: below, a record marked noisy is quiet there."""


@dataclass(frozen=True, slots=True, eq=False)
class NoiseSegment:
    """A stretch of real noise."""

    patient: str
    """The record, which is one person's: ``database/record``."""
    start_s: float
    """Where it begins in the record, s."""
    noise: NDArray[np.float32]
    """Array of shape (n_samples,): its trend taken out, of RMS 1 about the mean of each second."""


def part_of(record: str) -> Part:
    """Say which part a record belongs to, by its number.

    Examples
    --------
    >>> part_of("A00106"), part_of("421")
    ('test', 'training')
    """
    return "test" if int("".join(c for c in record if c.isdigit())) % 2 == 0 else "training"


def load_noise(data: Path, part: Part, fs: int) -> list[NoiseSegment]:
    """Take the stretches of noise of one part, at one sampling frequency.

    Parameters
    ----------
    data : Path
        Folder of the databases ``vfdb`` and ``cinc2017``.
    part : str
        ``training``, or ``test``, which nothing may learn from.
    fs : int
        Sampling frequency wanted, Hz.

    Raises
    ------
    ingest.errors.InputError
        If there is no noise.
    """
    segments = [
        segment
        for patient, recording, spans in _sources(data, part)
        for row in range(len(recording.leads))
        for segment in _segments(patient, recording, row, spans, fs)
    ]
    if not segments:
        raise InputError(f"no noise in {data}: it wants vfdb or cinc2017 there")
    return segments


def patients_kept_apart(data: Path) -> frozenset[str]:
    """Name the patients whose noise is for tests, ``database/record``: learn from none of them.

    Parameters
    ----------
    data : Path
        Folder of the databases ``vfdb`` and ``cinc2017``.

    Examples
    --------
    >>> patients_kept_apart(Path("nowhere"))
    frozenset()
    """
    return frozenset(patient for patient, _ in _named(data, "test"))


def noise_track(
    segments: Sequence[NoiseSegment], n_samples: int, fs: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Join stretches into a track, each of a patient drawn anew.

    Parameters
    ----------
    segments : sequence of NoiseSegment
        From :func:`load_noise`, at ``fs``.
    n_samples : int
        Length wanted.
    fs : int
        Sampling frequency, Hz.
    rng : numpy.random.Generator
        Draws.

    Returns
    -------
    array of shape (n_samples,)
        Of RMS about 1; stretches fade into one another over ``FADE_S``.
    """
    by_patient: dict[str, list[NoiseSegment]] = {}
    for segment in segments:
        by_patient.setdefault(segment.patient, []).append(segment)
    patients = sorted(by_patient)
    fade = round(FADE_S * fs)
    ramp = np.sin(np.linspace(0, np.pi / 2, fade))  # powers add up to 1
    track = np.zeros(n_samples + 2 * round(SEGMENT_S * fs), np.float64)
    at = 0
    while at < n_samples + fade:
        own = by_patient[patients[int(rng.integers(len(patients)))]]
        piece = own[int(rng.integers(len(own)))].noise.astype(np.float64)
        piece[:fade] *= ramp
        piece[-fade:] *= ramp[::-1]
        track[at : at + len(piece)] += piece
        at += len(piece) - fade
    return np.asarray(track[fade : fade + n_samples], np.float32)


def regularity(signal: NDArray[np.float64], fs: float) -> float:
    """Say how much a stretch repeats itself at the pace of a heart, -1 to 1.

    The envelope of the QRS band, its square root taken so that a few large
    deflections do not decide alone, correlated with itself.

    Parameters
    ----------
    signal : array of shape (n_samples,)
        Any unit.
    fs : float
        Sampling frequency, Hz.
    """
    band = sosfiltfilt(butter(2, QRS_HZ, "bandpass", fs=fs, output="sos"), signal)
    width = max(round(0.1 * fs), 1)
    envelope = np.sqrt(np.convolve(np.abs(band), np.ones(width) / width, "same"))
    step = max(round(fs / ENVELOPE_HZ), 1)
    envelope = envelope[::step] - envelope[::step].mean()
    power = float(envelope @ envelope)
    if power == 0:
        return 0.0
    shortest, longest = (round(60 / pace * fs / step) for pace in PACE_BPM[::-1])
    found = []
    for lag in range(shortest, min(longest, len(envelope) // 2) + 1):
        a, b = envelope[:-lag], envelope[lag:]
        found.append(float(a @ b) / max(float(np.sqrt((a @ a) * (b @ b))), 1e-12))
    return max(found)


def _named(data: Path, part: Part) -> Iterator[tuple[str, Annotations | None]]:
    """Yield the patients of a part, with the annotations that mark the noise, if any do."""
    for header in sorted((data / "vfdb").glob("*.hea")):
        if part_of(header.stem) == part:
            marks = read_annotations(header.parent, header.stem, "atr")
            if any(aux.startswith(NOISE_MARK) for aux in marks.aux_note):
                yield f"vfdb/{header.stem}", marks
    classes = data / "cinc2017" / "REFERENCE.csv"
    if classes.exists():
        with classes.open(newline="", encoding="utf-8") as file:
            noisy = sorted(row[0] for row in csv.reader(file) if row[1:] == ["~"])
        yield from ((f"cinc2017/{name}", None) for name in noisy if part_of(name) == part)


def _sources(data: Path, part: Part) -> Iterator[tuple[str, Recording, list[tuple[float, float]]]]:
    """Yield patient, record, and where it is marked noisy, s."""
    for patient, marks in _named(data, part):
        recording = open_recording(data / patient)
        if marks is None:
            yield patient, recording, [(0.0, recording.duration_s)]
            continue
        notes = [(s, aux) for s, aux in zip(marks.sample, marks.aux_note, strict=True) if aux]
        ends = [s for s, _ in notes[1:]] + [recording.n_samples]
        spans = [
            (float(s) / recording.fs, float(end) / recording.fs)
            for (s, aux), end in zip(notes, ends, strict=True)
            if aux.startswith(NOISE_MARK)
        ]
        yield patient, recording, spans


def _segments(
    patient: str, recording: Recording, row: int, spans: Sequence[tuple[float, float]], fs: int
) -> Iterator[NoiseSegment]:
    """Cut one lead's noisy spans into stretches and yield those without heartbeats."""
    lead, n = recording.leads[row], round(SEGMENT_S * recording.fs)
    mv_per_adu = UV_PER_UNIT.get(lead.unit, 0) / 1000 / lead.adc_gain
    ratio = Fraction(fs / recording.fs).limit_denominator(1000)
    for begin, end in spans:
        first, last = round(begin * recording.fs), round(end * recording.fs) - n
        while first <= last:
            adu = recording.samples[row, first : first + n]
            mv = detrend(adu.astype(np.float64) * mv_per_adu)
            if _is_noise(adu, mv, recording.fs):
                noise = resample_poly(mv, ratio.numerator, ratio.denominator, padtype="line")
                noise = (noise / level(noise, fs)).astype(np.float32)
                yield NoiseSegment(patient, first / recording.fs, noise)
                first += n
            else:
                first += n // 2


def _is_noise(adu: NDArray[np.int16], mv: NDArray[np.float64], fs: float) -> bool:
    """Tell whether a stretch is noise, and loud, and nothing that a heart could pace."""
    if (adu == MISSING_ADU).any() or _still(adu) > MOST_STILL:
        return False
    rms = level(mv, fs)
    if rms < LEAST_MV or float(np.abs(mv).max()) > MOST_CREST * rms:
        return False
    return regularity(mv, fs) <= MOST_REGULAR


def level(signal: NDArray[np.floating], fs: float) -> float:
    """Measure noise as nst does: RMS about the mean of each second, the extreme 5 % left out.

    Parameters
    ----------
    signal : array of shape (n_samples,)
        At least a second.
    fs : float
        Sampling frequency, Hz.
    """
    width = round(fs)
    seconds = signal[: len(signal) // width * width].reshape(-1, width)
    return trimmed_mean(seconds.std(axis=1))


def trimmed_mean(values: NDArray[np.floating]) -> float:
    """Average without the largest and the smallest 5 %.

    Examples
    --------
    >>> trimmed_mean(np.array([0.0, 100.0] + [2.0] * 18))
    2.0
    """
    ordered = np.sort(values)
    out = round(0.05 * len(ordered))
    return float(ordered[out : len(ordered) - out].mean())


def _still(adu: NDArray[np.int16]) -> float:
    """Share of samples that lie in runs of at least four equal ones."""
    same = np.diff(adu.astype(np.int64)) == 0
    runs = same[2:] & same[1:-1] & same[:-2]
    return float(runs.mean())
