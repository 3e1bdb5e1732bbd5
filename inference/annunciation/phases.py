"""The states of one alarm signal, as a table: what is not in it changes nothing."""

from __future__ import annotations

from enum import StrEnum, auto

from inference.annunciation.signals import SignalKind


class Phase(StrEnum):
    """State of the signal of one condition of one stream."""

    QUIET = auto()
    """Nothing is told: nothing is there, or it is switched off."""
    PENDING = auto()
    """The condition holds; its onset delay or its refractory time runs."""
    SUPPRESSED = auto()
    """The condition holds; the signal of one that hides it is on."""
    ON = auto()
    """The condition holds; nobody has acknowledged."""
    ACKNOWLEDGED = auto()
    """The condition holds; somebody knows."""
    ENDING = auto()
    """The condition is over, nobody has acknowledged; the end delay runs."""
    ENDING_ACKNOWLEDGED = auto()
    """The condition is over, somebody knows; the end delay runs."""
    LATCHED = auto()
    """The condition is over; the signal stays until acknowledged."""


class Event(StrEnum):
    """What can happen to a signal."""

    WAIT = auto()
    """The condition is there, but must wait."""
    BEGIN = auto()
    """It is to be told."""
    BEGIN_HIDDEN = auto()
    """It would be, but one that hides it is told."""
    HIDE = auto()
    """One that hides it is told now."""
    END = auto()
    """The condition ended, and its signal with it."""
    DELAY = auto()
    """The condition ended; the end delay begins."""
    LATCH = auto()
    """The condition ended, and latches."""
    EXPIRE = auto()
    """The end delay is over."""
    ACKNOWLEDGE = auto()
    """A person knows."""
    CLEAR = auto()
    """The alarm engine cleared what was latched."""
    DROP = auto()
    """Alarm off, or standby."""


_P, _E, _K = Phase, Event, SignalKind

_BEGINNINGS = {
    (_P.QUIET, _E.WAIT): (_P.PENDING, ()),
    (_P.QUIET, _E.BEGIN): (_P.ON, (_K.ON,)),
    (_P.QUIET, _E.BEGIN_HIDDEN): (_P.SUPPRESSED, ()),
    (_P.PENDING, _E.BEGIN): (_P.ON, (_K.ON,)),
    (_P.PENDING, _E.BEGIN_HIDDEN): (_P.SUPPRESSED, ()),
    (_P.SUPPRESSED, _E.BEGIN): (_P.ON, (_K.ON,)),
    (_P.ENDING, _E.BEGIN): (_P.ON, ()),
    (_P.ENDING_ACKNOWLEDGED, _E.BEGIN): (_P.ACKNOWLEDGED, ()),
    (_P.LATCHED, _E.BEGIN): (_P.ON, (_K.OFF, _K.ON)),
    (_P.LATCHED, _E.BEGIN_HIDDEN): (_P.SUPPRESSED, (_K.OFF,)),
}

_ENDS = {
    (_P.PENDING, _E.END): (_P.QUIET, ()),
    (_P.SUPPRESSED, _E.END): (_P.QUIET, ()),
    (_P.ON, _E.END): (_P.QUIET, (_K.OFF,)),
    (_P.ACKNOWLEDGED, _E.END): (_P.QUIET, (_K.OFF,)),
    (_P.ON, _E.DELAY): (_P.ENDING, ()),
    (_P.ACKNOWLEDGED, _E.DELAY): (_P.ENDING_ACKNOWLEDGED, ()),
    (_P.ON, _E.LATCH): (_P.LATCHED, (_K.LATCHED,)),
    (_P.ENDING, _E.EXPIRE): (_P.QUIET, (_K.OFF,)),
    (_P.ENDING_ACKNOWLEDGED, _E.EXPIRE): (_P.QUIET, (_K.OFF,)),
    (_P.LATCHED, _E.CLEAR): (_P.QUIET, (_K.OFF,)),
    (_P.ON, _E.HIDE): (_P.SUPPRESSED, (_K.OFF,)),
    (_P.ACKNOWLEDGED, _E.HIDE): (_P.SUPPRESSED, (_K.OFF,)),
    (_P.ENDING, _E.HIDE): (_P.QUIET, (_K.OFF,)),
    (_P.ENDING_ACKNOWLEDGED, _E.HIDE): (_P.QUIET, (_K.OFF,)),
}

_PEOPLE = {
    (_P.ON, _E.ACKNOWLEDGE): (_P.ACKNOWLEDGED, (_K.ACKNOWLEDGED,)),
    (_P.ENDING, _E.ACKNOWLEDGE): (_P.QUIET, (_K.OFF,)),
    (_P.LATCHED, _E.ACKNOWLEDGE): (_P.QUIET, (_K.OFF,)),
    (_P.PENDING, _E.DROP): (_P.QUIET, ()),
    (_P.SUPPRESSED, _E.DROP): (_P.QUIET, ()),
    (_P.ON, _E.DROP): (_P.QUIET, (_K.OFF,)),
    (_P.ACKNOWLEDGED, _E.DROP): (_P.QUIET, (_K.OFF,)),
    (_P.ENDING, _E.DROP): (_P.QUIET, (_K.OFF,)),
    (_P.ENDING_ACKNOWLEDGED, _E.DROP): (_P.QUIET, (_K.OFF,)),
    (_P.LATCHED, _E.DROP): (_P.QUIET, (_K.OFF,)),
}

TABLE: dict[tuple[Phase, Event], tuple[Phase, tuple[SignalKind, ...]]] = {
    **_BEGINNINGS,
    **_ENDS,
    **_PEOPLE,
}
"""Phase and event → next phase and what is told, in order."""

SIGNALLED = (_P.ON, _P.ACKNOWLEDGED, _P.ENDING, _P.ENDING_ACKNOWLEDGED, _P.LATCHED)
"""The signal is on."""
HEARD = (_P.ON, _P.ENDING, _P.LATCHED)
"""It is to be heard: nobody has acknowledged."""
HIDING = (_P.ON, _P.ACKNOWLEDGED, _P.ENDING, _P.ENDING_ACKNOWLEDGED)
"""It hides others; what is latched does not, since its condition is over."""
REMINDED = (_P.ACKNOWLEDGED, _P.ENDING_ACKNOWLEDGED)
"""Reminders run."""
