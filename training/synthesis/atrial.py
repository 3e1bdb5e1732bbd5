"""Premature atrial beats, put into a rhythm in which they can be told.

Each sequence has one focus, so one coupling interval, one P wave and one way
of conduction: beats come singly, in couplets and short runs, or as every
second to fourth beat. No beat is made that comes less early than the sinus
rhythm itself wavers, as nobody could label it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from inference.ticks import N, S
from training.synthesis.sequence import SHORTEST_S, Beats
from training.synthesis.shapes import changed_conduction, ectopic_p

LEAST_KNOWN = 20
"""Normal beats that must be there to judge by."""
EARLIEST = 0.42
"""Shortest coupling interval, over the usual one."""
LEAST_EARLY = 0.06
"""A beat comes early by this share of the usual interval at least, or by three times its jitter."""
RUNS = (1, 1, 2, 3, 4, 6)
"""Lengths of runs, drawn alike."""


def add_premature_atrial(rng: np.random.Generator, beats: Beats, density: float) -> None:
    """Turn some normal beats into premature atrial ones.

    Parameters
    ----------
    rng : Generator
    beats : Beats
        Changed in place.
    density : float
        Usual share of beats that become premature, where they come now and then.
    """
    usual = beats.rr_s[(beats.aami == N) & (beats.rr_s > 0)]
    if len(usual) < LEAST_KNOWN:
        return
    jitter = np.median(np.abs(np.diff(usual))) / np.median(usual)
    latest = 1 - max(LEAST_EARLY, 3 * jitter)
    if latest < 0.5:
        return
    coupling, scatter = rng.uniform(EARLIEST, latest), rng.uniform(0.005, 0.05)
    n_leads, _, length = beats.windows.shape
    p_wave = ectopic_p(rng, beats.before, n_leads)
    gain, t_wave = np.ones(length, np.float32), np.zeros((n_leads, length), np.float32)
    if rng.random() < 0.6:
        gain, t_wave = changed_conduction(rng, length, beats.before, n_leads)
    pause = None if rng.random() < 0.2 else rng.uniform(0.95, 1.2)  # none: fully compensatory
    for first, run in _places(rng, beats, density):
        sinus_s = beats.rr_s[first]
        early_s = sinus_s * coupling * (1 + scatter * rng.standard_normal())
        if early_s < SHORTEST_S:
            continue
        for i in range(first, first + run):
            early_s = min(early_s, latest * sinus_s)
            beats.rr_s[i] = early_s
            early_s *= rng.uniform(0.97, 1.05)
            beats.move_early(i)
            window = beats.windows[:, i]
            if rng.random() < 0.85:
                window[:, : beats.before] += p_wave
            window *= gain
            window += t_wave * np.float32(rng.uniform(0.5, 1.2))
            beats.aami[i] = S
        after_s = 2 * sinus_s - beats.rr_s[first] if pause is None else sinus_s * pause
        beats.rr_s[first + run] = max(after_s * (1 + scatter * rng.standard_normal()), 0.3)


def _places(rng: np.random.Generator, beats: Beats, density: float) -> Iterator[tuple[int, int]]:
    """Find runs (first, length) of beats that are still normal when it is their turn."""
    geminy = rng.random() < 0.15
    every = int(rng.integers(1, 4)) if geminy and rng.random() < 0.7 else 0
    rate = min(density * rng.uniform(0.2, 2.0), 0.5)
    in_runs = rng.random() < 0.25

    def gap() -> int:
        if not geminy:
            return 1 + int(rng.geometric(rate))
        if rng.random() < 0.07:
            return int(rng.integers(5, 20))
        return every or int(rng.integers(1, 4))

    n = len(beats.rr_s)
    i = 2 + gap()
    while i < n - 3:
        run = min(int(rng.choice(RUNS)) if in_runs else 1, n - 2 - i)
        around = slice(i - 1, i + run + 1)
        if (beats.aami[around] == N).all() and (beats.rr_s[around] > 0).all():
            yield i, run
            i += run + gap()
        else:
            i += 1
