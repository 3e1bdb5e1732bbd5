"""Settings of the gateway: a TOML file, under the environment, under the command line.

Keys and their order of rank are as in :mod:`deploy.settings`: ``[mqtt] host`` is
``VIGIL_MQTT__HOST`` in the environment. Secrets come from files, or from the environment alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from deploy.section import Section
from deploy.settings import (
    SERVICE,
    TOPIC_PATTERN,
    HttpSettings,
    NotifySettings,
    PatientSettings,
    SecuritySettings,
    TracingSettings,
    read_settings,
)
from ingest.errors import InputError
from ingest.gateway.database import Sync


class Key(Enum):
    """What frames are written under."""

    STREAM = "stream"
    """Each stream's id: streams spread over the partitions."""
    GATEWAY = "gateway"
    """The gateway's name: all of it in one partition, in fewer and larger messages."""


class LocalAlarms(Enum):
    """When the gateway tells alarms of its own."""

    NEVER = "never"
    """Nothing is scored here."""
    CUT = "cut"
    """While the uplink is cut, or older frames have not gone yet: nobody else can tell them."""
    ALWAYS = "always"
    """All the time."""


class GatewaySection(Section):
    """Who the gateway is, and whom it names."""

    name: str = Field(default="gateway", min_length=1, max_length=64)
    """Its name, its own among the gateways of one Kafka."""
    keys_file: Path | None = None
    """Keys of the pseudonyms (:func:`ingest.pseudonyms.read_keys`); none: devices' names go on."""


class UplinkSettings(Section):
    """Kafka, where frames go."""

    servers: str = Field(default="127.0.0.1:9092", pattern=r"^[^\s,]+:\d+(,[^\s,]+:\d+)*$")
    """Brokers to begin with, ``HOST:PORT``, separated by commas."""
    topic_frames: str = Field(default="ecg.frames", pattern=TOPIC_PATTERN)
    """Topic of the frames."""
    topic_dead: str = Field(default="ecg.dead-letter", pattern=TOPIC_PATTERN)
    """Topic of what could not be read."""
    topic_local: str = Field(default="ecg.gateway", pattern=TOPIC_PATTERN)
    """Topic of local alarms and of notices about the gateway itself."""
    key: Key = Key.STREAM
    """What frames are written under: stream or gateway."""
    timeout_s: float = Field(default=10.0, ge=1, le=300)
    """Kafka that has not confirmed a message for so long has failed, s."""
    cut_after_s: float = Field(default=5.0, gt=0, le=600)
    """Frames that wait longer than this are told as a cut uplink, and go as replays, s."""
    replay_bytes_per_s: float = Field(default=4e6, ge=1e3)
    """Rate of the backlog, bytes of frames a second; live frames are not counted."""
    security: SecuritySettings = SecuritySettings()
    """Table ``[uplink.security]``, as ``[kafka.security]`` of the monitor."""


class StoreSettings(Section):
    """Where frames wait, and what bounds it."""

    folder: Path = Path("gateway-store")
    """Folder of the store, made where it is not there; of this gateway alone."""
    max_bytes: int = Field(default=8 << 30, ge=1 << 20)
    """Most bytes in it; where more come the oldest frames are dropped, and counted."""
    max_hours: float = Field(default=24.0, gt=0, le=24 * 365)
    """Greatest age of a frame, h; older ones are dropped, and counted."""
    sync: Sync = Sync.FULL
    """What an acknowledged frame outlives: full, a loss of power; normal, the process."""
    commit_ms: float = Field(default=20.0, ge=0, le=10_000)
    """How long frames are gathered for one commit, ms."""
    max_streams: int = Field(default=10_000, ge=1)
    """Most streams and sessions that are known at a time."""


class MqttSettings(Section):
    """Frames over MQTT 5."""

    enabled: bool = False
    """Whether a broker is listened to."""
    host: str = "127.0.0.1"
    """Address of the broker."""
    port: int = Field(default=1883, ge=1, le=65535)
    """Port of the broker."""
    prefix: str = Field(default="vigil", pattern=r"^[^/+#]+(/[^/+#]+)*$")
    """Beginning of the topics: frames come on ``PREFIX/DEVICE/frames``."""
    client_id: str | None = None
    """Name of the session at the broker; none: ``vigil-`` and the gateway's name."""
    user: str | None = None
    """User name; none: none."""
    password_file: Path | None = None
    """File with the user's password."""
    tls_ca: Path | None = None
    """Certificates that the broker's must come from (PEM); none: no TLS."""
    tls_cert: Path | None = None
    """Certificate of the gateway (PEM), where the broker wants one."""
    tls_key: Path | None = None
    """Its key (PEM)."""


