"""Addresses of topics, ``kafka://HOST:PORT[,HOST:PORT]/TOPIC``, and what a broker fails with."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.errors import InputError

_URL = re.compile(r"kafka://(?P<servers>[^/\s]+)/(?P<topic>[A-Za-z0-9._-]{1,249})")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")


class BrokerError(RuntimeError):
    """Kafka did not take, give or commit what was asked: stop, or try again; drop nothing."""


class CommitRefusedError(BrokerError):
    """The group was rebalanced before the commit: who has the partition now hears it again."""


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


def wait_for_server(servers: Sequence[str], timeout_s: float) -> None:
    """Return when one of the brokers takes a connection.

    Asked before kafka-python's clients are made, which leave sockets open where
    nobody answers.

    Raises
    ------
    BrokerError
        If none does in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        for server in servers:
            host, _, port = server.rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
            except OSError:
                continue
            return
        if time.monotonic() >= deadline:
            raise BrokerError(f"no Kafka answers at {', '.join(servers)}")
        time.sleep(0.1)
