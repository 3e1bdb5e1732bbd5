"""Whether topics are there and may be used, asked before anything is written to them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import GroupAuthorizationFailedError, KafkaError

from ingest.errors import InputError
from ingest.kafka_url import BrokerError, KafkaUrl, NotLetInError, wait_for_server

TIMEOUT_MS = 10_000
"""How long brokers may take to answer, ms."""

REFUSED = "SaslAuthenticationFailedError"
"""What kafka-python's log says of a user or password that brokers do not know."""


def require_topics(
    urls: Sequence[str],
    options: Mapping[str, Any] | None = None,
    *,
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
) -> None:
    """Refuse topics that are not there: a producer would wait for each, and name none.

    Parameters
    ----------
    urls : sequence of str
        Each ``kafka://HOST:PORT[,HOST:PORT]/TOPIC``.
    options : mapping, optional
        Settings of kafka-python's client, such as TLS and SASL.
    reads, writes : sequence of str
        Further topics, that this user must also be allowed to read, or to write.

    Raises
    ------
    InputError
        If an address is malformed, a topic is not there or may not be used so (names all of
        those), or the brokers and this client do not trust each other.
    BrokerError
        If no broker answers.
    """
    wanted: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for need, given in ((None, urls), ("READ", reads), ("WRITE", writes)):
        for url in given:
            parsed = KafkaUrl.parse(url)
            wanted.setdefault(parsed.servers, []).append((parsed.topic, need or ""))
    for servers, topics in wanted.items():
        at = ",".join(servers)
        allowed = _allowed(servers, sorted({topic for topic, _ in topics}), options or {})
        missing = ", ".join(repr(topic) for topic in _first(topics) if topic not in allowed)
        if missing:
            hint = ", or let this user see it" if options else ""
            raise InputError(f"there is no topic {missing} at {at}: make it first{hint}")
        refused = [
            f"{topic!r} ({need})" for topic, need in topics if need and need not in allowed[topic]
        ]
        if refused:
            raise InputError(f"this user is not allowed to use {', '.join(refused)} at {at}")


def require_group(
    servers: Sequence[str], group: str, options: Mapping[str, Any] | None = None
) -> None:
    """Refuse a consumer group that this user may not be a member of.

    Raises
    ------
    InputError
        Naming the group.
    BrokerError
        If no broker answers.
    """
    with _admin(servers, options or {}) as admin:
        try:
            admin.list_group_offsets(group)
        except GroupAuthorizationFailedError as error:
            raise InputError(
                f"this user is not allowed to use the group {group!r} at {','.join(servers)}"
            ) from error
        except KafkaError:  # a coordinator that is not up yet: the source waits for it
            return


def _first(topics: Sequence[tuple[str, str]]) -> list[str]:
    """Return the names, each once, in order."""
    return list(dict.fromkeys(topic for topic, _ in topics))


def _allowed(
    servers: Sequence[str], topics: Sequence[str], options: Mapping[str, Any]
) -> dict[str, set[str]]:
    """Return what may be done with each topic that is there and may be seen."""
    with _admin(servers, options) as admin:
        return {
            str(each["name"]): {str(name) for name in each["authorized_operations"]}
            for each in admin.describe_topics(list(topics))
            if each["error_code"] == 0
        }


@contextmanager
def _admin(servers: Sequence[str], options: Mapping[str, Any]) -> Iterator[Any]:
    """Give a client for questions; what brokers fail with becomes an error of ours."""
    settings = {"bootstrap_timeout_ms": TIMEOUT_MS, **options}
    at = ",".join(servers)
    wait_for_server(servers, settings["bootstrap_timeout_ms"] / 1000, options)
    with _LastWords() as words:
        try:
            admin = KafkaAdminClient(bootstrap_servers=list(servers), **settings)
        except KafkaError as error:
            raise _why(at, words.texts, options, error) from error
    try:
        yield admin
    except KafkaError as error:
        raise BrokerError(f"{at} cannot be asked: {error!r}") from error
    finally:
        admin.close()


def _why(
    at: str, texts: Sequence[str], options: Mapping[str, Any], error: KafkaError
) -> InputError | BrokerError:
    """Return what to raise where no connection was taken."""
    if any(REFUSED in text for text in texts):
        return InputError(f"user or password refused at {at}")
    last = texts[-1].rpartition("Connection lost: ")[2] if texts else repr(error)
    sasl = "SASL" in options.get("security_protocol", "")
    hint = " (are user and password right?)" if sasl and "disconnected" in last else ""
    if not options.get("security_protocol"):
        hint = " (if it wants TLS or a password, set kafka.security)"
    return NotLetInError(f"no Kafka answers at {at}: {last}{hint}")


class _LastWords(logging.Handler):
    """Keeps what kafka-python's connections logged: its errors do not tell why."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []
        self._logger = logging.getLogger("kafka.net.connection")

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.texts.append(record.getMessage())

    def __enter__(self) -> _LastWords:
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
