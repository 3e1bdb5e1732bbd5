"""Messages to Kafka: batched, compressed, idempotent; if asked, in transactions with offsets.

A transaction that was given up takes its producer with it. kafka-python 3.0.12 keeps offsets that
were refused and commits them with the next transaction, those of partitions of others included,
beside which stands that states are written which were not. And it sends a request again when its
connection is lost, without a new epoch: the first may still arrive, and end the transaction after.
So after either the next one begins with another producer, which has the transactional id from the
old one: whatever of that is still under way is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from kafka.metrics import MetricName
from kafka.metrics.stats import Total

from ingest.errors import InputError
from ingest.kafka_url import BrokerError, CommitRefusedError, KafkaUrl, wait_for_server

REBALANCED = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
"""What kafka-python says when the group moved on before a commit."""

PRODUCER_DEFAULTS: Mapping[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "compression_type": "lz4",
    "allow_auto_create_topics": False,
    "bootstrap_timeout_ms": 10_000,
    # Many records in one batch: 2.4 times the records a second of the defaults.
    "linger_ms": 10,
    "batch_size": 256 << 10,
    "max_block_ms": 15_000,
    "request_timeout_ms": 15_000,
    "delivery_timeout_ms": 60_000,
}
"""Settings of kafka-python's producer that differ from its own."""


TRANSACTION_TIMEOUT_MS = 15_000
"""When brokers give up the open transaction of a worker that died, ms: until then whoever takes
its partitions over waits, and so do readers with ``read_committed``."""

LOST = MetricName("connections-lost", "vigil")
"""Name of the count of connections that a producer lost."""


class Offsets(Protocol):
    """What a transaction needs of a source; :class:`ingest.kafka.KafkaSource` is one."""

    @property
    def group_metadata(self) -> Any:
        """The place in the consumer group."""
        ...

    def offsets_to_commit(self) -> dict[Any, Any]:
        """Return the offsets behind what was handed out."""
        ...


