"""What the console hears from Kafka: frames and beats from now on, alarms of the past too.

It is no member of a group and commits nothing: consoles hear all, each for itself.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from deploy.console.commands import LocalDesk
from deploy.console.hub import Hub
from ingest.dead_letters import decode_dead_letter
from ingest.errors import InputError
from ingest.kafka_topics import require_topics
from ingest.kafka_url import BrokerError, KafkaUrl
from ingest.memory import unpack

POLL_S = 0.05
"""Longest wait of one poll, s."""
MOST_RECORDS = 2_000
"""Most records of one poll."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Where each kind stands, as ``kafka://HOST:PORT/TOPIC``, all on the same Kafka."""

    frames: str
    """Frames, from now on."""
    alarms: str
    """Changes of alarms."""
    beats: str | None = None
    """Beats, from now on; None: no classes, no rates."""
    signals: str | None = None
    """Alarm signals of the workers; None: the console keeps signals of its own."""
    dead: str | None = None
    """Dead letters, to be read."""

    def given(self) -> dict[str, KafkaUrl]:
        """Return those that are given, by kind.

        Raises
        ------
        InputError
            If one is malformed, two are the same, or they are not on the same Kafka.
        """
        told = {name: getattr(self, name) for name in self.__slots__}
        found = {name: KafkaUrl.parse(url) for name, url in told.items() if url is not None}
        if len({url.servers for url in found.values()}) > 1:
            raise InputError("the console's topics must be on the same Kafka, written alike")
        if len({url.topic for url in found.values()}) < len(found):
            raise InputError("the console's topics must be different ones")
        return found


class TopicFeed:
    """Feeds a hub from topics.

    Parameters
    ----------
    topics : Topics
        Where.
    hub : Hub
        What is fed.
    desk : LocalDesk, optional
        Keeps the alarm signals where no worker does.
    since_s : float
        How much of the past alarms, signals and dead letters are read from, s.
    told : callable, optional
        Is given records of alarms that browsers have been told of, and when they were heard, ns
        since 1970.

    Raises
    ------
    InputError
        If an address is malformed, a topic is not there, or no broker answers.
    """

    def __init__(
        self,
        topics: Topics,
        hub: Hub,
        desk: LocalDesk | None = None,
        since_s: float = 3600.0,
        told: Callable[[Sequence[Any], int], None] | None = None,
    ) -> None:
        urls = topics.given()
        self._hub, self._desk, self._told = hub, desk, told
        self._kinds = {url.topic: kind for kind, url in urls.items()}
        try:
            require_topics([str(url) for url in urls.values()])
            self._consumer: Any = KafkaConsumer(
                bootstrap_servers=list(urls["frames"].servers),
                group_id=None,
                enable_auto_commit=False,
                isolation_level="read_committed",
                allow_auto_create_topics=False,
                max_poll_records=MOST_RECORDS,
                fetch_max_wait_ms=50,
            )
            self._place(since_s)
        except (BrokerError, KafkaError) as error:
            raise InputError(f"the console cannot read its topics: {error}") from error

    def turn(self) -> None:
        """Take what has come, do what people want of the own desk, and wake browsers.

        Raises
        ------
        BrokerError
            If Kafka failed for good.
        """
        try:
            polled: Mapping[Any, Any] = self._consumer.poll(timeout_ms=int(POLL_S * 1000))
        except KafkaError as error:
            raise BrokerError(f"the console cannot read its topics: {error!r}") from error
        heard_ns = time.time_ns()
        by_kind: dict[str, list[Any]] = {}
        for partition, records in polled.items():
            by_kind.setdefault(self._kinds[partition.topic], []).extend(records)
        values = {kind: [r.value or b"" for r in records] for kind, records in by_kind.items()}
        for record in by_kind.get("frames", ()):
            place = (record.topic, record.partition, record.offset)
            self._hub.see(unpack(record.value or b"", *place).frames)
        alarms = self._hub.take(values.get("beats", ()), values.get("alarms", ()))
        self._hub.signal(_objects(values.get("signals", ())))
        for value in values.get("dead", ()):
            self._note_dead(value)
        if self._desk is not None:
            self._desk.turn(alarms)
        self._hub.turn()
        if self._told is not None:
            self._told(by_kind.get("alarms", ()), heard_ns)

    def close(self) -> None:
        """Let the connections go."""
        self._consumer.close(autocommit=False)

    def _place(self, since_s: float) -> None:
        """Begin with frames and beats now, with the others in the past."""
        live: list[TopicPartition] = []
        past: list[TopicPartition] = []
        for topic, kind in self._kinds.items():
            numbers = self._consumer.partitions_for_topic(topic) or {0}
            parts = [TopicPartition(topic, number) for number in sorted(numbers)]
            (live if kind in ("frames", "beats") else past).extend(parts)
        self._consumer.assign([*live, *past])
        self._consumer.seek_to_end(*live)
        for partition in live:
            self._consumer.position(partition)
        since_ms = int((time.time() - since_s) * 1000)
        found = self._consumer.offsets_for_times(dict.fromkeys(past, since_ms))
        for partition in past:
            at = found.get(partition)
            if at is None:
                self._consumer.seek_to_end(partition)
                self._consumer.position(partition)
            else:
                self._consumer.seek(partition, at.offset)

    def _note_dead(self, value: bytes) -> None:
        try:
            letter = decode_dead_letter(value)
        except InputError:
            return  # not one of ours; the topic has it
        self._hub.note_dead(
            {
                "reason": letter.reason,
                "detail": letter.detail,
                "topic": letter.topic,
                "partition": letter.partition,
                "offset": letter.offset,
                "payload": base64.b64encode(letter.payload).decode(),
            }
        )


def _objects(messages: list[bytes] | tuple[()]) -> list[dict[str, Any]]:
    """Read signals; what is none is left out."""
    found = []
    for message in messages:
        try:
            told = json.loads(message)
        except ValueError:
            continue
        if isinstance(told, dict) and {"stream_id", "kind"} <= told.keys():
            found.append(told)
    return found
