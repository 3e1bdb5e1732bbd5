"""Lines of JSON as they come: from a file that grows, or from a topic, always from its start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from ingest.errors import InputError
from ingest.kafka_topics import require_topics
from ingest.kafka_url import BrokerError, KafkaUrl

LINES_A_POLL = 10_000
"""Most lines that one poll gives: the rest comes with the next."""


MOST_LINE_BYTES = 1 << 20
"""No line is as long as this."""


class Lines(Protocol):
    """Where lines come from. Nothing is committed: who starts again hears all from the start."""

    def poll(self) -> list[bytes]:
        """Return what has come since; nothing where there is nothing new."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class FileLines:
    """Lines of a file, also those that are added later; half a line waits for its end.

    Parameters
    ----------
    path : Path
        The file; it must be there.
    whole : bool
        Nothing will be added: a last line without an end is a line.

    Raises
    ------
    InputError
        If it cannot be opened.
    """

    def __init__(self, path: Path, *, whole: bool = False) -> None:
        self._whole, self._path = whole, path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error

    def poll(self) -> list[bytes]:
        """Return whole lines that have not been given yet, empty ones left out.

        Raises
        ------
        InputError
            If a line is too long to be one of ours.
        """
        found: list[bytes] = []
        while len(found) < LINES_A_POLL:
            begin = self._file.tell()
            line = self._file.readline(MOST_LINE_BYTES)
            if len(line) == MOST_LINE_BYTES:
                raise InputError(f"{self._path}: a line of {MOST_LINE_BYTES} bytes or more")
            if not line or not (self._whole or line.endswith(b"\n")):
                self._file.seek(begin)
                break
            if line.strip():
                found.append(line)
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TopicLines:
    """Messages of a Kafka topic, committed ones only.

    Parameters
    ----------
    url : str
        ``kafka://HOST:PORT/TOPIC``.
    options : mapping, optional
        Settings of kafka-python's consumer, such as TLS and SASL.

    Raises
    ------
    InputError
        If there is no such topic, or no broker answers.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        from kafka import KafkaConsumer, TopicPartition  # here: files need no Kafka

        address = KafkaUrl.parse(url)
        try:
            require_topics([], options, reads=[url])
        except BrokerError as error:
            raise InputError(str(error)) from error
        self._consumer = KafkaConsumer(
            bootstrap_servers=list(address.servers),
            group_id=None,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            **(options or {}),
        )
        parts = self._consumer.partitions_for_topic(address.topic) or set()
        self._consumer.assign([TopicPartition(address.topic, part) for part in sorted(parts)])

    def poll(self) -> list[bytes]:
        """Return messages that have come, waiting a little for them."""
        got = self._consumer.poll(timeout_ms=200, max_records=LINES_A_POLL)
        return [record.value or b"" for records in got.values() for record in records]

    def ends(self) -> dict[Any, int]:
        """Return where each partition ends now."""
        found: dict[Any, int] = self._consumer.end_offsets(self._consumer.assignment())
        return found

    def is_behind(self, ends: Mapping[Any, int]) -> bool:
        """Tell whether a partition has not been read to a place yet."""
        return any(self._consumer.position(part) < end for part, end in ends.items())

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close(autocommit=False)


def open_lines(where: str, *, whole: bool = False) -> Lines:
    """Open a file, or a topic by its ``kafka://`` address; ``whole`` as :class:`FileLines`.

    TLS and passwords for Kafka are as the environment says, VIGIL_KAFKA__SECURITY__USER and so on.

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    if where.startswith("kafka://"):
        from deploy.settings import load_settings  # here: files need no settings

        return TopicLines(where, load_settings().kafka.security.options())
    return FileLines(Path(where), whole=whole)


def past_lines(where: str) -> Iterator[bytes]:
    """Yield all that a file or a topic holds now.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    lines = open_lines(where, whole=True)
    try:
        ends = lines.ends() if isinstance(lines, TopicLines) else {}
        while found := lines.poll():
            yield from found
        while isinstance(lines, TopicLines) and lines.is_behind(ends):
            yield from lines.poll()
    finally:
        lines.close()
