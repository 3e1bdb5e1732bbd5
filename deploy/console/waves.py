"""Waveforms as browsers get them: int16 steps of 5 µV, thinned to least and greatest, packed.

Nothing is averaged: of each stretch of samples the least and the greatest are kept, in the order in
which they came, so a narrow QRS is as tall on a wall of 64 patients as on its own page.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.streams import UV_PER_UNIT
from ingest.frames import ECG_UNITS, MISSING_ADU, Lead

STEP_UV = 5.0
"""Microvolts of one step; int16 spans 164 mV, and a step is below the noise of any electrode."""
MISSING = -32768
"""Marks a missing sample, as in frames."""
THINNINGS = (1, 4, 8)
"""Samples that are thinned to two; 1 leaves all as they are."""
WALL, DETAIL = 1, 2
"""What a block holds: one lead of every patient, or all leads of one."""

_BLOCK = struct.Struct("<BBHdI")
_WAVE = struct.Struct("<HBBdfH")
_WHOLE, _DELTAS = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """A stretch of one patient's leads."""

    index: int
    """Number of the patient, as told when the patient came."""
    first: int
    """Index of the first sample, counted at ``fs`` since the session began."""
    fs: float
    """Sampling frequency of what is here, Hz."""
    steps: NDArray[np.int16]
    """Array of shape (n_leads, n_samples), steps of ``STEP_UV``; ``MISSING`` where unknown."""


def to_steps(samples: NDArray[np.int16], leads: Iterable[Lead]) -> NDArray[np.int16]:
    """Turn ADC units of electrical leads into steps of 5 µV; others stay as they are.

    Parameters
    ----------
    samples : array of shape (n_leads, n_samples), adu
        As frames have them.
    leads : iterable of Lead
        Leads, in the order of the rows.

    Returns
    -------
    array of shape (n_leads, n_samples), int16
        Cut off at the ends of the range; ``MISSING`` stays.

    Examples
    --------
    >>> samples = np.array([[200, -32768], [9, 8]], np.int16)
    >>> to_steps(samples, [Lead("II", "mV", 200.0, 0), Lead("PLETH", "NU", 50.0, 7)]).tolist()
    [[200, -32768], [9, 8]]
    """
    kept = list(leads)
    electrical = [lead.unit in ECG_UNITS for lead in kept]
    gain = np.array(
        [
            UV_PER_UNIT[lead.unit] / lead.adc_gain / STEP_UV if is_ecg else 1.0
            for lead, is_ecg in zip(kept, electrical, strict=True)
        ]
    )
    zero = np.array([lead.baseline for lead in kept], np.float64) * electrical
    steps = np.rint((samples - zero[:, None]) * gain[:, None])
    found: NDArray[np.int16] = np.clip(steps, MISSING + 1, -MISSING - 1).astype(np.int16)
    found[samples == MISSING_ADU] = MISSING
    return found


class Thinning:
    """Thins one lead as it comes: the same result however it is cut.

    Parameters
    ----------
    n_thinned : int
        Samples that become two, the least and the greatest; 1 leaves all as they are.

    Examples
    --------
    >>> thinning = Thinning(4)
    >>> first = thinning.push(0, np.array([1, 9, 2, 3, 5], np.int16))
    >>> first[0], first[1].tolist(), thinning.push(5, np.array([4, -7, 6], np.int16))[1].tolist()
    (0, [1, 9], [-7, 6])
    """

    def __init__(self, n_thinned: int) -> None:
        self.n_thinned = n_thinned
        self._held = np.zeros(0, np.int16)
        self._held_first = 0

    def push(self, first: int, steps: NDArray[np.int16]) -> tuple[int, NDArray[np.int16]]:
        """Take samples that follow those before; return what is complete, and its first index.

        Parameters
        ----------
        first : int
            Index of the first sample at the source's frequency.
        steps : array of shape (n_samples,), int16
            Steps.
        """
        if self.n_thinned == 1:
            return first, steps
        if self._held_first + len(self._held) != first:  # after a jump begin on a whole bin
            skipped = -first % self.n_thinned
            first, steps, self._held = first + skipped, steps[skipped:], self._held[:0]
            self._held_first = first
        joined = np.concatenate([self._held, steps])
        n_bins = len(joined) // self.n_thinned
        whole = joined[: n_bins * self.n_thinned].reshape(n_bins, self.n_thinned)
        begin = self._held_first
        self._held = joined[n_bins * self.n_thinned :]
        self._held_first = begin + n_bins * self.n_thinned
        return begin * 2 // self.n_thinned, _extremes(whole)


