"""The streams that a worker knows: where each comes from, and when it was last heard.

Streams come and go. One that was not heard for a stated time of its partition's log is
let go of, as if it had ended; that is told by the log's own times, at the same message
whoever reads it, so that a worker that takes over does the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from inference.alarm_transition import TransitionKind
from ingest.frames import Lead

MINUTE_MS = 60_000
"""How often a partition's log is looked over for streams that are not heard any more, ms."""

OVER = (TransitionKind.ENDED, TransitionKind.CLEARED, TransitionKind.VETO_ENDED)
"""Changes behind which nothing stands of an alarm."""


@dataclass(slots=True, eq=False)
class Known:
    """One stream."""

    partition: int
    """Partition that it comes from."""
    leads: tuple[Lead, ...]
    """Leads of its last frame that was usable."""
    heard_ms: int
    """Minute of the log in which it was last heard, ms since 1970."""
    is_dirty: bool = False
    """True where it is ahead of its state."""
    alarms: dict[str, bytes] = field(default_factory=dict)
    """The last message of every alarm that stands, by its id."""

    def note_alarm(self, alarm_id: str, state: str, message: bytes) -> None:
        """Keep what was last said of an alarm, while it stands."""
        if state in OVER:
            self.alarms.pop(alarm_id, None)
        else:
            self.alarms[alarm_id] = message


class Roster:
    """Streams by their id."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}

    def __len__(self) -> int:
        """Return the number of streams that are known."""
        return len(self.known)

    def of_partitions(self, partitions: Iterable[int]) -> set[str]:
        """Return the streams of some partitions."""
        wanted = set(partitions)
        return {name for name, known in self.known.items() if known.partition in wanted}

    def forget(self, stream_ids: Iterable[str]) -> None:
        """Forget streams."""
        for stream_id in stream_ids:
            self.known.pop(stream_id, None)

    def silent(self, partition: int, before_ms: int) -> Iterator[str]:
        """Streams of a partition that were last heard before a minute of its log."""
        for name, known in self.known.items():
            if known.partition == partition and known.heard_ms < before_ms:
                yield name

    def standing(self, partitions: Iterable[int]) -> list[bytes]:
        """Return the last message of every alarm that stands in some partitions."""
        wanted = set(partitions)
        return [
            alarm
            for known in self.known.values()
            if known.partition in wanted
            for alarm in known.alarms.values()
        ]
