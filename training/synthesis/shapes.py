"""Shapes that are drawn: a wide QRS, an ectopic P wave, a T wave that is changed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def wide_beat(
    rng: np.random.Generator, length: int, before: int, n_leads: int
) -> NDArray[np.float32]:
    """Draw a wide QRS with its T wave the other way: two or three broad Gaussians about the R.

    All leads see the same waves, each at its own amplitude; the first has its peak at the R.

    Returns
    -------
    array of shape (n_leads, length)
    """
    t = np.arange(length) - before
    shape = np.zeros((n_leads, length))
    for _ in range(int(rng.integers(2, 4))):
        amplitude = rng.uniform(-0.8, 1.0, (n_leads, 1))
        shape += amplitude * _bump(t, rng.uniform(-5, 7), rng.uniform(2.0, 6.0))
    peak = t[np.abs(shape[0]).argmax()]
    largest = np.abs(shape).max(axis=1, keepdims=True).clip(0.1)
    shape = np.roll(shape, -peak, axis=1) / largest * rng.uniform(0.5, 1.3, (n_leads, 1))
    recovery = -np.sign(shape[:, before, None]) * rng.uniform(0.1, 0.5, (n_leads, 1))
    shape += recovery * _bump(t, rng.uniform(20, 36), rng.uniform(5, 10))
    return np.asarray(shape, np.float32)


def ectopic_p(rng: np.random.Generator, before: int, n_leads: int) -> NDArray[np.float32]:
    """Draw a P wave of another shape: up, down or both, somewhere before the QRS.

    Returns
    -------
    array of shape (n_leads, before)
        One wave, at an amplitude of its own in each lead.
    """
    width = rng.uniform(2, 5)
    wave = _bump(np.arange(before), before - rng.uniform(11, 26), width)
    if rng.random() < 0.3:
        wave = np.gradient(wave) * width
    return np.asarray(rng.uniform(-0.12, 0.15, (n_leads, 1)) * wave, np.float32)


def changed_conduction(
    rng: np.random.Generator, length: int, before: int, n_leads: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw how an early beat is conducted: its QRS larger or smaller, its T wave changed.

    The QRS stays as narrow as it is, which tells the beat from a ventricular one.

    Returns
    -------
    gain : array of shape (length,)
        To multiply the beat by.
    t_wave : array of shape (n_leads, length)
        To add to it.
    """
    gain = np.ones(length, np.float32)
    gain[before - 8 : before + 10] = np.exp(rng.normal(0, 0.2))
    t_wave = rng.normal(0, 0.3, (n_leads, 1)) * _bump(
        np.arange(length) - before, rng.uniform(16, 36), rng.uniform(4, 10)
    )
    return gain, np.asarray(t_wave, np.float32)


def _bump(t: NDArray[np.int64], centre: float, width: float) -> NDArray[np.float64]:
    return np.asarray(np.exp(-((t - centre) ** 2) / (2 * width**2)))