class TcpSettings(Section):
    """Frames in the line protocol."""

    enabled: bool = False
    """Whether it is listened to."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=9470, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    token_file: Path | None = None
    """File with the token that devices tell; none: anybody is let in."""
    tls_cert: Path | None = None
    """The gateway's certificate (PEM); none: no TLS."""
    tls_key: Path | None = None
    """Its key (PEM)."""
    most_devices: int = Field(default=64, ge=1, le=10_000)
    """Most devices at once."""
    idle_s: float = Field(default=120.0, gt=0)
    """A device that sends nothing for so long is let go, s."""


class LocalSettings(Section):
    """Scoring in the gateway."""

    alarms: LocalAlarms = LocalAlarms.CUT
    """When alarms are told here: never, cut or always."""
    lead: str | None = None
    """Lead to score, as ``vigil monitor --lead``."""


def _whole(value: float) -> float:
    return int(value) if value.is_integer() else value


class LocalModelSettings(Section):
    """Which models score here; those that ship, unless a folder holds others."""

    folder: Path | None = None
    """Folder of models that replace the shipped ones, such as the ``current`` that ``vigil
    update`` keeps; while it is not there the shipped ones are used."""
    trusted_keys: tuple[Path, ...] = ()
    """PEM files of the Ed25519 public keys whose signatures of models are believed."""
    allow_unsigned: bool = False
    """Whether models that neither ship with Vigil nor are signed may be loaded."""


class GatewaySettings(BaseSettings):
    """All settings of one gateway.

    Examples
    --------
    >>> told = {"tcp": {"enabled": True}, "gateway": {"name": "ward-3"}}
    >>> load_gateway_settings(overrides=told).gateway.name
    'ward-3'
    """

    model_config = SERVICE

    gateway: GatewaySection = GatewaySection()
    """Table ``[gateway]``."""
    uplink: UplinkSettings = UplinkSettings()
    """Table ``[uplink]``."""
    store: StoreSettings = StoreSettings()
    """Table ``[store]``."""
    mqtt: MqttSettings = MqttSettings()
    """Table ``[mqtt]``."""
    tcp: TcpSettings = TcpSettings()
    """Table ``[tcp]``."""
    local: LocalSettings = LocalSettings()
    """Table ``[local]``."""
    models: LocalModelSettings = LocalModelSettings()
    """Table ``[models]``."""
    patient: PatientSettings = PatientSettings()
    """Table ``[patient]``, of the local alarms."""
    notify: NotifySettings = NotifySettings()
    """Table ``[notify]``: who is told of local alarms and notices."""
    tracing: TracingSettings = TracingSettings()
    """Table ``[tracing]``."""
    http: HttpSettings = HttpSettings()
    """Table ``[http]``."""
    limits: dict[str, Annotated[float, AfterValidator(_whole)]] = {}
    """Table ``[limits]``: alarm limits that differ from the defaults, of the local alarms."""


def load_gateway_settings(
    config: Path | None = None, overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> GatewaySettings:
    """Read the settings of a gateway, as :func:`deploy.settings.load_settings` a worker's.

    Raises
    ------
    InputError
        If something cannot be read or is not allowed, or no input is enabled.
    """
    settings = read_settings(GatewaySettings, config, overrides)
    if not settings.mqtt.enabled and not settings.tcp.enabled:
        raise InputError("settings: enable an input: mqtt.enabled or tcp.enabled must be true")
    if settings.tcp.tls_key and not settings.tcp.tls_cert:
        raise InputError("settings: tcp.tls_key needs tcp.tls_cert")
    if settings.mqtt.tls_cert and not settings.mqtt.tls_ca:
        raise InputError("settings: mqtt.tls_cert needs mqtt.tls_ca")
    if settings.mqtt.password_file and not settings.mqtt.user:
        raise InputError("settings: mqtt.password_file needs mqtt.user")
    return settings
