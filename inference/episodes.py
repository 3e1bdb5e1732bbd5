"""Episodes: from beats and signal quality to when each condition began and ended.

Two clocks matter. A tick ends at ``now_ms``; its signal quality is that of the
200 ms before. Its beats are older: at ``now_ms`` every beat up to the horizon
``now_ms - decision_delay_ms`` is certainly known, and some beyond. Silence is
therefore measured at the horizon, or up to the beat just decided, and only over
signal known to have been readable there: short of that, asystole and pause are
not called. Technical conditions need no beats and are judged at ``now_ms``.

Onset times lie where the evidence begins, not where the definition was met:
the last R-peak for silences, the first beat of the window for rates and runs.

Definitions stand in :mod:`inference.conditions`. How episodes end:

- asystole at the first of two beats closer than a pause; a pause at its next beat;
- rates at the beat from which ``rate_end_beats`` RRs in a row are back inside the
  limit by ``rate_margin_bpm``; VT at the last V before ``vt_end_beats`` others, or
  where its rate falls under the limit by the margin; a run of V at its last V;
- rates and runs at the last beat before a readable silence too long for them
  (tachycardia: a pause; VT and runs: ``v_run_max_rr_s``; bradycardia: asystole);
- ectopy and irregularity where they were last seen, ``burden_end_s`` ago;
- anything that ``stale_s`` without a beat, or unreadable, leaves without evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference import beat_rules, signal_rules, suspension
from inference.beat_codes import BEAT_CODES, BURDEN_CODES, RATE_CODES, RUN_CODES
from inference.beat_history import NewBeats
from inference.conditions import N_CONDITIONS, Code
from inference.episode_edges import DecidedEdges, EdgeLog, EpisodeEdges, no_edges
from inference.limits import Limits
from inference.quality import QualityTicks
from inference.quiet import QuietBeats, QuietStreams, ticks_left
from inference.rhythm import rhythm_of_open
from inference.rhythm_turns import RhythmTurns
from inference.rule_limits import LimitSets, RuleLimits
from inference.signal_rules import SignalRules
from inference.slots import Field, Slots, Snapshot
from inference.stage import Stage
from inference.suspension import Suspension
from inference.ticks import TICK_MS, BlockBeats, TickBeats, TickQuality

HEART_RATE_STALE_MS = 5000
"""Age of the last beat beyond which the heart rate is unknown, ms."""

MAX_DECISION_DELAY_MS = 10_000
"""Longest look-ahead of beats that the record of readable ticks can hold, ms."""

_FIELDS = {
    "now_ms": Field(dtype=np.int64, initial=-1),
    "unreadable": Field(dtype=np.int64),
    "readable_since_ms": Field(dtype=np.int64, initial=-1),
    "unreadable_ms": Field(dtype=np.int64),
    "open": Field((N_CONDITIONS,), np.bool_),
    "onset_ms": Field((N_CONDITIONS,), np.int64, -1),
    "held": Field(dtype=np.bool_),
    "limit_set": Field(dtype=np.int16),
}
# "unreadable" has one bit a tick, the newest lowest, back to the tick that holds the horizon.

_SILENCES = (Code.ASYSTOLE, Code.PAUSE)
_BEATS = list(BEAT_CODES)
_VT, _AF = (
    BEAT_CODES.index(code) for code in (Code.VENTRICULAR_TACHYCARDIA, Code.ATRIAL_FIBRILLATION)
)
_TOLD = [BEAT_CODES.index(code) for code in RUN_CODES[:2]]


class Episodes(Stage):
    """Follows all conditions of the table over many streams at once.

    Parameters
    ----------
    limits : Limits
        Limits in force for all slots.
    decision_delay_ms : int
        How far behind the end of a tick all beats are certainly known, ms.
    n_slots : int
        Streams to make room for at first.
    """

    def __init__(self, limits: Limits, decision_delay_ms: int, n_slots: int = 0) -> None:
        super().__init__(
            {**_FIELDS, **beat_rules.FIELDS, **signal_rules.FIELDS, **suspension.FIELDS}, n_slots
        )
        self.limit_sets = LimitSets(limits)
        self._quiet = QuietStreams(self.limit_sets, decision_delay_ms)
        if not 0 <= decision_delay_ms <= MAX_DECISION_DELAY_MS:
            raise ValueError(
                f"decision_delay_ms = {decision_delay_ms} must lie in 0 to {MAX_DECISION_DELAY_MS}"
            )
        self.decision_delay_ms = decision_delay_ms
        self._horizon_tick = decision_delay_ms // TICK_MS
        self._recent = (1 << self._horizon_tick) - 1
        self._signal_rules = SignalRules(limits)
        self._suspension = Suspension(limits)

    def step(
        self,
        slots: Slots,
        now_ms: NDArray[np.int64],
        beats: TickBeats,
        quality: TickQuality,
        told: RhythmTurns | None = None,
    ) -> EpisodeEdges:
        """Advance each row by one tick.

        Parameters
        ----------
        slots : Slots
            Array of shape (n_rows,), the streams that advance.
        now_ms : NDArray[np.int64]
            Array of shape (n_rows,), end of the tick on each stream's clock, ms.
        beats : TickBeats
            Beats that the tick decided; their times may lie before the tick.
        quality : TickQuality
            Quality of the tick's own signal.
        told : RhythmTurns, optional
            Rhythms that models say began or ended in the tick.

        Returns
        -------
        EpisodeEdges
            What began and what ended, with evidence.

        Raises
        ------
        ValueError
            If ticks do not follow one another, or a beat is not after the one before.
        """
        log = EdgeLog(self.state, slots)
        self._advance(slots, now_ms, quality)
        if told is not None:
            self._take_turns(told, log)
        self._judge_silence(slots, now_ms, beats, log)
        rows = np.flatnonzero(beats.present)
        if len(rows):
            self._take_beats(slots[rows], rows, rows, beats, log)
        self._signal_rules.apply(self.state, slots, now_ms, quality, log)
        self._suspension.apply(self.state, slots, now_ms, quality.readable, log)
        return log.edges(self.heart_rate_bpm(slots), quality.index) if log else no_edges()

    def advance(
        self,
        slots: Slots,
        first_ms: NDArray[np.int64],
        beats: BlockBeats,
        quality: QualityTicks,
        turns: RhythmTurns | None = None,
    ) -> list[DecidedEdges]:
        """Advance each row by several ticks: what :meth:`step` gives tick by tick.

        Parameters
        ----------
        slots : Slots
            Array of shape (n_rows,), the streams that advance.
        first_ms : NDArray[np.int64]
            Array of shape (n_rows,), end of the first tick on each stream's clock, ms.
        beats : BlockBeats
            Beats that the ticks decided.
        quality : QualityTicks
            Quality of the ticks' own signal.
        turns : RhythmTurns, optional
            Rhythms that models say began or ended in the ticks.

        Returns
        -------
        list of DecidedEdges
            For each stream in order; nothing where nothing began or ended.

        Raises
        ------
        ValueError
            As :meth:`step`.
        """
        told: list[DecidedEdges] = []

        def take(found: QuietBeats) -> None:
            chosen, tick = slots[found.row], beats.tick[found.index]
            log = EdgeLog(self.state, chosen)
            rows = np.arange(len(chosen))
            self._take_beats(chosen, rows, found.index, beats, log)
            if log:
                edges = log.edges(self.heart_rate_bpm(chosen), quality.index[found.row, tick])
                told.append(DecidedEdges(chosen, self.state["now_ms"][chosen], edges))

        readable = quality.readable
        eventless = readable
        if turns is not None and len(turns):
            eventless = readable.copy()
            eventless[turns.row] = False
        done = self._quiet.advance(self.state, slots, first_ms, beats, eventless, take)
        n_ticks = readable.shape[1]
        if (done < n_ticks).any():
            at = np.full(readable.shape, -1, np.intp)
            at[beats.row, beats.tick] = np.arange(len(beats))
            for tick, rows in ticks_left(done, n_ticks):
                now_ms = first_ms[rows] + tick * TICK_MS
                of_tick, of_rows = beats.at(at[rows, tick]), quality.tick(tick, rows)
                of_turns = None if turns is None else turns.at(tick, rows)
                edges = self.step(slots[rows], now_ms, of_tick, of_rows, of_turns)
                if len(edges):
                    told.append(DecidedEdges(slots[rows], now_ms, edges))
        return told

    def close(self, slots: Slots, at_ms: NDArray[np.int64]) -> EpisodeEdges:
        """End all that is open, as when a stream ends or its device restarts.

        Parameters
        ----------
        slots : Slots
            Array of shape (n_rows,).
        at_ms : NDArray[np.int64]
            Array of shape (n_rows,), end of the stream on its clock, ms.
        """
        log = EdgeLog(self.state, slots)
        is_open = self.state["open"][slots]
        for code in Code:
            rows = np.flatnonzero(is_open[:, code])
            log.end(rows, code, at_ms[rows])
        unknown = np.full(len(slots), np.nan, dtype=np.float32)
        return log.edges(self.heart_rate_bpm(slots), unknown) if log else no_edges()

    def set_limits(self, slot: int, limits: Limits) -> None:
        """Select the limits of one stream, from the next tick on.

        Raises
        ------
        ingest.errors.InputError
            If there are too many sets of them.
        """
        self.state["limit_set"][slot] = self.limit_sets.put(limits)

    def limits_of(self, slot: int) -> Limits:
        """Give the limits in force for one stream."""
        return self.limit_sets[int(self.state["limit_set"][slot])]

    def snapshot(self, slots: Slots) -> Snapshot:
        """Copy all that is remembered for the given slots, with the limits in force."""
        rows = super().snapshot(slots)
        return {**rows, "limit_set": self.limit_sets.values(rows["limit_set"])}

    def restore(self, slots: Slots, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Write what :meth:`snapshot` gave into the given slots."""
        numbers = self.limit_sets.numbers(snapshot["limit_set"])
        super().restore(slots, {**snapshot, "limit_set": numbers})

    def heart_rate_bpm(self, slots: Slots) -> NDArray[np.float32]:
        """Mean rate of the last 8 RRs, shape (n_rows,), bpm; NaN unknown, 0 in asystole.

        It is unknown while arrhythmia calling is suspended, and in ventricular fibrillation,
        whose waves are no beats.
        """
        s = self.state
        age_ms = s["now_ms"][slots] - self.decision_delay_ms - s["last_r_ms"][slots]
        unknown = age_ms > HEART_RATE_STALE_MS
        unknown |= s["open"][slots, Code.ARRHYTHMIA_SUSPENDED]
        unknown |= s["open"][slots, Code.VENTRICULAR_FIBRILLATION]
        rate_bpm = np.where(unknown, np.nan, s["heart_rate_bpm"][slots])
        return np.where(s["open"][slots, Code.ASYSTOLE], 0, rate_bpm).astype(np.float32)

    def rhythm(self, slots: Slots) -> NDArray[np.int8]:
        """Rhythm of each row, shape (n_rows,), :class:`~inference.rhythm.Rhythm` codes."""
        known = ~np.isnan(self.heart_rate_bpm(slots))
        return rhythm_of_open(self.state["open"][slots], known)

    def _take_turns(self, turns: RhythmTurns, log: EdgeLog) -> None:
        """Open and end what models tell of."""
        for row, code, onset, at_ms in zip(
            turns.row, turns.code.tolist(), turns.onset.tolist(), turns.at_ms, strict=True
        ):
            if code == Code.VENTRICULAR_TACHYCARDIA:
                slot = log.slots[row[None]]
                beat_rules.tell_tachycardia(self.state, row[None], slot, onset, at_ms[None], log)
            else:
                change = log.open if onset else log.end
                change(row[None], code, at_ms[None])
            if code == Code.VENTRICULAR_FIBRILLATION and not onset:
                beat_rules.forget_rate(self.state, log.slots[row[None]])

    def _advance(self, slots: Slots, now_ms: NDArray[np.int64], quality: TickQuality) -> None:
        """Move the clocks, and the record of what was readable at the horizon."""
        s, before_ms = self.state, self.state["now_ms"][slots]
        fresh = before_ms < 0
        if not (fresh | (now_ms - before_ms == TICK_MS)).all():
            raise ValueError("ticks must follow one another; step through a gap as missing ticks")
        bits = ((s["unreadable"][slots] << 1) | ~quality.readable) & (2 * self._recent + 1)
        bad = (bits >> self._horizon_tick) > 0
        since_ms = np.where(fresh, now_ms - TICK_MS, s["readable_since_ms"][slots])
        since_ms = np.where(bad, now_ms - self._horizon_tick * TICK_MS, since_ms)
        s["now_ms"][slots] = now_ms
        s["unreadable"][slots] = bits
        s["readable_since_ms"][slots] = since_ms
        s["unreadable_ms"][slots] = np.where(bad, s["unreadable_ms"][slots] + TICK_MS, 0)

    def _judge_silence(
        self, slots: Slots, now_ms: NDArray[np.int64], beats: TickBeats, log: EdgeLog
    ) -> None:
        """Open asystole and pause; end what a silence ends."""
        s, lim = self.state, self.limit_sets.of(self.state["limit_set"][slots])
        last_ms, since_ms = s["last_r_ms"][slots], s["readable_since_ms"][slots]
        horizon_ms = now_ms - self.decision_delay_ms
        known_ms = np.where(beats.present, beats.r_ms, horizon_ms)
        recent_bad = (s["unreadable"][slots] & self._recent) > 0
        readable_to_ms = np.where(recent_bad, np.minimum(known_ms, horizon_ms), known_ms)
        silent_from_ms = np.maximum(last_ms, since_ms)
        silence_ms = readable_to_ms - silent_from_ms
        is_open = s["open"][slots]

        quiet = ~is_open[:, Code.ASYSTOLE]
        rows = np.flatnonzero(quiet & (silence_ms >= lim.asystole_ms))
        log.open(rows, Code.ASYSTOLE, silent_from_ms[rows])
        between_beats = (last_ms >= 0) & (last_ms >= since_ms) & quiet & ~is_open[:, Code.PAUSE]
        rows = np.flatnonzero(between_beats & (silence_ms >= lim.pause_ms))
        log.open(rows, Code.PAUSE, silent_from_ms[rows])

        if is_open.any() or s["held"][slots].any():
            lost = known_ms - last_ms >= lim.stale_ms
            silent = (silence_ms[:, None] >= lim.silence_ends_ms) | lost[:, None]
            self._end_beat_episodes(slots, last_ms, is_open, silent, log)
            self._end_unreadable_silences(slots, now_ms, is_open, lim, log)

    def _end_beat_episodes(
        self,
        slots: Slots,
        last_ms: NDArray[np.int64],
        is_open: NDArray[np.bool_],
        silent: NDArray[np.bool_],
        log: EdgeLog,
    ) -> None:
        """End what rests on beats that have stopped coming; not what a model hears without them."""
        s = self.state
        ends = is_open[:, _BEATS] & silent
        ends[:, _TOLD] &= ~s["vt_told"][slots][:, None]
        ends[:, _AF] |= s["held"][slots] & silent[:, _AF]
        s["vt_by_beats"][slots] &= ~silent[:, _VT]
        for column in np.flatnonzero(ends.any(axis=0)):
            code, rows = BEAT_CODES[column], np.flatnonzero(ends[:, column])
            at_ms = last_ms[rows]
            if code in BURDEN_CODES:
                at_ms = s["seen_ms"][slots[rows], BURDEN_CODES.index(code)]
            log.end(rows, code, at_ms)
            if code in RATE_CODES:  # the next window starts with the next beat
                s["rate_chain"][slots[rows], column] = 0
                s["rate_inside"][slots[rows], column] = 0

    def _end_unreadable_silences(
        self,
        slots: Slots,
        now_ms: NDArray[np.int64],
        is_open: NDArray[np.bool_],
        lim: RuleLimits,
        log: EdgeLog,
    ) -> None:
        """End asystole and pause where the signal became unreadable, long after it did."""
        unreadable_ms = self.state["unreadable_ms"][slots]
        lost = unreadable_ms >= lim.stale_ms
        readable_to_ms = now_ms - self._horizon_tick * TICK_MS - unreadable_ms
        for code in _SILENCES:
            rows = np.flatnonzero(is_open[:, code] & lost)
            log.end(rows, code, readable_to_ms[rows])

    def _take_beats(
        self,
        slots: Slots,
        rows: NDArray[np.intp],
        index: NDArray[np.intp],
        beats: TickBeats | BlockBeats,
        log: EdgeLog,
    ) -> None:
        """Take in the beats at ``index``, of so many slots, with the rows that edges shall name."""
        lim = self.limit_sets.of(self.state["limit_set"][slots])
        last_ms, r_ms, rr_ms = self.state["last_r_ms"][slots], beats.r_ms[index], beats.rr_ms[index]
        if (r_ms <= last_ms).any():
            raise ValueError("beats must come in order of time")
        unreadable = self.state["readable_since_ms"][slots] > last_ms
        doubtful = (rr_ms >= lim.pause_ms) & unreadable
        new = NewBeats(
            rows=rows,
            slots=slots,
            r_ms=r_ms,
            rr_ms=rr_ms,
            aami=beats.aami[index],
            confidence=beats.confidence[index],
            previous_r_ms=last_ms,
            unreadable_between=unreadable,
            unknown=(rr_ms <= 0) | (rr_ms >= lim.asystole_ms) | doubtful,
        )
        beat_rules.apply(self.state, new, lim, log)
