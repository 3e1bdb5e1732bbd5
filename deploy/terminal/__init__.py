"""The live view of a ward on the terminal: a pure renderer of plain values."""

from deploy.terminal.display import WardDisplay
from deploy.terminal.keys import Keys
from deploy.terminal.screen import WardScreen
from deploy.terminal.summary import summary
from deploy.terminal.view import (
    TRACE_S,
    AlarmBadge,
    AlarmLine,
    BeatMark,
    PatientRow,
    Tally,
    WardStats,
    WardView,
)

__all__ = [
    "TRACE_S",
    "AlarmBadge",
    "AlarmLine",
    "BeatMark",
    "Keys",
    "PatientRow",
    "Tally",
    "WardDisplay",
    "WardScreen",
    "WardStats",
    "WardView",
    "summary",
]
