"""The parts of a gateway, each made from its settings."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from deploy.gateway_settings import GatewaySettings, Key, MqttSettings, TcpSettings, UplinkSettings
from deploy.tracing.start import make_tracing, traced_frames
from ingest.errors import InputError
from ingest.gateway.bucket import TokenBucket
from ingest.gateway.counts import GatewayCounts
from ingest.gateway.devices import Devices, same
from ingest.gateway.forwarder import Forwarder, Uplink
from ingest.gateway.room import StorePolicy
from ingest.gateway.store import Store
from ingest.gateway.tcp import LineOptions, LineServer
from ingest.kafka_sink import KafkaSink
from ingest.pseudonyms import Pseudonyms, key_id_of, read_keys
from ingest.secret_files import read_secret
from ingest.source import Sink

if TYPE_CHECKING:
    from ingest.gateway.mqtt import MqttInput


def steady_wall_ms() -> Callable[[], int]:
    """Return a clock, ms since 1970, that does not jump when the machine's is set.

    A clock that is set a day ahead would otherwise make all that waits too old to be kept.
    """
    ahead_ns = time.time_ns() - time.monotonic_ns()
    return lambda: (time.monotonic_ns() + ahead_ns) // 1_000_000


def open_store(settings: GatewaySettings, wall_ms: Callable[[], int]) -> Store:
    """Open the store, its folder made where it is not there.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    kept = settings.store
    try:
        kept.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"settings: store.folder {kept.folder}: {error.strerror}") from error
    policy = StorePolicy(kept.max_bytes, kept.max_hours * 3600, kept.sync, kept.max_streams)
    return Store(kept.folder / "outbox.db", policy, wall_ms)


def make_forwarder(
    settings: GatewaySettings, store: Store, counts: GatewayCounts, wall_ms: Callable[[], int]
) -> Forwarder:
    """Make what sends to Kafka; it connects when it turns.

    Raises
    ------
    InputError
        If a certificate or password cannot be used.
    """
    uplink = settings.uplink
    security = uplink.security.options()
    key = settings.gateway.name if uplink.key is Key.GATEWAY else None
    rate = TokenBucket(uplink.replay_bytes_per_s, uplink.replay_bytes_per_s)
    tracing = make_tracing(settings.tracing, "vigil-gateway")

    def connect(topic: str) -> Sink:
        options = kafka_options(uplink, security)
        sink = KafkaSink(f"kafka://{uplink.servers}/{topic}", options=options)
        if topic != uplink.topic_frames:
            return sink
        return traced_frames(sink, topic, tracing, "gateway send")

    where = Uplink(connect, uplink.topic_frames, key, uplink.cut_after_s, wall_ms=wall_ms)
    return Forwarder(store, where, rate, counts)


def kafka_options(uplink: UplinkSettings, security: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a producer that gives up soon: what it cannot send is stored."""
    whole_ms = round(uplink.timeout_s * 1000)
    return {
        "bootstrap_timeout_ms": min(whole_ms, 3000),
        "max_block_ms": min(whole_ms, 5000),
        "request_timeout_ms": whole_ms // 2,
        "delivery_timeout_ms": whole_ms,
        "linger_ms": 2,
        **security,
    }


def pseudonyms(settings: GatewaySettings, store: Store) -> Callable[[str], str]:
    """Return what names streams; one that was heard lately keeps the key it began under.

    Raises
    ------
    InputError
        If the keys cannot be read.
    """
    path = settings.gateway.keys_file
    if path is None:
        return same
    ring = read_keys(path)
    heard_from_ms = time.time_ns() // 1_000_000 - round(settings.store.max_hours * 3_600_000)
    running = (
        mark.stream_id for mark in store.marks.values()
        if mark.heard_ms >= heard_from_ms and _is_of(mark.stream_id, ring.keys)
    )  # fmt: skip
    return Pseudonyms(ring, running).of


def make_tcp(given: TcpSettings, devices: Devices, store: Store) -> LineServer | None:
    """Make the line protocol's server, listening; None where it is not enabled.

    Raises
    ------
    InputError
        If its address, certificate or token cannot be used.
    """
    if not given.enabled:
        return None
    token = None
    if given.token_file is not None:
        token = read_secret(given.token_file, "tcp.token_file").decode()
    options = LineOptions(
        given.host, given.port, token, _server_tls(given), given.most_devices, idle_s=given.idle_s
    )

    def next_sample(stream_id: str, session: str) -> int:
        mark = store.marks.get((stream_id, session))
        return 0 if mark is None else mark.end_sample

    return LineServer(devices, next_sample, options)


def make_mqtt(given: MqttSettings, name: str, devices: Devices) -> MqttInput | None:
    """Make the MQTT input; None where it is not enabled.

    Parameters
    ----------
    given : MqttSettings
        Where the broker is.
    name : str
        The gateway's name.
    devices : Devices
        What takes the messages.

    Raises
    ------
    InputError
        If a certificate or password cannot be used, or paho-mqtt is not installed.
    """
    if not given.enabled:
        return None
    try:
        from ingest.gateway.mqtt import MqttInput, MqttOptions
    except ImportError as error:
        raise InputError("mqtt needs paho-mqtt: install vigil-ecg[gateway]") from error
    password = None
    if given.password_file is not None:
        password = read_secret(given.password_file, "mqtt.password_file").decode()
    options = MqttOptions(
        given.host, given.port, given.prefix, given.client_id or f"vigil-{name}",
        given.user, password, given.tls_ca, given.tls_cert, given.tls_key,
    )  # fmt: skip
    return MqttInput(devices, options)


def _is_of(name: str, keys: Collection[str]) -> bool:
    """Tell whether a name is a pseudonym under one of the keys."""
    try:
        return key_id_of(name) in keys
    except InputError:
        return False


def _server_tls(given: TcpSettings) -> ssl.SSLContext | None:
    """Return TLS of the line protocol's server; None where there is no certificate."""
    if given.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(given.tls_cert, given.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"settings: tcp.tls_cert {given.tls_cert}: {error}") from error
    return context
