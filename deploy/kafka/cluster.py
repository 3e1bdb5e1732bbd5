"""A throw-away Kafka of one or more nodes on loopback."""

from __future__ import annotations

import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.kafka.jars import jar_folder
from deploy.kafka.node import Node, Ports, settings
from deploy.kafka.secure import ClusterSecurity
from deploy.ports import free_ports
from ingest.errors import InputError
from ingest.kafka_url import BrokerError, wait_for_server

START_TIMEOUT_S = 300
"""How long the nodes may take to form a cluster, s."""


class KafkaCluster:
    """Starts nodes with fresh logs, on free ports unless told otherwise, and stops them.

    Parameters
    ----------
    folder : Path
        An empty folder for their logs.
    n_nodes : int
        Number of nodes; three where one must be able to fail.
    first_port : int, optional
        Port that clients find the first node at, the others behind it.
    security : ClusterSecurity, optional
        Who is let in; by default everybody on this machine, without encryption.
    proxied : bool
        Give every node a second listener for a proxy: :attr:`proxies`.

    Raises
    ------
    InputError
        If Java or Maven is missing, or Kafka does not start.
    """

    def __init__(
        self,
        folder: Path,
        n_nodes: int = 1,
        first_port: int | None = None,
        security: ClusterSecurity | None = None,
        proxied: bool = False,
    ) -> None:
        jars = jar_folder()
        ports = free_ports(4 * n_nodes if proxied else 2 * n_nodes)
        if first_port is not None:
            ports[: 2 * n_nodes : 2] = range(first_port, first_port + n_nodes)
        self._ports = {i + 1: Ports(ports[2 * i], ports[2 * i + 1]) for i in range(n_nodes)}
        if proxied:
            for i, of_node in self._ports.items():
                behind, proxy = ports[2 * (n_nodes + i - 1) :][:2]
                self._ports[i] = replace(of_node, behind=behind, proxy=proxy)
        self._security = security
        self._options = {} if security is None else dict(security.options)
        self._nodes = {
            i: Node(
                folder / f"node-{i}", jars, settings(i, self._ports, folder / f"node-{i}", security)
            )
            for i in self._ports
        }

    @property
    def bootstrap(self) -> str:
        """Addresses of the nodes, ``HOST:PORT[,HOST:PORT]``."""
        return ",".join(f"127.0.0.1:{ports.client}" for ports in self._ports.values())

    @property
    def proxies(self) -> Mapping[int, tuple[int, int]]:
        """By node the port that its proxy must listen on, and the port it must lead to."""
        return {
            i: (ports.proxy, ports.behind)
            for i, ports in self._ports.items()
            if ports.proxy is not None and ports.behind is not None
        }

    @property
    def nodes(self) -> Mapping[int, Node]:
        """The nodes by number, from 1."""
        return self._nodes

    def url(self, topic: str) -> str:
        """Return the address of a topic, ``kafka://HOST:PORT/TOPIC``."""
        return f"kafka://{self.bootstrap}/{topic}"

    def start(self) -> None:
        """Format and start all nodes; return when clients can use them.

        Raises
        ------
        InputError
            If a node stops, or they are not ready in time.
        """
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        try:
            for node in self._nodes.values():
                node.format(
                    cluster_id, [] if self._security is None else self._security.format_arguments()
                )
            for node in self._nodes.values():
                node.start()
            self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all nodes."""
        for node in self._nodes.values():
            node.stop()

    def create_topic(
        self, name: str, n_partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Make a topic and wait until every node knows it.

        Parameters
        ----------
        name : str
            Its name.
        n_partitions : int
            Number of partitions.
        config : mapping of str to str, optional
            Settings of the topic, such as ``{"cleanup.policy": "compact"}``.
        """
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap.split(","), **self._options)
        try:
            admin.create_topics(
                {name: {"num_partitions": n_partitions, "configs": dict(config or {})}}
            )
            admin.wait_for_topics([name])
        finally:
            admin.close()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def _wait(self) -> None:
        """Wait until every node knows all the others."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            for node in self._nodes.values():
                if not node.running:
                    raise InputError(f"Kafka stopped while starting: {node.output}")
            known = [self._known_brokers(server) for server in self.bootstrap.split(",")]
            if min(known) == len(self._nodes):
                return
            time.sleep(0.2)
        raise InputError(f"Kafka was not ready within {START_TIMEOUT_S} s")

    def _known_brokers(self, server: str) -> int:
        """Return how many brokers one node knows of; 0 while it cannot be asked."""
        try:
            wait_for_server([server], timeout_s=0)
            admin = KafkaAdminClient(
                bootstrap_servers=[server], bootstrap_timeout_ms=5000, **self._options
            )
        except (BrokerError, KafkaError):
            return 0
        try:
            return len(admin.describe_cluster()["brokers"])
        except KafkaError:
            return 0
        finally:
            admin.close()
