"""Workers in processes of their own that are killed, frozen, joined and started again."""

from __future__ import annotations

import logging
import os
import resource
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from deploy.ports import free_ports

logger = logging.getLogger(__name__)

START = "from deploy.cli import main; main()"
"""Runs the command line."""


class WorkerProcess:
    """``vigil monitor``, or another service, under a name, with a log that outlives it.

    Parameters
    ----------
    name : str
        Its name; also that of static membership, where it has such.
    config : Path
        Its settings.
    folder : Path
        Where its log goes.
    service : str
        The command that it runs.
    """

    def __init__(self, name: str, config: Path, folder: Path, service: str = "monitor") -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self.port = free_ports(1)[0]
        self.starts, self.frozen_until_s, self.due_s = 0, 0.0, 0.0
        self.exits: list[int] = []
        self._command = [
            sys.executable, "-c", START, "--log-level", "info", service,
            "--config", str(config), "--http-port", str(self.port),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Number of the process that lives; None where none does."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start it."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
        self.starts += 1
        self.frozen_until_s = 0.0

    def look_after(self, now_s: float) -> None:
        """Start it again where it has died, thaw it where its time is up."""
        if self._process is None or self._process.poll() is not None:
            if self._process is not None:
                self.exits.append(self._process.returncode)
                self._process = None
                self.due_s = max(self.due_s, now_s + 0.5)
            if now_s >= self.due_s:
                self.start()
        elif self.frozen_until_s and now_s >= self.frozen_until_s:
            self.thaw()

    def kill(self, back_at_s: float) -> None:
        """End it at once; :meth:`look_after` starts it again from a time on."""
        self._signal(signal.SIGKILL)
        self.due_s = back_at_s

    def freeze(self, until_s: float) -> None:
        """Stop it where it stands, until a time."""
        self._signal(signal.SIGSTOP)
        self.frozen_until_s = until_s

    def thaw(self) -> None:
        """Let it go on."""
        self.frozen_until_s = 0.0
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Ask it to end; :meth:`look_after` starts it again."""
        self.thaw()
        self._signal(signal.SIGTERM)

    def limit_files(self, n_bytes: int) -> None:
        """Let no file of it grow beyond so many bytes, as on a full disk; -1: as it was."""
        if self.pid is not None:
            hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)[1]
            soft = hard if n_bytes < 0 else n_bytes
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def stop(self, timeout_s: float = 60.0) -> int:
        """Ask it to end; return its exit code."""
        if self._process is None:
            return 0
        self.restart()
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def metrics(self) -> Mapping[str, float]:
        """Return its metrics, with their labels as they are written; none while it is away."""
        try:
            url = f"http://127.0.0.1:{self.port}/metrics"
            with urllib.request.urlopen(url, timeout=2) as answer:  # our own
                lines = answer.read().decode().splitlines()
        except (urllib.error.URLError, ConnectionError, TimeoutError, OSError):
            return {}
        told = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in told}

    def wait_ready(self, timeout_s: float = 120.0) -> None:
        """Return when it has joined its group.

        Raises
        ------
        TimeoutError
            If it does not in time, with the end of its log.
        """
        deadline = time.monotonic() + timeout_s
        while "vigil_partitions" not in self.metrics() or not self._is_ready():
            if time.monotonic() > deadline or self.pid is None:
                raise TimeoutError(f"{self.name}: {self.log.read_text()[-2000:]}")
            time.sleep(0.2)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError, OSError):
            return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
