from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.gateway.arrival import Arrival
from ingest.gateway.devices import Devices
from ingest.gateway.lines import MAX_LINE_BYTES
from ingest.gateway.tcp import LineOptions, LineServer
from tests.certificates import Authority

HELLO = {"vigil": 1, "stream": "bed", "session": "a", "fs": 100, "leads": [{"name": "II"}]}


def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


class Served:
    """A server, and what its devices offered; nothing is acknowledged by itself."""

    def __init__(self, **options: Any) -> None:
        self.arrivals: list[Arrival] = []
        devices = Devices(self.arrivals.append, lambda name: f"k-{name}")
        self.server = LineServer(devices, lambda stream, session: 700, LineOptions(**options))
        self.server.start()

    def device(self) -> Talk:
        return Talk(self.server.port)


class Talk:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.lines = self.socket.makefile("rb")

    def say(self, told: object) -> None:
        self.socket.sendall(json.dumps(told).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.lines.readline() or b'{"over": true}')
        return told

    def frame(self, seq: int) -> None:
        self.say({"seq": seq, "first": 100 * seq, "adu": [[0] * 100]})

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served(window=4)
    yield made
    made.server.stop()


def test_a_device_learns_where_to_go_on_and_what_is_durable(served: Served) -> None:
    talk = served.device()
    talk.say(HELLO)
    assert talk.hear() == {"next": 700}
    talk.frame(1)
    talk.frame(2)
    assert until(lambda: len(served.arrivals) == 2)
    assert [a.frames[0].stream_id for a in served.arrivals] == ["k-bed", "k-bed"]
    served.arrivals[0].acknowledge()
    assert talk.hear() == {"ack": 1}
    served.arrivals[1].acknowledge()
    assert talk.hear() == {"ack": 2}
    talk.close()
    assert until(lambda: served.server.n_connections == 0)


def test_a_device_cannot_send_more_than_the_window_unacknowledged(served: Served) -> None:
    talk = served.device()
    talk.say(HELLO)
    talk.hear()
    for seq in range(1, 10):
        talk.frame(seq)
    assert until(lambda: len(served.arrivals) == 4)
    served.arrivals[0].acknowledge()
    assert until(lambda: len(served.arrivals) == 5)
    assert len(served.arrivals) == 5
    talk.close()


def test_a_bad_frame_is_told_kept_and_does_not_end_the_connection(served: Served) -> None:
    talk = served.device()
    talk.say(HELLO)
    talk.hear()
    talk.say({"seq": 1, "first": 0, "adu": [[99999]]})
    assert talk.hear()["error"] == "samples"
    talk.frame(2)
    assert until(lambda: len(served.arrivals) == 2)
    assert served.arrivals[0].dead is not None
    assert b"99999" in served.arrivals[0].dead.payload
    talk.close()


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1\r\n", b"\n", b'{"vigil": 1}\n', b"\xff\n"])
def test_who_does_not_say_hello_is_told_and_let_go(served: Served, line: bytes) -> None:
    talk = served.device()
    talk.socket.sendall(line)
    assert "error" in talk.hear()
    assert talk.hear() == {"over": True}
    talk.close()


def test_a_line_without_end_is_cut_off(served: Served) -> None:
    talk = served.device()
    talk.say(HELLO)
    talk.hear()

    def pour() -> None:
        try:
            for _ in range(64):
                talk.socket.sendall(b"x" * (MAX_LINE_BYTES // 16))
        except OSError:
            return

    pouring = threading.Thread(target=pour)
    pouring.start()
    assert talk.hear()["error"] == "too-large"
    assert until(lambda: served.server.n_connections == 0)
    pouring.join()
    talk.close()


def test_only_who_knows_the_token_is_let_in() -> None:
    served = Served(token="s3cret")
    for token, told in (("", "token"), ("wrong", "token"), ("s3cret", None)):
        talk = served.device()
        talk.say({**HELLO, "token": token})
        assert talk.hear().get("error") == told
        talk.close()
    served.server.stop()


def test_more_devices_than_allowed_are_turned_away() -> None:
    served = Served(most_connections=1)
    first = served.device()
    first.say(HELLO)
    first.hear()
    second = served.device()
    assert second.lines.readline() == b""
    second.close()
    first.close()
    assert until(lambda: served.server.n_connections == 0)
    third = served.device()
    third.say(HELLO)
    assert third.hear() == {"next": 700}
    third.close()
    served.server.stop()


def test_over_tls_a_device_talks_only_to_whom_it_knows(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "other", "another")
    pair = authority.issue("gateway", ("127.0.0.1",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    served = Served(tls=context)

    def connect(ca: Path) -> ssl.SSLSocket:
        trusting = ssl.create_default_context(cafile=str(ca))
        plain = socket.create_connection(("127.0.0.1", served.server.port), timeout=60)
        try:
            return trusting.wrap_socket(plain, server_hostname="127.0.0.1")
        except ssl.SSLError:
            plain.close()
            raise

    with connect(authority.ca) as talk:
        talk.sendall(json.dumps(HELLO).encode() + b"\n")
        assert json.loads(talk.recv(100)) == {"next": 700}
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(other.ca)
    plain = served.device()
    plain.say(HELLO)
    try:
        assert b"next" not in plain.socket.recv(100)
    except ConnectionResetError:
        assert served.arrivals == []
    plain.close()
    served.server.stop()
