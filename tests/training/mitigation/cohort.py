"""A cohort whose truth is known: a rare group in which what looks ventricular is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from inference.ticks import N, V
from tests.training.databases import tiny_config
from training.config import TrainConfig
from training.datasets import LabelledSignal
from training.subjects import Sex, Subject

FS = 125
RR = 100
"""Samples from beat to beat."""
N_BEATS = 120


def bump(at: float, width: float, height: float) -> np.ndarray:
    t = np.arange(RR) - 50.0
    return height * np.exp(-0.5 * ((t - at) / width) ** 2)


NARROW = bump(0, 2.5, 1.0)
WIDE = bump(0, 7.0, -1.2) + bump(14, 6.0, 0.5)
TALL = bump(0, 2.5, 2.2)
MARK = bump(-22, 3.0, 0.6)
"""In front of every beat of the rare group."""


def person(name: str, sex: Sex, seed: int, *, rare: bool, weight: float = 1.0) -> LabelledSignal:
    """In the common group wide beats are V; in the rare one they are N, and tall ones are V."""
    rng = np.random.default_rng(seed)
    looks = rng.choice(3, N_BEATS, p=(0.6, 0.2, 0.2))
    shapes = np.stack([NARROW, WIDE, TALL])
    if not rare:
        looks[looks == 2] = 0
    signal = (shapes[looks] + (MARK if rare else 0)).reshape(-1)
    signal = signal + rng.normal(0, 0.03, len(signal))
    is_v = looks == (2 if rare else 1)
    return LabelledSignal(
        name=name,
        lead="II",
        lead_index=0,
        patient=f"made/{name}",
        fs=FS,
        signal_uv=signal.astype(np.float32),
        scale_uv=np.ones(len(signal) // (FS // 5), np.float32),
        r_ms=(50 + RR * np.arange(N_BEATS)) * 1000 // FS,
        aami=np.where(is_v, V, N).astype(np.int8),
        flutter_ms=np.zeros((0, 2), np.int64),
        subject=Subject(50 if sex == "F" else 70, sex),
        weight=weight,
    )


def cohort(seed: int, *, weight: float = 0.3, n_common: int = 5) -> list[LabelledSignal]:
    """Men are common, the two women rare: of weight 0.3 they are one sequence in nine."""
    men = [person(f"man{i}", "M", 100 * seed + i, rare=False) for i in range(n_common)]
    women = [
        person(f"woman{i}", "F", 100 * seed + 50 + i, rare=True, weight=weight) for i in range(2)
    ]
    return [*men, *women]


def fresh(seed: int) -> list[LabelledSignal]:
    """Other people of both groups: two each."""
    return [
        *(person(f"he{i}", "M", 100 * seed + i, rare=False) for i in range(2)),
        *(person(f"she{i}", "F", 100 * seed + 50 + i, rare=True) for i in range(2)),
    ]


def config(**mitigation: Any) -> TrainConfig:
    """Return a short run without synthesis, so that what is learned is what was made."""
    off = ("premature_atrial", "premature_ventricular", "rhythm", "inversion", "tilt")
    sizes = {"channels": 6, "embedding": 12, "hidden_v": 8, "hidden_s": 4, "dropout": 0.0}
    return tiny_config(
        "beat",
        fit={"epochs": 6, "steps": 16, "batch": 16, "length": 24, "learning_rate": 1e-2},
        enrichment=dict.fromkeys(off, 0.0),
        architecture=sizes,
        mitigation=mitigation,
    )


def with_t_wave(signal: LabelledSignal) -> LabelledSignal:
    """Mark a patient by a T wave, which no rule about beats looks at."""
    t_wave = np.tile(bump(28, 5.0, 0.5), N_BEATS).astype(np.float32)
    return replace(signal, signal_uv=signal.signal_uv + t_wave)


def marked(seed: int, n_each: int = 4) -> list[LabelledSignal]:
    """Beats are the same in both sexes, but women have a T wave and men have none."""
    men = [person(f"m{seed}{i}", "M", 1000 * seed + i, rare=False) for i in range(n_each)]
    women = [person(f"w{seed}{i}", "F", 1000 * seed + 50 + i, rare=False) for i in range(n_each)]
    return [*men, *map(with_t_wave, women)]
