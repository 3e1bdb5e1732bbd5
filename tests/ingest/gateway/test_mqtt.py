from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from deploy.mqtt.broker import MqttBroker
from deploy.mqtt.mosquitto import MOSQUITTO
from ingest.codec import encode
from ingest.errors import InputError
from ingest.gateway.arrival import Arrival
from ingest.gateway.devices import Devices
from ingest.gateway.mqtt import MqttInput, MqttOptions
from tests.certificates import Authority
from tests.ingest.gateway.frames import frame
from tests.mqtt import mqtt_broker  # noqa: F401  # a fixture

pytestmark = pytest.mark.timeout(300)  # the first one may fetch the broker


def until(condition: Callable[[], bool], timeout_s: float = 90.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


class Publisher:
    """A device."""

    def __init__(self, port: int) -> None:
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def send(self, topic: str, payload: bytes) -> None:
        self.client.publish(topic, payload, qos=1).wait_for_publish(60)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class Heard:
    """An input, and what it offered; acknowledged by hand, or at once."""

    def __init__(self, port: int, at_once: bool = True) -> None:
        self.arrivals: list[Arrival] = []
        self.at_once = at_once
        self._lock = threading.Lock()
        self.input = MqttInput(Devices(self._offer), MqttOptions(port=port, client_id="gw"))
        self.input.start()
        assert until(lambda: self.input.why_down is None), self.input.why_down

    def _offer(self, arrival: Arrival) -> None:
        with self._lock:
            self.arrivals.append(arrival)
        if self.at_once:
            arrival.acknowledge()

    def seconds(self) -> list[int]:
        return [one.first_sample // 100 for a in self.arrivals for one in a.frames]


def test_frames_come_in_order_and_bad_messages_are_kept(mqtt_broker: MqttBroker) -> None:  # noqa: F811
    heard = Heard(mqtt_broker.port)
    device = Publisher(mqtt_broker.port)
    for i in range(20):
        device.send("vigil/bed-1/frames", encode([frame(i, "bed-1"), frame(i, "bed-1/ppg")]))
    device.send("vigil/bed-1/frames", b"junk")
    device.send("vigil/bed-1/frames", encode([frame(0, "bed-2")]))
    device.send("vigil/bed-1/other", b"nothing to us")

    assert until(lambda: len(heard.arrivals) == 22)
    assert heard.seconds() == [i for i in range(20) for _ in range(2)]
    dead = [a.dead for a in heard.arrivals[20:]]
    assert [letter.reason for letter in dead if letter] == ["not-protobuf", "stream-id"]
    assert dead[0] is not None
    assert dead[0].payload == b"junk"
    device.close()
    heard.input.stop()


def test_what_was_not_acknowledged_comes_again_and_nothing_else_does(
    mqtt_broker: MqttBroker,  # noqa: F811
) -> None:
    first = Heard(mqtt_broker.port, at_once=False)
    device = Publisher(mqtt_broker.port)
    for i in range(10):
        device.send("vigil/bed-1/frames", encode([frame(i, "bed-1")]))
    assert until(lambda: len(first.arrivals) == 10)
    for arrival in first.arrivals[:4]:
        arrival.acknowledge()
    first.input.stop()
    for i in range(10, 15):  # while the gateway is away
        device.send("vigil/bed-1/frames", encode([frame(i, "bed-1")]))

    second = Heard(mqtt_broker.port)

    assert until(lambda: len(second.arrivals) == 11)
    assert second.seconds() == list(range(4, 15))
    first.arrivals[9].acknowledge()  # of a connection that is gone: must reach nobody
    device.send("vigil/bed-1/frames", encode([frame(15, "bed-1")]))
    assert until(lambda: second.seconds()[-1] == 15)
    device.close()
    second.input.stop()


def test_a_broker_sends_no_more_than_the_window(mqtt_broker: MqttBroker) -> None:  # noqa: F811
    arrivals: list[Arrival] = []
    made = MqttInput(
        Devices(arrivals.append), MqttOptions(port=mqtt_broker.port, client_id="w", window=5)
    )
    made.start()
    assert until(lambda: made.why_down is None)
    device = Publisher(mqtt_broker.port)
    for i in range(12):
        device.send("vigil/b/frames", encode([frame(i, "b")]))
    assert until(lambda: len(arrivals) == 5), (len(arrivals), made.why_down)
    arrivals[0].acknowledge()
    assert until(lambda: len(arrivals) == 6), (len(arrivals), made.why_down)
    for i in range(1, 12):
        assert until(lambda i=i: len(arrivals) > i), (len(arrivals), made.why_down)  # type: ignore[misc]
        arrivals[i].acknowledge()
    assert [a.frames[0].first_sample // 100 for a in arrivals] == list(range(12))
    device.close()
    made.stop()


def test_a_broker_that_is_away_is_found_when_it_comes(mqtt_broker: MqttBroker) -> None:  # noqa: F811
    mqtt_broker.stop()
    made = MqttInput(Devices(lambda arrival: None), MqttOptions(port=mqtt_broker.port))
    made.start()
    assert until(lambda: made.why_down == "the broker cannot be reached")
    mqtt_broker.start()
    assert until(lambda: made.why_down is None)
    made.stop()


# paho-mqtt leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_and_password_are_asked_for_and_checked(tmp_path: Path) -> None:
    reason = MOSQUITTO.why_not()
    if reason is not None:
        pytest.skip(reason)
    authority, other = Authority(tmp_path / "ca"), Authority(tmp_path / "other", "another")
    pair = authority.issue("broker", ("127.0.0.1",))
    passwords = tmp_path / "passwords"
    subprocess.run(
        [*MOSQUITTO.beside("mosquitto_passwd"), "-b", "-c", str(passwords), "gw", "right"],
        check=True, capture_output=True, env=MOSQUITTO.command()[1],
    )  # fmt: skip
    lines = [
        "allow_anonymous false",
        f"password_file {passwords}",
        f"certfile {pair.certificate}",
        f"keyfile {pair.key}",
    ]

    def why(password: str, ca: Path, wanted: str | None) -> bool:
        options = MqttOptions(port=broker.port, user="gw", password=password, tls_ca=ca)
        made = MqttInput(Devices(lambda arrival: None), options)
        made.start()
        try:
            return until(
                lambda: made.why_down is None if wanted is None else wanted in (made.why_down or "")
            )
        finally:
            made.stop()

    with MqttBroker(tmp_path / "mqtt", lines) as broker:
        assert why("right", authority.ca, None)
        assert why("wrong", authority.ca, "Not authorized")
        assert why("right", other.ca, "cannot be reached")
    with pytest.raises(InputError, match="certificates cannot be used"):
        MqttInput(Devices(lambda arrival: None), MqttOptions(tls_ca=tmp_path / "none.pem"))
