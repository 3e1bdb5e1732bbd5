"""Alarms: what an episode means to people. Raised, latched, acknowledged, cleared.

The state machine is the table in :mod:`inference.alarm_states`. States are kept
in arrays, one slot a stream and one column a condition; Python runs only for
the rare rows where an episode began or ended.

A condition that another hides (``Condition.hides``) is not raised while that
other is active; if it still holds when the other ends, it is raised then, with
its own onset. An alarm that was already up when a higher one came stays up. A
latched alarm hides nothing: its condition is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.alarm_states import HOLDING, TABLE, AlarmState, Happening
from inference.alarm_transition import AlarmTransition, Evidence, TransitionKind
from inference.conditions import CONDITIONS, N_CONDITIONS, Code, Condition, condition_by_name
from inference.episode_edges import EpisodeEdges
from inference.slots import Field, Slots
from inference.stage import Stage
from ingest.errors import InputError

_LATCHING = {
    row.code: column for column, row in enumerate(row for row in CONDITIONS if row.latching)
}
"""Columns of what latches: of nothing else is the end told again, so it is kept of these alone."""

_FIELDS = {
    "state": Field((N_CONDITIONS,), np.int8),
    "onset_ms": Field((N_CONDITIONS,), np.int64, -1),
    "latched_ms": Field((len(_LATCHING),), np.int64, -1),
}

_HIDDEN_BY = tuple(
    tuple(other.code for other in CONDITIONS if condition.code in other.hides)
    for condition in CONDITIONS
)


@dataclass(frozen=True, slots=True)
class _RowTick:
    """One stream in one tick."""

    row: int
    slot: int
    decided_ms: int


class Alarms(Stage):
    """The alarm states of many streams.

    Parameters
    ----------
    n_slots : int
        Streams to make room for at first.
    wall_clock_ns : Callable[[], int] or None
        Gives the UTC time of an acknowledgement, ns since 1970. Nothing else
        reads a wall clock; without one, acknowledgements carry stream time only.
    """

    def __init__(self, n_slots: int = 0, wall_clock_ns: Callable[[], int] | None = None) -> None:
        super().__init__(_FIELDS, n_slots)
        self._wall_clock_ns = wall_clock_ns

    def step(
        self, slots: Slots, now_ms: NDArray[np.int64], edges: EpisodeEdges
    ) -> list[AlarmTransition]:
        """Take in what a tick (or the closing of a stream) came to know.

        Parameters
        ----------
        slots : Slots
            Array of shape (n_rows,), the same as the edges were made with.
        now_ms : NDArray[np.int64]
            Array of shape (n_rows,), end of the tick, ms: the time of decision.
        edges : EpisodeEdges
            What began and what ended.

        Returns
        -------
        list[AlarmTransition]
            By row, then onset, then the conditions' order in the table.
        """
        told: list[AlarmTransition] = []
        if not len(edges):
            return told
        starts = np.flatnonzero(np.diff(edges.row, prepend=-1))
        for start, stop in zip(starts, [*starts[1:], len(edges)], strict=True):
            row = int(edges.row[start])
            at = _RowTick(row, int(slots[row]), int(now_ms[row]))
            of_row = self._step_row(at, edges, range(start, stop))
            told += sorted(of_row, key=lambda t: (t.onset_ms, t.condition.code))
        return told

    def acknowledge(self, slot: int, condition: str, who: str, at_ms: int) -> AlarmTransition:
        """Note that a person has seen an alarm.

        Parameters
        ----------
        slot : int
            The stream's slot.
        condition : str
            Name of the condition, as in the alarm.
        who : str
            Who acknowledges: a role or pseudonym, not empty.
        at_ms : int
            When, on the stream's clock, ms.

        Raises
        ------
        InputError
            If the condition is unknown, has no alarm, or is acknowledged already.
        """
        code = condition_by_name(condition).code
        if not who.strip():
            raise InputError("an acknowledgement must say who acknowledges")
        if not 0 <= slot < len(self.state["state"]):
            raise InputError(f"slot {slot} is unknown; there are {len(self.state['state'])}")
        state = self.state["state"][slot, code]
        if state == AlarmState.ACKNOWLEDGED:
            raise InputError(f"the alarm {condition!r} is acknowledged already")
        if state not in (AlarmState.ACTIVE, AlarmState.LATCHED):
            names = ", ".join(c.name for c in self.alarms(slot))
            raise InputError(f"there is no alarm {condition!r}; there are: {names or 'none'}")
        at = _RowTick(0, slot, at_ms)
        wall_ns = self._wall_clock_ns() if self._wall_clock_ns else None
        return self._happen(at, code, Happening.ACKNOWLEDGE, Evidence(), by=(who, wall_ns))[0]

    def withdraw(self, slots: Slots, at_ms: NDArray[np.int64]) -> list[AlarmTransition]:
        """Clear what is latched where a session is over, and its clock with it.

        Call it after :meth:`step` has taken in the edges of the episodes'
        ``close``, and before :meth:`reset`, so that no alarm vanishes untold.

        Parameters
        ----------
        slots : Slots
            Array of shape (n_rows,).
        at_ms : NDArray[np.int64]
            Array of shape (n_rows,), end of the session, ms.
        """
        told: list[AlarmTransition] = []
        for row in np.flatnonzero((self.state["state"][slots] == AlarmState.LATCHED).any(axis=1)):
            at = _RowTick(int(row), int(slots[row]), int(at_ms[row]))
            cleared: list[AlarmTransition] = []
            for column in np.flatnonzero(self.state["state"][at.slot] == AlarmState.LATCHED):
                cleared += self._happen(at, Code(int(column)), Happening.WITHDRAWN, Evidence())
            told += sorted(cleared, key=lambda t: (t.onset_ms, t.condition.code))
        return told

    def alarms(self, slot: int) -> list[Condition]:
        """Conditions of one stream with an alarm up: active, acknowledged or latched."""
        up = self.state["state"][slot] >= AlarmState.ACTIVE
        return [CONDITIONS[code] for code in np.flatnonzero(up)]

    def _step_row(self, at: _RowTick, edges: EpisodeEdges, span: range) -> list[AlarmTransition]:
        """Take in the edges of one stream, in an order that hides what is to be hidden.

        First the ends of what was open before the tick, then onsets from the
        most to the least pressing condition, then ends of what has just begun.
        Only when all of the tick is known can something have been uncovered.
        """
        onsets = {Code(edges.code[i]): i for i in span if edges.onset[i]}
        ends = {Code(edges.code[i]): i for i in span if not edges.onset[i]}
        begun = {code for code, i in ends.items() if onsets.get(code, i) < i}
        told: list[AlarmTransition] = []
        for code in sorted(ends.keys() - begun):
            told += self._end(at, code, edges, ends[code])
        for code in sorted(onsets):
            told += self._begin(at, code, edges, onsets[code])
        for code in sorted(begun):
            told += self._end(at, code, edges, ends[code])
        return told + self._uncover(at, edges, span[-1])

    def _begin(
        self, at: _RowTick, code: Code, edges: EpisodeEdges, i: int
    ) -> list[AlarmTransition]:
        """Raise an alarm, or hold it back under one that hides it."""
        hidden = self._is_hidden(at.slot, code)
        what = Happening.HIDDEN_ONSET if hidden else Happening.ONSET
        onset_ms = int(edges.at_ms[i])
        evidence = Evidence.of_edge(edges, i, code, onset_ms, scored=True)
        return self._happen(at, code, what, evidence, onset_ms=onset_ms)

    def _end(self, at: _RowTick, code: Code, edges: EpisodeEdges, i: int) -> list[AlarmTransition]:
        """End or latch an alarm; harmless where there is none."""
        what = Happening.LATCHING_END if CONDITIONS[code].latching else Happening.END
        offset_ms = int(edges.at_ms[i])
        evidence = Evidence.of_edge(edges, i, code, offset_ms, scored=False)
        return self._happen(at, code, what, evidence, offset_ms=offset_ms)

    def _uncover(self, at: _RowTick, edges: EpisodeEdges, i: int) -> list[AlarmTransition]:
        """Raise what holds on now that nothing hides it any more."""
        told: list[AlarmTransition] = []
        for column in np.flatnonzero(self.state["state"][at.slot] == AlarmState.HIDDEN):
            code = Code(int(column))
            if not self._is_hidden(at.slot, code):
                onset_ms = int(self.state["onset_ms"][at.slot, code])
                evidence = Evidence.of_edge(edges, i, code, onset_ms, scored=True)
                told += self._happen(at, code, Happening.UNCOVERED, evidence)
        return told

    def _is_hidden(self, slot: int, code: Code) -> bool:
        """Tell whether a condition that hides this one is active."""
        states = self.state["state"][slot]
        return any(states[other] in HOLDING for other in _HIDDEN_BY[code])

    def _happen(
        self,
        at: _RowTick,
        code: Code,
        what: Happening,
        evidence: Evidence,
        *,
        onset_ms: int | None = None,
        offset_ms: int | None = None,
        by: tuple[str | None, int | None] = (None, None),
    ) -> list[AlarmTransition]:
        """Look one happening up in the table, keep the new state, and tell what changed."""
        state, onsets_ms, latched_ms = (
            self.state[name][at.slot] for name in ("state", "onset_ms", "latched_ms")
        )
        before = AlarmState(state[code])
        if (before, what) not in TABLE:
            return []
        after, kinds = TABLE[before, what]

        def transition(kind: TransitionKind, ended_ms: int | None) -> AlarmTransition:
            return AlarmTransition(
                row=at.row,
                slot=at.slot,
                condition=CONDITIONS[code],
                kind=kind,
                onset_ms=int(onsets_ms[code]),
                offset_ms=None if ended_ms is None or ended_ms < 0 else ended_ms,
                decided_ms=at.decided_ms,
                evidence=evidence,
                by=by[0],
                by_unix_ns=by[1],
            )

        # A latched alarm that a new onset replaces is told with its own times.
        was_latched = before is AlarmState.LATCHED
        ended_ms = int(latched_ms[_LATCHING[code]]) if was_latched else offset_ms
        replaces = was_latched and onset_ms is not None
        replaced = [transition(kind, ended_ms) for kind in kinds[:1] if replaces]
        if onset_ms is not None:
            onsets_ms[code], ended_ms = onset_ms, None
        if after is AlarmState.LATCHED:
            latched_ms[_LATCHING[code]] = ended_ms
        state[code] = after
        return replaced + [transition(kind, ended_ms) for kind in kinds[len(replaced) :]]
