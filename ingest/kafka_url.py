"""Addresses of topics, ``kafka://HOST:PORT[,HOST:PORT]/TOPIC``, and what a broker fails with."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.errors import InputError
from ingest.kafka_security import shake_hands

_URL = re.compile(r"kafka://(?P<servers>[^/\s]+)/(?P<topic>[A-Za-z0-9._-]{1,249})")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")


class BrokerError(RuntimeError):
    """Kafka did not take, give or commit what was asked: stop, or try again; drop nothing."""


class CommitRefusedError(BrokerError):
    """The group was rebalanced before the commit: who has the partition now hears it again."""


class NotLetInError(BrokerError):
    """Brokers are there, and do not let this client in: waiting will not mend it."""


@dataclass(frozen=True, slots=True)
class KafkaUrl:
    """Where a topic is."""

    servers: tuple[str, ...]
    """Brokers to ask first, each ``HOST:PORT``."""
    topic: str
    """Name of the topic."""

    @classmethod
    def parse(cls, url: str) -> KafkaUrl:
        """Read an address.

        Raises
        ------
        InputError
            If it is not of the form ``kafka://HOST:PORT[,HOST:PORT]/TOPIC``.

        Examples
        --------
        >>> KafkaUrl.parse("kafka://b1:9092,b2:9092/ecg.frames")
        KafkaUrl(servers=('b1:9092', 'b2:9092'), topic='ecg.frames')
        """
        match = _URL.fullmatch(url)
        servers = match["servers"].split(",") if match else []
        if match is None or not all(_SERVER.fullmatch(server) for server in servers):
            raise InputError(f"{url!r} is not kafka://HOST:PORT[,HOST:PORT]/TOPIC")
        return cls(tuple(servers), match["topic"])

    def __str__(self) -> str:
        """Return the address as it is written."""
        return f"kafka://{','.join(self.servers)}/{self.topic}"


def wait_for_server(
    servers: Sequence[str], timeout_s: float, options: Mapping[str, Any] | None = None
) -> None:
    """Return when one of the brokers takes a connection.

    Asked before kafka-python's clients are made, which leave sockets open where
    nobody answers, and do not say why TLS was refused.

    Parameters
    ----------
    servers : sequence of str
        Each ``HOST:PORT``.
    timeout_s : float
        Longest wait, s.
    options : mapping, optional
        Those of kafka-python's client, of which those for TLS are used.

    Raises
    ------
    BrokerError
        If none does in time.
    InputError
        If those that do are not trusted.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        refused: InputError | None = None
        for server in servers:
            host, _, port = server.rpartition(":")
            try:
                shake_hands((host.strip("[]"), int(port)), options or {}, timeout_s=2)
            except InputError as error:
                refused = error
            except OSError:
                continue
            else:
                return
        if refused is not None:
            raise refused
        if time.monotonic() >= deadline:
            raise BrokerError(f"no Kafka answers at {', '.join(servers)}")
        time.sleep(0.1)
