"""The strip of signal around an alarm's onset, cut out of the record that the alarm is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.streams import UV_PER_UNIT, choose_lead
from ingest.errors import InputError
from ingest.frames import MISSING_ADU
from ingest.recording import Recording


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Signal around an alarm's onset."""

    lead: str
    """Name of the lead."""
    fs: float
    """Sampling frequency, Hz."""
    first_sample: int
    """Index of the first sample since the session began."""
    adu: NDArray[np.int16]
    """Array of shape (n_samples,): samples, adu; ``MISSING_ADU`` where there is none."""
    mv_per_adu: float
    """What one adu is, mV."""
    baseline_adu: int
    """What 0 mV is, adu."""


def cut_strip(alarm: Mapping[str, Any], recording: Recording, lead: str | None = None) -> Strip:
    """Cut the strip that an alarm refers to, as far as the record has it.

    Raises
    ------
    InputError
        If the record has another frequency, no such lead, or nothing of the strip.
    """
    told = alarm["strip"]
    if float(told["fs"]) != recording.fs:
        raise InputError(
            f"the alarm's strip is at {told['fs']} Hz, record {recording.name} at {recording.fs} Hz"
        )
    row = choose_lead(recording.leads, lead)
    if row is None:
        raise InputError(f"record {recording.name} has no ECG")
    first, last = int(told["first_sample"]), int(told["first_sample"]) + int(told["n_samples"])
    adu = np.asarray(recording.samples[row, max(first, 0) : max(last, 0)], np.int16)
    if not adu.size:
        raise InputError(f"record {recording.name} ends before the alarm's strip")
    chosen = recording.leads[row]
    return Strip(
        lead=chosen.name,
        fs=recording.fs,
        first_sample=max(first, 0),
        adu=adu,
        mv_per_adu=UV_PER_UNIT[chosen.unit] / 1000 / chosen.adc_gain,
        baseline_adu=chosen.baseline,
    )


def sampled_data(strip: Strip) -> str:
    """Write the samples as FHIR's SampledData has them: adu less the baseline, E where missing.

    Examples
    --------
    >>> sampled_data(Strip("II", 250.0, 0, np.array([3, MISSING_ADU, -1], np.int16), 0.005, 1))
    '2 E -2'
    """
    return " ".join(
        "E" if value == MISSING_ADU else str(value - strip.baseline_adu)
        for value in strip.adu.tolist()
    )
