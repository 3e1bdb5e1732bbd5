"""Looks at a locked set: each is logged before it is taken, and a candidate gets one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deploy.audit_log import AuditLog, read
from ingest.errors import InputError

WHAT = "locked.look"
"""What a look is called in the log."""


def take_look(log: Path, who: str, locked: str, candidate: str, change: str) -> dict[str, Any]:
    """Log a look and return what of it belongs into the record.

    Parameters
    ----------
    log : Path
        An audit log; made where it is not there.
    who : str
        Who looks.
    locked, candidate : str
        SHA-256 of the locked set and of the candidate's file.
    change : str
        Name of the change.

    Returns
    -------
    dict
        ``n``: how many looks at this set there were with this one; ``at``; ``hash`` of the line.

    Raises
    ------
    InputError
        If this candidate was judged by this set before, or the log cannot be written.
    """
    before = []
    if log.is_file():
        before = [e.details for e in read(log) if e.what == WHAT and e.details["locked"] == locked]
    if any(details["candidate"] == candidate for details in before):
        raise InputError(
            f"candidate {candidate[:16]} was judged by this locked set before: a second look would "
            "be a choice on it; train another, or lock other patients"
        )
    log.parent.mkdir(parents=True, exist_ok=True)
    with AuditLog(log) as written:
        entry = written.append(
            who, WHAT, {"locked": locked, "candidate": candidate, "change": change}
        )
    return {"n": len(before) + 1, "at": entry.at, "hash": entry.hash}
