"""Frames from Kafka: a consumer group's member that commits only what it is told to.

Written against kafka-python 3.0, which drives its network on a thread of its own
and calls rebalance listeners there. Here they are only noted, and the hooks run
on the caller's thread inside :meth:`KafkaSource.poll`.

kafka-python 3.0.12 throws away a join of the group that completes while nobody is
inside its ``poll``, and starts another, which disturbs all members again; with
short polls a group may never settle. It hands out nothing meanwhile, so here a
poll stays inside until the group is settled, for at most :data:`REBALANCE_WAIT_S`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError
from kafka.structs import MemberState, OffsetAndMetadata

from ingest.errors import InputError
from ingest.frame_columns import FrameColumns
from ingest.kafka_sink import REBALANCED, KafkaSink
from ingest.kafka_url import BrokerError, CommitRefusedError, KafkaUrl, wait_for_server
from ingest.memory import unpack
from ingest.source import Batch, DeadLetter

__all__ = ["BrokerError", "CommitRefusedError", "KafkaSink", "KafkaSource", "KafkaUrl"]

REBALANCE_WAIT_S = 5.0
"""How long a poll may last beyond its time-out while the group is being rebalanced, s."""

CLOSE_TIMEOUT_MS = 5_000
"""How long leaving the group may take, ms."""

Hook = Callable[[Sequence[int]], None]
"""Is told partitions that came or went."""

CONSUMER_DEFAULTS: Mapping[str, Any] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "isolation_level": "read_committed",
    "allow_auto_create_topics": False,
    "bootstrap_timeout_ms": 10_000,
    # Answer as soon as there is a record; under load a fetch fills up by itself.
    "fetch_min_bytes": 1,
    "fetch_max_wait_ms": 250,
    "max_partition_fetch_bytes": 4 << 20,
    "max_poll_records": 500,
    # A member that hangs holds up a rebalance for as long as it may take between polls.
    "max_poll_interval_ms": 60_000,
    "session_timeout_ms": 10_000,
    "heartbeat_interval_ms": 3_000,
}
"""Settings of kafka-python's consumer that differ from its own."""


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
        self._changes = _Changes()
        self._joined = False
        self._assigned: tuple[int, ...] = ()
        self._positions: dict[int, int] = {}  # behind what was handed out
        self._heard_ms: dict[int, int] = {}  # timestamp of the last record handed out
        self._rewound: set[int] = set()
        self._lag_records, self._lag_s = 0, 0.0
        self._consumer = _connect(self._url, group, instance_id, options or {})
        self._consumer.subscribe([self._url.topic], listener=self._changes)

    @property
    def joined(self) -> bool:
        """True once the group has given this member its partitions, even if none."""
        return self._joined

    @property
    def assigned(self) -> tuple[int, ...]:
        """Partitions that this member has."""
        return self._assigned

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
        """The member's place in its group, for a transaction; kafka-python's own type."""
        return self._consumer.group_metadata()

    def poll(self, timeout_s: float) -> Batch:
        """Return what is there, waiting at most ``timeout_s`` for the first frame.

        While the group is being rebalanced it may take :data:`REBALANCE_WAIT_S` longer.

        Raises
        ------
        BrokerError
            If this member was shut out of its group, or may not read.
        """
        try:
            records = self._fetch(timeout_s)
        except KafkaError as error:
            raise BrokerError(f"cannot read {self._url}: {error!r}") from error
        self._tell_changes()
        frames = FrameColumns()
        partitions: list[int] = []
        dead: list[DeadLetter] = []
        for at, messages in records.items():
            if at.partition in self._rewound or at.partition not in self._assigned:
                continue
            for message in messages:
                batch = unpack(message.value or b"", at.topic, at.partition, message.offset)
                frames.extend(batch.frames)
                partitions += [at.partition] * len(batch.frames)
                dead += batch.dead
            self._positions[at.partition] = messages[-1].offset + 1
            self._heard_ms[at.partition] = messages[-1].timestamp
        self._rewound.clear()
        self._measure_lag()
        return Batch(frames, dead, partitions=partitions)

    def seek(self, partition: int, offset: int) -> None:
        """Go on from ``offset`` in one assigned partition: its record comes next."""
        self._consumer.seek(TopicPartition(self._url.topic, partition), offset)
        self._positions[partition] = offset
        self._rewound.add(partition)

    def committed(self, partition: int) -> int | None:
        """Return the offset the group goes on from in a partition, None before any commit."""
        offset = self._consumer.committed(TopicPartition(self._url.topic, partition))
        return None if offset is None else int(offset)

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
            TopicPartition(self._url.topic, partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in self._positions.items()
        }

    def close(self) -> None:
        """Leave; commits nothing. A static member keeps its partitions for the session timeout."""
        self._consumer.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)

    def _fetch(self, timeout_s: float) -> Any:
        """Return kafka-python's records by partition, not before the group is settled."""
        records = self._consumer.poll(timeout_ms=round(timeout_s * 1000))
        give_up_s = time.monotonic() + REBALANCE_WAIT_S
        while (
            not records
            and self._consumer.group_metadata().state == MemberState.REBALANCING
            and time.monotonic() < give_up_s
        ):
            records = self._consumer.poll(timeout_ms=1000)
        return records

    def _tell_changes(self) -> None:
        """Run the hooks for what came and went since the last poll."""
        for kind, partitions in self._changes.take():
            self._joined = True
            if kind == "revoked":
                self._assigned = tuple(p for p in self._assigned if p not in partitions)
                for partition in partitions:
                    self._positions.pop(partition, None)
                    self._heard_ms.pop(partition, None)
            else:
                self._assigned = tuple(sorted({*self._assigned, *partitions}))
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


class _Changes(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Notes rebalances, called on the network's thread, until they are taken."""

    def __init__(self) -> None:
        self._noted: deque[tuple[str, list[int]]] = deque()
        self._lock = threading.Lock()

    def on_partitions_revoked(self, revoked: Sequence[Any]) -> None:
        """Note partitions that went."""
        self._note("revoked", revoked)

    def on_partitions_assigned(self, assigned: Sequence[Any]) -> None:
        """Note partitions that came."""
        self._note("assigned", assigned)

    def take(self) -> list[tuple[str, list[int]]]:
        """Return what was noted, in order, and forget it."""
        with self._lock:
            noted = list(self._noted)
            self._noted.clear()
        return noted

    def _note(self, kind: str, partitions: Sequence[Any]) -> None:
        """Keep one change."""
        with self._lock:
            self._noted.append((kind, sorted(at.partition for at in partitions)))


def _connect(
    url: KafkaUrl, group: str, instance_id: str | None, options: Mapping[str, Any]
) -> KafkaConsumer:
    """Return a consumer that reached a broker which has the topic."""
    settings = {**CONSUMER_DEFAULTS, **options}
    wait_for_server(url.servers, settings["bootstrap_timeout_ms"] / 1000, settings)
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=list(url.servers),
            group_id=group,
            group_instance_id=instance_id,
            partition_assignment_strategy=[CooperativeStickyAssignor],
            **settings,
        )
    except KafkaError as error:
        raise BrokerError(f"no Kafka answers at {', '.join(url.servers)}: {error!r}") from error
    if not consumer.partitions_for_topic(url.topic):
        consumer.close(autocommit=False)
        raise InputError(f"there is no topic {url.topic!r} at {', '.join(url.servers)}")
    return consumer