class KafkaSink:
    """Sink over one topic; messages of one key stay in one partition, in order.

    Parameters
    ----------
    url : str
        ``kafka://HOST:PORT[,HOST:PORT]/TOPIC``.
    transactional_id : str, optional
        Makes every flush one transaction, which readers with ``read_committed``
        see whole or not at all; unique to this worker. :meth:`flush_with` then
        commits a source's offsets in it.
    options : mapping, optional
        Settings of kafka-python's producer, such as TLS and SASL, on top of
        :data:`PRODUCER_DEFAULTS`.

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
        *,
        transactional_id: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._url = KafkaUrl.parse(url)
        self._transactional = transactional_id is not None
        self._open = False  # a transaction has begun
        self._pending: list[Any] = []
        self._settings = {**PRODUCER_DEFAULTS, **(options or {})}
        if transactional_id is not None:
            self._settings["transactional_id"] = transactional_id
            self._settings.setdefault("transaction_timeout_ms", TRANSACTION_TIMEOUT_MS)
        self._connect()

    def write(self, key: str, value: bytes) -> None:
        """Queue one message under ``key``; messages of one key stay in order.

        Raises
        ------
        InputError
            If the message is larger than the producer may send.
        BrokerError
            If there is no room for it, or an earlier one failed for good.
        """
        self.write_to(self._url.topic, key, value)

    def write_to(
        self,
        topic: str,
        key: str,
        value: bytes | None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Queue one message to any topic: in the same transaction, where there is one.

        Parameters
        ----------
        topic : str
            Name of the topic.
        key : str
            Key.
        value : bytes or None
            The message; None lets the key go from a compacted topic.
        partition : int, optional
            Partition; by default the key decides.
        headers : sequence of tuple of str and bytes
            Headers of the record.

        Raises
        ------
        InputError
            If the message is larger than the producer may send.
        BrokerError
            If there is no room for it, or an earlier one failed for good.
        """
        try:
            if self._transactional:
                self._begin()
            sent = self._producer.send(
                topic, value, key.encode(), headers=list(headers), partition=partition
            )
            self._pending.append(sent)
        except KafkaError as error:
            if "larger than" in str(error):
                raise InputError(f"message of {len(value or b'')} bytes: {error}") from error
            raise BrokerError(f"cannot write to {self._url}: {error!r}") from error

    def beside(self, url: str) -> BesideSink:
        """Return a sink over another topic, whose messages go in this one's transactions.

        Raises
        ------
        InputError
            If the address is malformed or on another Kafka.
        """
        address = KafkaUrl.parse(url)
        if address.servers != self._url.servers:
            raise InputError(f"{url} is not on the Kafka of {self._url}")
        return BesideSink(self, address.topic)

    def flush(self) -> None:
        """Return when all that was queued is durable.

        Raises
        ------
        BrokerError
            If any of it failed; nothing may then be committed.
        """
        self._settle(None)

    def flush_with(self, source: Offsets) -> None:
        """Flush and commit a source's offsets in one transaction.

        Raises
        ------
        InputError
            If the sink has no transactional id.
        CommitRefusedError
            If the group was rebalanced; neither messages nor offsets count. Poll,
            and what is still assigned can be written and committed again.
        BrokerError
            If it failed; neither messages nor offsets then count. The worker must
            start again from the last commit.
        """
        if not self._transactional:
            raise InputError("flush_with needs a sink with a transactional_id")
        self._settle(source)

    def close(self) -> None:
        """Flush and release."""
        try:
            self.flush()
        finally:
            self._producer.close(timeout=5)

    def _connect(self) -> None:
        """Make the producer, check that the topic is there, and take over the transactional id."""
        wait_s = self._settings["bootstrap_timeout_ms"] / 1000
        wait_for_server(self._url.servers, wait_s, self._settings)
        servers = list(self._url.servers)
        try:
            self._producer = KafkaProducer(bootstrap_servers=servers, **self._settings)
        except KafkaError as error:
            raise BrokerError(f"no Kafka answers at {self._url}: {error!r}") from error
        try:
            self._producer.partitions_for(self._url.topic)
            if self._transactional:
                self._producer.init_transactions()
        except KafkaError as error:
            self._producer.close(timeout=0)
            raise InputError(f"cannot write to {self._url}: {error!r}") from error
        self._lost = Total()
        self._producer._metrics.sensor("connections-closed").add(LOST, self._lost)
        self._is_spent = False

    def _begin(self) -> None:
        """Have a transaction open, of a producer of which nothing older can be under way."""
        if self._open:
            return
        if self._is_spent or self._lost.measure(None, 0) > 0:
            self._producer.close(timeout=0)
            try:
                self._connect()
            except InputError as error:  # it was there before
                raise BrokerError(str(error)) from error
        self._producer.begin_transaction()
        self._open = True

    def _settle(self, source: Offsets | None) -> None:
        """Wait for everything queued, then commit the transaction if there is one."""
        pending, self._pending = self._pending, []
        try:
            if source is not None:
                self._begin()
            self._producer.flush()
            for sent in pending:
                sent.get(timeout=1)
            if self._open:
                self._commit(source)
        except REBALANCED as error:
            self._abort()
            raise CommitRefusedError(f"commit to {self._url} refused: {error!r}") from error
        except KafkaError as error:
            self._abort()
            raise BrokerError(f"messages to {self._url} failed: {error!r}") from error

    def _commit(self, source: Offsets | None) -> None:
        """Commit the open transaction, with a source's offsets if one is given."""
        offsets = source.offsets_to_commit() if source is not None else {}
        if source is not None and offsets:
            self._producer.send_offsets_to_transaction(offsets, source.group_metadata)
        self._producer.commit_transaction()
        self._open = False

    def _abort(self) -> None:
        """Give up the open transaction; where even that fails, its time-out does it."""
        if not self._open:
            return
        self._open, self._is_spent = False, True
        try:
            self._producer.abort_transaction()
        except KafkaError:
            return


class BesideSink:
    """Sink over a further topic of a :class:`KafkaSink`; durable when that one is.

    Parameters
    ----------
    sink : KafkaSink
        Whose producer writes, and whose transactions the messages are in.
    topic : str
        Name of the topic.
    """

    def __init__(self, sink: KafkaSink, topic: str) -> None:
        self._sink, self._topic = sink, topic

    def write(self, key: str, value: bytes) -> None:
        """Queue one message under ``key``."""
        self._sink.write_to(self._topic, key, value)

    def flush(self) -> None:
        """Do nothing: the other sink's flush takes these messages along."""

    def close(self) -> None:
        """Do nothing: the other sink is closed."""
