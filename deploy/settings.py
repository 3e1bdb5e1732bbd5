"""Settings of the monitor's worker: a TOML file, under the environment, under the command line.

Every key can stand in all three: ``[kafka] group`` in the file is
``VIGIL_KAFKA__GROUP`` in the environment. What is not a key is an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from deploy.numerics_settings import NumericsSettings
from deploy.section import Section
from deploy.security.http import HttpSecurity
from deploy.settings_file import NESTED, PREFIX, is_secret, read_toml
from ingest.errors import InputError
from ingest.kafka_security import KafkaSecurity

MOST_TOLD_CHARS = 200
"""How much of a wrong value is told."""

Settings = TypeVar("Settings", bound=BaseSettings)
"""The settings of one service."""

TOPIC_PATTERN = r"^[A-Za-z0-9._-]{1,249}$"


def _whole(value: float) -> float:
    """Return a whole number as an int, as limits that count beats must be."""
    return int(value) if value.is_integer() else value


SERVICE = SettingsConfigDict(
    env_prefix=PREFIX,
    env_nested_delimiter=NESTED,
    extra="forbid",
    frozen=True,
    protected_namespaces=(),
)
"""How the settings of every service are read: its keys and no others, fixed once read."""


class SecuritySettings(Section):
    """How Kafka's brokers are spoken to; :class:`ingest.kafka_security.KafkaSecurity` checks it."""

    protocol: str = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    ca: Path | None = None
    """PEM file of the authorities that brokers' certificates must come from; else the system's."""
    certificate: Path | None = None
    """PEM file of this client's certificate, where brokers want one."""
    key: Path | None = None
    """PEM file of its private key; none: it stands in ``certificate``."""
    mechanism: str = "SCRAM-SHA-512"
    """SCRAM-SHA-256 or SCRAM-SHA-512."""
    user: str | None = None
    """User of SASL."""
    password_file: Path | None = None
    """File with the password."""
    password: SecretStr | None = None
    """The password itself: from the environment only, VIGIL_KAFKA__SECURITY__PASSWORD."""

    def options(self) -> dict[str, Any]:
        """Return it as settings of kafka-python's clients.

        Raises
        ------
        InputError
            If something is missing, left over, or a file cannot be used.
        """
        keys = {name: getattr(self, name) for name in type(self).model_fields}
        if self.password is not None:
            keys["password"] = self.password.get_secret_value()
        return KafkaSecurity(**keys).options()


class KafkaSettings(Section):
    """Where frames come from and alarms go to."""

    servers: str = Field(default="127.0.0.1:9092", pattern=r"^[^\s,]+:\d+(,[^\s,]+:\d+)*$")
    """Brokers to begin with, ``HOST:PORT``, separated by commas."""
    topic_in: str = Field(default="ecg.frames", pattern=TOPIC_PATTERN)
    """Topic of the frames."""
    topic_out: str = Field(default="ecg.alarms", pattern=TOPIC_PATTERN)
    """Topic of the alarms."""
    topic_beats: str | None = Field(default=None, pattern=TOPIC_PATTERN)
    """Topic of every beat, such as ``ecg.beats``; none: they are not written."""
    topic_dead: str = Field(default="ecg.dead-letter", pattern=TOPIC_PATTERN)
    """Topic of what could not be read."""
    topic_state: str | None = Field(default=None, pattern=TOPIC_PATTERN)
    """Compacted topic of the streams' states, such as ``ecg.state``, from which whoever takes a
    partition over goes on; none: its streams begin afresh."""
    topic_in_force: str | None = Field(default=None, pattern=TOPIC_PATTERN)
    """Topic that models, limits and options in force are written to, for replays; none: nowhere."""
    group: str = Field(default="vigil", min_length=1)
    """Consumer group; workers of one group share the streams."""
    instance_id: str | None = Field(default=None, min_length=1)
    """Name of this worker for static membership, its own among the group; none: dynamic."""
    wait_s: float = Field(default=300.0, ge=0, le=86_400)
    """How long a worker tries to reach brokers at its start before it ends with 1, s; whoever
    looks after it (``--workers``, systemd, Kubernetes) starts it again."""
    security: SecuritySettings = SecuritySettings()
    """Table ``[kafka.security]``."""


class ModelSettings(Section):
    """Which models score; without a path, the ones that ship with Vigil."""

    beats: Path | None = None
    """ONNX file of the beat model."""
    folder: Path | None = None
    """Folder of models that replace the shipped ones, such as the ``current`` that ``vigil
    update`` keeps; while it is not there the shipped ones are used."""
    explain: bool = False
    """Let alarms tell why their V beats were called so; needs a beat model that says it."""
    strips: bool = False
    """Let raised alarms carry the last 10 s of signal, with beats and quality; 3 KiB a stream."""
    providers: tuple[str, ...] = ("cpu",)
    """What models run on, the most wanted first: cpu, cuda, tensorrt, openvino, coreml."""
    trusted_keys: tuple[Path, ...] = ()
    """PEM files of the Ed25519 public keys whose signatures of models are believed."""
    allow_unsigned: bool = False
    """Whether models that neither ship with Vigil nor are signed may be loaded."""


