"""From a timeline to millivolts: beats, fibrillation, noise and electrodes, each a function."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ingest.simulator.morphology import Morphology, draw_waves
from ingest.simulator.script import Rhythm, Segment
from ingest.simulator.textures import FloatArray, at, band, texture, tiled
from ingest.simulator.timeline import HF_HZ, Origin, Span, Timeline

RAIL_MV = 10.2
"""Limit of the simulated converter, mV: 12 bits at 200 adu/mV."""


def draw_beats(timeline: Timeline, morphology: Morphology, fs: float, n: int) -> FloatArray:
    """Draw the P, QRS and T waves of every beat.

    Amplitudes follow breathing by 5 %, since the heart turns as the chest moves.

    Parameters
    ----------
    timeline : Timeline
        The beats.
    morphology : Morphology
        Their waves.
    fs : float
        Sampling frequency, Hz.
    n : int
        Number of samples.

    Returns
    -------
    FloatArray
        Array of shape (n,), mV.
    """
    out = np.zeros(n, dtype=np.float64)
    gain = 1.0 + 0.05 * np.sin(2.0 * np.pi * HF_HZ * timeline.t_s)
    m = morphology
    waves = {
        Origin.SINUS: m.p + m.qrst,
        Origin.ATRIAL: m.p_ectopic + m.qrst,
        Origin.VENTRICULAR: m.ventricular,
        Origin.NO_P: m.qrst,
        Origin.P_ALONE: m.p,
    }
    for origin, shape in waves.items():
        of = timeline.origin == origin
        draw_waves(out, shape, timeline.t_s[of], timeline.rr_s[of], gain[of], fs)
    return out


def fibrillate_ventricles(seed: int, fs: float, span: Span, n: int) -> FloatArray:
    """Draw ventricular fibrillation over one segment.

    Two oscillators, whose frequencies drift between about 3 and 7 Hz, beat
    against each other under an envelope that waxes and wanes and sinks as the
    fibrillation lasts: the frequency range and the decay from coarse to fine are
    those of Clayton et al. 1995 (doi 10.1007/BF02523011).

    Returns
    -------
    FloatArray
        Array of shape (n_samples of the segment within n,), mV.
    """
    rng = np.random.default_rng([seed, 21, span.index])
    start, stop = _bounds(span, fs, n)
    t_s = np.arange(stop - start) / fs
    slow, fast, swell, rough = (
        at(texture(rng, 25.0, 60.0, spectrum), 25.0, t_s)
        for spectrum in (band(0.05, 0.5, 1.0), band(0.1, 1.2, 1.0), band(0.1, 1.1), band(2.0, 9.0))
    )
    first_hz = np.clip(4.6 + 0.5 * slow + 0.3 * fast, 3.0, 7.0)
    second_hz = np.clip(5.4 - 0.5 * slow + 0.7 * fast, 3.0, 7.0)
    first, second = (2.0 * np.pi * np.cumsum(hz) / fs for hz in (first_hz, second_hz))
    first += rng.uniform(0.0, 2.0 * np.pi)
    shape = np.sin(first) + 0.18 * np.sin(2.0 * first + 0.9) + 0.40 * np.sin(second)
    envelope = np.clip(1.0 + 0.38 * swell, 0.25, 1.8)
    decay = 0.35 + 0.65 * np.exp(-t_s / 45.0)
    size_mv = float(rng.uniform(0.45, 0.65))
    left_s = span.end_s - span.start_s - t_s
    edges = np.clip(np.minimum(t_s / 0.25, left_s / 0.35), 0.0, 1.0)
    out: FloatArray = size_mv * decay * edges * (envelope * shape + 0.17 * rough)
    return out


def fibrillate_atria(seed: int, fs: float, span: Span, n: int) -> FloatArray:
    """Draw the fibrillatory waves of AF: a sawtooth of 5 to 8 Hz that changes its size.

    A sinusoid with falling harmonics under a slow envelope, as Stridh and Sörnmo 2001
    (doi 10.1109/10.900266) model the f-waves.

    Returns
    -------
    FloatArray
        Array of shape (n_samples of the segment within n,), mV.
    """
    rng = np.random.default_rng([seed, 22, span.index])
    start, stop = _bounds(span, fs, n)
    t_s = np.arange(stop - start) / fs
    drift, swell = (
        at(texture(rng, 25.0, 60.0, band(0.08, 0.9, tilt)), 25.0, t_s) for tilt in (1.0, 0.0)
    )
    phase = 2.0 * np.pi * np.cumsum(rng.uniform(5.6, 7.0) + 0.6 * drift) / fs
    saw = np.sin(phase) + np.sin(2.0 * phase) / 2.0 + np.sin(3.0 * phase) / 3.0
    return rng.uniform(0.035, 0.06) * np.clip(1.0 + 0.45 * swell, 0.3, 2.0) * saw


def add_noise(out: FloatArray, spans: tuple[Span, ...], seed: int, fs: float) -> None:
    """Add every segment's noise to a signal, in place.

    The kinds and their bands follow the MIT-BIH Noise Stress Test Database (Moody,
    Muldrow and Mark 1984): muscle, baseline wander and electrode motion; and mains hum.

    Parameters
    ----------
    out : FloatArray
        Array of shape (n_samples,), mV.
    spans : tuple of Span
        Segments, each with its noise.
    seed : int
        Seed of the textures.
    fs : float
        Sampling frequency, Hz.
    """
    n = out.size
    t_s = np.arange(n) / fs
    rng = [np.random.default_rng([seed, 30, kind]) for kind in range(5)]
    out += _level(spans, t_s, lambda s: s.noise.emg_mv) * tiled(
        texture(rng[0], fs, 61.0, band(20.0, 120.0, 0.6)), n
    )
    wander = 0.8 * texture(rng[1], 10.0, 67.0, band(0.03, 0.15, 1.0))
    breath = 0.6 * texture(rng[2], 10.0, 71.0, band(HF_HZ - 0.03, HF_HZ + 0.03))
    level = _level(spans, t_s, lambda s: s.noise.wander_mv)
    out += level * (at(wander, 10.0, t_s) + at(breath, 10.0, t_s))
    motion = _level(spans, t_s, lambda s: s.noise.motion_mv)
    if motion.any():
        jolts = tiled(texture(rng[3], fs, 53.0, band(0.8, 10.0, 1.6)), n)
        burst = at(texture(rng[4], 10.0, 59.0, band(0.1, 0.8)), 10.0, t_s)
        out += motion * jolts * np.clip(0.5 + 0.7 * burst, 0.05, 2.0)
    if fs > 2.2 * _MAINS_HZ:
        hum = np.sin(2.0 * np.pi * _MAINS_HZ * t_s) + 0.2 * np.sin(6.0 * np.pi * _MAINS_HZ * t_s)
        out += _level(spans, t_s, lambda s: s.noise.mains_mv) * hum


def take_lead_off(out: FloatArray, spans: tuple[Span, ...], fs: float) -> None:
    """Hold the signal still, in place, where the lead is off; the amplifier recovers after."""
    for span in spans:
        if span.segment.rhythm is not Rhythm.LEAD_OFF:
            continue
        start, stop = _bounds(span, fs, out.size)
        if start >= out.size:
            return
        level_mv = float(np.clip(span.segment.level_mv, -RAIL_MV, RAIL_MV))
        out[start:stop] = level_mv
        after_s = np.arange(out.size - stop) / fs
        jump_mv = level_mv if level_mv else 1.2
        out[stop:] += jump_mv * np.exp(-after_s / 0.35) * (after_s < 5.0)


def continuous_activity(spans: tuple[Span, ...], seed: int, fs: float, n: int) -> FloatArray:
    """Draw what is not made of beats, ventricular and atrial fibrillation, as (n,) mV."""
    out = np.zeros(n, dtype=np.float64)
    drawing = {Rhythm.VF: fibrillate_ventricles, Rhythm.AF: fibrillate_atria}
    for span in spans:
        draw = drawing.get(span.segment.rhythm)
        start, stop = _bounds(span, fs, n)
        if draw is not None and start < stop:
            out[start:stop] += draw(seed, fs, span, n)
    return out


def _bounds(span: Span, fs: float, n: int) -> tuple[int, int]:
    """Return the first sample of a segment and the one past its last, within n."""
    return min(round(span.start_s * fs), n), min(round(span.end_s * fs), n)


def _level(
    spans: tuple[Span, ...], t_s: FloatArray, of: Callable[[Segment], float]
) -> NDArray[np.float64]:
    """Return a noise level over time, changing over 0.3 s where a segment begins."""
    place_s, level = [0.0], [of(spans[0].segment)]
    for before, span in itertools.pairwise(spans):
        place_s += [span.start_s, span.start_s + min(0.3, 0.5 * span.segment.duration_s)]
        level += [of(before.segment), of(span.segment)]
    return np.interp(t_s, place_s, level)


_MAINS_HZ = 50.0
"""Mains frequency, Hz."""
