"""WFDB records: single and multi-segment, of one or many frequencies, in any of its formats."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np

from ingest.errors import InputError
from ingest.frames import Lead
from ingest.recording import (
    LeadChoice,
    Recording,
    Signal,
    assemble,
    choose,
    clean_lead,
    same_rate,
)

INVALID_ADU = {
    "80": -(1 << 7),
    "508": -(1 << 7),
    "310": -(1 << 9),
    "311": -(1 << 9),
    "212": -(1 << 11),
    "24": -(1 << 23),
    "524": -(1 << 23),
    "32": -(1 << 31),
}
"""The value that marks an invalid sample, by storage format (WFDB, signal(5)); else -32768."""

_NO_NUMBER = re.compile(r"\(-?\d+\)/(?P<unit>\S+)(?: -?\d+){5} (?P<name>.+)")
"""What wfdb takes for the name of a signal whose gain is no number, as in ``NaN(0)/% 0 0 …``."""

MOST_SAMPLES = 1 << 28
"""Most samples of one lead: three days at 1 kHz."""
MOST_NAME_CHARS = 200
"""Longest name of a file that a header may name."""

BITS = {"8": 8, "80": 8, "212": 12, "16": 16, "61": 16, "160": 16, "24": 24, "32": 32}
"""Bits of a sample, of the formats whose files have a length that can be foretold."""


def read_wfdb(base: Path, leads: LeadChoice | None = None) -> Recording:
    """Read a WFDB record.

    Parameters
    ----------
    base : Path
        Path of the record, without suffix.
    leads : sequence of str or int, optional
        Leads wanted, by name or index. By default all with the sampling
        frequency of the fastest electrical one.

    Raises
    ------
    InputError
        If the record is missing, empty, truncated or unreadable, or lacks a lead.
    """
    header = _header(base)
    if hasattr(header, "seg_name"):
        signals = _read_segments(base, header, leads)
    else:
        signals = _read_single(base, header, leads)
    return assemble(base.name, signals, _start_unix_ns(header))


def _header(base: Path) -> Any:
    """Read the header of a record."""
    import wfdb  # here, since pandas comes with it

    if not Path(f"{base}.hea").is_file():
        raise InputError(f"no record {base}: there is no file {base}.hea")
    try:
        header = wfdb.rdheader(str(base))
    except Exception as error:  # whatever the package stumbles over
        raise InputError(f"cannot read the header {base}.hea: {error}") from error
    for i, name in enumerate(getattr(header, "sig_name", None) or ()):
        if misread := _NO_NUMBER.fullmatch(name or ""):
            header.sig_name[i], header.units[i] = misread["name"], misread["unit"]
            header.adc_gain[i] = math.nan
    return header


def _beside(base: Path, name: str) -> Path:
    """Return the path of a file that a header names: one of the record's own folder, no other."""
    if not 0 < len(name) <= MOST_NAME_CHARS or Path(name).name != name:
        raise InputError(
            f"record {base.name}: its header names the file {name[:MOST_NAME_CHARS]!r}: only "
            f"files beside it, of names of 1 to {MOST_NAME_CHARS} characters, are read"
        )
    return base.parent / name


def _start_unix_ns(header: Any) -> int:
    """Return the start as ns since 1970, taking the header's date and time for UTC."""
    if header.base_date is None and header.base_time is None:
        return 0
    start = datetime.combine(
        header.base_date or date(1970, 1, 1), header.base_time or time(), tzinfo=UTC
    )
    elapsed = start - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * 10**9 + elapsed.microseconds * 1000


def _leads(header: Any) -> list[Lead]:
    """Return the leads that a header of one segment describes."""
    if not header.sig_name or len(header.sig_name) != header.n_sig:
        raise InputError(
            f"the header of {header.record_name} describes {len(header.sig_name or ())} "
            f"of its {header.n_sig} signals"
        )
    return [
        clean_lead(name, unit, 0.0 if _is_no_number(gain) else gain, baseline or 0, index)
        for index, (name, unit, gain, baseline) in enumerate(
            zip(header.sig_name, header.units, header.adc_gain, header.baseline, strict=True)
        )
    ]


def _is_no_number(gain: float | None) -> bool:
    return gain is None or math.isnan(gain)


def _read_single(base: Path, header: Any, leads: LeadChoice | None) -> list[Signal]:
    """Read the wanted leads of a record of one segment."""
    import wfdb  # here, since pandas comes with it

    if not header.n_sig or header.sig_len == 0:
        raise InputError(f"record {base.name} is empty: it has no samples")
    described = _leads(header)
    wanted = choose(leads, [lead.name for lead in described], base.name)
    rates = [float(header.fs) * (spf or 1) for spf in header.samps_per_frame]
    wanted = same_rate(rates, [lead.unit for lead in described], wanted)
    _check_files(base, header)
    try:
        record = wfdb.rdrecord(
            str(base), channels=wanted, physical=False, smooth_frames=False, return_res=32
        )
    except Exception as error:  # whatever the package stumbles over
        raise InputError(f"cannot read record {base.name}: {error}") from error
    return [
        _signal(described[i], rates[i], adu, header.fmt[i], header.adc_gain[i])
        for i, adu in zip(wanted, record.e_d_signal, strict=True)
    ]


