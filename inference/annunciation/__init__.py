"""What people are told of alarms, and what they may do about it."""

from inference.annunciation.desk import Desk, steady_clock_ms
from inference.annunciation.inputs import (
    COMMANDS,
    Acknowledge,
    AlarmOff,
    AlarmOn,
    Archive,
    AudioOn,
    AudioPause,
    Change,
    Command,
    Resume,
    SetLimits,
    Standby,
)
from inference.annunciation.log import Entry, LogWriter, ReadLog, read_log, replay
from inference.annunciation.machine import Annunciator
from inference.annunciation.phases import Phase
from inference.annunciation.policy import Policy, Timing
from inference.annunciation.signals import Signal, SignalKind
from inference.annunciation.wire import read_command, signal_to_dict

__all__ = [
    "COMMANDS",
    "Acknowledge",
    "AlarmOff",
    "AlarmOn",
    "Annunciator",
    "Archive",
    "AudioOn",
    "AudioPause",
    "Change",
    "Command",
    "Desk",
    "Entry",
    "LogWriter",
    "Phase",
    "Policy",
    "ReadLog",
    "Resume",
    "SetLimits",
    "Signal",
    "SignalKind",
    "Standby",
    "Timing",
    "read_command",
    "read_log",
    "replay",
    "signal_to_dict",
    "steady_clock_ms",
]
