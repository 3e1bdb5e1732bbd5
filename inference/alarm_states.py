"""The alarm state machine as a table: what is not in it changes nothing."""

from __future__ import annotations

from enum import IntEnum, StrEnum, auto

from inference.alarm_transition import TransitionKind


class AlarmState(IntEnum):
    """State of one condition of one stream."""

    INACTIVE = 0
    """The condition does not hold, and nothing is left of it."""
    HIDDEN = 1
    """The condition holds, but one that hides it is active."""
    ACTIVE = 2
    """The condition holds; nobody has acknowledged it."""
    ACKNOWLEDGED = 3
    """The condition holds; somebody knows."""
    LATCHED = 4
    """The condition is over; nobody has acknowledged it."""


class Happening(StrEnum):
    """What can happen to a condition."""

    ONSET = auto()
    """It began, and nothing that hides it is active."""
    HIDDEN_ONSET = auto()
    """It began under another that hides it."""
    UNCOVERED = auto()
    """The last that hid it ended."""
    END = auto()
    """It ended, and does not latch."""
    LATCHING_END = auto()
    """It ended, and latches."""
    ACKNOWLEDGE = auto()
    """A person acknowledged it."""
    WITHDRAWN = auto()
    """The stream's session is over."""


_S, _H, _T = AlarmState, Happening, TransitionKind

TABLE: dict[tuple[AlarmState, Happening], tuple[AlarmState, tuple[TransitionKind, ...]]] = {
    (_S.INACTIVE, _H.ONSET): (_S.ACTIVE, (_T.RAISED,)),
    (_S.INACTIVE, _H.HIDDEN_ONSET): (_S.HIDDEN, ()),
    (_S.HIDDEN, _H.UNCOVERED): (_S.ACTIVE, (_T.RAISED,)),
    (_S.HIDDEN, _H.END): (_S.INACTIVE, ()),
    (_S.HIDDEN, _H.LATCHING_END): (_S.INACTIVE, ()),
    (_S.ACTIVE, _H.END): (_S.INACTIVE, (_T.ENDED,)),
    (_S.ACTIVE, _H.LATCHING_END): (_S.LATCHED, (_T.LATCHED,)),
    (_S.ACTIVE, _H.ACKNOWLEDGE): (_S.ACKNOWLEDGED, (_T.ACKNOWLEDGED,)),
    (_S.ACKNOWLEDGED, _H.END): (_S.INACTIVE, (_T.ENDED,)),
    (_S.ACKNOWLEDGED, _H.LATCHING_END): (_S.INACTIVE, (_T.ENDED,)),
    (_S.LATCHED, _H.ACKNOWLEDGE): (_S.INACTIVE, (_T.CLEARED,)),
    (_S.LATCHED, _H.WITHDRAWN): (_S.INACTIVE, (_T.CLEARED,)),
    (_S.LATCHED, _H.ONSET): (_S.ACTIVE, (_T.CLEARED, _T.RAISED)),
    (_S.LATCHED, _H.HIDDEN_ONSET): (_S.HIDDEN, (_T.CLEARED,)),
}
"""State and happening → next state and the transitions that are told, in order.

A latched alarm is cleared by the next onset of its condition, which is an alarm of its own."""

HOLDING = (AlarmState.ACTIVE, AlarmState.ACKNOWLEDGED)
"""States in which a condition hides others."""
