"""Frames over MQTT 5: acknowledged to the broker (PUBACK) when they are durable, not before.

The session outlives the connection: what the broker took while the gateway was
away, or what was not acknowledged, it delivers again. A message is a FrameBatch,
as Kafka has it, on ``PREFIX/DEVICE/frames``; a device sends streams of its own name
only, so that the broker's access rules by topic hold for streams.
"""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.codec import decode
from ingest.errors import InputError
from ingest.frames import FrameError
from ingest.gateway.arrival import Arrival
from ingest.gateway.devices import Devices, dead_letter

logger = logging.getLogger(__name__)

MAX_PACKET_BYTES = 1 << 20
"""Longest message that the broker may send."""


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """Where the broker is, and who the gateway is there."""

    host: str = "127.0.0.1"
    """Address of the broker."""
    port: int = 1883
    """Port of the broker."""
    prefix: str = "vigil"
    """First level of the topics; frames come on ``PREFIX/DEVICE/frames``."""
    client_id: str = "vigil-gateway"
    """Name of the gateway's session at the broker, which outlives the connection."""
    user: str | None = None
    """User name; None: none."""
    password: str | None = None
    """Password of the user."""
    tls_ca: Path | None = None
    """Certificates that the broker's is checked against (PEM); None: no TLS."""
    tls_cert: Path | None = None
    """The gateway's own certificate (PEM), where the broker wants one."""
    tls_key: Path | None = None
    """Key of that certificate (PEM)."""
    keepalive_s: int = 30
    """A connection that is silent for so long is tried, s."""
    session_s: int = 7 * 24 * 3600
    """How long the broker keeps the session of a gateway that is away, s."""
    window: int = 64
    """Most messages that the broker sends without an acknowledgement."""

    def __repr__(self) -> str:
        """Return it without what is secret."""
        return f"MqttOptions({self.host}:{self.port})"


class MqttInput:
    """Hears a broker from :meth:`start` to :meth:`stop`; a broker that is away is tried again.

    Parameters
    ----------
    devices : Devices
        What takes the messages.
    options : MqttOptions
        Where the broker is.

    Raises
    ------
    InputError
        If a certificate cannot be used.
    """

    def __init__(self, devices: Devices, options: MqttOptions) -> None:
        self._devices, self._options = devices, options
        self._heard: queue.SimpleQueue[tuple[int, MQTTMessage] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._connection = 0  # number of the present one: message ids belong to one connection
        self.why_down: str | None = "not connected yet"
        self._client = self._make_client()
        self._pump = threading.Thread(target=self._hand_on, name="mqtt-pump", daemon=True)

    def start(self) -> None:
        """Begin to connect, and to hear."""
        options = self._options
        self._pump.start()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = options.session_s
        properties.ReceiveMaximum = options.window
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        self._client.connect_async(
            options.host,
            options.port,
            options.keepalive_s,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Leave the broker, which keeps what is not acknowledged."""
        self._client.disconnect()
        self._client.loop_stop()
        self._heard.put(None)
        self._pump.join(5)

    def _make_client(self) -> Client:
        options = self._options
        client = Client(
            CallbackAPIVersion.VERSION2,
            options.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        client.reconnect_delay_set(1, 10)
        if options.user is not None:
            client.username_pw_set(options.user, options.password)
        if options.tls_ca is not None:
            try:
                client.tls_set(
                    str(options.tls_ca),
                    None if options.tls_cert is None else str(options.tls_cert),
                    None if options.tls_key is None else str(options.tls_key),
                )
            except (OSError, ValueError) as error:
                raise InputError(f"mqtt: the certificates cannot be used: {error}") from error
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: Client, _: Any, flags: ConnectFlags, code: ReasonCode, __: Any
    ) -> None:
        if code.is_failure:
            self._note_down(f"the broker refused: {code}")
            return
        with self._lock:
            self._connection += 1
        client.subscribe(f"{self._options.prefix}/+/frames", qos=1)
        logger.info("mqtt: connected, the session is %s", "old" if flags.session_present else "new")

    def _on_subscribe(
        self, _: Client, __: Any, ___: int, codes: list[ReasonCode], ____: Any
    ) -> None:
        """Note whether the broker will deliver frames: what came before is not for us."""
        refused = [str(code) for code in codes if code.is_failure]
        self.why_down = f"the subscription was refused: {refused[0]}" if refused else None
        if refused:
            logger.error("mqtt: %s", self.why_down)

    def _on_disconnect(
        self, _: Client, __: Any, ___: DisconnectFlags, code: ReasonCode, ____: Any
    ) -> None:
        with self._lock:
            self._connection += 1
        if not code.is_failure:
            self.why_down = "left"
        elif self.why_down is None:  # else it was not let in, which says more
            self._note_down(f"disconnected: {code}")

    def _on_connect_fail(self, _: Client, __: Any) -> None:
        self._note_down("the broker cannot be reached")

    def _note_down(self, why: str) -> None:
        """Note why there is no broker; it is tried again and again, and told once."""
        if why != self.why_down:
            logger.error("mqtt: %s", why)
        self.why_down = why

    def _on_message(self, _: Client, __: Any, message: MQTTMessage) -> None:
        """Put a message aside; the network's thread must not wait, so that it answers pings.

        No more wait here than the window: the broker sends no others.
        """
        self._heard.put((self._connection, message))

    def _hand_on(self) -> None:
        """Hand messages on, waiting where the keeper has too many."""
        while (heard := self._heard.get()) is not None:
            self._devices.offer(self._arrival(*heard))

    def _arrival(self, connection: int, message: MQTTMessage) -> Arrival:
        """Read a message; one that cannot be used is acknowledged when it is kept."""

        def acknowledge() -> None:
            self._acknowledge(connection, message)

        payload = bytes(message.payload)
        try:
            frames = self._devices.packed(decode(payload), self._device(message.topic))
        except FrameError as error:
            return Arrival([], acknowledge, dead_letter(payload, error, "mqtt"), "mqtt")
        return Arrival(frames, acknowledge, via="mqtt")

    def _device(self, topic: str) -> str:
        """Return the level of a topic that names the device."""
        levels = topic[len(self._options.prefix) + 1 :].split("/")
        return levels[0]

    def _acknowledge(self, connection: int, message: MQTTMessage) -> None:
        """Acknowledge a message on the connection it came by; on another its id is another's."""
        with self._lock:
            if connection == self._connection and message.qos > 0:
                self._client.ack(message.mid, message.qos)
