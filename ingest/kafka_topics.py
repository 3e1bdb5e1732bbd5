"""Whether topics are there, asked before anything is written to them."""

from __future__ import annotations

from collections.abc import Sequence

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from ingest.errors import InputError
from ingest.kafka_url import BrokerError, KafkaUrl, wait_for_server

TIMEOUT_MS = 10_000
"""How long brokers may take to answer, ms."""


def require_topics(urls: Sequence[str]) -> None:
    """Refuse topics that are not there: a producer would wait for each, and name none.

    Parameters
    ----------
    urls : sequence of str
        Each ``kafka://HOST:PORT[,HOST:PORT]/TOPIC``.

    Raises
    ------
    InputError
        If an address is malformed or a topic is not there; names all that are not.
    BrokerError
        If no broker answers.
    """
    wanted: dict[tuple[str, ...], list[str]] = {}
    for url in urls:
        parsed = KafkaUrl.parse(url)
        wanted.setdefault(parsed.servers, []).append(parsed.topic)
    for servers, topics in wanted.items():
        there = _topics(servers)
        missing = ", ".join(repr(topic) for topic in topics if topic not in there)
        if missing:
            raise InputError(f"there is no topic {missing} at {','.join(servers)}: make it first")


def _topics(servers: Sequence[str]) -> set[str]:
    """Return the names of all topics that may be seen."""
    wait_for_server(servers, TIMEOUT_MS / 1000)
    try:
        admin = KafkaAdminClient(bootstrap_servers=list(servers), bootstrap_timeout_ms=TIMEOUT_MS)
    except KafkaError as error:
        raise BrokerError(f"no Kafka answers at {','.join(servers)}: {error!r}") from error
    try:
        return set(admin.list_topics())
    except KafkaError as error:
        raise BrokerError(f"cannot list the topics at {','.join(servers)}: {error!r}") from error
    finally:
        admin.close()
