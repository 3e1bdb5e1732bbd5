"""What Prometheus gets from Vigil's services, as they serve it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from prometheus_client import CollectorRegistry

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.exposition import DriftCollector
from deploy.drift.watch import DriftWatch
from deploy.http import HttpServer
from deploy.services.announcer_counts import AnnouncerCounts
from deploy.services.archive_metrics import ArchiveCollector, ArchiveView
from deploy.services.gateway_metrics import GatewayCollector, GatewayState
from deploy.services.supervisor import Supervisor
from deploy.shadow.live import ShadowMetrics
from fairness.live.exposition import WatchCollector
from fairness.live.watch import Watch
from inference.metrics import Metrics
from ingest.archive.writer import WriterCounts
from ingest.gateway.counts import GatewayCounts
from ingest.gateway.store import Store
from tests.deploy.drift.patients import patient
from tests.fairness.live.events import declared, people


def scrapes(folder: Path) -> Iterator[str]:
    """Yield the page of metrics of a worker, a gateway, an archive, two watches and a supervisor.

    Parameters
    ----------
    folder : Path
        For the gateway's store.
    """
    worker, gateway, archive, watch, drift = (CollectorRegistry() for _ in range(5))
    Metrics(worker)
    AnnouncerCounts(worker)
    ShadowMetrics(worker)
    store = Store(folder / "store.db")
    state = GatewayState(
        counts=GatewayCounts(),
        store=store,
        waiting_s=lambda: 0.0,
        uplink_up=lambda: True,
        disk_full=lambda: False,
        connections=lambda: 0,
        mqtt_up=lambda: True,
        unscored=lambda: 0,
    )
    gateway.register(GatewayCollector(state))
    nothing = (lambda: 0,) * 3
    archive.register(ArchiveCollector(ArchiveView(WriterCounts(), *nothing, lambda: 0.0)))
    watch.register(WatchCollector(Watch(declared(), people(2)), threading.Lock()))
    drift.register(DriftCollector(drifting(), threading.Lock()))
    with ExitStack() as opened:
        opened.callback(store.close)
        for registry in (worker, gateway, archive, watch, drift):
            server = opened.enter_context(HttpServer(registry))
            yield _page(server.port)
        supervisor = Supervisor([])
        with supervisor._http:
            yield _page(supervisor.http_port)


def drifting() -> DriftWatch:
    """Return a watch for drift that has seen a few patients and passed something over."""
    watch, rng = DriftWatch(DriftDeclaration(reference=20)), np.random.default_rng(1)
    for i in range(30):
        watch.add(patient(i, rng))
    watch.ignored["of a test"] += 1
    return watch


def _page(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return str(answer.read().decode())
