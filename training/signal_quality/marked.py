"""Leads with the ticks that people marked as noisy: cinc2017, mitdb DS1 and vfdb; never DS2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.conditioning import Conditioning
from inference.quality_index import SPAN_TICKS, Measures, QualityModel
from inference.streams import adu_per_uv
from inference.ticks import TICK_MS
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording
from training.ec57 import Annotations, read_annotations
from training.found_beats import rhythms
from training.splits import DS1, patient_of

FS = 125
"""Sampling frequency of the conditioned signal, Hz."""
EDGE_TICKS = 10
"""Ticks on either side of a mark that are left out: people do not mark to the tick."""
NOISY = "~"
"""What marks noise: a class of cinc2017, a symbol of mitdb's annotations."""


class Mark(IntEnum):
    """What people said of a tick."""

    UNKNOWN = -1
    CLEAN = 0
    NOISE = 1
    LETHAL = 2
    """VT, VF or asystole, which is no noise."""


@dataclass(frozen=True, slots=True, eq=False)
class MarkedLead:
    """One lead of one record, conditioned; arrays are of shape (n_ticks,) unless said."""

    database: str
    """Name of the database."""
    patient: str
    """The person."""
    recording: Recording
    """The record, with this lead alone."""
    signal_uv: NDArray[np.float32]
    """Array of shape (n_ticks, n_samples): about its baseline, at :data:`FS`, uV."""
    features: NDArray[np.float32]
    """Array of shape (n_ticks, n_features), see :mod:`inference.quality_index`."""
    rough: NDArray[np.float32]
    """Least roughness over the scale."""
    moves: NDArray[np.float32]
    """Largest excursion over the scale."""
    heard: NDArray[np.bool_]
    """There is a signal."""
    mark: NDArray[np.int8]
    """:class:`Mark` of each."""

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Ticks that are judged: marked either way, heard, and behind the first two seconds."""
        counted = (self.mark >= 0) & self.heard
        counted[:SPAN_TICKS] = False
        return counted


def marked_leads(data: Path) -> Iterator[MarkedLead]:
    """Read all leads that are marked.

    Raises
    ------
    ingest.errors.InputError
        If a database or a record cannot be read.
    """
    for name, rhythm in sorted(rhythms(data / "cinc2017").items()):
        if not (data / "cinc2017" / f"{name}.hea").exists():
            continue
        recording = open_recording(data / "cinc2017" / name)
        yield _lead("cinc2017", recording, 0, np.array([0]), np.array([rhythm == NOISY]))
    for name in DS1:
        recording = open_recording(data / "mitdb" / name)
        notes = read_annotations(data / "mitdb", name, "atr", recording.fs)
        for lead in range(len(recording.leads)):
            yield _lead("mitdb", recording, lead, *_of_lead(notes, lead))
    for name in sorted(path.stem for path in (data / "vfdb").glob("*.hea")):
        recording = open_recording(data / "vfdb" / name)
        notes = read_annotations(data / "vfdb", name, "atr", recording.fs)
        said = [_of_rhythm(aux) for aux in notes.aux_note]
        for lead in range(len(recording.leads)):
            yield _lead("vfdb", recording, lead, notes.sample, np.array(said))


def _of_lead(notes: Annotations, lead: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read mitdb's marks: a bit a lead, all of them set where nothing can be read."""
    marked = [i for i, symbol in enumerate(notes.symbol) if symbol == NOISY]
    bits = notes.subtype[marked]
    return notes.sample[marked], np.where(bits < 0, Mark.NOISE, bits >> lead & 1)


def _of_rhythm(aux: str) -> Mark:
    """Read vfdb's rhythms.

    Examples
    --------
    >>> [_of_rhythm(aux).name for aux in ("(NOISE", "(VFL", "(VT", "(N", "(ASYS")]
    ['NOISE', 'LETHAL', 'LETHAL', 'CLEAN', 'LETHAL']
    """
    name = aux.strip("(\x00 ")
    if name == "NOISE":
        return Mark.NOISE
    if name in ("VT", "VF", "VFL", "VFIB", "ASYS"):
        return Mark.LETHAL
    return Mark.CLEAN if name else Mark.UNKNOWN


def _lead(
    database: str,
    recording: Recording,
    lead: int,
    sample: NDArray[np.int64],
    said: NDArray[np.int64],
) -> MarkedLead:
    """Condition one lead, and mark its ticks from each of some samples on."""
    recorder = _Recorder()
    stage, calibration = Conditioning(FS, 1, recorder), recording.leads[lead]
    adu = np.asarray(recording.samples[lead : lead + 1])
    stage.start(
        0,
        fs=recording.fs,
        first_sample=0,
        first_adu=int(adu[0, 0]),
        gain=adu_per_uv(calibration),
        baseline=calibration.baseline,
    )
    (block,) = stage.push(np.zeros(1, np.intp), adu, recording.fs)
    n_ticks = block.signal_uv.shape[1]
    starts = np.rint(sample * 1000 / recording.fs / TICK_MS).astype(np.int64)
    mark = np.zeros(n_ticks, np.int8)
    for start, what in zip(starts, said, strict=True):
        mark[start:] = what
    for change in np.flatnonzero(np.diff(mark)):
        mark[max(change + 1 - EDGE_TICKS, 0) : change + 1 + EDGE_TICKS] = Mark.UNKNOWN
    alone = Recording(recording.name, recording.fs, (calibration,), adu)
    seen = recorder.seen
    return MarkedLead(
        database,
        patient_of(database, recording.name),
        alone,
        block.signal_uv[0],
        seen.features[:, 0].T,
        seen.rough[0],
        seen.moves[0],
        block.quality.heard[0],
        mark,
    )


class _Recorder(QualityModel):
    """Stands where weights stand, and keeps the measures that it is shown."""

    def __init__(self) -> None:
        super().__init__((), (), 0.0, 0.0)
        self.seen: Measures

    def index(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ones_like(features[0])

    def noisy(self, found: Measures, index: NDArray[np.float32]) -> NDArray[np.bool_]:
        self.seen = found
        return np.zeros(index.shape, np.bool_)
