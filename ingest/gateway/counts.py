"""What a gateway counts, plainly; :mod:`deploy` shows it as metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class GatewayCounts:
    """Since the process started. Each is changed by one thread only, and read by any."""

    heard: Counter[str] = field(default_factory=Counter)
    """Frames by how they came: tcp, mqtt."""
    refused: Counter[str] = field(default_factory=Counter)
    """Messages that could not be used, by reason; kept as dead letters."""
    repeated: int = 0
    """Frames that were stored before: acknowledged, not stored again."""
    late: int = 0
    """Frames so far behind that no reader would take them: acknowledged, not stored."""
    stored: int = 0
    """Frames that became durable on the disk."""
    unstored: int = 0
    """Frames that were sent on without having been stored, since the disk took nothing."""
    acknowledged: int = 0
    """Messages that a device was told are durable."""
    commits: int = 0
    """Transactions of the store that took frames."""
    commit_seconds: float = 0.0
    """Time that they took, s."""
    sent: Counter[str] = field(default_factory=Counter)
    """Frames that Kafka has, by kind: live, replay."""
    sent_bytes: int = 0
    """Bytes of them."""
    sent_notes: int = 0
    """Messages beside frames that Kafka has."""
    failures: int = 0
    """Times that Kafka could not be reached or took nothing."""
    lost_notes: int = 0
    """Messages beside frames that were given up, since the disk took nothing for long."""
    new_sessions: int = 0
    """Sessions renamed since a gap was longer than readers believe."""
