"""Between episodes and alarms: onsets wait for the pulses' word, and a veto is watched over.

Only streams with pulse leads are touched. Of these, an onset of a condition that pulses can speak
of (``HOLD_MS``) is confirmed, vetoed, or let through without evidence; where the leads can be read
and do not decide yet it waits, never longer than ``HOLD_MS`` says. A vetoed condition is told as
such. The veto stands while pulses uphold it: ``GRACE_MS`` after they last did, or as soon as they
confirm, the alarm is raised with its own onset, as long as the condition still holds.

While a bradycardia is open whose pulses are slower still than the beats of the ECG (T waves taken
for beats, ectopic beats that eject nothing), an extreme one is told by the pulses.

Everything is decided tick by tick on the stream's own clock, from what was known at that tick.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from inference.alarm_transition import AlarmTransition, Evidence, TransitionKind
from inference.conditions import CONDITIONS, Code
from inference.corroboration import HOLD_MS, Finding, Verdict, judge, slow_pulses
from inference.episode_edges import DecidedEdges, EpisodeEdges, no_edges
from inference.limits import Limits
from inference.pulse_leads import PulseKind
from inference.pulse_train import PulseTrain
from inference.pulses import Pulses
from inference.slots import Field, Slots
from inference.stage import Stage
from inference.ticks import TICK_MS

GRACE_MS = 3000
"""A veto ends so long after pulses last upheld it, ms."""

CODES = tuple(HOLD_MS)
"""Conditions that pulses are asked about, in the order of the columns of the state."""

_SLOW, _EXTREME = CODES.index(Code.BRADYCARDIA), CODES.index(Code.EXTREME_BRADYCARDIA)
_EDGE_FIELDS = {each.name: getattr(no_edges(), each.name) for each in fields(EpisodeEdges)}


class Phase(IntEnum):
    """Where one condition of one stream stands."""

    FREE = 0
    """Nothing waits."""
    WAITING = 1
    """Its onset waits for evidence."""
    VETOED = 2
    """Its onset was vetoed, and it holds."""
    OPEN = 3
    """A bradycardia that was let through, and holds."""
    BY_PULSES = 4
    """An extreme bradycardia that only the pulses tell of."""


@dataclass(frozen=True, slots=True, eq=False)
class GatedEdges:
    """Edges that go on to the alarms, and what pulses said."""

    slots: Slots
    """Array of shape (n_rows,): the streams."""
    now_ms: NDArray[np.int64]
    """Array of shape (n_rows,): end of the tick that decided, ms."""
    edges: EpisodeEdges
    """What began and what ended, by row of ``slots``."""
    findings: dict[tuple[int, Code], Finding] = field(default_factory=dict)
    """By slot and condition, what pulses say of an onset."""
    vetoed: tuple[AlarmTransition, ...] = ()
    """Alarms that are not raised, and ends of what was not raised."""
    is_late: bool = False
    """An onset among them was under a veto that has lapsed."""

    def told(self, changes: Sequence[AlarmTransition]) -> list[AlarmTransition]:
        """Put the findings into the alarms that they are about, and the vetoed ones beside."""
        raised = [
            replace(each, corroboration=self.findings[each.slot, each.condition.code])
            if each.kind is TransitionKind.RAISED
            and (each.slot, each.condition.code) in self.findings
            else each
            for each in changes
        ]
        return [*self.vetoed, *raised]


class CorroborationGate(Stage):
    """What waits, and what is vetoed, by place (see :mod:`inference.some_slots`).

    Parameters
    ----------
    pulses : Pulses
        The pulses of the same places.
    limits_of : callable
        Gives the limits in force for a slot.
    n_places : int
        Streams to make room for.
    """

    def __init__(
        self, pulses: Pulses, limits_of: Callable[[int], Limits], n_places: int = 0
    ) -> None:
        n = len(CODES)
        kept = {
            f"edge_{name}": Field((n, *array.shape[1:]), array.dtype)
            for name, array in _EDGE_FIELDS.items()
        }
        super().__init__(
            {
                "phase": Field((n,), np.int8),
                "decided_ms": Field((n,), np.int64),
                "upheld_ms": Field((n,), np.int64),
                **kept,
            },
            n_places,
        )
        self._pulses, self._limits_of = pulses, limits_of

    def is_busy(self, places: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tell where something waits or is vetoed, shape (n_rows,)."""
        phase = self.state["phase"][places]
        asked = np.isin(phase, (Phase.WAITING, Phase.VETOED)).any(axis=1)
        busy: NDArray[np.bool_] = asked | (phase[:, _SLOW] == Phase.OPEN)
        return busy

    def walk(
        self,
        slot: int,
        place: int,
        kinds: Sequence[PulseKind],
        ticks_ms: range,
        edges: dict[int, EpisodeEdges],
    ) -> Iterator[GatedEdges]:
        """Take one stream through some ticks.

        Parameters
        ----------
        slot, place : int
            Where the stream sits, and where its pulses do.
        kinds : sequence of PulseKind
            Its pulse leads.
        ticks_ms : range
            Ends of the ticks, ms.
        edges : dict of int to EpisodeEdges
            What began and ended in a tick, by its end.

        Yields
        ------
        GatedEdges
            For the ticks in which something goes on or is vetoed.
        """
        for now_ms in ticks_ms:
            if now_ms not in edges and not self.is_busy(np.array([place]))[0]:
                continue
            step = _Step(slot, place, now_ms)
            self._take(step, edges.get(now_ms))
            self._ask(step, kinds)
            if step.through or step.vetoed:
                yield step.gated()

    def close(self, slot: int, place: int, now_ms: int, edges: EpisodeEdges) -> list[GatedEdges]:
        """Let through what waits, and end what is vetoed, as a stream ends."""
        step = _Step(slot, place, now_ms)
        self._take(step, edges if len(edges) else None)
        for column in range(len(CODES)):
            self._release(step, column, Finding(Verdict.NONE, "undecided"))
        return [step.gated()] if step.through or step.vetoed else []

    def _take(self, step: _Step, edges: EpisodeEdges | None) -> None:
        """Hold onsets back; an end lets its onset through, or ends its veto."""
        for i in range(0 if edges is None else len(edges)):
            edge = edges_at(edges, np.array([i]))  # type: ignore[arg-type]  # none is taken of None
            code = Code(int(edge.code[0]))
            if code not in HOLD_MS:
                step.through.append(edge)
                continue
            column = CODES.index(code)
            phase = Phase(self.state["phase"][step.place, column])
            if edge.onset[0]:
                self._release(step, column, Finding(Verdict.NONE, "undecided"))
                if phase is Phase.BY_PULSES:  # raised already
                    self.state["phase"][step.place, column] = Phase.OPEN
                else:
                    self._hold(step, column, edge)
            elif phase is Phase.VETOED:
                step.vetoed.append(_transition(step, self._kept(step, column), edge, None))
                self.state["phase"][step.place, column] = Phase.FREE
            else:
                self._release(step, column, Finding(Verdict.NONE, "undecided"))
                self.state["phase"][step.place, column] = Phase.FREE
                step.through.append(edge)
                if code is Code.BRADYCARDIA:
                    self._end_by_pulses(step, int(edge.at_ms[0]))

    def _ask(self, step: _Step, kinds: Sequence[PulseKind]) -> None:
        """Ask about all that waits or is vetoed."""
        state, place = self.state, step.place
        columns = np.flatnonzero(np.isin(state["phase"][place], (Phase.WAITING, Phase.VETOED)))
        trains = [self._pulses.train(place, kind, step.now_ms) for kind in kinds]
        limits = self._limits_of(step.slot)
        for column in columns.tolist():
            code, onset_ms = CODES[column], int(state["edge_at_ms"][place, column])
            waits = bool(state["phase"][place, column] == Phase.WAITING)
            finding = judge(code, onset_ms, trains, limits, upheld=not waits)
            if finding.verdict is Verdict.VETOED:
                state["upheld_ms"][place, column] = step.now_ms
                if waits:
                    state["phase"][place, column] = Phase.VETOED
                    step.vetoed.append(_transition(step, self._kept(step, column), None, finding))
            elif waits:
                waited_ms = step.now_ms - int(state["decided_ms"][place, column])
                may_wait = finding.reason == "too_soon" and waited_ms < HOLD_MS[code]
                if finding.verdict is Verdict.CONFIRMED or not may_wait:
                    self._release(step, column, finding)
            elif (
                finding.verdict is Verdict.CONFIRMED
                or step.now_ms - int(state["upheld_ms"][place, column]) >= GRACE_MS
            ):
                lapsed = finding.verdict is Verdict.NONE
                self._release(
                    step, column, replace(finding, reason="lapsed") if lapsed else finding
                )
                step.is_late = True
        if state["phase"][place, _SLOW] == Phase.OPEN:
            self._deepen(step, trains, limits)

    def _deepen(self, step: _Step, trains: Sequence[PulseTrain], limits: Limits) -> None:
        """Call a bradycardia extreme where pulses are slower than the beats that the ECG counts."""
        state, place = self.state, step.place
        phase = state["phase"][place, _EXTREME]
        if phase not in (Phase.FREE, Phase.BY_PULSES):
            return
        finding = slow_pulses(trains, limits)
        if finding is not None:
            state["upheld_ms"][place, _EXTREME] = step.now_ms
            if phase == Phase.FREE:
                self._hold(step, _EXTREME, self._slow_edge(step, finding.from_ms or 0))
                self._release(step, _EXTREME, finding)
                state["phase"][place, _EXTREME] = Phase.BY_PULSES
        elif step.now_ms - int(state["upheld_ms"][place, _EXTREME]) >= GRACE_MS:
            self._end_by_pulses(step, int(state["upheld_ms"][place, _EXTREME]))

    def _end_by_pulses(self, step: _Step, at_ms: int) -> None:
        """End an extreme bradycardia that only the pulses told of, where there is one."""
        if self.state["phase"][step.place, _EXTREME] == Phase.BY_PULSES:
            self.state["phase"][step.place, _EXTREME] = Phase.FREE
            begun_ms = int(self.state["edge_at_ms"][step.place, _EXTREME])
            edge = self._slow_edge(step, max(at_ms, begun_ms))
            step.through.append(replace(edge, onset=np.array([False])))

    def _slow_edge(self, step: _Step, at_ms: int) -> EpisodeEdges:
        """Make an edge of extreme bradycardia of what is known of the bradycardia."""
        code, at = np.array([Code.EXTREME_BRADYCARDIA], np.int8), np.array([at_ms], np.int64)
        return replace(self._kept(step, _SLOW), code=code, at_ms=at)

    def _hold(self, step: _Step, column: int, edge: EpisodeEdges) -> None:
        state, place = self.state, step.place
        state["phase"][place, column] = Phase.WAITING
        state["decided_ms"][place, column] = step.now_ms
        for name in _EDGE_FIELDS:
            state[f"edge_{name}"][place, column] = getattr(edge, name)[0]

    def _release(self, step: _Step, column: int, finding: Finding) -> None:
        """Let a held onset through; nothing where none is held."""
        if self.state["phase"][step.place, column] in (Phase.WAITING, Phase.VETOED):
            slow = column in (_SLOW, _EXTREME)
            self.state["phase"][step.place, column] = Phase.OPEN if slow else Phase.FREE
            step.through.append(self._kept(step, column))
            step.findings[step.slot, CODES[column]] = finding

    def _kept(self, step: _Step, column: int) -> EpisodeEdges:
        """Return the held onset as the one edge of one row."""
        rows = {name: self.state[f"edge_{name}"][[step.place], column] for name in _EDGE_FIELDS}
        return EpisodeEdges(**rows)


