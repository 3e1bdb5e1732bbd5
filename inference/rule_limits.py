"""Limits as the rules compare with them: times in ms, rates side by side, one row a stream.

Most streams share one set of limits. Then the rules get plain numbers, and nothing is
looked up; where streams differ they get one row a stream, and do not notice.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.beat_codes import BEAT_CODES, BURDEN_CODES, RATE_CODES, RUN_CODES
from inference.conditions import Code
from inference.limits import Limits
from ingest.errors import InputError

MOST_SETS = 30_000
"""Most sets that are kept."""
RATE_SIGN = np.array([-1.0, 1.0, -1.0, 1.0])
"""By :data:`~inference.beat_codes.RATE_CODES`: -1 where a rate may be too low, 1 too high."""
NEVER_MS = 1 << 60
"""A silence that does not come, ms."""


@dataclass(frozen=True, slots=True, eq=False)
class RuleLimits:
    """Limits of one set, or of several streams; then each value has a first axis of streams."""

    asystole_ms: Any
    """Silence that is asystole, ms."""
    pause_ms: Any
    """RR interval that is a pause, ms."""
    stale_ms: Any
    """Time without a beat behind which nothing is upheld, ms."""
    quiet_ms: Any
    """Silence from which a stream in which nothing is open is not quiet, ms."""
    open_quiet_ms: Any
    """The same where something is open, ms."""
    silence_ends_ms: NDArray[Any]
    """By :data:`~inference.beat_codes.BEAT_CODES`: readable silence that ends each, ms."""
    rate_bpm: NDArray[Any]
    """By :data:`~inference.beat_codes.RATE_CODES`, bpm."""
    rate_beats: NDArray[Any]
    """By the same: beats that the rate is taken over."""
    rate_margin_bpm: Any
    """How far back inside a rate must be, bpm."""
    rate_end_beats: Any
    """RR intervals back inside that end an episode."""
    rate_end_column: NDArray[Any]
    """The same with an axis of rates, of length 1."""
    rate_intervals_ms: NDArray[Any]
    """By the same: a minute for each interval between so many beats, ms."""
    rate_back_bpm: NDArray[Any]
    """By the same: rate that is back inside, bpm."""
    vt_bpm: Any
    """Rate of ventricular tachycardia, bpm."""
    vt_beats: Any
    """Beats that make it."""
    vt_end_beats: Any
    """Beats of other classes that end it."""
    vt_sustained_ms: Any
    """Length from which it is sustained, ms."""
    v_run_beats: Any
    """Ventricular beats that make a run."""
    v_run_max_rr_ms: Any
    """RR interval from which beats are no run, ms."""
    sv_run_beats: Any
    """Supraventricular ectopic beats that make a run."""
    sv_run_bpm: Any
    """Rate of such a run, bpm."""
    r_on_t_share: Any
    """Share of the mean RR interval below which a ventricular beat falls on a T wave."""
    bigeminy_cycles: Any
    """Cycles of two beats."""
    trigeminy_cycles: Any
    """Cycles of three."""
    vebs_per_min: Any
    """Ventricular beats a minute that are frequent."""
    missed_beat_share: Any
    """RR interval over the mean one from which a beat is missed."""
    irregular_beats: Any
    """Beats that irregularity is judged over."""
    irregular_share: Any
    """Share of successive differences that must be large."""
    burden_end_ms: Any
    """Time without any more of it that ends ectopy or irregularity, ms."""

    def at(self, index: NDArray[np.intp]) -> RuleLimits:
        """Give those of some of the streams; of one set, the set."""
        if np.ndim(self.pause_ms) == 0:
            return self
        return RuleLimits(*(getattr(self, name)[index] for name in self.__slots__))

    @classmethod
    def of(cls, limits: Limits) -> RuleLimits:
        """Give one set.

        Examples
        --------
        >>> RuleLimits.of(Limits()).rate_bpm.tolist()
        [40.0, 140.0, 50.0, 120.0]
        """
        asystole, pause, stale, v_run, sustained, burden_end = (
            round(1000 * seconds)
            for seconds in (
                limits.asystole_s,
                limits.pause_s,
                limits.stale_s,
                limits.v_run_max_rr_s,
                limits.vt_sustained_s,
                limits.burden_end_s,
            )
        )
        names = [code.name.lower() for code in RATE_CODES]
        rate_bpm = np.array([getattr(limits, f"{name}_bpm") for name in names])
        beats = np.array([getattr(limits, f"{name}_beats") for name in names])
        ends = dict.fromkeys(RUN_CODES, v_run)
        ends |= dict.fromkeys((*BURDEN_CODES, Code.ATRIAL_FIBRILLATION), NEVER_MS)
        ends |= {
            code: asystole if "brady" in name else pause
            for code, name in zip(RATE_CODES, names, strict=True)
        }
        same = {field.name: getattr(limits, field.name, None) for field in fields(cls)}
        ours: dict[str, Any] = {
            "asystole_ms": asystole,
            "pause_ms": pause,
            "stale_ms": stale,
            "quiet_ms": min(pause, asystole),
            "open_quiet_ms": min(pause, asystole, v_run, stale),
            "silence_ends_ms": np.array([ends[code] for code in BEAT_CODES], np.int64),
            "rate_bpm": rate_bpm,
            "rate_beats": beats,
            "rate_intervals_ms": (beats - 1) * 60_000.0,
            "rate_back_bpm": rate_bpm - RATE_SIGN * limits.rate_margin_bpm,
            "rate_end_column": np.array([limits.rate_end_beats]),
            "vt_sustained_ms": sustained,
            "v_run_max_rr_ms": v_run,
            "burden_end_ms": burden_end,
        }
        return cls(**{**same, **ours})


class LimitSets:
    """The sets of limits that streams have, each once.

    Parameters
    ----------
    default : Limits
        What a stream has that was given no other; set 0.

    Examples
    --------
    >>> sets = LimitSets(Limits())
    >>> sets.put(Limits(pause_s=2.5)), sets.put(Limits())
    (1, 0)
    >>> sets.of(np.array([0, 1])).pause_ms.tolist()
    [3000, 2500]
    """

    def __init__(self, default: Limits) -> None:
        self._number = {default: 0}
        self._rules = [RuleLimits.of(default)]
        self._table = self._rules[0]

    def __getitem__(self, number: int) -> Limits:
        """Give a set by its number."""
        return list(self._number)[number]

    def put(self, limits: Limits) -> int:
        """Give the number of a set; one that is new is kept.

        Raises
        ------
        InputError
            If there are too many.
        """
        if len(self._number) > MOST_SETS and limits not in self._number:
            raise InputError(f"no more than {MOST_SETS} sets of limits are kept")
        number = self._number.setdefault(limits, len(self._number))
        if number == len(self._rules):
            self._rules.append(RuleLimits.of(limits))
            self._table = RuleLimits(
                *(
                    np.stack([getattr(one, field.name) for one in self._rules])
                    for field in fields(RuleLimits)
                )
            )
        return number

    def of(self, numbers: NDArray[Any]) -> RuleLimits:
        """Give the limits of streams by the numbers of their sets, shape (n_rows,)."""
        if len(self._rules) == 1:
            return self._table
        return self._table.at(numbers)

    def values(self, numbers: NDArray[Any]) -> NDArray[np.float64]:
        """Give sets as numbers, shape (n_rows, n_limits); (n_rows, 0) where all are set 0."""
        if not numbers.any():
            return np.empty((len(numbers), 0))
        rows = [dataclasses.astuple(self[number]) for number in numbers.tolist()]
        return np.array(rows, np.float64)

    def numbers(self, values: NDArray[np.float64]) -> NDArray[np.int16]:
        """Take sets from what :meth:`values` gave; their numbers, shape (n_rows,).

        Raises
        ------
        ValueError
            If they are no limits.
        """
        names = dataclasses.fields(Limits)
        if values.shape[1] not in (0, len(names)):
            raise ValueError(f"limits of shape {values.shape}, not (n, {len(names)}) or (n, 0)")
        found = np.zeros(len(values), np.int16)
        whole = [isinstance(field.default, int) for field in names]
        for row, numbers in enumerate(values.tolist() if values.shape[1] else []):
            given = {
                field.name: int(number) if is_whole else number
                for field, is_whole, number in zip(names, whole, numbers, strict=True)
            }
            found[row] = self.put(Limits(**given))
        return found
