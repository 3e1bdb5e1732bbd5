"""A gateway in a process of its own, that is killed and started again."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from deploy.ports import free_ports

START = "from deploy.cli import main; main()"
"""Runs the command line."""
TAKING = "taking frames"
"""What its log says when it listens."""


class GatewayProcess:
    """``vigil gateway`` with fixed ports and a store that outlives it.

    Parameters
    ----------
    folder : Path
        Where its store and its log are.
    words : sequence of str
        Further words of its command line.

    Attributes
    ----------
    limits : sequence of (int, int)
        Limits of the process (``resource.RLIMIT_FSIZE`` ...) from its next start on.
    """

    def __init__(self, folder: Path, words: Sequence[str]) -> None:
        self.tcp_port, self.http_port = free_ports(2)
        self.log = folder / "gateway.log"
        self.store = folder / "store"
        self.starts = 0
        self.limits: Sequence[tuple[int, int]] = ()
        self._command = [
            sys.executable, "-c", START, "--log-level", "info", "gateway",
            "--tcp", f"127.0.0.1:{self.tcp_port}", "--http-port", str(self.http_port),
            "--store", str(self.store), *words,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """True while the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; it listens some time later."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        for what, most in self.limits:
            resource.prlimit(self._process.pid, what, (most, most))
        self.starts += 1

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end (SIGTERM); return its exit code."""
        return self._end(signal.SIGTERM)

    def metrics(self) -> dict[str, float]:
        """Return its metrics, with their labels as they are written; none while it is away."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.http_port}/metrics", timeout=5
            ) as answer:
                lines = answer.read().decode().splitlines()
        except (OSError, urllib.error.URLError):
            return {}
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(how)
        try:
            return self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(20)