@dataclass(slots=True, eq=False)
class _Step:
    """One stream in one tick."""

    slot: int
    place: int
    now_ms: int
    through: list[EpisodeEdges] = field(default_factory=list)
    vetoed: list[AlarmTransition] = field(default_factory=list)
    findings: dict[tuple[int, Code], Finding] = field(default_factory=dict)
    is_late: bool = False

    def gated(self) -> GatedEdges:
        """Put what goes through in the order that edges have."""
        slots, now_ms = np.array([self.slot]), np.array([self.now_ms], np.int64)
        edges = no_edges()
        if self.through:
            edges = joined_edges(self.through)
            order = np.lexsort((~edges.onset, edges.code, edges.at_ms))
            edges = replace(edges_at(edges, order), row=np.zeros(len(order), np.intp))
        vetoed = tuple(self.vetoed)
        return GatedEdges(slots, now_ms, edges, self.findings, vetoed, self.is_late)


def _transition(
    step: _Step, onset: EpisodeEdges, end: EpisodeEdges | None, finding: Finding | None
) -> AlarmTransition:
    """Tell of a veto, or of the end of what was vetoed."""
    code, onset_ms = Code(int(onset.code[0])), int(onset.at_ms[0])
    edge, from_ms = (onset, onset_ms) if end is None else (end, int(end.at_ms[0]))
    return AlarmTransition(
        row=0,
        slot=step.slot,
        condition=CONDITIONS[code],
        kind=TransitionKind.VETOED if end is None else TransitionKind.VETO_ENDED,
        onset_ms=onset_ms,
        offset_ms=None if end is None else from_ms,
        decided_ms=step.now_ms,
        evidence=Evidence.of_edge(edge, 0, code, from_ms, scored=end is None),
        corroboration=finding,
    )


