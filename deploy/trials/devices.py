"""Devices for trials: they send recordings, repeat what was not acknowledged, and never give up."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.codec import encode
from ingest.frames import Frame
from ingest.recording import Recording

WINDOW = 32
"""Frames that a device sends without an acknowledgement."""
START_UNIX_NS = 1_700_000_000_000_000_000
"""UTC time of the first sample of every device, ns since 1970."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What one device sends: a recording, again and again, up to a length."""

    stream_id: str
    """What the device calls its stream."""
    recording: Recording
    """What is repeated."""
    n_frames: int
    """Frames to be sent."""
    frame_s: float = 1.0
    """Length of a frame, s."""

    @property
    def n_samples(self) -> int:
        """Samples of a frame, a lead."""
        return round(self.frame_s * self.recording.fs)

    def frame(self, i: int) -> Frame:
        """Return one frame; the last one ends the session."""
        n, samples = self.n_samples, self.recording.samples
        at = np.arange(i * n, (i + 1) * n) % samples.shape[1]
        start_ns = START_UNIX_NS + round(i * self.frame_s * 1e9)
        return Frame(
            self.stream_id, "1", i * n, start_ns, self.recording.fs, self.recording.leads,
            samples[:, at], last=i == self.n_frames - 1,
        )  # fmt: skip

    def frames(self) -> Iterator[Frame]:
        """Return all of them, in order."""
        return (self.frame(i) for i in range(self.n_frames))

    def digest(self) -> str:
        """Return the SHA-256 of all samples, in the order of time."""
        made = hashlib.sha256()
        for frame in self.frames():
            made.update(np.ascontiguousarray(frame.samples.T, "<i2").tobytes())
        return made.hexdigest()


class Device(threading.Thread):
    """Sends a signal as far as it is allowed; :attr:`acknowledged` frames are durable.

    Parameters
    ----------
    signal : Signal
        What to send.
    port : int
        Port of the gateway, or of the MQTT broker.
    """

    def __init__(self, signal: Signal, port: int) -> None:
        super().__init__(name=f"device-{signal.stream_id}", daemon=True)
        self.signal, self.port = signal, port
        self.allowed = 0
        self.acknowledged = 0
        self.connections = 0
        self.sent = 0
        self.leaving = threading.Event()

    @property
    def done(self) -> bool:
        """True when all of the signal is durable."""
        return self.acknowledged >= self.signal.n_frames

    def stop(self) -> None:
        """Give up."""
        self.leaving.set()


class LineDevice(Device):
    """Speaks the line protocol."""

    def run(self) -> None:
        """Send, connecting again as often as it takes."""
        while not self.done and not self.leaving.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    self._talk(connection)
            except (OSError, ValueError):  # ValueError: half a line, of a gateway that was killed
                time.sleep(0.05)

    def _talk(self, connection: socket.socket) -> None:
        """Send from the first frame that was not acknowledged on."""
        recording, signal = self.signal.recording, self.signal
        leads = [
            {"name": x.name, "unit": x.unit, "adc_gain": x.adc_gain, "baseline": x.baseline}
            for x in recording.leads
        ]
        hello = {"vigil": 1, "stream": signal.stream_id, "session": "1", "fs": recording.fs}
        connection.sendall(json.dumps({**hello, "leads": leads}).encode() + b"\n")
        with connection.makefile("rb") as answers:
            if "next" not in json.loads(answers.readline() or b"{}"):
                return
            self.connections += 1
            going = self.acknowledged
            while not self.done and not self.leaving.is_set():
                while going < min(self.allowed, self.acknowledged + WINDOW, signal.n_frames):
                    connection.sendall(self._line(going))
                    going += 1
                    self.sent += 1
                if going > self.acknowledged:
                    answer = json.loads(answers.readline() or b"{}")
                    if "ack" not in answer:
                        return
                    self.acknowledged = max(self.acknowledged, answer["ack"])
                else:
                    time.sleep(0.01)

    def _line(self, i: int) -> bytes:
        frame = self.signal.frame(i)
        raw = np.ascontiguousarray(frame.samples, "<i2").tobytes()
        told = {
            "seq": i + 1,
            "first": frame.first_sample,
            "t": frame.start_unix_ns,
            "b64": base64.b64encode(raw).decode(),
            "last": frame.last,
        }
        return json.dumps(told).encode() + b"\n"


class MqttDevice(Device):
    """Publishes over MQTT 5 at QoS 1; a frame is durable for it when the broker has it."""

    def run(self) -> None:
        """Publish in order, at most :data:`WINDOW` at a time."""
        client = Client(
            CallbackAPIVersion.VERSION2,
            f"device-{self.signal.stream_id}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        client.on_connect = self._on_connect
        client.reconnect_delay_set(1, 2)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 3600
        client.connect("127.0.0.1", self.port, clean_start=False, properties=properties)
        client.loop_start()
        topic = f"vigil/{self.signal.stream_id}/frames"
        while not self.done and not self.leaving.is_set():
            until = min(self.allowed, self.acknowledged + WINDOW, self.signal.n_frames)
            batch = [
                client.publish(topic, encode([self.signal.frame(i)]), qos=1)
                for i in range(self.acknowledged, until)
            ]
            for published in batch:
                published.wait_for_publish()
                self.acknowledged += 1
            self.sent += len(batch)
            if not batch:
                time.sleep(0.01)
        client.disconnect()
        client.loop_stop()

    def _on_connect(
        self, _: Client, __: object, ___: ConnectFlags, code: ReasonCode, ____: object
    ) -> None:
        self.connections += not code.is_failure
