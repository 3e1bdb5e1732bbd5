"""Made-up patients, frames and messages for the tests of drift."""

from __future__ import annotations

import numpy as np

from deploy.drift.patient import PatientFigures
from ingest.frames import Frame, Lead
from ingest.simulator import demo_ward


def figures(rng: np.random.Generator, shift: float = 0.0) -> dict[str, float | str]:
    """Draw a patient's figures, correlated among themselves; ``shift`` moves the amplitude, SD."""
    common = rng.normal()
    quality, heart_rate = rng.normal(size=2) + common
    amplitude = rng.normal() + shift
    return {
        "quality": quality,
        "amplitude_uv": amplitude,
        "heart_rate_bpm": heart_rate,
        "alarms_per_h": float(rng.poisson(np.exp(common / 2) / 3)),
        "lead": str(rng.choice(["II", "V1", "III"], p=[0.8, 0.15, 0.05])),
    }


def patient(
    i: int, rng: np.random.Generator, shift: float = 0.0, device: str = ""
) -> PatientFigures:
    """Draw the ``i``-th patient."""
    return PatientFigures(f"p{i}", 60.0 * i, figures(rng, shift), device=device)


def frames(name: str, seconds: float, seed: int = 1) -> list[Frame]:
    """Make the frames of one simulated patient, a second each, from 1970 on."""
    (made,) = demo_ward(1, seed=seed, duration_s=seconds)
    n = round(made.fs)
    return [
        Frame(
            name, "a", first, round(first / made.fs * 1e9), made.fs, (Lead("II"),),
            made.samples[:1, first : first + n], first + n >= made.samples.shape[1],
        )
        for first in range(0, made.samples.shape[1], n)
    ]  # fmt: skip
