"""Gates on what disturbs a model: real noise, and an adversary who knows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from inference.streams import choose_leads
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording
from training.assessment.scoring import ModelFiles, compare_found, find_beats, scored_row
from training.ec57 import Annotations, RecordComparison, gross, rates, read_annotations
from training.gates.attack import Flips
from training.gates.gate import Decision, Gate
from training.gates.limits import GateLimits
from training.noise_bank import SEGMENT_S, NoiseSegment, noise_track
from training.stress.mix import with_noise


def f1_under_noise(
    records: Sequence[tuple[Path, str]],
    segments: Mapping[int, Sequence[NoiseSegment]],
    model: ModelFiles,
    snr_db: float,
    n_leads: int = 1,
) -> float:
    """Score records with noise added; gross VEB F1, percent, 0 where nothing was found.

    Parameters
    ----------
    records : sequence of (database folder, record)
        Locked records.
    segments : mapping of sampling frequency to noise at it
    model : ModelFiles
        The model.
    snr_db : float
        Signal-to-noise ratio, dB.
    n_leads : int
        Leads that the model looks at: each gets noise of its own.
    """
    found: list[RecordComparison] = []
    for folder, record in records:
        recording = open_recording(folder / record)
        marks = read_annotations(folder, record, "atr", recording.fs)
        noisy = _noisy(recording, marks, segments[round(recording.fs)], snr_db, n_leads)
        beats = find_beats({record: noisy}, model)[record]
        found.append(compare_found(record, beats, marks, noisy))
    return rates(gross(found)["veb"]).f1 or 0.0


def noise(champion_f1: float, candidate_f1: float, limits: GateLimits, told: str) -> Gate:
    """Ask that noise does the candidate no more harm than the champion.

    Parameters
    ----------
    champion_f1, candidate_f1 : float
        Of :func:`f1_under_noise`, percent.
    limits : GateLimits
    told : str
        Records and noise, in words.
    """
    good = candidate_f1 - champion_f1 >= -limits.noise_points
    return Gate(
        "noise",
        f"{told} at {limits.noise_db:g} dB (two minutes on, two off, as the MIT-BIH noise stress "
        "test has it); gross VEB F1, R-peaks detected",
        f"falls by at most {limits.noise_points:g} points",
        {"champion_f1": round(champion_f1, 2), "candidate_f1": round(candidate_f1, 2)},
        Decision.PASSED if good else Decision.FAILED,
        f"VEB F1 {champion_f1:.1f} to {candidate_f1:.1f} at {limits.noise_db:g} dB",
    )


def drawn_noise(fs: int, seed: int = 0) -> list[NoiseSegment]:
    """Draw noise where no recordings of noise are: differences of white noise, as of muscles.

    Returns
    -------
    list of NoiseSegment
        One stretch, at ``fs``.
    """
    rng = np.random.default_rng(seed)
    white = rng.standard_normal(round(SEGMENT_S * fs) + 1)
    return [NoiseSegment("drawn", 0.0, np.diff(white).astype(np.float32))]


def adversary(flips: Flips, champion: Flips | None, limits: GateLimits) -> Gate:
    """Ask that small changes of the signal seldom change a beat's class.

    Parameters
    ----------
    flips : Flips
        The candidate's, of :func:`training.gates.attack.attack`.
    champion : Flips, optional
        The champion's; without it only the share itself is judged.
    limits : GateLimits
    """
    share, before = flips.share, None if champion is None else champion.share
    much = share > limits.attack_share
    more = before is not None and share - before > limits.attack_points / 100
    beside = "" if before is None else f", champion {100 * before:.1f} %"
    limit = f"at most {100 * limits.attack_share:g} % of the beats change their class"
    if before is not None:
        limit += f", and at most {limits.attack_points:g} points more than the champion's"
    return Gate(
        "adversary",
        f"{flips.beats} beats in their place in locked records; every sample of the beat's window "
        f"moved by at most {limits.attack_uv:g} uV along the gradient: FGSM (Goodfellow et al. "
        "2015) and PGD of 5 steps (Madry et al. 2018), the worse of both",
        limit,
        {
            "candidate": flips.to_dict(),
            "champion": None if champion is None else champion.to_dict(),
        },
        Decision.FAILED if much or more else Decision.PASSED,
        f"{100 * share:.1f} % of {flips.beats} beats change their class{beside}",
    )


def _noisy(
    recording: Recording,
    marks: Annotations,
    segments: Sequence[NoiseSegment],
    snr_db: float,
    n_leads: int,
) -> Recording:
    rng = np.random.default_rng([*recording.name.encode()])
    scored_row(recording)  # refuses a record without an ECG
    leads = []
    for row in choose_leads(recording.leads, None, n_leads):
        track = noise_track(segments, recording.n_samples, round(recording.fs), rng)
        leads.append(with_noise(recording, row, marks, track, snr_db))
    samples = np.concatenate([each.samples for each in leads])
    return replace(leads[0], leads=tuple(each.leads[0] for each in leads), samples=samples)