def edges_at(edges: EpisodeEdges, index: NDArray[np.intp]) -> EpisodeEdges:
    """Take some edges."""
    return EpisodeEdges(**{name: getattr(edges, name)[index] for name in _EDGE_FIELDS})


def joined_edges(parts: Sequence[EpisodeEdges]) -> EpisodeEdges:
    """Put edges behind one another."""
    return EpisodeEdges(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _EDGE_FIELDS}
    )


def by_slot(
    decided: Sequence[DecidedEdges], chosen: set[int]
) -> tuple[list[DecidedEdges], dict[int, dict[int, EpisodeEdges]]]:
    """Part the edges of some streams from those of the others.

    Returns
    -------
    list of DecidedEdges
        Of the others, as they were where none of the chosen streams is among them.
    dict
        Of the chosen, by slot and then by the end of the tick, ms.
    """
    others: list[DecidedEdges] = []
    of_slot: dict[int, dict[int, EpisodeEdges]] = defaultdict(dict)
    for each in decided:
        mine = np.array([slot in chosen for slot in each.slots[each.edges.row].tolist()], np.bool_)
        if not mine.all():
            left = each.edges if not mine.any() else edges_at(each.edges, np.flatnonzero(~mine))
            others.append(DecidedEdges(each.slots, each.now_ms, left))
        for row in np.unique(each.edges.row[mine]):
            of_row = edges_at(each.edges, np.flatnonzero(each.edges.row == row))
            ticks, slot = of_slot[int(each.slots[row])], int(each.slots[row])
            now_ms = int(each.now_ms[row])
            known = ticks.get(now_ms)
            of_slot[slot][now_ms] = of_row if known is None else joined_edges([known, of_row])
    return others, of_slot


def ticks_of(first_ms: int, n_ticks: int) -> range:
    """Give the ends of so many ticks, ms.

    Examples
    --------
    >>> list(ticks_of(400, 3))
    [400, 600, 800]
    """
    return range(first_ms, first_ms + n_ticks * TICK_MS, TICK_MS)
