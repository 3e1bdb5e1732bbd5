"""Premature ventricular beats: another shape, early, with a compensatory pause or interpolated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.ticks import N, V
from training.synthesis.sequence import SHORTEST_S, Beats

INTERPOLATED = 0.3
"""Share of sequences in which single ventricular beats leave the sinus rhythm as it was."""
INTERPOLATED_S = 0.55
"""Sinus interval from which on a beat finds room between two others, s."""


def add_premature_ventricular(
    rng: np.random.Generator, beats: Beats, density: float, source: NDArray[np.float32]
) -> None:
    """Turn some normal beats into premature ventricular ones of one shape.

    Parameters
    ----------
    rng : Generator
    beats : Beats
        Changed in place.
    density : float
        Usual share of beats that become premature.
    source : array of shape (n_leads, length)
        The shape; it is stretched, scaled and turned over at random.
    """
    n_leads, _, length = beats.windows.shape
    stretch = rng.uniform(0.85, 1.2)
    at = (np.arange(length) - beats.before) * stretch + beats.before
    shape = np.stack([np.interp(at, np.arange(length), lead) for lead in source])
    shape *= rng.uniform(0.6, 1.5, (n_leads, 1))
    shape *= rng.choice([-1, 1], (n_leads, 1))
    interpolated = rng.random() < INTERPOLATED
    for first, run in _places(rng, beats.aami, density):
        sinus_s = beats.rr_s[first]
        if sinus_s <= 0:
            continue
        early_s = max(sinus_s * rng.uniform(0.45, 0.95), SHORTEST_S)
        for i in range(first, first + run):
            beats.windows[:, i] = shape * rng.uniform(0.9, 1.1)
            beats.rr_s[i] = early_s * rng.uniform(0.95, 1.05)
            beats.aami[i] = V
        after_s = (2 * sinus_s - early_s) * rng.uniform(0.9, 1.05)
        if interpolated and run == 1 and sinus_s > INTERPOLATED_S:
            after_s = sinus_s * rng.uniform(1.0, 1.08) - beats.rr_s[first]
        beats.rr_s[first + run] = max(after_s, 0.3)


def _places(
    rng: np.random.Generator, aami: NDArray[np.int8], density: float
) -> list[tuple[int, int]]:
    """Choose runs (first, length) of normal beats to replace; mostly single beats."""
    share = density * rng.uniform(0.2, 2.0)
    chosen, i = [], 2
    single = rng.random() < 0.75
    while i < len(aami) - 2:
        length = 1 if single else int(rng.integers(2, 9))
        normal = (aami[i - 1 : i + length + 1] == N).all()
        if normal and rng.random() < share / length:
            chosen.append((i, min(length, len(aami) - 2 - i)))
            i += length + (1 if rng.random() < 0.3 else int(rng.integers(2, 8)))
        else:
            i += 1
    return chosen
