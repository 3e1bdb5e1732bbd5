"""Metrics and health, asked for over real HTTP."""

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry, Counter

from deploy.http import HttpServer
from ingest.errors import InputError


def get(port: int, path: str, accept: str = "*/*") -> tuple[int, str, str]:
    """Return status, content type and body."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("vigil_frames", "Frames read.", registry=registry).inc(3)
    return registry


def test_metrics_shows_the_registry_it_was_given(registry: CollectorRegistry) -> None:
    with HttpServer(registry) as server:
        status, kind, body = get(server.port, "/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    assert "vigil_frames_total 3.0" in body


def test_metrics_speaks_openmetrics_when_asked(registry: CollectorRegistry) -> None:
    with HttpServer(registry) as server:
        _, kind, body = get(server.port, "/metrics", accept="application/openmetrics-text")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/readyz?verbose=1"])
def test_a_service_without_complaints_is_healthy_and_ready(
    registry: CollectorRegistry, path: str
) -> None:
    with HttpServer(registry) as server:
        assert get(server.port, path)[::2] == (200, "ok\n")


def test_readiness_is_asked_anew_each_time_and_gives_the_reasons(
    registry: CollectorRegistry,
) -> None:
    reasons: Sequence[str] = ["no partitions assigned", "model not loaded"]
    with HttpServer(registry, ready=lambda: reasons) as server:
        assert get(server.port, "/readyz")[::2] == (
            503,
            "no partitions assigned\nmodel not loaded\n",
        )
        assert get(server.port, "/healthz")[0] == 200
        reasons = ()
        assert get(server.port, "/readyz")[0] == 200


def test_a_check_that_raises_counts_as_not_well(registry: CollectorRegistry) -> None:
    def broken() -> Sequence[str]:
        raise RuntimeError("secret detail")

    with HttpServer(registry, healthy=broken) as server:
        status, _, body = get(server.port, "/healthz")
    assert status == 503
    assert "secret" not in body


def test_an_unknown_path_names_what_there_is(registry: CollectorRegistry) -> None:
    with HttpServer(registry) as server:
        status, _, body = get(server.port, "/nope")
    assert status == 404
    assert "/metrics, /healthz, /readyz" in body


def test_a_slow_check_does_not_hold_up_the_metrics(registry: CollectorRegistry) -> None:
    asked, released = threading.Event(), threading.Event()

    def slow() -> Sequence[str]:
        asked.set()
        released.wait(5)
        return ()

    with HttpServer(registry, ready=slow) as server:
        waiting = threading.Thread(target=get, args=(server.port, "/readyz"))
        waiting.start()
        assert asked.wait(5)
        assert get(server.port, "/metrics")[0] == 200
        released.set()
        waiting.join(5)


def test_stop_frees_the_port_and_may_be_called_twice(registry: CollectorRegistry) -> None:
    server = HttpServer(registry)
    server.start()
    port = server.port
    server.stop()
    server.stop()
    with HttpServer(registry, port=port) as again:
        assert get(again.port, "/healthz")[0] == 200


def test_a_server_never_started_can_be_stopped(registry: CollectorRegistry) -> None:
    HttpServer(registry).stop()


def test_a_port_in_use_is_named(registry: CollectorRegistry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1:{port}"):
            HttpServer(registry, port=port)
