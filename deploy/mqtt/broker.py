"""A throw-away MQTT broker on loopback, for tests and trials."""

from __future__ import annotations

import getpass
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.mqtt.mosquitto import MOSQUITTO
from deploy.ports import free_ports
from ingest.errors import InputError

START_TIMEOUT_S = 60
"""How long the broker may take to listen, s."""


class MqttBroker:
    """Mosquitto, with its queue in a folder; it can be killed and started again.

    Parameters
    ----------
    folder : Path
        Where it keeps its settings, its log and its queue.
    lines : sequence of str
        Further lines of its settings; without any, anybody is let in.
    """

    def __init__(self, folder: Path, lines: Sequence[str] = ("allow_anonymous true",)) -> None:
        self.port = free_ports(1)[0]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        settings = [
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 1",
            "max_queued_messages 0",
            f"user {getpass.getuser()}",  # as root it would become another, that may not write
            *lines,
        ]
        (folder / "mosquitto.conf").write_text("\n".join(settings) + "\n")

    def start(self) -> None:
        """Start it; return when it listens.

        Raises
        ------
        InputError
            If it cannot be had, or stops.
        """
        command, environment = MOSQUITTO.command()
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-c", str(self._folder / "mosquitto.conf")],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
                continue
            return
        raise InputError(f"Mosquitto does not listen: {(self._folder / 'log').read_text()[-800:]}")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)

    def stop(self) -> None:
        """Ask it to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

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
