"""Worker processes for tests, and what their HTTP side says."""

from __future__ import annotations

import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.ports import free_ports
from tests.records import ROOT, command, one_core

ROOM = 4
"""Ports in a row kept for one monitor: its own, and those of its workers after it."""


class MonitorProcess:
    """``vigil monitor`` in a process of its own; stopped when the block ends."""

    def __init__(self, log: Path, *argv: object, level: str = "info", style: str = "plain") -> None:
        self.port = free_ports(ROOM)[0]
        self.log = log
        logs = ["--log-level", level, "--log-format", style]
        self._argv = command(*logs, "monitor", "--http-port", self.port, *argv)

    def __enter__(self) -> Self:
        with self.log.open("wb") as file:
            self.process = subprocess.Popen(
                self._argv, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT, env=one_core()
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body; (0, "") while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return 0, ""

    def metric(self, name: str) -> float | None:
        """Return the value of a metric, with its labels as they are written."""
        for line in self.get("/metrics")[1].splitlines():
            if line.rpartition(" ")[0] == name:
                return float(line.rpartition(" ")[2])
        return None

    def until(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Wait until a condition holds while the process lives; else fail with its log."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            alive = self.process.poll() is None
            assert alive, f"stopped with {self.process.returncode}: {self.log.read_text()}"
            assert time.monotonic() < deadline, f"not in time: {self.log.read_text()}"
            time.sleep(0.1)

    def terminate(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)
