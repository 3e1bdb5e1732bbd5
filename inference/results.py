"""What the pipeline gives back: arrays of what happened, nothing where nothing did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.alarm_json import ModelRef
from inference.alarm_transition import AlarmTransition, TransitionKind
from inference.conditions import Code
from inference.episode_edges import EpisodeEdges
from inference.model import ModelInfo
from inference.reasons import Reason, Reasons
from inference.slots import Slots
from inference.streams import StreamInfo, Streams
from inference.strip import Strip
from inference.strips import Strips
from inference.ticks import AAMI, BlockBeats
from inference.windows import WindowScores


@dataclass(frozen=True, slots=True)
class Beat:
    """One beat, for those who want them one by one."""

    stream: StreamInfo
    """Whose it is."""
    sample: int
    """R-peak, index in the source stream."""
    r_ms: int
    """R-peak on the stream's clock, ms."""
    rr_ms: int
    """Time since the beat before, ms; 0 where unknown."""
    aami: str
    """AAMI class letter."""
    confidence: float
    """Probability of the class."""
    lead: str = ""
    """Name of the lead in which it was found."""


@dataclass(frozen=True, slots=True, eq=False)
class BeatArrays:
    """Beats of several streams, each stream's in order of time, in parallel arrays."""

    streams: tuple[StreamInfo, ...]
    """Whose each is."""
    r_ms: NDArray[np.int64]
    """Array of shape (n_beats,): R-peaks on the stream's clock, ms."""
    rr_ms: NDArray[np.int64]
    """Array of shape (n_beats,): time since the beat before, ms; 0 where unknown."""
    aami: NDArray[np.int8]
    """Array of shape (n_beats,): class codes."""
    confidence: NDArray[np.float32]
    """Array of shape (n_beats,): probabilities of the class."""
    lead: NDArray[np.int8] | None = None
    """Array of shape (n_beats,): the lead, 0 the stream's first, from 1 its spare ones; None where
    all were found in the first."""


@dataclass(frozen=True, slots=True)
class EpisodeEdge:
    """An episode began or ended."""

    stream: StreamInfo
    """Whose it is."""
    code: Code
    """Which condition."""
    onset: bool
    """True where it began."""
    at_ms: int
    """When, on the stream's clock, ms."""


@dataclass(frozen=True, slots=True)
class WindowResult:
    """What a windowed model said about one window."""

    stream: StreamInfo
    """Whose it is."""
    model: str
    """Name of the model."""
    begin_ms: int
    """Begin of the window on the stream's clock, ms."""
    end_ms: int
    """Its end, ms."""
    label: str
    """Class chosen."""
    probability: float
    """Probability of that class."""


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm was raised, ended, latched, acknowledged or cleared."""

    stream: StreamInfo
    """Whose it is."""
    transition: AlarmTransition
    """What changed."""
    reasons: tuple[Reason, ...] = ()
    """Why the beats that raised it were called so, where that was asked for."""
    lead: str | None = None
    """Name of the lead that was scored when it was decided."""
    strip: Strip | None = None
    """The signal before it was decided, of alarms that were raised, where that was asked for."""
    model: ModelRef | None = None
    """The model that it rests on, where that is not the beat model."""


@dataclass(slots=True)
class Results:
    """All that one push gave, each stream's part in the order of its own clock."""

    beat_arrays: list[BeatArrays] = field(default_factory=list)
    """Beats, a block of ticks at a time."""
    edges: list[EpisodeEdge] = field(default_factory=list)
    """Begins and ends of episodes."""
    windows: list[WindowResult] = field(default_factory=list)
    """What windowed models said."""
    alarms: list[AlarmChange] = field(default_factory=list)
    """Changes of alarms."""
    unscored: dict[str, str] = field(default_factory=dict)
    """Streams of which samples came that could not be scored, and why."""
    n_ticks: int = 0
    """Ticks that streams advanced, all streams together."""
    n_steps: int = 0
    """Steps that streams of numerics advanced, all streams together."""

    def note_beats(
        self,
        streams: Streams,
        slots: Slots,
        found: BlockBeats,
        lead: NDArray[np.int8] | None = None,
    ) -> None:
        """Add the beats that one block decided, given the lead of each row."""
        if len(found):
            self.beat_arrays.append(
                BeatArrays(
                    streams.infos(slots[found.row]),
                    found.r_ms,
                    found.rr_ms,
                    found.aami,
                    found.confidence,
                    None if lead is None else lead[found.row],
                )
            )

    def note_edges(self, streams: Streams, slots: Slots, edges: EpisodeEdges) -> None:
        """Add begins and ends of episodes."""
        for i, row in enumerate(edges.row.tolist()):
            info, code = streams.info(int(slots[row])), Code(int(edges.code[i]))
            self.edges.append(EpisodeEdge(info, code, bool(edges.onset[i]), int(edges.at_ms[i])))

    def note_alarms(
        self,
        streams: Streams,
        changes: Iterable[AlarmTransition],
        reasons: Reasons | None = None,
        lead_of: Callable[[int], int] = lambda slot: 0,
        strips: Strips | None = None,
    ) -> None:
        """Add changes of alarms, with the reasons of their beats where these are kept.

        Parameters
        ----------
        streams : Streams
            Who sits where.
        changes : iterable of AlarmTransition
            What changed.
        reasons : Reasons, optional
            Of the beats.
        lead_of : callable
            Gives the lead of a slot that is scored, 0 the first, from 1 the spare ones.
        strips : Strips, optional
            Signal to show.
        """
        for change in changes:
            why = () if reasons is None else reasons.of_alarm(change)
            info, shown = streams.info(change.slot), None
            if strips is not None and change.kind is TransitionKind.RAISED:
                shown = strips.of(change.slot, change.decided_ms)
            lead = info.scored_lead(lead_of(change.slot)).name
            self.alarms.append(AlarmChange(info, change, why, lead, shown))

    def note_windows(
        self,
        streams: Streams,
        slots: Slots,
        now_ms: NDArray[np.int64],
        model: ModelInfo,
        scores: WindowScores,
    ) -> None:
        """Add the windows that one tick, which ends at ``now_ms``, completed."""
        length_ms = model.length * 1000 // model.fs
        for i, row in enumerate(scores.rows.tolist()):
            end_ms, best = int(now_ms[row]), int(scores.best[i])
            self.windows.append(
                WindowResult(
                    streams.info(int(slots[row])),
                    model.name,
                    end_ms - length_ms,
                    end_ms,
                    model.classes[best],
                    float(scores.probs[i, best]),
                )
            )

    def beats(self) -> Iterator[Beat]:
        """Beats one by one."""
        for part in self.beat_arrays:
            for i, stream in enumerate(part.streams):
                r_ms = int(part.r_ms[i])
                yield Beat(
                    stream,
                    stream.clock.sample(r_ms),
                    r_ms,
                    int(part.rr_ms[i]),
                    AAMI[part.aami[i]],
                    float(part.confidence[i]),
                    stream.scored_lead(0 if part.lead is None else int(part.lead[i])).name,
                )
