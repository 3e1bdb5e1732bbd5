"""Rhythms that are irregular, fast or both, and whose beats are yet normal ones.

They keep a classifier from taking every early beat for a premature one. Each
changes the intervals of one sequence, and atrial fibrillation its P waves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inference.ticks import N
from training.synthesis.sequence import Beats

LONGEST_S = 3.0
"""Longest interval that is made, s."""


def change_rhythm(rng: np.random.Generator, beats: Beats) -> None:
    """Change the rhythm of a sequence in one of the ways of this module, in place."""
    RHYTHMS[int(rng.integers(len(RHYTHMS)))](rng, beats)
    np.clip(beats.rr_s, 0, LONGEST_S, out=beats.rr_s)


def respiratory_arrhythmia(rng: np.random.Generator, beats: Beats) -> None:
    """Let the rate swing with breathing."""
    turns = 2 * np.pi * np.arange(len(beats.rr_s)) / rng.uniform(4, 20)
    beats.rr_s *= 1 + rng.uniform(0.05, 0.25) * np.sin(turns)


def rate_drift(rng: np.random.Generator, beats: Beats) -> None:
    """Let the rate drift by up to half."""
    nodes = rng.uniform(np.log(0.65), np.log(1.4), 4)
    beats.rr_s *= np.exp(np.interp(np.linspace(0, 3, len(beats.rr_s)), np.arange(4), nodes))


def atrial_fibrillation(rng: np.random.Generator, beats: Beats) -> None:
    """Make intervals irregular, P waves small, and the baseline fibrillate."""
    n_leads, n, length = beats.windows.shape
    irregular = np.exp(rng.normal(0, rng.uniform(0.1, 0.28), n))
    beats.rr_s *= np.where(beats.aami == N, irregular, 1)
    flat = np.clip(np.abs(np.arange(length) - beats.before + 18) / 10, 0.2, 1)
    phase = rng.uniform(0, 2 * np.pi, (n, 1)) + np.arange(length) * rng.uniform(0.25, 0.4)
    beats.windows *= flat.astype(np.float32)
    depth = rng.uniform(0.01, 0.06, (n_leads, 1, 1))
    beats.windows += (depth * np.sin(phase)).astype(np.float32)


def sinus_pauses(rng: np.random.Generator, beats: Beats) -> None:
    """Leave beats out now and then."""
    beats.rr_s[rng.random(len(beats.rr_s)) < 0.06] *= rng.uniform(1.3, 2.1)


def second_degree_block(rng: np.random.Generator, beats: Beats) -> None:
    """Drop every second to fifth beat for a while, the intervals before it shortening."""
    n = len(beats.rr_s)
    place = np.arange(n) % int(rng.integers(2, 6))
    shortening = 1 - 0.04 * np.maximum(place - 1, 0) * rng.uniform(0, 1)
    factor = np.where(place == 0, rng.uniform(1.5, 2.0), shortening)
    if np.median(_known(beats.rr_s)) > 0.9:
        factor = factor * 0.75
    begin = int(rng.integers(0, max(n // 2, 1)))
    end = begin + int(rng.integers(min(20, n - 1), n))
    beats.rr_s[begin:end] *= factor[begin:end]


def sinus_tachycardia(rng: np.random.Generator, beats: Beats) -> None:
    """Speed the rate up within some beats, and keep it."""
    n = len(beats.rr_s)
    begin, ramp = int(rng.integers(5, max(n - 20, 6))), int(rng.integers(1, 30))
    factor = rng.uniform(0.55, 0.8)
    beats.rr_s *= np.interp(np.arange(n), [begin, begin + ramp, n], [1, factor, factor])


def wavering(rng: np.random.Generator, beats: Beats) -> None:
    """Let every interval vary a little."""
    beats.rr_s *= 1 + rng.normal(0, rng.uniform(0.01, 0.06), len(beats.rr_s))


def fast_rhythm(rng: np.random.Generator, beats: Beats) -> None:
    """Go at 120 to 220 a minute for long: regular, irregular, or conducted by turns."""
    n = len(beats.rr_s)
    factor = rng.uniform(0.27, 0.5) / np.median(_known(beats.rr_s)) * np.ones(n)
    style = rng.random()
    if style < 0.25:
        factor *= np.exp(rng.normal(0, rng.uniform(0.05, 0.2), n))
    elif style < 0.45:
        factor *= np.where(np.arange(n) % 2, 1.0, rng.uniform(1.1, 1.6))
    within = beats.aami == N
    if rng.random() < 0.5:
        within[: int(rng.integers(3, max(n - 10, 4)))] = False
    if rng.random() < 0.3:
        within[int(rng.integers(0, n)) :] = False
    beats.rr_s[within] *= factor[within]


def _known(rr_s: NDArray[np.float64]) -> NDArray[np.float64]:
    known = rr_s[rr_s > 0]
    return known if len(known) else np.array([0.8])


RHYTHMS: tuple[Callable[[np.random.Generator, Beats], None], ...] = (
    respiratory_arrhythmia,
    rate_drift,
    atrial_fibrillation,
    sinus_pauses,
    second_degree_block,
    sinus_tachycardia,
    wavering,
    fast_rhythm,
)
"""All of them, drawn alike."""
