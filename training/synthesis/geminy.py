"""Early atrial beats by turns: every second or third one, little early, for long.

Alone, a beat that comes a tenth early is nothing that could be labelled; by turns, it shows. So
what is put in is regular: one coupling interval that hardly varies, and often the P wave as it is.
"""

from __future__ import annotations

import numpy as np

from inference.ticks import N, S
from training.synthesis.atrial import LEAST_KNOWN
from training.synthesis.sequence import Beats
from training.synthesis.shapes import ectopic_p

COUPLING = (0.75, 0.94)
"""Least and largest coupling interval, over the usual one."""
LEAST_CLEAR = 3.0
"""A beat comes early by this many times the rhythm's own jitter, or nothing is put in."""
LEAST_BEATS = 24
"""Beats that it goes on for, at least."""


def add_geminy(rng: np.random.Generator, beats: Beats) -> None:
    """Turn every second or third beat of a stretch into an early atrial one.

    Parameters
    ----------
    rng : Generator
    beats : Beats
        Changed in place; untouched where its rhythm wavers too much, or few beats are normal.
    """
    usual = beats.rr_s[(beats.aami == N) & (beats.rr_s > 0)]
    if len(usual) < LEAST_KNOWN or len(beats.rr_s) < LEAST_BEATS + 4:
        return
    jitter = np.median(np.abs(np.diff(usual))) / np.median(usual)
    coupling, every = rng.uniform(*COUPLING), 2 if rng.random() < 0.75 else 3
    if 1 - coupling < LEAST_CLEAR * jitter:
        return
    n_leads, n, _ = beats.windows.shape
    p_wave = ectopic_p(rng, beats.before, n_leads) * np.float32(rng.random() < 0.5)
    after = 1.0 if rng.random() < 0.3 else 2 - coupling  # else fully compensatory
    first = int(rng.integers(2, n - LEAST_BEATS - 1))
    last = int(rng.integers(first + LEAST_BEATS, n))
    for i in range(first, last - 1, every):
        around = slice(i - 1, i + 2)
        if (beats.aami[around] != N).any() or (beats.rr_s[around] <= 0).any():
            continue
        sinus_s = beats.rr_s[i]
        beats.rr_s[i] = sinus_s * coupling * (1 + 0.01 * rng.standard_normal())
        beats.rr_s[i + 1] = sinus_s * after * (1 + 0.01 * rng.standard_normal())
        beats.move_early(i)
        beats.windows[:, i, : beats.before] += p_wave
        beats.aami[i] = S
