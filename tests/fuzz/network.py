"""Readers of what comes over the network: HTTP requests, devices' lines and messages, alarms."""

from __future__ import annotations

import io
import json

from tests.fuzz.target import Target
from tests.fuzz.targets import JSON_WORDS


class _Wire(io.BytesIO):
    """A socket that gives one request and keeps the answer."""

    def __init__(self, request: bytes) -> None:
        super().__init__(request)
        self.answer = bytearray()

    def makefile(self, *_: object, **__: object) -> _Wire:
        return self

    def sendall(self, content: bytes) -> None:
        self.answer += content

    def settimeout(self, _: float | None) -> None:
        """Nothing here waits."""

    def setsockopt(self, *_: object) -> None:
        """Nothing here is sent."""


def http() -> Target:
    """Requests to ``/metrics`` and its like, through the very handler."""
    from prometheus_client import CollectorRegistry, Counter

    from deploy.http import HttpServer

    registry = CollectorRegistry()
    Counter("vigil_frames", "Frames.", registry=registry).inc()
    server = HttpServer(registry)._server
    server.server_close()

    def call(request: bytes) -> str:
        wire = _Wire(request)
        server.RequestHandlerClass(wire, ("127.0.0.1", 1), server)  # type: ignore[arg-type]
        if wire.answer and not wire.answer.startswith((b"HTTP/1.", b"<!DOCTYPE", b"<html")):
            raise RuntimeError(f"no answer of HTTP: {bytes(wire.answer[:60])!r}")
        return wire.answer[:40].partition(b"\r")[0].decode("latin-1")

    seeds = [
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: text/plain;version=0.0.4;q=0.5\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /readyz?x=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer abc\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
    ]
    words = (b"\r\n", b"HTTP/", b"HTTP/9.9", b" ", b"GET ", b"HEAD ", b"Accept: ", b";q=",
             b"application/openmetrics-text; version=1.0.0; escaping=underscores",
             b"Expect: 100-continue\r\n",
             b"A: " + b"b" * 70_000, b"X: y\r\n" * 200, b"%00", b"\x00")  # fmt: skip
    return Target("http", seeds, call, words)


def mqtt() -> Target:
    """Messages of devices at a broker: a topic, a zero, and what was published to it."""
    from paho.mqtt.client import MQTTMessage

    from ingest.codec import encode
    from ingest.gateway.arrival import Arrival
    from ingest.gateway.devices import Devices
    from ingest.gateway.mqtt import MqttInput, MqttOptions
    from tests.fuzz.targets import frames

    came: list[Arrival] = []
    heard = MqttInput(Devices(came.append), MqttOptions())

    def call(content: bytes) -> str:
        topic, _, payload = content.partition(b"\0")
        message = MQTTMessage(1, topic)
        message.payload, message.qos = payload, 1
        try:
            _ = message.topic
        except UnicodeDecodeError:  # no broker passes such a topic on
            return "no topic"
        arrival = heard._arrival(1, message)
        return "frames" if arrival.dead is None else f"dead: {arrival.dead.reason}"

    good = [encode(frames()), encode(frames(1, 1, 250)), encode(frames(3, 12, 5))]
    seeds = [b"vigil/p1/frames\0" + body for body in good]
    words = (b"\x08\x01", b"\x12\x00", b"/", b"+", b"#", b"vigil/", b"p1", b"\0")
    return Target("mqtt", seeds, call, words)


def device_hello() -> Target:
    """First lines of simple devices."""
    from ingest.gateway.lines import read_hello

    lead = {"name": "II", "unit": "mV", "gain": 200, "baseline": 0}
    hello = {"vigil": 1, "stream": "bed-7", "session": "a", "fs": 250, "leads": [lead]}
    seeds = [json.dumps(hello).encode(), json.dumps({**hello, "token": "t"}).encode()]
    return Target("device-hello", seeds, read_hello, (*JSON_WORDS, b'"leads"', b'"fs"'))


def device_line() -> Target:
    """Frames of simple devices."""
    from ingest.frames import Lead
    from ingest.gateway.lines import Hello, read_line

    hello = Hello("b", "a", 250.0, (Lead("II"), Lead("V1")))
    seeds = [
        json.dumps({"seq": 1, "first": 0, **keys}).encode()
        for keys in (
            {"adu": [[12, 14], [13, 9]]},
            {"hex": "01000200ffff0000"},
            {"b64": "AQACAP//AAA=", "t": 10**18, "last": True},
        )
    ]
    words = (*JSON_WORDS, b'"adu"', b'"hex"', b'"b64"', b'"last"', b"[[", b"]]")
    return Target("device-line", seeds, lambda line: read_line(line, hello), words)


def alarm() -> Target:
    """Alarms, as notifiers and annunciators read them."""
    from inference.annunciation.wire import change_of_alarm
    from ingest.errors import InputError

    seeds = [
        json.dumps(
            {
                "schema": "vigil.alarm/1", "id": "x", "stream_id": "p1", "condition": "vtach",
                "state": "raised", "acknowledgement": {"by": "nurse 7"},
            }
        ).encode()
    ]  # fmt: skip

    def call(content: bytes) -> object:
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise InputError(str(error)) from error
        return change_of_alarm(found)

    return Target("alarm", seeds, call, (*JSON_WORDS, b'"state"'))