def _extremes(bins: NDArray[np.int16]) -> NDArray[np.int16]:
    """Least and greatest of each row, in their order; both missing where all are."""
    known = np.where(bins == MISSING, np.int16(-MISSING - 1), bins)
    rows = np.arange(len(bins))
    low, high = known.argmin(axis=1), bins.argmax(axis=1)
    pair = np.stack([np.minimum(low, high), np.maximum(low, high)], axis=1)
    found: NDArray[np.int16] = bins[rows[:, None], pair]
    found[(bins == MISSING).all(axis=1)] = MISSING
    return found.reshape(-1)


def pack(kind: int, number: int, told: Mapping[str, Any], waves: Iterable[Wave]) -> bytes:
    """Pack a block for browsers; ``page/decode.js`` reads it.

    Little-endian: kind u8, version u8, waves u16, number f64, length of JSON u32, JSON; then for
    each wave the patient's number u16, leads u8, zero u8, first f64, fs f32, samples u16; then each
    lead's form u8 and its samples: int16, or the first as int16 and the others as int8 differences.

    Parameters
    ----------
    kind : int
        ``WALL`` or ``DETAIL``.
    number : int
        Number of the block.
    told : mapping
        What else is told: beats and vital signs.
    waves : iterable of Wave
        Waveforms.
    """
    kept = list(waves)
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    parts = [_BLOCK.pack(kind, 1, len(kept), number, len(text)), text]
    for wave in kept:
        n_leads, n_samples = wave.steps.shape
        parts.append(_WAVE.pack(wave.index, n_leads, 0, wave.first, wave.fs, n_samples))
        parts.extend(_packed(row) for row in wave.steps)
    return b"".join(parts)


def _packed(row: NDArray[np.int16]) -> bytes:
    """Pack one lead: as differences where they are small."""
    deltas = np.diff(row.astype(np.int32))
    if len(row) and (len(deltas) == 0 or np.abs(deltas).max() <= 127):
        return bytes([_DELTAS]) + row[:1].astype("<i2").tobytes() + deltas.astype(np.int8).tobytes()
    return bytes([_WHOLE]) + row.astype("<i2").tobytes()


def unpack(block: bytes) -> tuple[int, int, dict[str, Any], list[Wave]]:
    """Read what :func:`pack` wrote; browsers do the same in ``page/decode.js``.

    Returns
    -------
    tuple
        Kind, number, what was told, waveforms.

    Examples
    --------
    >>> wave = Wave(3, 40, 125.0, np.array([[1, 2, 900]], np.int16))
    >>> kind, number, told, (back,) = unpack(pack(WALL, 7, {"beats": []}, [wave]))
    >>> number, told, back.index, back.steps.tolist()
    (7, {'beats': []}, 3, [[1, 2, 900]])
    """
    kind, _, n_waves, number, n_text = _BLOCK.unpack_from(block)
    at = _BLOCK.size
    told: dict[str, Any] = json.loads(block[at : at + n_text])
    at += n_text
    waves = []
    for _ in range(n_waves):
        index, n_leads, _, first, fs, n_samples = _WAVE.unpack_from(block, at)
        at += _WAVE.size
        rows = np.zeros((n_leads, n_samples), np.int16)
        for row in rows:
            form, at = block[at], at + 1
            if form == _WHOLE:
                row[:] = np.frombuffer(block, "<i2", n_samples, at)
                at += 2 * n_samples
            else:
                row[:1] = np.frombuffer(block, "<i2", 1, at)
                row[1:] = row[0] + np.cumsum(np.frombuffer(block, np.int8, n_samples - 1, at + 2))
                at += 1 + n_samples
        waves.append(Wave(index, int(first), fs, rows))
    return kind, int(number), told, waves
