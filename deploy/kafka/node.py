"""One node of Kafka: its folder, its settings, its process."""

from __future__ import annotations

import resource
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.kafka.secure import ClusterSecurity
from ingest.errors import InputError

JAVA_OPTIONS = (
    "-Xmx384m",
    "-Xms96m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
)
"""Small and quick to start: for tests and trying out, not for service."""

START_TIMEOUT_S = 300
"""How long a node's storage may take to be formatted, s: seconds, but machines are busy."""

STOP_TIMEOUT_S = 20
"""How long a node may take to stop by itself, s."""

_LOG4J = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where one node listens, on loopback."""

    client: int
    """Port for clients and the other brokers."""
    controller: int
    """Port for the controllers' quorum."""
    behind: int | None = None
    """Port of a second listener for clients that come through a proxy; None: there is none."""
    proxy: int | None = None
    """Port of that proxy, which the listener tells its clients to come to."""


def settings(
    node_id: int,
    ports: dict[int, Ports],
    folder: Path,
    security: ClusterSecurity | None = None,
) -> str:
    """Return ``server.properties`` of one node that is broker and controller.

    Parameters
    ----------
    node_id : int
        Number of the node, from 1.
    ports : dict of int to Ports
        Ports of all nodes, by number.
    folder : Path
        Where the node keeps its log.
    security : ClusterSecurity, optional
        Who is let in; by default everybody, without encryption.
    """
    replicas = min(3, len(ports))
    here = ports[node_id]
    voters = ",".join(f"{i}@127.0.0.1:{p.controller}" for i, p in ports.items())
    client = "PLAINTEXT" if security is None else "SASL_SSL"
    values: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node_id,
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": f"{client}://127.0.0.1:{here.client},CONTROLLER://127.0.0.1:{here.controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{here.client}",
        "log.dirs": folder / "log",
        "default.replication.factor": replicas,
        "min.insync.replicas": max(1, replicas - 1),
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 3,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": max(1, replicas - 1),
        "transaction.state.log.num.partitions": 3,
        # How soon the open transaction of a worker that died is noticed to be too old.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": 1,
        # A topic must be made with the partitions it needs, never by a misspelt name.
        "auto.create.topics.enable": "false",
        # Tests should not wait: groups form at once, and dead members are noticed soon.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "log.cleaner.dedupe.buffer.size": 4 << 20,
        "num.network.threads": 2,
        "num.io.threads": 2,
    }
    if here.behind is not None:
        values |= {
            "listeners": f"{values['listeners']},PROXIED://127.0.0.1:{here.behind}",
            "advertised.listeners": (
                f"{values['advertised.listeners']},PROXIED://127.0.0.1:{here.proxy}"
            ),
            "listener.security.protocol.map": ",".join(
                f"{name}:PLAINTEXT" for name in ("CONTROLLER", "PLAINTEXT", "PROXIED")
            ),
            "inter.broker.listener.name": "PLAINTEXT",
        }
    if security is not None:
        values |= security.properties("127.0.0.1", here.client)
    return "".join(f"{key}={value}\n" for key, value in values.items())


class Node:
    """One Java process with its folder.

    Parameters
    ----------
    folder : Path
        A fresh folder of this node.
    jars : Path
        Folder of Kafka's jars.
    properties : str
        Its ``server.properties``.
    """

    def __init__(self, folder: Path, jars: Path, properties: str) -> None:
        self._folder = folder
        self._jars = jars
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        (folder / "server.properties").write_text(properties)
        (folder / "log4j2.properties").write_text(_LOG4J)

    @property
    def running(self) -> bool:
        """True while the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """The last that the node wrote, for messages."""
        path = self._folder / "server.out"
        return path.read_text(errors="replace")[-2000:] if path.is_file() else ""

    def format(self, cluster_id: str, arguments: Sequence[str] = ()) -> None:
        """Write the node's storage for the first time, with more arguments if there are any.

        Raises
        ------
        InputError
            If Kafka refuses.
        """
        config = str(self._folder / "server.properties")
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", config]
        tool += arguments
        done = subprocess.run(
            self._java(*tool), capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False
        )
        if done.returncode != 0:
            raise InputError(f"Kafka's storage cannot be formatted: {done.stdout}{done.stderr}")

    def start(self) -> None:
        """Start the process; it is ready some seconds later."""
        command = self._java("kafka.Kafka", str(self._folder / "server.properties"))
        with (self._folder / "server.out").open("ab") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def stop(self) -> None:
        """Ask the process to stop, and end it if it does not."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the process where it is (SIGSTOP): its connections stay open, and nobody answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on, with whatever had been sent to it meanwhile."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def limit_files(self, n_bytes: int) -> None:
        """Let no file of the process grow beyond so many bytes, as on a full disk."""
        if self._process is not None and self.running:
            hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (n_bytes, hard))

    def _end(self, how: signal.Signals) -> None:
        """Signal the process and wait for its end."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _java(self, *arguments: str) -> list[str]:
        """Return the command line of one of Kafka's main classes."""
        logging = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"
        return ["java", *JAVA_OPTIONS, logging, "-cp", f"{self._jars}/*", *arguments]
