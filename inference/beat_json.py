"""A beat as JSON, for those who want every one."""

from __future__ import annotations

from inference.alarm_json import canonical
from inference.results import Beat


def beat_json(beat: Beat) -> bytes:
    """Write one beat as canonical JSON."""
    return canonical(
        {
            "schema": "vigil.beat/1",
            "stream_id": beat.stream.stream_id,
            "session": beat.stream.session,
            "lead": beat.lead,
            "sample": beat.sample,
            "utc": beat.stream.clock.utc(beat.r_ms),
            "rr_ms": beat.rr_ms or None,
            "aami": beat.aami,
            "confidence": round(beat.confidence, 6),
        }
    )
