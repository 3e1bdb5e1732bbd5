"""What people said of alarms and beats: added to, never changed; what is disputed stays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select

from deploy.console.store.database import Database
from deploy.console.store.tables import FeedbackRow
from ingest.errors import InputError

SCHEMA = "vigil.feedback/1"
"""Name and version of its form."""
MOST_ID = 2**53
"""Highest number of a row that browsers can count to."""


class Verdict(StrEnum):
    """What is said."""

    TRUE = "true"
    """The alarm was right."""
    FALSE = "false"
    """The patient had no such thing."""
    ARTEFACT = "artefact"
    """It was noise, motion or an electrode."""
    RELABEL = "relabel"
    """A beat is of another class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One thing said."""

    stream_id: str
    """Pseudonym of the stream."""
    session: str
    """Session of its device."""
    verdict: Verdict
    """What is said."""
    who: str
    """By whom."""
    why: str
    """And why."""
    alarm_id: str | None = None
    """Of which alarm."""
    condition: str | None = None
    """What that was about."""
    sample: int | None = None
    """Of which beat: its R-peak, index since the session began."""
    label: str | None = None
    """The class that the beat is said to have."""
    disputes: int | None = None
    """Number of the feedback that is said to be wrong."""
    id: int = 0
    """Its number."""
    at_ms: int = 0
    """When, UTC, ms since 1970."""

    def to_dict(self) -> dict[str, Any]:
        """Give it as it is published."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {"schema": SCHEMA, **told, "verdict": self.verdict.value}


class FeedbackStore:
    """The feedback of a database.

    Parameters
    ----------
    database : Database
        Where.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, said: Feedback) -> Feedback:
        """Add; return it with its number and time.

        Raises
        ------
        InputError
            If it disputes what is not there, or something of another stream.
        """
        keys = {name: getattr(said, name) for name in said.__slots__ if name not in ("id", "at_ms")}
        row = FeedbackRow(**keys | {"verdict": said.verdict.value}, at_ms=self._db.now_ms())
        with self._db.session.begin() as session:
            if said.disputes is not None:
                other = session.get(FeedbackRow, said.disputes)
                if other is None or other.stream_id != said.stream_id:
                    raise InputError(
                        f"there is no feedback {said.disputes} of {said.stream_id!r} to dispute"
                    )
            session.add(row)
        return _feedback(row)

    def latest(self, most: int, stream_id: str | None = None) -> list[Feedback]:
        """Return the newest, of all streams or one."""
        query = select(FeedbackRow).order_by(FeedbackRow.id.desc()).limit(most)
        if stream_id is not None:
            query = query.where(FeedbackRow.stream_id == stream_id)
        with self._db.session() as session:
            return [_feedback(row) for row in session.scalars(query)]

    def numbered(self, number: int) -> Feedback | None:
        """Return one by its number."""
        with self._db.session() as session:
            row = session.get(FeedbackRow, number)
        return None if row is None else _feedback(row)


def _feedback(row: FeedbackRow) -> Feedback:
    keys = {name: getattr(row, name) for name in Feedback.__slots__}
    return Feedback(**keys | {"verdict": Verdict(row.verdict)})
