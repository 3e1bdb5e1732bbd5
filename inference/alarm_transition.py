"""One change of an alarm, as told to people and to the log, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from inference.anomaly import Anomaly
from inference.beat_codes import RUN_CODES
from inference.conditions import CONDITIONS, Code, Condition, Kind
from inference.corroboration import Finding
from inference.episode_edges import EpisodeEdges
from inference.ticks import AAMI, V

VENTRICULAR = RUN_CODES
"""Conditions that rest on beats being ventricular; theirs alone have a score."""


class TransitionKind(StrEnum):
    """What changed."""

    RAISED = "raised"
    """The alarm is new."""
    ENDED = "ended"
    """Its condition is over, and with it the alarm."""
    LATCHED = "latched"
    """Its condition is over; the alarm stays until acknowledged."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody knows; its condition holds on."""
    CLEARED = "cleared"
    """A latched alarm is gone: acknowledged, replaced by the next, or its session over."""
    VETOED = "vetoed"
    """The ECG shows the condition, the pulses refute it: nothing is raised, this is for audits."""
    VETO_ENDED = "veto_ended"
    """What was vetoed, and never raised, is over."""


UNTOLD = (TransitionKind.VETOED, TransitionKind.VETO_ENDED)
"""Changes that alarm nobody: they stand in the output for whoever audits it."""


@dataclass(frozen=True, slots=True)
class DrivingBeat:
    """A beat that drove an alarm."""

    r_ms: int
    """Time of the R-peak on the stream's clock, ms."""
    aami: str
    """AAMI class letter."""
    confidence: float
    """Probability of the class."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was known when a transition was decided."""

    heart_rate_bpm: float | None = None
    """Heart rate, bpm; None unknown."""
    quality: float | None = None
    """Quality index of the tick, 0 to 1; None unknown."""
    score: float | None = None
    """Mean probability of the ventricular beats that raised it; None for other conditions."""
    beats: tuple[DrivingBeat, ...] = ()
    """Beats from the onset on (from the offset on, at an end), oldest first, 20 at most."""

    @classmethod
    def of_edge(
        cls, edges: EpisodeEdges, index: int, code: Code, from_ms: int, *, scored: bool
    ) -> Evidence:
        """Read the evidence of one edge, with the beats from ``from_ms`` on."""
        beats: tuple[DrivingBeat, ...] = ()
        score = None
        if CONDITIONS[code].kind is Kind.PHYSIOLOGICAL:
            r_ms, aami = edges.beat_r_ms[index], edges.beat_aami[index]
            confidence = edges.beat_confidence[index]
            # Stream time begins at 0, so empty places (-1) fall out too.
            drove = np.flatnonzero(r_ms >= max(from_ms, 0))
            beats = tuple(
                DrivingBeat(int(r_ms[i]), AAMI[aami[i]], float(confidence[i])) for i in drove
            )
            v_beats = drove[aami[drove] == V]
            if scored and code in VENTRICULAR and len(v_beats):
                score = float(np.mean(confidence[v_beats], dtype=np.float64))
        return cls(
            heart_rate_bpm=_known(edges.heart_rate_bpm[index]),
            quality=_known(edges.quality[index]),
            score=score,
            beats=beats,
        )


@dataclass(frozen=True, slots=True)
class AlarmTransition:
    """One change of one alarm of one stream."""

    row: int
    """Row of the tick; 0 for an acknowledgement."""
    slot: int
    """Slot of the stream."""
    condition: Condition
    """What the alarm is about."""
    kind: TransitionKind
    """What changed."""
    onset_ms: int
    """When the condition began, on the stream's clock, ms; with stream and condition, the id."""
    offset_ms: int | None
    """When it ended, ms; None while it holds."""
    decided_ms: int
    """End of the tick that came to know of it, or time of the acknowledgement, ms."""
    evidence: Evidence
    """What was known."""
    by: str | None = None
    """Who acknowledged; None for all other transitions."""
    by_unix_ns: int | None = None
    """When, by the injected wall clock, UTC, ns since 1970; None without one."""
    corroboration: Finding | None = None
    """What pulses say of it; None where they were not asked."""
    anomaly: Anomaly | None = None
    """What was not as forecast; None where the alarm is of an ECG."""


def _known(value: np.float32) -> float | None:
    """Turn NaN into None."""
    return None if np.isnan(value) else float(value)
