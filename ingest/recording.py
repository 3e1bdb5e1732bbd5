"""A recording in memory: what every reader of files makes, and how it is made of raw signals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.checks import MAX_NAME_CHARS, check_fs, check_leads
from ingest.errors import InputError
from ingest.frames import ECG_UNITS, MISSING_ADU, Lead

LeadChoice = Sequence[str | int]
"""Leads wanted, each by name or by index from 0."""

_ADU_MAX = 32767


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Leads of one sampling frequency, whole."""

    name: str
    """Record name, without folder and suffix."""
    fs: float
    """Sampling frequency, Hz."""
    leads: tuple[Lead, ...]
    """Leads, in the order of the rows of ``samples``."""
    samples: NDArray[np.int16]
    """Array of shape (n_leads, n_samples), adu; ``MISSING_ADU`` where there is none."""
    start_unix_ns: int = 0
    """UTC time of the first sample, ns since 1970; 0 where the file has none."""

    @property
    def n_samples(self) -> int:
        """Number of samples a lead."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length, s."""
        return self.n_samples / self.fs


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One lead as a file holds it."""

    lead: Lead
    """Name and calibration of ``adu``."""
    fs: float
    """Sampling frequency, Hz."""
    adu: NDArray[np.int64]
    """Array of shape (n_samples,), adu, of any width."""
    missing: NDArray[np.bool_]
    """Array of shape (n_samples,): the file marks the sample as invalid."""


def clean_lead(name: str | None, unit: str | None, gain: float, baseline: int, index: int) -> Lead:
    """Make a lead of what a file says; files leave out names, and write units in many ways.

    Examples
    --------
    >>> clean_lead(None, "µV", 0.0, 0, index=1)
    Lead(name='lead 1', unit='uV', adc_gain=200.0, baseline=0)
    """
    name = (name or "").strip(" ,")[:MAX_NAME_CHARS] or f"lead {index}"
    unit = (unit or "mV").strip()[:MAX_NAME_CHARS]
    unit = {"µv": "uV", "μv": "uV", "uv": "uV", "mv": "mV", "v": "V"}.get(unit.lower(), unit)
    # WFDB: a gain of 0 or none says that the signal was not calibrated; 200 is then meant.
    return Lead(name, unit, float(gain) or 200.0, int(baseline))


def choose(leads: LeadChoice | None, names: Sequence[str], record: str) -> list[int] | None:
    """Return the indices of the leads wanted, or None where none were named.

    Raises
    ------
    InputError
        If one is not there; the message lists those that are.

    Examples
    --------
    >>> choose(["v5", 0], ["MLII", "V5"], "100")
    [1, 0]
    >>> choose(["V9"], ["MLII", "V5"], "100")
    Traceback (most recent call last):
    ingest.errors.InputError: record 100 has no lead 'V9'; it has: MLII, V5
    """
    if leads is None:
        return None
    return [_find(lead, list(names), record) for lead in leads]


def _find(lead: str | int, names: list[str], record: str) -> int:
    """Return the index of one lead: by its name, in any case, or by number."""
    text = str(lead)
    if isinstance(lead, str):
        if text in names:
            return names.index(text)
        lowered = [name.lower() for name in names]
        if text.lower() in lowered:
            return lowered.index(text.lower())
    if text.isdigit() and int(text) < len(names):
        return int(text)
    raise InputError(f"record {record} has no lead {lead!r}; it has: {', '.join(names)}")


def same_rate(rates: Sequence[float], units: Sequence[str], wanted: list[int] | None) -> list[int]:
    """Choose the leads of one recording, which has one sampling frequency.

    Where none are wanted by name these are the leads as fast as the fastest
    electrical one, or as the fastest at all where none is electrical.

    Raises
    ------
    InputError
        If those wanted differ in sampling frequency.

    Examples
    --------
    >>> same_rate([250.0, 125.0, 250.0], ["mV", "mmHg", "mV"], None)
    [0, 2]
    """
    if wanted is not None:
        found = sorted({rates[i] for i in wanted})
        if len(found) > 1:
            raise InputError(
                f"the leads wanted have {' and '.join(f'{fs:g}' for fs in found)} Hz: "
                "one recording has one sampling frequency"
            )
        return wanted
    electrical = [fs for fs, unit in zip(rates, units, strict=True) if unit in ECG_UNITS]
    fastest = max(electrical or rates)
    return [i for i, fs in enumerate(rates) if fs == fastest]


def assemble(name: str, signals: Sequence[Signal], start_unix_ns: int) -> Recording:
    """Make a recording of signals of one sampling frequency and length.

    Raises
    ------
    InputError
        If it is empty, or its fs, leads or lengths cannot be used.
    """
    if not signals or min(len(signal.adu) for signal in signals) == 0:
        raise InputError(f"record {name} is empty: it has no samples")
    if len({len(signal.adu) for signal in signals}) > 1:
        raise InputError(f"record {name} has leads of different lengths")
    fitted = [fit_int16(signal) for signal in signals]
    leads = tuple(lead for lead, _ in fitted)
    check_leads(leads)
    check_fs(signals[0].fs, leads)
    samples = np.stack([samples for _, samples in fitted])
    return Recording(name, signals[0].fs, leads, samples, start_unix_ns)


def fit_int16(signal: Signal) -> tuple[Lead, NDArray[np.int16]]:
    """Return samples as int16, with the lead that calibrates them.

    Samples that fit are kept as they are. Where they do not (24 and 32 bit
    files) they are moved to the middle of the range, and only if that is not
    enough, made coarser; gain and baseline say so, so that calibrated values
    stay what they were to within half of the new adu.

    Examples
    --------
    >>> adu = np.array([0, 70_000, 140_000])
    >>> signal = Signal(Lead("I", "mV", 70_000.0, 0), 500.0, adu, np.zeros(3, bool))
    >>> lead, samples = fit_int16(signal)
    >>> ((samples.astype(float) - lead.baseline) / lead.adc_gain).round(4).tolist()
    [0.0, 1.0, 2.0]
    """
    valid = signal.adu[~signal.missing]
    low, high = (int(valid.min()), int(valid.max())) if len(valid) else (0, 0)
    lead, adu = signal.lead, signal.adu
    if low <= MISSING_ADU or high > _ADU_MAX:
        step = max(1.0, math.ceil((high - low) / 65_000 * 64) / 64)
        middle = round((low + high) / 2)
        baseline = -round((middle - lead.baseline) / step)
        adu = np.rint((signal.adu - lead.baseline) / step).astype(np.int64) + baseline
        lead = Lead(lead.name, lead.unit, lead.adc_gain / step, baseline)
    samples = np.where(signal.missing, MISSING_ADU, adu).astype(np.int16)
    return lead, samples
