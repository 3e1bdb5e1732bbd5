"""The frame: a stretch of raw samples of one stream, and what is needed to read them.

A frame is what a device or gateway sends. Samples stay in ADC units (adu) as
int16 until :mod:`inference.conditioning` calibrates them, so that what is
archived and replayed is what was heard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError

MISSING_ADU = -32768
"""The int16 value that marks a missing sample, as in WFDB format 16."""

MIN_FS, MAX_FS = 50.0, 4096.0
"""Sampling frequencies of ECG that are accepted, Hz."""

ECG_UNITS = ("uV", "mV", "V")
"""Units that mark a lead as an electrical signal."""


class FrameError(InputError):
    """A frame or message that cannot be used.

    Parameters
    ----------
    reason : str
        A short fixed word for counters and dead letters, such as ``"fs"``.
    message : str
        What was wrong, and what is allowed.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Lead:
    """One signal of a frame and its calibration."""

    name: str
    """Lead name as the source gives it, such as ``"MLII"``."""
    unit: str = "mV"
    """Physical unit after calibration."""
    adc_gain: float = 200.0
    """ADC units per physical unit, adu/unit."""
    baseline: int = 0
    """ADC value of physical zero, adu."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A stretch of samples of one stream."""

    stream_id: str
    """Pseudonym of the stream; never a name or hospital number."""
    session: str
    """Changes when the device restarts its sample count."""
    first_sample: int
    """Index of the first sample since the session began."""
    start_unix_ns: int
    """UTC time of the first sample, ns since 1970."""
    fs: float
    """Sampling frequency, Hz."""
    leads: tuple[Lead, ...]
    """Leads, in the order of the rows of ``samples``."""
    samples: NDArray[np.int16]
    """Array of shape (n_leads, n_samples), adu; ``MISSING_ADU`` where there is none."""
    last: bool = False
    """True on the frame with which a device ends its session; it may hold no samples."""

    @property
    def n_samples(self) -> int:
        """Number of samples a lead."""
        return int(self.samples.shape[1])

    @property
    def end_sample(self) -> int:
        """Index one past the last sample."""
        return self.first_sample + self.n_samples
