"""Channels of numerics (HR, SpO2, RR …) out of the leads of a frame or a record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.slots import Field
from inference.stage import Stage
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


def steps_in(source_fs: float, fs: float, name: str) -> int:
    """Tell how many values of a source make one step.

    Parameters
    ----------
    source_fs, fs : float
        Values a second that there are, steps a second that are wanted, Hz.
    name : str
        What the record or stream is called in an error.

    Raises
    ------
    ingest.errors.InputError
        If the one is no whole number of times the other.

    Examples
    --------
    >>> steps_in(2.0, 1.0, "x")
    2
    """
    if source_fs < fs or source_fs % fs:
        raise InputError(f"{name} has {source_fs:g} Hz; allowed: a multiple of {fs:g} Hz")
    return int(source_fs // fs)


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
    n = steps_in(source_fs, fs, name)
    if n == 1:
        return values
    blocks = values[: len(values) // n * n].reshape(-1, n, values.shape[1])
    sums, counts = np.zeros_like(blocks[:, 0]), np.zeros(blocks[:, 0].shape, np.int32)
    for each in np.moveaxis(blocks, 1, 0):
        sums, counts = _with(sums, counts, each)
    return _mean(sums, counts)


class StepMeans(Stage):
    """Averages streams down, value by value as they come, to what :func:`averaged` gives.

    Parameters
    ----------
    n_channels : int
        Channels.
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__(
            {
                "sum": Field((n_channels,)),
                "count": Field((n_channels,), np.int32),
                "taken": Field(dtype=np.int64),
            }
        )

    def start(self, slot: int, taken: int) -> None:
        """Begin a stream so many values behind the begin of a step."""
        self.state["taken"][slot] = taken

    def push(self, slot: int, values: NDArray[np.float32], n: int) -> NDArray[np.float32]:
        """Take the next values of a stream; give the steps that are whole.

        Parameters
        ----------
        slot : int
            The stream.
        values : array of shape (n_values, n_channels)
            NaN where missing.
        n : int
            Values of a step.
        """
        if n == 1:
            return values
        state = self.state
        found: list[NDArray[np.float32]] = []
        sums, counts, taken = state["sum"][slot], state["count"][slot], int(state["taken"][slot])
        at = 0
        while at < len(values):
            if taken == 0 and len(values) - at >= n:
                whole = (len(values) - at) // n * n
                found.append(averaged(values[at : at + whole], float(n), 1.0, ""))
                at += whole
                continue
            sums, counts = _with(sums, counts, values[at])
            at, taken = at + 1, taken + 1
            if taken == n:
                found.append(_mean(sums, counts)[None])
                sums, counts, taken = np.zeros_like(sums), np.zeros_like(counts), 0
        state["sum"][slot], state["count"][slot], state["taken"][slot] = sums, counts, taken
        return np.concatenate(found) if found else np.empty((0, values.shape[1]), np.float32)


def _with(
    sums: NDArray[np.float32], counts: NDArray[np.int32], values: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Add values to sums, one after another: the same bits however they are cut."""
    seen = ~np.isnan(values)
    return sums + np.where(seen, values, np.float32(0)), counts + seen.astype(np.int32)


def _mean(sums: NDArray[np.float32], counts: NDArray[np.int32]) -> NDArray[np.float32]:
    """Divide; NaN where nothing was seen."""
    means = sums / np.maximum(counts, 1).astype(np.float32)
    return np.where(counts > 0, means, np.float32(np.nan)).astype(np.float32)
