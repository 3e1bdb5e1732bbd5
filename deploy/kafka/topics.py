"""The topics that Vigil uses, and what each keeps.

``deploy/kafka/topics.sh`` makes the same with Kafka's own tools, and the Helm chart carries that
script; a test holds the two and everything that names a topic together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DAY_MS = 86_400_000
"""A day, ms."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic."""

    name: str
    """As clients name it."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What differs from Kafka's defaults."""
    is_spread: bool = True
    """Cut into as many partitions as workers may share; else one, in one order for all."""


def _kept(days: int | None, **more: str) -> dict[str, str]:
    """Return settings that keep records so many days, or for ever."""
    kept = "-1" if days is None else str(days * DAY_MS)
    return {"retention.ms": kept} | {key.replace("_", "."): value for key, value in more.items()}


STATES = Topic(
    "ecg.state",
    {
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.1",
        "segment.ms": "600000",
    },
)
"""States of streams: the last one of each is kept, and little more."""

TOPICS = (
    Topic("ecg.frames", _kept(1, max_message_bytes="1048588")),
    STATES,
    Topic("ecg.alarms", _kept(30)),
    Topic("ecg.beats", _kept(1)),
    Topic("ecg.signals", _kept(30)),
    Topic("ecg.commands", _kept(30), is_spread=False),
    Topic("ecg.feedback", _kept(None), is_spread=False),
    Topic("ecg.dead-letter", _kept(30), is_spread=False),
    Topic("ecg.gateway", _kept(30)),
    Topic("ecg.shadow", _kept(7)),
    Topic("ecg.in-force", _kept(None)),
)
"""All of them, that of the frames first."""
