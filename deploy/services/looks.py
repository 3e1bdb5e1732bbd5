"""Looks at a locked set: each is logged before it is taken, and a candidate gets one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deploy.audit_log import AuditLog, read
from ingest.errors import InputError

WHAT = "locked.look"
"""What a look is called in the log."""
JUDGED = "locked.judged"
"""What its end is called: a look that was cut off before it may be taken again."""


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
        ``n``: how many candidates this set has judged with this one; ``at``; ``hash`` of the line.

    Raises
    ------
    InputError
        If this candidate was judged by this set before, or the log cannot be written.
    """
    past = [e for e in read(log) if e.details.get("locked") == locked] if log.is_file() else []
    own = [e for e in past if e.details["candidate"] == candidate]
    if any(e.what == JUDGED or e.details["change"] != change for e in own):
        raise InputError(
            f"candidate {candidate[:16]} was judged by this locked set before: a second look would "
            "be a choice on it; train another, or lock other patients"
        )
    log.parent.mkdir(parents=True, exist_ok=True)
    with AuditLog(log) as written:
        entry = written.append(
            who, WHAT, {"locked": locked, "candidate": candidate, "change": change}
        )
    n = len({e.details["candidate"] for e in past} | {candidate})
    return {"n": n, "at": entry.at, "hash": entry.hash}


def end_look(log: Path, who: str, locked: str, candidate: str, change: str) -> None:
    """Log that a look has ended: from now on the candidate is judged.

    Parameters are those of :func:`take_look`.
    """
    with AuditLog(log) as written:
        written.append(who, JUDGED, {"locked": locked, "candidate": candidate, "change": change})
