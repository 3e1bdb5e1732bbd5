"""What the terminal shows, as plain values: the renderer knows no pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.alarm_states import AlarmState
from inference.alarm_transition import TransitionKind
from inference.conditions import Priority

TRACE_S = 6.0
"""Length of trace that a row should carry, s: the widest sweep shows as much."""


@dataclass(frozen=True, slots=True)
class AlarmBadge:
    """The most urgent alarm of a patient."""

    priority: Priority
    """High, medium or low."""
    condition: str
    """What it is about, in words or as named in the table: ``"lead off"``, ``"lead_off"``."""
    state: AlarmState = AlarmState.ACTIVE
    """Active, acknowledged, or latched; what is inactive or hidden has no badge."""
    since_s: float | None = None
    """Time since the onset, s; None unknown."""
    n_more: int = 0
    """Other alarms of the patient that are up."""


@dataclass(frozen=True, slots=True)
class BeatMark:
    """A beat to be marked on the trace."""

    sample: int
    """Index of the R-peak, counted as ``PatientRow.trace_end``."""
    aami: str
    """AAMI class letter; N is not marked."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What happened to a patient so far."""

    n_beats: int = 0
    """Beats of all classes."""
    n_ventricular: int = 0
    """Beats of class V."""
    n_supraventricular: int = 0
    """Beats of class S."""
    n_high: int = 0
    """Alarms raised with high priority."""
    n_medium: int = 0
    """Alarms raised with medium priority."""
    n_low: int = 0
    """Alarms raised with low priority."""
    conditions: tuple[str, ...] = ()
    """Conditions of those alarms, each once, in any order that should be kept."""


def _no_trace() -> NDArray[np.float32]:
    return np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class PatientRow:
    """One patient."""

    bed: str
    """Bed, as short as possible; rows are shown in the order in which they are given."""
    patient: str
    """Pseudonym."""
    heart_rate_bpm: float | None = None
    """Heart rate, bpm; None or NaN unknown."""
    rhythm: str = ""
    """Rhythm in a word or two."""
    quality: float | None = None
    """Signal quality, 0 to 1; None or NaN unknown."""
    trace: NDArray[np.float32] = field(default_factory=_no_trace)
    """Array of shape (n_samples,): the last ``TRACE_S`` of the signal, mV; NaN where missing."""
    trace_fs: float = 250.0
    """Sampling frequency of the trace, Hz."""
    trace_end: int = 0
    """Index one past the trace's last sample, counted since the stream began."""
    marks: Sequence[BeatMark] = ()
    """Beats that are not normal; those outside the trace are left out."""
    since_beat_s: float | None = None
    """Time since the last beat was shown, s; the heart lights up for a moment."""
    alarm: AlarmBadge | None = None
    """The most urgent alarm, or None."""
    tally: Tally = field(default_factory=Tally)
    """Counts since the start."""


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """One line of the list of alarms."""

    clock: str
    """When, as it is to be read: a time of day, or time since the start."""
    priority: Priority
    """High, medium or low."""
    bed: str
    """Bed."""
    patient: str
    """Pseudonym."""
    condition: str
    """What it is about."""
    change: TransitionKind
    """Raised, ended, latched, acknowledged or cleared."""
    detail: str = ""
    """A few words more, such as ``"HR 182"``."""


@dataclass(frozen=True, slots=True)
class WardStats:
    """How the monitor does."""

    elapsed_s: float = 0.0
    """Wall-clock time since the start, s; the flashing of alarms follows it."""
    n_streams: int = 0
    """Streams open."""
    signal_s: float = 0.0
    """Signal read, all streams together, s."""
    samples_per_s: float = 0.0
    """Samples read a second of wall-clock time."""
    speed: float | None = None
    """Replay speed as a multiple of real time; None live."""
    n_beats: int = 0
    """Beats found."""
    n_alarms: int = 0
    """Alarms raised."""
    latency_p50_ms: float | None = None
    """Median time from a frame's arrival to its results, ms; None unknown."""
    latency_p99_ms: float | None = None
    """99th percentile of it, ms; None unknown."""


@dataclass(frozen=True, slots=True)
class WardView:
    """Everything on the screen."""

    rows: Sequence[PatientRow] = ()
    """Patients in the order of their beds."""
    alarms: Sequence[AlarmLine] = ()
    """Latest changes of alarms, newest first."""
    stats: WardStats = field(default_factory=WardStats)
    """How the monitor does."""
    title: str = "Vigil"
    """Name at the top left."""
    note: str = ""
    """A few words beside the legend, such as how to leave."""
