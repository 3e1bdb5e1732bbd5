"""Faults: what happens, to whom, for how long, and what ends it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploy.kafka.cluster import KafkaCluster
from deploy.trials.fleet import WorkerProcess
from deploy.trials.tcp_proxy import TcpProxy

logger = logging.getLogger(__name__)

KINDS = {
    "kill": 60,
    "freeze": 2,
    "restart": 2,
    "join": 2,
    "broker": 1,
    "cut": 3,
    "delay": 2,
    "stall": 1,
    "disk": 1,
    "full": 1,
}
"""Kinds of faults, and how often each happens beside the others."""

AWAY_S = (0.0, 2.0)
"""How long a killed worker stays away, s."""
FROZEN_S = (11.0, 16.0)
"""How long a worker is frozen, s: beyond its session of 10 s."""
JOINED_S = (6.0, 12.0)
"""How long a further worker stays, s."""
BROKER_S = (1.0, 6.0)
"""How long a broker stays away, s."""
BROKER_REST_S = 45.0
"""Time between two brokers' deaths, s: the replicas of the first must be whole again."""
DELAY_S = (0.05, 0.5)
"""How long a block waits at the proxy, s."""
BAD_LINE_S = (2.0, 8.0)
"""How long delays last, a line is held up, or a disk is full, s."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One that happened."""

    kind: str
    """One of :data:`KINDS`."""
    at_s: float
    """When, monotonic, s."""
    over_s: float
    """When what did it was over: the worker started again, the line whole, monotonic, s."""


class Chaos:
    """Lets faults happen.

    Parameters
    ----------
    draw : random.Random
        Chooses.
    workers : sequence of WorkerProcess
        Victims; the last is the one that joins, where ``join`` is among the kinds.
    cluster : KafkaCluster
        Whose nodes die, where it has three.
    proxies : sequence of TcpProxy
        Lines between workers and nodes.
    kinds : sequence of str
        What may happen.
    """

    def __init__(
        self,
        draw: random.Random,
        workers: Sequence[WorkerProcess],
        cluster: KafkaCluster,
        proxies: Sequence[TcpProxy],
        kinds: Sequence[str] = tuple(KINDS),
    ) -> None:
        self._draw, self._workers, self._cluster = draw, workers, cluster
        self._proxies, self._kinds = proxies, list(kinds)
        self._remedies: list[tuple[float, Callable[[], None]]] = []
        self._broker_due_s = time.monotonic() + BROKER_REST_S / 2
        self.faults: list[Fault] = []
        """What happened, in order."""

    def strike(self, now_s: float) -> None:
        """Let one fault happen, if it can happen now."""
        kind = self._draw.choices(self._kinds, [KINDS[kind] for kind in self._kinds])[0]
        over_s: float | None = getattr(self, f"_{kind}")(now_s)
        if over_s is not None:
            logger.debug("fault: %s", kind)
            self.faults.append(Fault(kind, now_s, over_s))

    def heal(self, now_s: float) -> None:
        """End faults whose time is up; with infinity, all."""
        for due_s, remedy in list(self._remedies):
            if now_s >= due_s:
                self._remedies.remove((due_s, remedy))
                remedy()
        if now_s == float("inf"):
            for worker in self._workers:
                worker.thaw()

    def _victim(self) -> WorkerProcess | None:
        able = [w for w in self._workers if w.pid is not None and not w.frozen_until_s]
        return self._draw.choice(able) if able else None

    def _later(
        self, now_s: float, span_s: tuple[float, float], remedy: Callable[[], None]
    ) -> float:
        due_s = now_s + self._draw.uniform(*span_s)
        self._remedies.append((due_s, remedy))
        return due_s

    def _kill(self, now_s: float) -> float | None:
        victim = self._victim()
        if victim is None:
            return None
        back_s = now_s + self._draw.uniform(*AWAY_S)
        victim.kill(back_s)
        return back_s

    def _freeze(self, now_s: float) -> float | None:
        victim = self._victim()
        if victim is None or any(worker.frozen_until_s for worker in self._workers):
            return None
        until_s = now_s + self._draw.uniform(*FROZEN_S)
        victim.freeze(until_s)
        return until_s

    def _restart(self, now_s: float) -> float | None:
        victim = self._victim()
        if victim is None:
            return None
        victim.restart()
        return now_s

    def _join(self, now_s: float) -> float | None:
        """Let the last worker leave for a while: its coming back is a join."""
        last = self._workers[-1]
        if last.pid is None or last.frozen_until_s:
            return None
        last.due_s = now_s + self._draw.uniform(*JOINED_S)
        last.restart()
        return last.due_s

    def _broker(self, now_s: float) -> float | None:
        nodes = list(self._cluster.nodes.values())
        if len(nodes) < 3 or now_s < self._broker_due_s or not all(n.running for n in nodes):
            return None
        node = self._draw.choice(nodes)
        node.kill()
        self._broker_due_s = now_s + BROKER_REST_S
        return self._later(now_s, BROKER_S, node.start)

    def _full(self, now_s: float) -> float | None:
        """Let no file of a broker grow, for a while: it gives up, and is started again."""
        nodes = list(self._cluster.nodes.values())
        if len(nodes) < 3 or now_s < self._broker_due_s or not all(n.running for n in nodes):
            return None
        node = self._draw.choice(nodes)
        node.limit_files(1)
        self._broker_due_s = now_s + BROKER_REST_S

        def heal() -> None:
            node.kill()
            node.start()

        return self._later(now_s, BAD_LINE_S, heal)

    def _cut(self, now_s: float) -> float | None:
        for proxy in self._proxies:
            proxy.cut()
        return now_s if self._proxies else None

    def _delay(self, now_s: float) -> float | None:
        delay_s = self._draw.uniform(*DELAY_S)
        for proxy in self._proxies:
            proxy.delay_s = delay_s

        def heal() -> None:
            for proxy in self._proxies:
                proxy.delay_s = 0.0

        return self._later(now_s, BAD_LINE_S, heal) if self._proxies else None

    def _stall(self, now_s: float) -> float | None:
        if not self._proxies:
            return None
        proxy = self._draw.choice(list(self._proxies))
        proxy.is_stalled = True

        def heal() -> None:
            proxy.is_stalled = False

        return self._later(now_s, BAD_LINE_S, heal)

    def _disk(self, now_s: float) -> float | None:
        """Let no file of a worker grow, for a while: only the log of alarm signals is one."""
        victim = self._victim()
        if victim is None:
            return None
        victim.limit_files(1)
        return self._later(now_s, BAD_LINE_S, lambda: victim.limit_files(-1))