class HttpSettings(Section):
    """Where ``/metrics``, ``/healthz`` and ``/readyz`` are served."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=9464, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    certificate: Path | None = None
    """PEM file of the server's certificate; none: no TLS."""
    key: Path | None = None
    """PEM file of its private key; none: it stands in ``certificate``."""
    token_file: Path | None = None
    """File of bearer tokens, of which clients must show one; none: nobody need."""

    @property
    def security(self) -> HttpSecurity:
        """TLS and tokens."""
        return HttpSecurity(self.certificate, self.key, self.token_file)


class PatientSettings(Section):
    """Whose alarm limits are in force, before those of ``[limits]``."""

    profile: str | None = None
    """adult, paediatric or neonatal; none: as adult, and alarms do not tell it."""


class AnnunciationSettings(Section):
    """Alarm signals on top of the alarms: sounds, reminders, escalation, what people do."""

    enabled: bool = False
    """Whether the worker keeps them."""
    log: Path | None = None
    """Append-only log (JSON lines) that a restart goes on from; none: it begins anew."""
    topic_commands: str | None = Field(default=None, pattern=TOPIC_PATTERN)
    """Topic of people's commands, such as ``ecg.commands``; none: none are taken."""
    topic_signals: str | None = Field(default=None, pattern=TOPIC_PATTERN)
    """Topic that signals are written to, such as ``ecg.signals``; none: nowhere."""
    policy: dict[str, Any] = Field(default_factory=dict)
    """Delays, times and recipients that differ from the defaults, checked by their owner."""
    late_s: float = Field(default=60.0, ge=1)
    """What is told later than this behind its deciding sample is told as late, s."""
    archive_s: float = Field(default=7200.0, ge=60)
    """A bed whose stream was not heard for so long is closed: its alarm signals end, s."""
    most_gone: int = Field(default=10_000, ge=1)
    """Most beds of streams that are not heard any more; beyond, the oldest are closed at once."""


class AuditSettings(Section):
    """Who did what, in lines bound to each other (:mod:`deploy.audit_log`)."""

    log: Path | None = None
    """The log; none: none is kept."""
    key_file: Path | None = None
    """File with a key of 32 bytes or more: whoever has not got it cannot make the log anew."""


class NotifySettings(Section):
    """Who is told of alarms beside the topic."""

    console: bool = False
    """A line to stderr for each."""
    webhook: str | None = None
    """Address that each is posted to."""
    secret_file: Path | None = None
    """File with the secret that posts are signed with, 16 bytes or more."""
    undelivered: Path = Path("undelivered.jsonl")
    """File of posts that were given up."""
    timeout_s: float = Field(default=5.0, gt=0, le=60)
    """Longest time of one try, s."""
    tries: int = Field(default=6, ge=1, le=100)
    """Most tries of one post."""
    most: int = Field(default=1000, ge=1, le=1_000_000)
    """Most posts on their way at once."""


class BatchSettings(Section):
    """How much is taken at a time: latency against throughput, never the output."""

    poll_records: int = Field(default=500, ge=1, le=100_000)
    """Most Kafka records of one poll."""
    poll_timeout_s: float = Field(default=0.2, gt=0, le=60)
    """Longest wait of one poll, s."""
    deadline_ms: float = Field(default=50.0, ge=0, le=10_000)
    """Longest wait from the first frame of a batch until it is scored, ms; 0: none."""
    full_frames: int = Field(default=4096, ge=1, le=1_000_000)
    """Frames of a batch that is scored without waiting any longer."""
    max_streams: int = Field(default=100_000, ge=1)
    """Most streams that one worker takes on."""
    lag_limit_s: float = Field(default=10.0, gt=0)
    """Age of what is scored above which the worker is told to be behind, s."""


class TracingSettings(Section):
    """Traces from frames to alarms, by OpenTelemetry; off where no endpoint is named."""

    endpoint: str | None = Field(default=None, pattern=r"^https?://[^\s/]+(/\S*)?$")
    """Collector of OTLP over HTTP, such as ``http://127.0.0.1:4318``."""
    sample: float = Field(default=0.001, ge=0, le=1)
    """Share of the messages of frames that a trace begins with, where frames are sent."""


class StateSettings(Section):
    """How the states of streams are kept, where ``kafka.topic_state`` names a topic."""

    every_s: float = Field(default=15.0, ge=0, le=3600)
    """From a stream's first message behind its state to its next state, s."""
    rebuild_s: float = Field(default=3600.0, ge=0)
    """How far back the log is read where a state cannot be gone on from, s."""
    idle_s: float = Field(default=7200.0, ge=60)
    """A stream that was not heard for so long of the log's time is let go of, s."""


