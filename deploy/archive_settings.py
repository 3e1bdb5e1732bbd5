"""Settings of the archive: a TOML file, under the environment, under the command line.

Form and order of rank are as in :mod:`deploy.settings`: ``[archive] url`` is
``VIGIL_ARCHIVE__URL`` in the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from deploy.section import Section
from deploy.settings import (
    SERVICE,
    HttpSettings,
    SecuritySettings,
    read_settings,
)
from ingest.archive import StreamKeys
from ingest.errors import InputError
from ingest.secret_files import read_secret

TOPIC_OR_NONE = r"^[A-Za-z0-9._-]{0,249}$"
"""A topic; empty for none."""


class ArchiveSection(Section):
    """Where the archive is, and how it is written and kept."""

    url: str | None = None
    """A folder, or an address that fsspec knows, such as ``s3://bucket/archive``."""
    buckets: int = Field(default=8, ge=1, le=256)
    """Buckets of streams of a new archive."""
    flush_s: float = Field(default=60.0, gt=0, le=3600)
    """Longest time from a message's coming until it counts, s."""
    flush_bytes: int = Field(default=64 << 20, ge=1 << 16, le=1 << 30)
    """Bytes of samples and messages that are held at most before they are written."""
    keep_days: int | None = Field(default=None, ge=1)
    """Days (UTC) that are kept, today among them; none: all."""
    compact_minutes: float = Field(default=60.0, ge=0)
    """How often the service compacts and lets old days go, minutes; 0: never."""
    keys_file: Path | None = None
    """File of the streams' keys, outside the archive; none: content is not sealed."""
    secret_file: Path | None = None
    """File with the master secret, 32 bytes or more."""
    secret: SecretStr | None = None
    """The master secret itself: from the environment only, VIGIL_ARCHIVE__SECRET."""

    def keys(self) -> StreamKeys | None:
        """Open the keys; None where content is not sealed.

        Raises
        ------
        InputError
            If they cannot be used, or there is no master secret.
        """
        if self.keys_file is None:
            return None
        if self.secret is not None:
            return StreamKeys(self.keys_file, self.secret.get_secret_value().encode())
        if self.secret_file is None:
            raise InputError(
                "settings: archive.keys_file needs archive.secret_file, or VIGIL_ARCHIVE__SECRET"
            )
        return StreamKeys(self.keys_file, read_secret(self.secret_file, "archive.secret_file"))

    def address(self) -> str:
        """Return where the archive is.

        Raises
        ------
        InputError
            If that is not said.
        """
        if self.url is None:
            raise InputError("settings: say where the archive is: --url, or archive.url")
        return self.url


class ArchivedTopics(Section):
    """What is archived."""

    servers: str = Field(default="127.0.0.1:9092", pattern=r"^[^\s,]+:\d+(,[^\s,]+:\d+)*$")
    """Brokers to begin with, ``HOST:PORT``, separated by commas."""
    topic_frames: str = Field(default="ecg.frames", pattern=TOPIC_OR_NONE)
    """Topic of the frames; empty: they are not archived."""
    topic_alarms: str = Field(default="ecg.alarms", pattern=TOPIC_OR_NONE)
    """Topic of the alarms; empty: they are not archived."""
    topic_beats: str = Field(default="", pattern=TOPIC_OR_NONE)
    """Topic of the beats."""
    topic_signals: str = Field(default="", pattern=TOPIC_OR_NONE)
    """Topic of the alarm signals."""
    topic_verdicts: str = Field(default="", pattern=TOPIC_OR_NONE)
    """Topic of what people said of alarms and beats."""
    group: str = Field(default="vigil-archive", min_length=1)
    """Consumer group; services of one group share the partitions."""
    instance_id: str | None = Field(default=None, min_length=1)
    """Name of this service for static membership, its own among the group; none: dynamic."""
    security: SecuritySettings = SecuritySettings()
    """Table ``[kafka.security]``."""

    def tables(self) -> dict[str, str]:
        """Return by table the address of its topic.

        Raises
        ------
        InputError
            If nothing is archived, or a topic is named twice.
        """
        names = {
            "frames": self.topic_frames,
            "beats": self.topic_beats,
            "alarms": self.topic_alarms,
            "signals": self.topic_signals,
            "verdicts": self.topic_verdicts,
        }
        given = {table: topic for table, topic in names.items() if topic}
        if not given:
            raise InputError("settings: nothing is archived: name a topic in [kafka]")
        if len(set(given.values())) < len(given):
            raise InputError("settings: the topics in [kafka] must be different ones")
        return {table: f"kafka://{self.servers}/{topic}" for table, topic in given.items()}


class ArchiveSettings(BaseSettings):
    """All settings of the archive.

    Examples
    --------
    >>> load_archive_settings(overrides={"archive": {"url": "/srv/ecg"}}).archive.address()
    '/srv/ecg'
    """

    model_config = SERVICE

    archive: ArchiveSection = ArchiveSection()
    """Table ``[archive]``."""
    kafka: ArchivedTopics = ArchivedTopics()
    """Table ``[kafka]``."""
    http: HttpSettings = HttpSettings()
    """Table ``[http]``."""


def load_archive_settings(
    config: Path | None = None, overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> ArchiveSettings:
    """Read the settings of the archive, as :func:`deploy.settings.load_settings` a worker's.

    Raises
    ------
    InputError
        If something cannot be read or is not allowed.
    """
    return read_settings(ArchiveSettings, config, overrides)
