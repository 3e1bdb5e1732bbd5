"""One process a core: starts workers, starts them again when they die, stops them together.

Workers share nothing: the consumer group spreads the partitions over them. One that is
given a name (static membership) takes its partitions up again when it comes back. A
supervisor that dies takes its workers along (:mod:`deploy.lifeline`): whoever starts it
again would otherwise have them twice.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from deploy.http import HttpServer
from deploy.lifeline import Lifeline
from deploy.security.http import HttpSecurity
from ingest.errors import InputError

logger = logging.getLogger(__name__)

BAD_INPUT = 2
"""Exit code of a worker that cannot use what it was given: another start would not help."""
LOOK_S = 0.2
"""Time between two looks at the workers, s."""
DRAIN_S = 30.0
"""How long workers may take to settle their last turn before they are killed, s."""
SCRAPE_S = 2.0
"""Longest wait for a worker's metrics, s."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a worker is started again."""

    first_s: float = 1.0
    """After its first death, s; doubled with each that follows."""
    longest_s: float = 60.0
    """At most, s."""
    steady_s: float = 120.0
    """One that lived this long is counted from the beginning again, s."""

    def wait_s(self, n_deaths: int) -> float:
        """Return the wait after so many deaths in a row, s.

        Examples
        --------
        >>> [Backoff().wait_s(n) for n in (1, 2, 3, 99)]
        [1.0, 2.0, 4.0, 60.0]
        """
        return float(min(self.longest_s, self.first_s * 2 ** min(n_deaths - 1, 30)))


@dataclass(slots=True)
class _Worker:
    number: int
    argv: Sequence[str]
    port: int
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    due_s: float = 0.0
    n_deaths: int = 0


class Supervisor:
    """Keeps workers alive until it is told to stop.

    Parameters
    ----------
    commands : sequence of (argv, port)
        Command line of each worker, and the port of its HTTP side.
    backoff : Backoff
        How long to wait before a worker is started again.
    host : str
        Address that the workers' HTTP sides and this one's listen on.
    port : int
        Port of the merged ``/metrics``, of ``/healthz`` and ``/readyz``; 0 takes a free one.
    clock : callable
        Monotonic time, s.
    security : HttpSecurity
        TLS and tokens of the workers' HTTP sides and of this one's.

    Raises
    ------
    InputError
        If the port cannot be listened on, or a certificate or token cannot be used.
    """

    def __init__(
        self,
        commands: Sequence[tuple[Sequence[str], int]],
        *,
        backoff: Backoff = Backoff(),
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
        security: HttpSecurity = HttpSecurity(),
    ) -> None:
        self._security = security
        self._workers = [_Worker(i, argv, of) for i, (argv, of) in enumerate(commands)]
        self._backoff, self._host, self._clock = backoff, host, clock
        self._stop = threading.Event()
        self._lifeline = Lifeline()
        registry = CollectorRegistry()
        self._alive = Gauge("vigil_workers", "Worker processes that are alive.", registry=registry)
        self._restarts = Counter(
            "vigil_worker_restarts", "Workers that died and were started again.", registry=registry
        )
        registry.register(_Merged(self._texts))
        self._http = HttpServer(registry, host, port, ready=self._why_not_ready, security=security)

    @property
    def http_port(self) -> int:
        """Port of the merged metrics."""
        return self._http.port

    def stop(self) -> None:
        """Let :meth:`run` end when all workers have; may be called by a signal's handler."""
        self._stop.set()

    def run(self) -> int:
        """Keep the workers alive; return the exit code.

        Returns
        -------
        int
            0 where it was stopped and every worker settled; a worker's 2 where that says that it
            cannot use its settings; 1 where one had to be killed, or died while it drained.
        """
        logger.info("%d workers, metrics on port %d", len(self._workers), self.http_port)
        code = 0
        with self._http:
            while not (code or self._stop.is_set()):
                for worker in self._workers:
                    code = code or self._look_after(worker)
                self._alive.set(sum(self._is_alive(worker) for worker in self._workers))
                self._stop.wait(LOOK_S)
            drained = self._drain()
        self._lifeline.close()
        return code or drained

    def _look_after(self, worker: _Worker) -> int:
        """Start a worker that is due; note one that has died. Nonzero gives up."""
        now_s = self._clock()
        if worker.process is None:
            if now_s >= worker.due_s:
                worker.process = subprocess.Popen(
                    list(worker.argv),
                    pass_fds=[self._lifeline.child_end],
                    env=self._lifeline.environment(),
                )
                worker.started_s = now_s
                logger.info("worker %d: process %d", worker.number, worker.process.pid)
            return 0
        status = worker.process.poll()
        if status is None:
            return 0
        worker.process = None
        if status == BAD_INPUT and worker.n_deaths == 0:
            logger.error("worker %d cannot use its settings", worker.number)
            return BAD_INPUT
        steady = now_s - worker.started_s >= self._backoff.steady_s
        worker.n_deaths = 1 if steady else worker.n_deaths + 1
        wait_s = self._backoff.wait_s(worker.n_deaths)
        worker.due_s = now_s + wait_s
        self._restarts.inc()
        logger.warning(
            "worker %d ended with %d; started again in %.1f s", worker.number, status, wait_s
        )
        return 0

    def _drain(self) -> int:
        """Ask all workers to end, and wait for it; kill those that do not."""
        living = [w.process for w in self._workers if w.process is not None]
        for process in living:
            process.terminate()
        give_up_s, clean = self._clock() + DRAIN_S, True
        for process in living:
            try:
                clean &= process.wait(max(0.0, give_up_s - self._clock())) == 0
            except subprocess.TimeoutExpired:
                logger.error("process %d did not end in %.0f s: killed", process.pid, DRAIN_S)
                process.kill()
                process.wait()
                clean = False
        logger.info("all workers ended")
        return 0 if clean else 1

    def _is_alive(self, worker: _Worker) -> bool:
        return worker.process is not None and worker.process.poll() is None

    def _why_not_ready(self) -> Sequence[str]:
        """Return the reasons of those workers that are not."""
        return [
            f"worker {worker.number} does not answer or is not ready"
            for worker in self._workers
            if self._get(worker, "/readyz") is None
        ]

    def _texts(self) -> Iterable[tuple[str, str]]:
        """Yield the number and the metrics of every worker that answers."""
        for worker in self._workers:
            text = self._get(worker, "/metrics")
            if text is not None:
                yield str(worker.number), text

    def _get(self, worker: _Worker, path: str) -> str | None:
        """Return what a worker answers; None where it does not, or says no."""
        try:
            scheme, headers, context = self._security.own_client()
            url = f"{scheme}://{self._host}:{worker.port}{path}"
            asked = urllib.request.Request(url, headers=headers)  # noqa: S310  # our own
            with urllib.request.urlopen(asked, timeout=SCRAPE_S, context=context) as answer:  # noqa: S310
                return str(answer.read().decode())
        except (urllib.error.URLError, ConnectionError, TimeoutError, InputError):
            return None


class _Merged(Collector):
    """The metrics of all workers, each with the number of its worker as a label.

    Parameters
    ----------
    texts : callable
        Gives label and exposition of each.
    """

    def __init__(self, texts: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self._texts = texts

    def describe(self) -> Iterable[Metric]:
        """Tell nothing: what workers have is only known when they are asked."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Ask every worker."""
        merged: dict[str, Metric] = {}
        for number, text in self._texts():
            for family in text_string_to_metric_families(text):
                into = merged.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                into.samples += [
                    Sample(s.name, {**s.labels, "worker": number}, s.value) for s in family.samples
                ]
        return merged.values()