def _signal(lead: Lead, fs: float, adu: Any, fmt: str, gain: float | None) -> Signal:
    """Mark what the storage format holds for invalid, and all whose gain is said to be none."""
    wide = np.asarray(adu, np.int64)
    is_invalid = wide == INVALID_ADU.get(fmt, -(1 << 15))
    return Signal(lead, fs, wide, is_invalid | (gain is not None and math.isnan(gain)))


def _check_files(base: Path, header: Any) -> None:
    """Refuse missing and truncated signal files, which readers may fill up or cut short."""
    for file_name in dict.fromkeys(header.file_name):
        rows = [i for i, name in enumerate(header.file_name) if name == file_name]
        path = _beside(base, file_name)
        if not path.is_file():
            raise InputError(f"record {base.name}: its signal file {path} is missing")
        bits = BITS.get(header.fmt[rows[0]])
        if bits is None or header.sig_len is None:
            continue
        n_values = header.sig_len * sum(header.samps_per_frame[i] or 1 for i in rows)
        wanted = math.ceil(n_values * bits / 8) + (header.byte_offset[rows[0]] or 0)
        size = path.stat().st_size
        if size < wanted:
            raise InputError(
                f"record {base.name}: {path} is truncated: {size} bytes, its header needs {wanted}"
            )


def _read_segments(base: Path, header: Any, leads: LeadChoice | None) -> list[Signal]:
    """Read the wanted leads of a record of many segments; what a segment lacks is missing."""
    names = list(header.seg_name)
    lengths = [int(n) for n in header.seg_len]
    if min(lengths, default=0) < 0 or sum(lengths) > MOST_SAMPLES:
        raise InputError(
            f"record {base.name}: {MOST_SAMPLES} samples fit, by its header it has more"
        )
    described = {i: _header(_beside(base, n)) for i, n in enumerate(names) if n != "~"}
    if not described:
        raise InputError(f"record {base.name} is empty: all its segments are null")
    layout = described[min(described)]
    all_leads = _leads(layout)
    lead_names = [lead.name for lead in all_leads]
    rates = [float(header.fs) * (spf or 1) for spf in layout.samps_per_frame]
    wanted = choose(leads, lead_names, base.name)
    wanted = same_rate(rates, [lead.unit for lead in all_leads], wanted)
    parts: dict[int, list[Signal]] = {i: [] for i in wanted}
    for segment, length in enumerate(lengths):
        if length == 0:  # the layout segment of a variable-layout record
            continue
        present = _segment(base, names[segment], described.get(segment), lead_names, wanted)
        for i in wanted:
            n_samples = round(length * rates[i] / float(header.fs))
            empty = Signal(
                all_leads[i], rates[i], np.zeros(n_samples, np.int64), np.ones(n_samples, bool)
            )
            parts[i].append(present.get(i, empty))
    return [_join(parts[i]) for i in wanted]


def _segment(
    base: Path, name: str, header: Any, lead_names: list[str], wanted: list[int]
) -> dict[int, Signal]:
    """Read what one segment has of the wanted leads, by their index in the whole record."""
    if header is None:
        return {}
    here = [lead.name for lead in _leads(header)]
    found = [i for i in wanted if lead_names[i] in here]
    if not found:
        return {}
    by_place = here == lead_names  # names may repeat: the same layout is read by index
    choice: list[str | int] = [i if by_place else lead_names[i] for i in found]
    return dict(zip(found, _read_single(_beside(base, name), header, choice), strict=True))


def _join(parts: Sequence[Signal]) -> Signal:
    """Put the segments of one lead together; where calibrations differ the finest is used."""
    heard = [part.lead for part in parts if not part.missing.all()] or [parts[0].lead]
    finest = max(heard, key=lambda lead: abs(lead.adc_gain))
    adu = [
        part.adu
        if (part.lead.adc_gain, part.lead.baseline) == (finest.adc_gain, finest.baseline)
        else _recalibrated(part, finest)
        for part in parts
    ]
    missing = np.concatenate([part.missing for part in parts])
    return Signal(finest, parts[0].fs, np.concatenate(adu), missing)


def _recalibrated(part: Signal, lead: Lead) -> Any:
    """Return the adu of a segment, shape (n_samples,), in the calibration of another lead."""
    physical = (part.adu - part.lead.baseline) / part.lead.adc_gain
    return np.rint(physical * lead.adc_gain).astype(np.int64) + lead.baseline
