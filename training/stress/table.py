"""The noise stress test over records: every detector at every level, added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ingest.wfdb_replay import open_recording
from training.assessment.scoring import (
    FoundBeats,
    ModelFiles,
    compare_found,
    find_beats,
    scored_row,
)
from training.ec57 import Annotations, RecordComparison, Tally, gross, rates, read_annotations
from training.ec57.tally import REF_CLASSES, TEST_CLASSES, qrs_tally
from training.noise_bank import NoiseSegment, noise_track
from training.splits import PACED
from training.stress.mix import schedule, with_noise
from training.stress.peers import PEERS, find_qrs

LEVELS_DB: tuple[float | None, ...] = (None, 24, 18, 12, 6, 0)
"""Signal-to-noise ratios, dB; None is the clean record."""
OURS = "vigil"
DETECTORS = (OURS, *PEERS)


@dataclass(frozen=True, slots=True)
class Trial:
    """One record at one level, as each detector fared."""

    record: str
    """Record name."""
    snr_db: float | None
    """Level, dB; None is clean."""
    found: dict[str, RecordComparison]
    """Comparison with the reference by detector."""
    noisy: dict[str, Tally]
    """QRS detection by detector, where the noise is on."""


def stress_record(
    folder: Path,
    record: str,
    segments: Sequence[NoiseSegment],
    *,
    levels: Sequence[float | None] = LEVELS_DB,
    models: ModelFiles = ModelFiles(),
    cache: Path | None = None,
) -> list[Trial]:
    """Score one record at every level, the same noise at each.

    Parameters
    ----------
    folder : Path
        The database.
    record : str
        Record name; it seeds the noise.
    segments : sequence of NoiseSegment
        At the record's sampling frequency.
    levels : sequence of float or None
        dB; None is clean.
    models : ModelFiles
        Our models.
    cache : Path, optional
        For the other detectors' finds.
    """
    recording = open_recording(folder / record)
    marks = read_annotations(folder, record, "atr", recording.fs)
    row = scored_row(recording)
    rng = np.random.default_rng([*record.encode()])
    fs = round(recording.fs)
    track = noise_track(segments, recording.n_samples, fs, rng)
    noisy = {str(snr): with_noise(recording, row, marks, track, snr) for snr in levels}
    ours = find_beats(noisy, models)
    trials = []
    for snr in levels:
        mixed = noisy[str(snr)]
        finds = {OURS: ours[str(snr)]}
        for name in PEERS:
            sample = find_qrs(name, mixed, cache).tolist()
            finds[name] = FoundBeats(sample, ["N"] * len(sample))
        found = {n: compare_found(record, beats, marks, mixed) for n, beats in finds.items()}
        where = {n: _where_noisy(c, marks, recording.n_samples) for n, c in found.items()}
        trials.append(Trial(record, snr, found, where))
    return trials


def add_up(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Add up records, one row a level, from clean to noisiest.

    Returns
    -------
    list of dict
        ``snr_db``, ``records``; ``qrs`` and ``qrs_noisy`` (where the noise is on)
        with rates by detector; ``veb`` and ``sveb`` with our rates, paced records
        left out.
    """
    levels = {trial.snr_db for trial in trials}
    rows = []
    for snr in sorted(levels, key=lambda db: -np.inf if db is None else -db):
        own = [trial for trial in trials if trial.snr_db == snr]
        classed = gross([t.found[OURS] for t in own if t.record not in PACED])
        rows.append(
            {
                "snr_db": snr,
                "records": len(own),
                "qrs": {
                    name: asdict(rates(gross([t.found[name] for t in own])["qrs"]))
                    for name in DETECTORS
                },
                "qrs_noisy": {
                    name: asdict(rates(sum((t.noisy[name] for t in own), Tally(0, 0, 0, 0))))
                    for name in DETECTORS
                },
                "veb": asdict(rates(classed["veb"])),
                "sveb": asdict(rates(classed["sveb"])),
            }
        )
    return rows


def beaten(rows: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """Say at which levels another detector is as good as ours or better, by QRS F1.

    Returns
    -------
    dict
        Levels, dB, by detector; empty lists where ours is better at every level.
    """
    return {
        name: [
            row["snr_db"]
            for row in rows
            if row["snr_db"] is not None and row["qrs"][name]["f1"] >= row["qrs"][OURS]["f1"]
        ]
        for name in PEERS
    }


def _where_noisy(comparison: RecordComparison, marks: Annotations, n_samples: int) -> Tally:
    """Count QRS detection where the noise is on."""
    on = schedule(n_samples, marks.fs) > 0
    confusion = np.zeros((len(REF_CLASSES), len(TEST_CLASSES)), np.int64)
    for pair in comparison.beats.pairs:
        sample = pair.test_sample if pair.ref_sample is None else pair.ref_sample
        if sample is not None and on[min(sample, n_samples - 1)]:
            confusion[REF_CLASSES.index(pair.cell[0]), TEST_CLASSES.index(pair.cell[1])] += 1
    return qrs_tally(confusion)
