"""Dead letters on their topic: read, chosen, sent again to where they came from, once each.

Whether one was sent again is said on the same topic by a mark. Letters and marks go
in one transaction under one transactional id, taken over before the marks are read:
however often and by however many it is asked, each letter is sent again once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kafka.errors import KafkaError

from inference.alarm_json import canonical
from ingest.dead_letters import MARK_SCHEMA, decode_dead_letter
from ingest.errors import InputError
from ingest.kafka_sink import KafkaSink
from ingest.kafka_standing import standing
from ingest.kafka_topics import require_topics
from ingest.kafka_url import BrokerError, KafkaUrl
from ingest.source import DeadLetter

TRANSACTIONAL_ID = "vigil.dead-letters"
"""Under which letters are sent again; whoever takes it over ends the attempts of others."""
A_TRANSACTION = 100
"""Most letters that are sent again in one transaction."""

logger = logging.getLogger(__name__)


Origin = tuple[str, int, int]
"""Topic, partition and offset that a letter came from."""


@dataclass(frozen=True, slots=True)
class Found:
    """One message of the topic."""

    partition: int
    """Partition of the dead letters' topic that it stands in."""
    offset: int
    """Offset that it has there."""
    at: datetime
    """When it was written, UTC."""
    letter: DeadLetter | None
    """The letter; None where it is none."""
    problem: str = ""
    """Why it is none."""
    replayed: bool = False
    """Whether it was sent again."""

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset on the dead letters' topic."""
        return self.partition, self.offset

    @property
    def origin(self) -> Origin | None:
        """Topic, partition and offset that it came from; None where nobody knows."""
        if self.letter is None or self.letter.offset < 0 or not self.letter.topic:
            return None
        return self.letter.topic, self.letter.partition, self.letter.offset


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant; all that is given must fit."""

    place: tuple[int, int] | None = None
    """Partition and offset on the dead letters' topic."""
    reason: str | None = None
    """Their reason."""
    topic: str | None = None
    """Topic that they came from."""
    since: datetime | None = None
    """Written at or after this."""

    def takes(self, found: Found) -> bool:
        """Tell whether one is meant."""
        letter = found.letter
        return (
            (self.place is None or found.place == self.place)
            and (self.reason is None or (letter is not None and letter.reason == self.reason))
            and (self.topic is None or (letter is not None and letter.topic == self.topic))
            and (self.since is None or found.at >= self.since)
        )


def read_letters(
    url: str, choice: Choice = Choice(), options: Mapping[str, Any] | None = None
) -> list[Found]:
    """Read the letters that are meant, the oldest of each partition first.

    Raises
    ------
    InputError
        If the topic is not there, may not be read, or no broker answers.
    """
    try:
        require_topics([], options, reads=[url])
        marks: set[tuple[int, int]] = set()
        letters: list[Found] = []
        origins: dict[tuple[int, int], Origin] = {}
        for record in standing(KafkaUrl.parse(url), options or {}):
            mark = _mark(record.value or b"")
            if mark is not None:
                marks.add(mark)
                continue
            found = _found(record)
            if found.origin is not None:
                origins[found.place] = found.origin
            if choice.takes(found):
                letters.append(found)
    except (BrokerError, KafkaError) as error:
        raise InputError(f"cannot read {url}: {error}") from error
    # One message may have become several letters, where a worker died before it committed.
    sent = {origins[mark] for mark in marks if mark in origins}
    return [
        replace(found, replayed=found.place in marks or found.origin in sent) for found in letters
    ]


def replay_letters(
    url: str,
    choice: Choice = Choice(),
    to: str | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    done: Callable[[Found], None] = lambda found: None,
) -> tuple[int, list[tuple[Found, str]]]:
    """Send letters again, each under its key to where it came from, and mark them.

    Parameters
    ----------
    url : str
        Topic of the dead letters.
    choice : Choice
        Which.
    to : str, optional
        Topic to send them to instead, on the same Kafka.
    options : mapping, optional
        Settings of kafka-python's clients, such as TLS and SASL.
    done : callable
        Is told each that was sent again, once that is certain.

    Returns
    -------
    n_sent : int
        Letters that were sent again now.
    left : list of (Found, str)
        Those that were not, and why.

    Raises
    ------
    InputError
        If a topic is not there or may not be used.
    BrokerError
        If Kafka failed; what was not certain by then is not sent, and may be tried again.
    """
    here = KafkaUrl.parse(url)
    if to is not None and KafkaUrl.parse(to).servers != here.servers:
        raise InputError(f"{to} is not on the Kafka of {url}")
    sink = KafkaSink(url, transactional_id=TRANSACTIONAL_ID, options=options)
    try:
        letters = read_letters(url, choice, options)
        wanted, left = _part(letters, to)
        urls = {topic: str(KafkaUrl(here.servers, topic)) for topic, _ in wanted}
        require_topics([], options, writes=sorted(urls.values()))
        sinks = {each: sink.beside(address) for each, address in urls.items()}
        for begin in range(0, len(wanted), A_TRANSACTION):
            part = wanted[begin : begin + A_TRANSACTION]
            for topic, found in part:
                _send(sinks[topic], sink, topic, found)
            sink.flush()
            for _, found in part:
                done(found)
    finally:
        sink.close()
    return len(wanted), left


def _part(
    letters: Sequence[Found], to: str | None
) -> tuple[list[tuple[str, Found]], list[tuple[Found, str]]]:
    """Part what can be sent again, with its topic, from what cannot, with the reason."""
    target = None if to is None else KafkaUrl.parse(to).topic
    wanted: list[tuple[str, Found]] = []
    left: list[tuple[Found, str]] = []
    seen: set[Origin] = set()
    for found in letters:
        letter = found.letter
        topic = target or (letter.topic if letter is not None else "")
        if letter is None:
            left.append((found, f"no dead letter: {found.problem}"))
        elif found.replayed:
            left.append((found, "already sent again"))
        elif not topic:
            left.append((found, "it came from no topic: say where to with --to"))
        elif found.origin is not None and found.origin in seen:
            left.append((found, "the same message as one before"))
        else:
            if found.origin is not None:
                seen.add(found.origin)
            wanted.append((topic, found))
    return wanted, left


def _send(target: Any, marks: KafkaSink, topic: str, found: Found) -> None:
    """Queue one letter and its mark."""
    letter = found.letter
    if letter is None:
        raise TypeError("only letters are sent")
    target.write(letter.key.decode("utf-8", "surrogateescape"), letter.payload)
    mark = {
        "schema": MARK_SCHEMA,
        "partition": found.partition,
        "offset": found.offset,
        "to": topic,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    marks.write("mark", canonical(mark))
    logger.info("dead letter %d/%d goes to %s again", found.partition, found.offset, topic)


def _found(record: Any) -> Found:
    """Read one record."""
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    try:
        return Found(record.partition, record.offset, at, decode_dead_letter(record.value or b""))
    except InputError as error:
        return Found(record.partition, record.offset, at, None, str(error))


def _mark(value: bytes) -> tuple[int, int] | None:
    """Return the place that a mark tells of; None where it is none."""
    if MARK_SCHEMA.encode() not in value[:500]:
        return None
    try:
        told = json.loads(value)
        return (
            (int(told["partition"]), int(told["offset"]))
            if told.get("schema") == MARK_SCHEMA
            else None
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
