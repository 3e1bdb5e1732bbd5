"""Which worker of a group keeps the record of a command: all hear it, one writes it down.

Every worker hears every command, so that a stream that moves finds its commands known. The one
that has the partition of the command's stream writes the audit log and buries what was refused.
While partitions move, the former owner goes on for a while: a command may then stand in the logs
of two workers, under the same place in its topic, but in none never.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from kafka.partitioner.default import murmur2

GRACE_S = 15.0
"""How long a partition that went is still answered for, s: others have it by then."""


class Held(Protocol):
    """What a worker has of the topic of frames."""

    @property
    def joined(self) -> bool:
        """True once partitions were assigned."""

    @property
    def assigned(self) -> Sequence[int]:
        """Partitions that it has."""

    @property
    def n_partitions(self) -> int:
        """Partitions of the topic; 0 while that is not known."""


def partition_of(key: bytes, n_partitions: int) -> int:
    """Return the partition of a key, as Kafka's clients choose it.

    Examples
    --------
    >>> partition_of(b"p1", 12)
    2
    """
    return (int(murmur2(key)) & 0x7FFFFFFF) % n_partitions


class Ownership:
    """Tells whether a command is this worker's to write down.

    Parameters
    ----------
    held : callable
        Gives what the worker has; it is not there yet when this is made.
    clock : callable
        Monotonic time, s.
    """

    def __init__(
        self, held: Callable[[], Held], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._held, self._clock = held, clock
        self._lost_s: dict[int, float] = {}

    def lose(self, partitions: Iterable[int]) -> None:
        """Note that partitions went."""
        self._lost_s |= dict.fromkeys(partitions, self._clock())

    def of_stream(self, stream_id: str) -> bool:
        """Tell whether a stream's commands are written down here."""
        held = self._held()
        return self._has(partition_of(stream_id.encode(), max(held.n_partitions, 1)))

    def of_message(self, number: int) -> bool:
        """Tell whether what stood in a partition of the commands is, where no stream is known."""
        held = self._held()
        return self._has(max(number, 0) % max(held.n_partitions, 1))

    def _has(self, partition: int) -> bool:
        held = self._held()
        if not held.joined or not held.n_partitions or partition in held.assigned:
            return True
        return self._clock() - self._lost_s.get(partition, float("-inf")) <= GRACE_S