class ShadowSettings(Section):
    """A candidate that scores beside the models in use, in spare time; nobody is told."""

    models: tuple[Path, ...] = ()
    """ONNX files, or folders of them; none: no candidate."""
    topic: str = Field(default="ecg.shadow", pattern=TOPIC_PATTERN)
    """Topic of its alarms and of the stretches that it heard."""
    lag_s: float = Field(default=5.0, gt=0)
    """Age of what is scored above which it is shed, s."""
    rest_s: float = Field(default=60.0, ge=0)
    """How long it rests then, s."""


class MonitorSettings(BaseSettings):
    """All settings of one worker.

    Examples
    --------
    >>> load_settings(overrides={"kafka": {"group": "icu"}}).kafka.group
    'icu'
    """

    model_config = SERVICE

    kafka: KafkaSettings = KafkaSettings()
    """Table ``[kafka]``."""
    models: ModelSettings = ModelSettings()
    """Table ``[models]``."""
    http: HttpSettings = HttpSettings()
    """Table ``[http]``."""
    batch: BatchSettings = BatchSettings()
    """Table ``[batch]``."""
    state: StateSettings = StateSettings()
    """Table ``[state]``."""
    patient: PatientSettings = PatientSettings()
    """Table ``[patient]``."""
    annunciation: AnnunciationSettings = AnnunciationSettings()
    """Table ``[annunciation]``."""
    notify: NotifySettings = NotifySettings()
    """Table ``[notify]``."""
    audit: AuditSettings = AuditSettings()
    """Table ``[audit]``."""
    shadow: ShadowSettings = ShadowSettings()
    """Table ``[shadow]``."""
    numerics: NumericsSettings = NumericsSettings()
    """Table ``[numerics]``."""
    tracing: TracingSettings = TracingSettings()
    """Table ``[tracing]``."""
    limits: dict[str, Annotated[float, AfterValidator(_whole)]] = {}
    """Table ``[limits]``: alarm limits that differ from the defaults, checked by their owner."""


def load_settings(
    config: Path | None = None, overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> MonitorSettings:
    """Read the settings of a worker.

    Parameters
    ----------
    config : Path, optional
        TOML file.
    overrides : mapping, optional
        What the command line says, by table and key; stands above the
        environment, which stands above the file.

    Raises
    ------
    InputError
        If the file cannot be read, a key does not exist or a value is not
        allowed; names the key and what is allowed.
    """
    return read_settings(MonitorSettings, config, overrides)


def read_settings(
    kind: type[Settings],
    config: Path | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> Settings:
    """Read the settings of any service, as :func:`load_settings` does those of a worker.

    Raises
    ------
    InputError
        As :func:`load_settings`.
    """
    from_file = read_toml(config) if config else {}

    class Layered(kind):  # type: ignore[misc, valid-type]  # a class that is handed in
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, from_file)

    _refuse_unknown_variables(os.environ, kind)
    from_command_line: dict[str, Any] = {
        name: dict(keys) for name, keys in (overrides or {}).items()
    }
    try:
        made: Settings = Layered(**from_command_line)
    except ValidationError as error:
        raise InputError(f"settings: {'; '.join(_explain(error, kind))}") from error
    except SettingsError as error:
        raise InputError(f"settings: {error}; say {PREFIX}TABLE{NESTED}KEY=VALUE") from error
    return made


def _refuse_unknown_variables(environ: Mapping[str, str], kind: type[BaseSettings]) -> None:
    """Raise if a variable is of the form VIGIL_TABLE__KEY and there is no such table."""
    tables = list(kind.model_fields)
    for name in sorted(environ):
        table, nested, _ = name.upper().removeprefix(PREFIX).partition(NESTED)
        if name.upper().startswith(PREFIX) and nested and table.lower() not in tables:
            raise InputError(f"settings: {name}: no such table; allowed are {', '.join(tables)}")


def _explain(error: ValidationError, kind: type[BaseSettings]) -> list[str]:
    """Return one text a wrong key: its dotted name, what is wrong and what is allowed.

    The value is told, but for keys that hold secrets.
    """
    texts = []
    for detail in error.errors():
        key = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            allowed = ", ".join(_siblings(detail["loc"], kind))
            texts.append(f"{key}: no such key; allowed are {allowed}")
        else:
            whole = isinstance(detail["input"], dict | list) or is_secret(key)
            value = "..." if whole else repr(detail["input"])[:MOST_TOLD_CHARS]
            texts.append(f"{key} = {value}: {detail['msg']}")
    return texts


def _siblings(place: tuple[int | str, ...], kind: type[BaseSettings]) -> list[str]:
    """Return the keys that exist beside a place such as ``("kafka", "grop")``."""
    section: Any = kind
    for name in place[:-1]:
        section = section.model_fields[str(name)].annotation
        if not (isinstance(section, type) and issubclass(section, Section)):
            raise TypeError(f"{name} is not a table with fixed keys")
    return list(section.model_fields)
