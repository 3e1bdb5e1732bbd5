"""Workers that are kept alive: what starts them again, what does not, how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, Counter

from deploy.http import HttpServer
from deploy.ports import free_ports
from deploy.services import supervisor as supervisors
from deploy.services.supervisor import Backoff, Supervisor
from tests.brokers import fresh_topic, read_messages
from tests.end_to_end.monitors import MonitorProcess
from tests.records import ROOT, vigil, write_ward

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

SOON = Backoff(first_s=0.05, longest_s=0.2, steady_s=60.0)
SLEEPS = "import time; time.sleep(60)"


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def running(*codes: str, backoff: Backoff = SOON) -> Iterator[tuple[Supervisor, list[int]]]:
    """A supervisor of these programs on a thread; the list holds its exit code at the end."""
    made = Supervisor([(python(code), free_ports(1)[0]) for code in codes], backoff=backoff)
    codes_given: list[int] = []
    thread = threading.Thread(target=lambda: codes_given.append(made.run()))
    thread.start()
    try:
        yield made, codes_given
    finally:
        made.stop()
        thread.join(30)
        assert not thread.is_alive()


def metric(http_port: int, name: str) -> float | None:
    with urlopen(f"http://127.0.0.1:{http_port}/metrics", timeout=5) as answer:
        for line in answer.read().decode().splitlines():
            if line.rpartition(" ")[0] == name:
                return float(line.rpartition(" ")[2])
    return None


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisors, "LOOK_S", 0.02)
    monkeypatch.setattr(supervisors, "SCRAPE_S", 0.2)


def test_a_worker_that_dies_is_started_again_and_the_others_stay(tmp_path: Path) -> None:
    notes = tmp_path / "starts"
    dies = f"open({str(notes)!r}, 'a').write('x'); raise SystemExit(1)"
    with running(dies, SLEEPS) as (supervisor, _):
        until(lambda: notes.exists() and len(notes.read_text()) >= 4)
        assert (metric(supervisor.http_port, "vigil_worker_restarts_total") or 0) >= 3
        until(lambda: (metric(supervisor.http_port, "vigil_workers") or 0) >= 1)


def test_each_death_is_waited_for_longer() -> None:
    backoff = Backoff(first_s=0.5, longest_s=3.0)
    assert [backoff.wait_s(n) for n in (1, 2, 3, 4, 1000)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_settings_that_cannot_be_used_end_all_at_once() -> None:
    with running("raise SystemExit(2)", SLEEPS) as (_, given):
        until(lambda: bool(given))
    assert given == [2]


def test_a_worker_that_once_worked_is_started_again_whatever_it_says(tmp_path: Path) -> None:
    notes = tmp_path / "starts"
    code = f"""
path = {str(notes)!r}
open(path, 'a').write('x')
raise SystemExit(1 if len(open(path).read()) < 2 else 2)
"""
    with running(code) as (_, given):
        until(lambda: notes.exists() and len(notes.read_text()) >= 4)
        assert not given


def test_all_are_asked_to_end_and_waited_for(tmp_path: Path) -> None:
    code = """
import pathlib, signal, sys, time
path = pathlib.Path({path!r})
def end(*_):
    time.sleep(0.3); path.write_text('settled'); sys.exit(0)
# Closed by name: a handler that runs while a file is let go of cannot end the program.
signal.signal(signal.SIGTERM, end); path.write_text('up')
while True: time.sleep(0.01)
"""
    paths = [tmp_path / "a", tmp_path / "b"]
    with running(*(code.format(path=str(path)) for path in paths)) as (_, given):
        until(lambda: all(path.exists() and path.read_text() == "up" for path in paths))
    assert [path.read_text() for path in paths] == ["settled", "settled"]
    assert given == [0]


def test_one_that_does_not_end_is_killed_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisors, "DRAIN_S", 0.3)
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
    with running(deaf) as (supervisor, given):
        until(lambda: metric(supervisor.http_port, "vigil_workers") == 1)
        time.sleep(0.3)
    assert given == [1]


def test_metrics_of_all_are_merged_under_their_numbers() -> None:
    servers = []
    for n in (3, 4):
        registry = CollectorRegistry()
        Counter("vigil_frames", "Frames.", registry=registry).inc(n)
        servers.append(HttpServer(registry))
    with servers[0], servers[1]:
        commands = [(python(SLEEPS), server.port) for server in servers]
        supervisor = Supervisor([*commands, (python(SLEEPS), free_ports(1)[0])])
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        try:
            until(lambda: metric(supervisor.http_port, "vigil_workers") == 3)
            port = supervisor.http_port
            assert metric(port, 'vigil_frames_total{worker="0"}') == 3
            assert metric(port, 'vigil_frames_total{worker="1"}') == 4
            assert metric(port, 'vigil_frames_total{worker="2"}') is None
        finally:
            supervisor.stop()
            thread.join(30)


def child_pids(process: int) -> list[int]:
    """Processes whose parent this is, from /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(int(path.parent.name))
    return sorted(found)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_workers_die_with_a_supervisor_that_is_killed(
    tmp_path: Path, number: signal.Signals
) -> None:
    note = tmp_path / "note"
    worker = f"""
import pathlib, signal, sys, time
from deploy.lifeline import end_with_parent
note = pathlib.Path({str(note)!r})
def end(*_):
    note.write_text('settled'); sys.exit(0)
signal.signal(signal.SIGTERM, end)
note.write_text('up' if end_with_parent() else 'no lifeline')
while True: time.sleep(0.01)
"""
    code = f"""
import sys
from deploy.services.supervisor import Supervisor
Supervisor([([sys.executable, "-c", {worker!r}], 1)]).run()
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as supervisor:
        until(lambda: note.exists() and note.read_text() == "up", 60)

        supervisor.send_signal(number)

    until(lambda: note.read_text() == "settled", 60)


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_workers_share_partitions_survive_a_kill_and_end_settled(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    frames, alarms = fresh_topic(kafka_cluster, 4), fresh_topic(kafka_cluster, kind="alarms")
    dead, beats = fresh_topic(kafka_cluster, kind="dead"), fresh_topic(kafka_cluster, kind="beats")
    paths = write_ward(tmp_path, 6, duration_s=20)
    urls = ["--from", frames, "--to", alarms, "--dead-to", dead, "--beats-to", beats]
    group = ["--group", frames[-9:], "--instance-id", f"w{frames[-4:]}"]
    with MonitorProcess(tmp_path / "log", *urls, *group, "--workers", "2") as both:
        shares = [f'vigil_partitions{{worker="{i}"}}' for i in range(2)]
        both.until(lambda: [both.metric(share) for share in shares] == [2.0, 2.0], 120)
        assert vigil("replay", *paths, "--to", frames, "--speed", "max").returncode == 0
        total = [f'vigil_frames_total{{worker="{i}"}}' for i in range(2)]
        both.until(lambda: sum(both.metric(name) or 0 for name in total) == 120, 120)
        victim = child_pids(both.process.pid)[0]

        os.kill(victim, signal.SIGKILL)

        both.until(lambda: both.metric("vigil_worker_restarts_total") == 1)
        both.until(lambda: [both.metric(share) for share in shares] == [2.0, 2.0], 120)
        assert both.get("/readyz")[0] == 200
        assert both.terminate() == 0
    log = (tmp_path / "log").read_text()
    assert log.count("all settled") == 2
    assert len(read_messages(beats, 30, timeout_s=5)) >= 30
