"""The short form of the trial of faults: real workers die, the alarms are those of a calm run."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.ports import free_ports
from deploy.services.bench.workload import simulated
from deploy.trials.fault_outcome import BOUND_S, Plan, as_object
from deploy.trials.fault_page import page
from deploy.trials.fault_traffic import Look, differences
from deploy.trials.faults import run
from deploy.trials.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_workers_are_killed_and_no_alarm_is_lost_doubled_or_other(
    kafka_cluster: KafkaCluster, tmp_path: Path
) -> None:
    plan = Plan(
        streams=10,
        workers=2,
        partitions=4,
        minutes=0.2,
        speed=4.0,
        every_s=2.0,
        state_every_s=2.0,
        seed=random.randrange(10_000),
        kinds=("kill", "restart"),
    )

    outcome = run(plan, simulated(), tmp_path, kafka_cluster)

    logs = "\n".join(path.read_text() for path in tmp_path.glob("*.log"))
    assert outcome.is_whole, (plan.seed, outcome.streams_wrong, logs[-3000:])
    assert outcome.alarms == outcome.read > 10
    assert outcome.unrecovered == 0
    assert sum(outcome.faults.values()) >= 2, plan.seed
    assert outcome.broken_states == 0, logs
    told = page(as_object(outcome), "a simulated ward", BOUND_S)
    assert "equal, nothing lost, nothing twice" in told


def test_what_is_lost_doubled_or_other_is_told_apart() -> None:
    wanted = {"a": [b"1", b"2"], "b": [b"1"], "c": [b"1"]}
    assert differences(wanted, wanted) == {}
    assert differences({"a": [b"1"], "b": [b"1", b"1"], "c": [b"2"]}, wanted) == {
        "a": (1, 0, 0),
        "b": (0, 1, 0),
        "c": (1, 0, 1),
    }
    assert differences({**wanted, "d": [b"x"]}, wanted) == {"d": (0, 0, 1)}
    # Order counts, too.
    assert differences({**wanted, "a": [b"2", b"1"]}, wanted) == {"a": (0, 0, 0)}


def test_a_look_tells_whether_all_that_stood_in_the_log_is_settled() -> None:
    look = Look(1.0, {0: 9, 1: 9}, {0: 5, 1: 9})
    assert look.has_settled({0: 5, 1: 7})
    assert not look.has_settled({0: 6, 1: 7})
    assert not look.has_settled({2: 1})


def echo_server(port: int) -> socket.socket:
    server = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=_echo, args=(client,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return server


def _echo(client: socket.socket) -> None:
    with client:
        while data := client.recv(100):
            client.sendall(data)


def test_the_proxy_passes_on_delays_holds_up_and_cuts() -> None:
    port, target = free_ports(2)
    proxy = TcpProxy(port, target)
    proxy.start()
    with echo_server(target), socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(b"one")
        assert line.recv(100) == b"one"

        proxy.delay_s = 0.2
        begun_s = time.monotonic()
        line.sendall(b"two")
        assert line.recv(100) == b"two"
        assert time.monotonic() - begun_s >= 0.4  # there and back
        proxy.delay_s = 0.0

        proxy.is_stalled = True
        line.sendall(b"three")
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.recv(100)
        proxy.is_stalled = False
        line.settimeout(60)
        assert line.recv(100) == b"three"

        proxy.cut()
        with contextlib.suppress(ConnectionError):
            assert line.recv(100) == b""
    proxy.stop()
    assert proxy.n_cut >= 1
