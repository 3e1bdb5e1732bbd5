"""Channels of numerics (HR, SpO2, RR …) out of the leads of a frame or a record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError
from ingest.frames import MISSING_ADU, Lead


def channel_values(
    leads: Sequence[Lead], samples: NDArray[np.int16], channels: Sequence[str], name: str
) -> NDArray[np.float32]:
    """Read the channels that are wanted, in their own units.

    Parameters
    ----------
    leads : sequence of Lead
        Leads of the frame or record.
    samples : array of shape (n_leads, n_steps), adu
    channels : sequence of str
        Channels wanted, by name, in any case; one that is not there is missing throughout.
    name : str
        What the record or stream is called in an error.

    Returns
    -------
    array of shape (n_steps, n_channels)
        Values; NaN where missing.

    Raises
    ------
    ingest.errors.InputError
        If none of the channels is there.

    Examples
    --------
    >>> leads = [Lead("HR", "bpm", 2.0, -100)]
    >>> channel_values(leads, np.array([[40, MISSING_ADU]], np.int16), ["HR", "SpO2"], "x").tolist()
    [[70.0, nan], [nan, nan]]
    """
    rows = {lead.name.strip().lower(): row for row, lead in enumerate(leads)}
    if not {each.lower() for each in channels} & rows.keys():
        there = ", ".join(lead.name for lead in leads)
        raise InputError(f"{name} has none of {', '.join(channels)}; it has: {there}")
    values = np.full((samples.shape[1], len(channels)), np.nan, np.float32)
    for column, channel in enumerate(channels):
        row = rows.get(channel.lower())
        if row is not None:
            adu = samples[row].astype(np.float64)
            calibrated = (adu - leads[row].baseline) / leads[row].adc_gain
            values[:, column] = np.where(samples[row] == MISSING_ADU, np.nan, calibrated)
    return np.round(values, 3)


def averaged(
    values: NDArray[np.float32], source_fs: float, fs: float, name: str
) -> NDArray[np.float32]:
    """Average down to fewer steps a second; a step is missing where all of its values are.

    Parameters
    ----------
    values : array of shape (n_steps, n_channels)
    source_fs, fs : float
        Steps a second that there are, and that are wanted, Hz.
    name : str
        What the record or stream is called in an error.

    Raises
    ------
    ingest.errors.InputError
        If the one is no whole number of times the other.

    Examples
    --------
    >>> x = np.array([[1], [3], [np.nan], [5], [7]], np.float32)
    >>> averaged(x, 2.0, 1.0, "x")[:, 0].tolist()
    [2.0, 5.0]
    """
    if source_fs < fs or source_fs % fs:
        raise InputError(f"{name} has {source_fs:g} Hz; allowed: a multiple of {fs:g} Hz")
    n = int(source_fs // fs)
    if n == 1:
        return values
    blocks = values[: len(values) // n * n].reshape(-1, n, values.shape[1])
    seen = ~np.isnan(blocks)
    count = seen.sum(axis=1)
    total = np.where(seen, blocks, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
