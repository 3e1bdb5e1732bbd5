"""EDF, EDF+ and BDF files."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ingest.errors import InputError
from ingest.frames import MISSING_ADU
from ingest.recording import (
    LeadChoice,
    Recording,
    Signal,
    assemble,
    choose,
    clean_lead,
    same_rate,
)

EDF_SUFFIXES = (".edf", ".bdf", ".rec")
"""Suffixes by which these files are known."""


def read_edf(path: Path, leads: LeadChoice | None = None) -> Recording:
    """Read an EDF, EDF+C or BDF file.

    Parameters
    ----------
    path : Path
        The file.
    leads : sequence of str or int, optional
        Leads wanted, by label or index. By default all with the sampling
        frequency of the fastest electrical one.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated, discontinuous or unreadable, or
        lacks a lead.
    """
    if not path.is_file():
        raise InputError(f"no file {path}")
    _check_length(path)
    edf = _open(path)
    signals = list(edf.signals)
    if not signals or edf.num_data_records < 1:
        raise InputError(f"record {path.name} is empty: it has no samples")
    if not edf.is_continuous:
        raise InputError(f"record {path.name} is EDF+D: only continuous files are read")
    calibrated = [_calibration(signal, i, path.name) for i, signal in enumerate(signals)]
    wanted = choose(leads, [lead.name for lead in calibrated], path.stem)
    rates = [float(signal.sampling_frequency) for signal in signals]
    wanted = same_rate(rates, [lead.unit for lead in calibrated], wanted)
    chosen = []
    for i in wanted:
        adu = np.asarray(signals[i].digital, np.int64)
        # EDF knows no invalid samples: -32768 is a saturated one, and stays so one adu higher,
        # since frames mark missing samples with it.
        adu[adu == MISSING_ADU] += 1
        chosen.append(Signal(calibrated[i], rates[i], adu, np.zeros(len(adu), bool)))
    return assemble(path.stem, chosen, _start_unix_ns(edf))


def _check_length(path: Path) -> None:
    """Refuse a file that is shorter than its header says; readers cut such files short."""
    with path.open("rb") as file:
        header = file.read(256)
        try:
            n_header, n_records, n_signals = (
                int(header[184:192]),
                int(header[236:244]),
                int(header[252:256]),
            )
            if n_signals < 0 or n_header < 0:
                raise ValueError(f"{n_signals} signals, a header of {n_header} bytes")
            file.seek(256 + 216 * n_signals)
            per_record = sum(int(file.read(8)) for _ in range(n_signals))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is not an EDF file: {error}") from error
    width = 3 if header[:1] == b"\xff" else 2
    wanted = n_header + n_records * per_record * width
    if n_records >= 0 and path.stat().st_size < wanted:
        raise InputError(
            f"{path} is truncated: {path.stat().st_size} bytes, its header needs {wanted}"
        )


def _open(path: Path) -> Any:
    """Open the file with edfio, which tells EDF from BDF only by the function called."""
    import edfio

    try:
        with path.open("rb") as file:
            is_bdf = file.read(1) == b"\xff"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on dates and blanks that nothing here needs
            return edfio.read_bdf(path) if is_bdf else edfio.read_edf(path, lazy_load_data=True)
    except Exception as error:  # whatever the package stumbles over
        raise InputError(f"cannot read {path}: {error}") from error


def _calibration(signal: Any, index: int, record: str) -> Any:
    """Return the lead of one signal; its baseline is rounded to a whole adu."""
    try:
        low, high = signal.physical_min, signal.physical_max
        gain = (signal.digital_max - signal.digital_min) / (high - low)
        baseline = round(signal.digital_min - low * gain)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(
            f"record {record}: signal {index} ({signal.label}) has no calibration: {error}"
        ) from error
    return clean_lead(signal.label, signal.physical_dimension or "mV", gain, baseline, index)


def _start_unix_ns(edf: Any) -> int:
    """Return the start as ns since 1970, taking the header for UTC; 0 where it is anonymous."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on two date fields that differ
            start: datetime = edf.startdatetime.replace(tzinfo=UTC)
    except ValueError:
        return 0
    elapsed = start - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * 10**9 + elapsed.microseconds * 1000
