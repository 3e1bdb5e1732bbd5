"""What the trial of faults tries, and what came of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from deploy.trials.chaos import KINDS

BOUND_S = 60.0
"""Declared bound: an alarm comes no later than this behind its signal and the end of the last
fault, s. Of it 10 s are until a member that is gone is noticed, 16 s until its open transaction is
given up, 9 s until a broker's partitions have another leader; the rest is until a worker has
started and read again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried."""

    streams: int = 60
    """Streams."""
    workers: int = 3
    """Workers, one of which has no name (dynamic membership)."""
    partitions: int = 12
    """Partitions of each topic."""
    nodes: int = 3
    """Nodes of Kafka; topics are replicated over three."""
    minutes: float = 15.0
    """How long faults go on."""
    speed: float = 1.0
    """Seconds of signal a second."""
    every_s: float = 4.0
    """Mean time between two faults, s."""
    state_every_s: float = 5.0
    """Setting ``state.every_s`` of the workers."""
    seed: int = 1
    """Of the faults' times, kinds and victims."""
    kinds: tuple[str, ...] = tuple(KINDS)
    """Faults that may happen."""


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    plan: Plan
    """What was tried."""
    faults: dict[str, int] = field(default_factory=dict)
    """How often each fault happened."""
    streams_wrong: dict[str, Sequence[int]] = field(default_factory=dict)
    """Streams whose alarms differ: lost, doubled, other."""
    alarms: int = 0
    """Messages of alarms in the undisturbed run."""
    read: int = 0
    """Messages of alarms in the topic."""
    junk: int = 0
    """Messages that cannot be read, sent among the frames."""
    dead: int = 0
    """Dead letters in their topic."""
    dead_wrong: Sequence[int] = (0, 0, 0)
    """Dead letters lost, doubled, other."""
    logs: int = 0
    """Logs of alarm signals that workers kept."""
    logs_broken: int = 0
    """Those of them that cannot be read and replayed to their end."""
    starts: int = 0
    """Starts of workers."""
    taken_over: int = 0
    """Partitions taken over with their states."""
    broken_states: int = 0
    """Complaints about states that could not be gone on from."""
    exits: dict[str, int] = field(default_factory=dict)
    """How workers ended, by exit code; -9 is SIGKILL."""
    recovery_s: dict[str, list[float]] = field(default_factory=dict)
    """By kind of fault: until all that stood in the log at it was settled, s."""
    unrecovered: int = 0
    """Faults behind which that never came to be."""
    delay_s: list[float] = field(default_factory=list)
    """From the sample that decided an alarm being durable to its message being readable, s."""
    beyond_s: list[float] = field(default_factory=list)
    """Of these delays what lies behind the end of the last fault that began before the message
    was readable, s; all of it where none began after the sample."""
    sends_again: int = 0
    """Steps that the sender had to send again."""
    cut: int = 0
    """Connections that the proxy cut."""
    wall_s: float = 0.0
    """Whole trial, s."""

    @property
    def is_whole(self) -> bool:
        """True where the alarms are those of the undisturbed run, byte for byte.

        And each message that cannot be read is one dead letter, and every log of alarm signals
        can be replayed.
        """
        return (
            not self.streams_wrong
            and self.alarms > 0
            and not any(self.dead_wrong)
            and not self.logs_broken
        )

    @property
    def recoveries_s(self) -> list[float]:
        """All recoveries, s."""
        return [each for of_kind in self.recovery_s.values() for each in of_kind]


def as_object(outcome: Outcome) -> dict[str, object]:
    """Return the outcome as an object for JSON, its times summed up."""
    told, recoveries = asdict(outcome), outcome.recoveries_s
    told["is_whole"] = outcome.is_whole
    for name in ("delay_s", "beyond_s"):
        delays = sorted(told.pop(name))
        if delays:
            told[name] = {
                "median": round(statistics.median(delays), 2),
                "p99": round(delays[int(0.99 * (len(delays) - 1))], 2),
                "worst": round(delays[-1], 2),
            }
    if recoveries:
        told["recovery_all_s"] = {
            "median": round(statistics.median(recoveries), 2),
            "worst": max(recoveries),
        }
    return told
