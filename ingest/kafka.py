"""Frames from Kafka: a consumer group's member that commits only what it is told to.

Written against kafka-python 3.0, which drives its network on a thread of its own
and joins groups there. What that gives is only noted (:mod:`ingest.kafka_membership`),
and the hooks run on the caller's thread inside :meth:`KafkaSource.poll`.

kafka-python 3.0.12 throws away a join of the group that completes while nobody is
inside its ``poll``, and starts another, which disturbs all members again; with
short polls a group may never settle. It hands out nothing meanwhile, so here a
poll stays inside until the group is settled, for at most :data:`REBALANCE_WAIT_S`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import TopicPartition
from kafka.errors import IllegalStateError, KafkaError
from kafka.structs import OffsetAndMetadata

from ingest.frame_columns import FrameColumns
from ingest.kafka_consumer import CONSUMER_DEFAULTS, connect
from ingest.kafka_membership import Membership
from ingest.kafka_sink import REBALANCED, KafkaSink
from ingest.kafka_url import BrokerError, CommitRefusedError, KafkaUrl
from ingest.memory import unpack
from ingest.source import Batch, DeadLetter
from ingest.state_log import Committed

__all__ = [
    "CONSUMER_DEFAULTS",
    "BrokerError",
    "CommitRefusedError",
    "KafkaSink",
    "KafkaSource",
    "KafkaUrl",
]

REBALANCE_WAIT_S = 5.0
"""How long a poll may last beyond its time-out while the group is being rebalanced, s."""

CLOSE_TIMEOUT_MS = 5_000
"""How long leaving the group may take, ms."""

PLACES_TIMEOUT_MS = 30_000
"""How long the brokers may take to tell an offset, ms: longer than an open transaction lasts."""

Hook = Callable[[Sequence[int]], None]
"""Is told partitions that came or went."""


class KafkaSource:
    """Source over one topic, as a member of a consumer group.

    Parameters
    ----------
    url : str
        ``kafka://HOST:PORT[,HOST:PORT]/TOPIC``.
    group : str
        Consumer group, whose committed offsets are gone on from.
    instance_id : str, optional
        Name of this member across restarts: with it (static membership) a member
        that comes back within the session timeout keeps its partitions and nobody
        else is disturbed.
    on_assigned, on_revoked : callable, optional
        Called inside :meth:`poll`, on its thread, with the partitions that came,
        before any frame of them is handed out, and with those that went. A hook
        may :meth:`seek`. When partitions went, they can no longer be committed.
    options : mapping, optional
        Settings of kafka-python's consumer, such as TLS and SASL, on top of
        :data:`CONSUMER_DEFAULTS`.
    wall_clock : callable
        UTC time in s since 1970, for :attr:`lag_s`.

    Raises
    ------
    InputError
        If the address is malformed or there is no such topic.
    BrokerError
        If no broker answers.
    """

    def __init__(
        self,
        url: str,
        group: str,
        *,
        instance_id: str | None = None,
        on_assigned: Hook | None = None,
        on_revoked: Hook | None = None,
        options: Mapping[str, Any] | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._url = KafkaUrl.parse(url)
        self._hooks = {"assigned": on_assigned, "revoked": on_revoked}
        self._wall_clock = wall_clock
        self._membership = Membership()
        self._joined = False
        self._assigned: tuple[int, ...] = ()
        self._positions: dict[int, int] = {}  # behind what was handed out
        self._heard_ms: dict[int, int] = {}  # timestamp of the last record handed out
        self._rewound: set[int] = set()
        self._floors: dict[int, int] = {}  # nothing below is committed
        self._notes: dict[int, str] = {}  # committed beside the offsets
        self._member: Any = None  # place in the group that gave what was last told
        self._lag_records, self._lag_s = 0, 0.0
        self._consumer = connect(self._url, group, instance_id, options or {}, self._membership)

    @property
    def joined(self) -> bool:
        """True once the group has given this member its partitions, even if none."""
        return self._joined

    @property
    def assigned(self) -> tuple[int, ...]:
        """Partitions that this member has."""
        return self._assigned

    @property
    def n_partitions(self) -> int:
        """Partitions of the topic; 0 while that is not known."""
        return len(self._consumer.partitions_for_topic(self.topic) or ())

    @property
    def positions(self) -> dict[int, int]:
        """For each partition the offset behind what was handed out."""
        return dict(self._positions)

    @property
    def lag_records(self) -> int:
        """Records of its partitions not yet handed out, as of the last poll."""
        return self._lag_records

    @property
    def lag_s(self) -> float:
        """Age of the last record handed out of the partition furthest behind, s; 0 without lag."""
        return self._lag_s

    @property
    def topic(self) -> str:
        """Topic that is read."""
        return self._url.topic

    @property
    def group_metadata(self) -> Any:
        """The member's place in its group by which it has what it was last told, for a transaction.

        Not that of now: the group may have moved on since, on kafka-python's own thread,
        and taken partitions away of which :meth:`poll` has not told yet. With the place of
        now the broker would take their offsets.
        """
        return self._member or self._consumer.group_metadata()

    def poll(self, timeout_s: float) -> Batch:
        """Return what is there, waiting at most ``timeout_s`` for the first frame.

        While the group is being rebalanced it may take :data:`REBALANCE_WAIT_S` longer.

        Raises
        ------
        BrokerError
            If this member was shut out of its group, or may not read.
        """
        frames = FrameColumns()
        partitions: list[int] = []
        offsets: list[int] = []
        times_ms: list[int] = []
        dead: list[DeadLetter] = []
        for partition, messages in self.poll_messages(timeout_s).items():
            for message in messages:
                place = self._url.topic, partition, message.offset
                batch = unpack(message.value or b"", *place, message.key or b"")
                frames.extend(batch.frames)
                n_frames = len(batch.frames)
                partitions += [partition] * n_frames
                offsets += [message.offset] * n_frames
                times_ms += [message.timestamp] * n_frames
                dead += batch.dead
        return Batch(frames, dead, False, partitions, offsets, times_ms)

    def poll_messages(self, timeout_s: float) -> dict[int, list[Any]]:
        """Return what is there as it stands in the log, by partition; waits as :meth:`poll`.

        Returns
        -------
        dict of int to list
            Records of kafka-python, with ``offset``, ``timestamp`` (ms), ``key`` and ``value``.

        Raises
        ------
        BrokerError
            As :meth:`poll`.
        """
        try:
            records = self._fetch(timeout_s)
        except KafkaError as error:
            raise BrokerError(f"cannot read {self._url}: {error!r}") from error
        self._rewound.clear()
        self._tell_changes()
        found: dict[int, list[Any]] = {}
        for at, messages in records.items():
            if at.partition in self._rewound or at.partition not in self._assigned:
                continue
            found[at.partition] = messages
            self._positions[at.partition] = messages[-1].offset + 1
            self._heard_ms[at.partition] = messages[-1].timestamp
        self._measure_lag()
        return found

    def seek(self, partition: int, offset: int) -> None:
        """Go on from ``offset`` in one assigned partition: its record comes next."""
        self._consumer.seek(TopicPartition(self._url.topic, partition), offset)
        self._positions[partition] = offset
        self._rewound.add(partition)

    def resume(self, partition: int, position: int, floor: int) -> None:
        """Go on from ``position`` in one partition; commit nothing below ``floor``.

        Where the partition has gone again meanwhile nothing is done: the next poll tells.
        """
        self._floors[partition] = floor
        with suppress(IllegalStateError, ValueError, KeyError):  # kafka-python's "unassigned"
            self.seek(partition, position)

    def note(self, partition: int, text: str) -> None:
        """Commit a text beside the partition's offset from now on."""
        self._notes[partition] = text

    def committed(self, partition: int) -> Committed | None:
        """Return where the group goes on from in a partition, None before any commit.

        Waits for a transaction that holds the offset to be settled or given up.

        Raises
        ------
        BrokerError
            If it cannot be told in time.
        """
        at = TopicPartition(self._url.topic, partition)
        try:
            found = self._consumer.committed(at, metadata=True, timeout_ms=PLACES_TIMEOUT_MS)
        except KafkaError as error:
            raise BrokerError(f"no committed offset of {self._url}: {error!r}") from error
        return None if found is None else Committed(int(found.offset), found.metadata or "")

    def oldest(self, partition: int) -> int:
        """Return the offset of the oldest record that is left.

        Raises
        ------
        BrokerError
            If it cannot be told in time.
        """
        at = TopicPartition(self._url.topic, partition)
        try:
            return int(self._consumer.beginning_offsets([at], PLACES_TIMEOUT_MS)[at])
        except KafkaError as error:
            raise BrokerError(f"no first offset of {self._url}: {error!r}") from error

    def offset_at(self, partition: int, time_ms: int) -> int:
        """Return the offset of the first record of a time or later, ms since 1970.

        Raises
        ------
        BrokerError
            If it cannot be told in time.
        """
        at = TopicPartition(self._url.topic, partition)
        try:
            found = self._consumer.offsets_for_times({at: max(0, time_ms)}, PLACES_TIMEOUT_MS)[at]
            if found is not None:
                return int(found.offset)
            return int(self._consumer.end_offsets([at], PLACES_TIMEOUT_MS)[at])
        except KafkaError as error:
            raise BrokerError(f"no offset by time of {self._url}: {error!r}") from error

    def keep_alive(self) -> None:
        """Show the group that this member lives, in the middle of long work; fetches nothing.

        What came or went is told by the next :meth:`poll`.
        """
        assigned = self._consumer.assignment()
        self._consumer.pause(*assigned)
        try:
            for at, messages in self._consumer.poll(timeout_ms=0).items():
                self._consumer.seek(
                    at, messages[0].offset
                )  # none should come of one that is paused
        except KafkaError as error:
            raise BrokerError(f"cannot reach the group of {self._url}: {error!r}") from error
        finally:
            with suppress(KeyError):
                self._consumer.resume(*(assigned & self._consumer.assignment()))

    def commit(self) -> None:
        """Mark everything that was handed out as done, of the partitions still assigned.

        Raises
        ------
        CommitRefusedError
            If the group is being rebalanced; poll, and what is still assigned can
            be committed again.
        BrokerError
            If the broker failed.
        """
        offsets = self.offsets_to_commit()
        if not offsets:
            return
        try:
            self._consumer.commit(offsets)
        except REBALANCED as error:
            raise CommitRefusedError(f"commit to {self._url} refused: {error!r}") from error
        except KafkaError as error:
            raise BrokerError(f"cannot commit to {self._url}: {error!r}") from error

    def offsets_to_commit(self) -> dict[Any, Any]:
        """Return what :meth:`commit` commits, in kafka-python's types, for a transaction."""
        return {
            TopicPartition(self._url.topic, partition): OffsetAndMetadata(
                offset, self._notes.get(partition, ""), -1
            )
            for partition, offset in self._positions.items()
            if offset >= self._floors.get(partition, 0)
        }

    def close(self) -> None:
        """Leave; commits nothing. A static member keeps its partitions for the session timeout."""
        self._consumer.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)

    def _fetch(self, timeout_s: float) -> Any:
        """Return kafka-python's records by partition, not before the group is settled."""
        records = self._membership.poll(timeout_s)
        give_up_s = time.monotonic() + REBALANCE_WAIT_S
        while not records and self._membership.joining and time.monotonic() < give_up_s:
            records = self._membership.poll(1.0)
        return records

    def _tell_changes(self) -> None:
        """Run the hooks for what came and went since the last poll."""
        all_gone: set[int] = set()
        for now in self._membership.take():
            kept = set(self._assigned) & now.partitions if now.is_of(self._member) else set()
            gone = sorted(set(self._assigned) - kept)
            came = sorted(now.partitions - kept)
            all_gone.update(gone)
            self._assigned = tuple(sorted(kept))
            self._forget(gone)
            self._run("revoked", gone)
            self._assigned = tuple(sorted(now.partitions))
            if now.member is not None:  # who was shut out has nothing, and commits nothing
                self._member, self._joined = now.member, True
            for partition in all_gone.intersection(came):
                self._go_back(partition)
            self._run("assigned", came)

    def _forget(self, partitions: Sequence[int]) -> None:
        """Forget how far partitions that went were."""
        for partition in partitions:
            for of_partition in (self._positions, self._heard_ms, self._floors):
                of_partition.pop(partition, None)
            self._notes.pop(partition, None)

    def _go_back(self, partition: int) -> None:
        """Go on where the group is, in a partition that went and came between two polls.

        What was fetched meanwhile is of before it went, and kafka-python may not have noticed.
        """
        committed = self.committed(partition)
        offset = self.oldest(partition) if committed is None else committed.offset
        with suppress(IllegalStateError, ValueError, KeyError):  # kafka-python's "unassigned"
            self.seek(partition, offset)

    def _run(self, kind: str, partitions: Sequence[int]) -> None:
        """Run one hook."""
        hook = self._hooks[kind]
        if hook is not None and partitions:
            hook(partitions)

    def _measure_lag(self) -> None:
        """Note how far this member is behind."""
        now_s = self._wall_clock()
        self._lag_records, self._lag_s = 0, 0.0
        for at in self._consumer.assignment():
            end = self._consumer.highwater(at)
            position = self._positions.get(at.partition)
            if end is None or position is None or end <= position:
                continue
            self._lag_records += end - position
            if at.partition in self._heard_ms:
                behind_s = now_s - self._heard_ms[at.partition] / 1000
                self._lag_s = max(self._lag_s, behind_s)
