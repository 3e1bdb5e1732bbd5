"""What people say of alarms and beats, as events: added to, never changed.

One JSON object a verdict, ``ingest/verdict.schema.json``. Its id is a digest of all else that
it holds, so that the same event is known wherever it comes from, and a changed one is seen.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ingest.errors import InputError
from ingest.json_text import read_json
from ingest.pseudonyms import KeyRing

SCHEMA = "vigil.verdict/1"
"""Name and version of the form."""
CONSOLE_SCHEMA = "vigil.feedback/1"
"""The form in which the console publishes; it is turned into the other where it is read."""
MOST_VERDICT_BYTES = 8192
"""Longest event."""
MOST_TEXT_CHARS = 1000
"""Longest reason."""
LABELS = ("N", "S", "V", "F", "Q")
"""Classes that a beat can be said to have (AAMI)."""
N_HEX = 32
"""Hex digits of an id."""

_ID = re.compile(rf"[0-9a-f]{{{N_HEX}}}")
_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class Said(StrEnum):
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
class Verdict:
    """One thing that somebody said.

    Raises
    ------
    ingest.errors.InputError
        If it says nothing of an alarm or a beat, or a part is malformed.
    """

    stream_id: str
    """Pseudonym of the stream."""
    session: str
    """Session of its device."""
    said: Said
    """What is said."""
    who: str
    """By whom: a keyed id, never a name."""
    role: str
    """What they are there, such as ``clinician``."""
    why: str
    """And why."""
    at_ms: int
    """When, UTC, ms since 1970."""
    alarm_id: str | None = None
    """Of which alarm."""
    condition: str | None = None
    """What that was about."""
    sample: int | None = None
    """Of which beat: its R-peak, index since the session began."""
    label: str | None = None
    """The class that the beat is said to have."""
    disputes: str | None = None
    """Id of the verdict that is said to be wrong; both stay."""

    def __post_init__(self) -> None:
        if faults := list(self._faults()):
            raise InputError(f"a verdict is malformed: {'; '.join(faults)}")

    def _faults(self) -> Iterable[str]:
        for name in ("stream_id", "session", "who", "why"):
            value = getattr(self, name)
            if not (isinstance(value, str) and value.strip() and len(value) <= MOST_TEXT_CHARS):
                yield f"{name} must be a text of 1 to {MOST_TEXT_CHARS} characters"
        role: object = self.role  # of a message it may be anything
        if not (isinstance(role, str) and _ROLE.fullmatch(role)):
            yield "role must be a word of a-z, 0-9, _ and -"
        if not _whole(self.at_ms):
            yield "at_ms must be a whole number of 0 or more"
        for name in ("alarm_id", "disputes"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and _ID.fullmatch(value)):
                yield f"{name} must be {N_HEX} hex digits"
        if self.said is Said.RELABEL:
            if not _whole(self.sample) or self.label not in LABELS:
                yield f"relabel needs the beat's sample and a label of {' '.join(LABELS)}"
        elif self.alarm_id is None or self.sample is not None or self.label is not None:
            yield f"{self.said.value} is said of an alarm: alarm_id, and neither sample nor label"

    @property
    def target(self) -> tuple[str, str, str]:
        """Stream, session, and the alarm or beat that it is about."""
        what = f"beat {self.sample}" if self.sample is not None else f"alarm {self.alarm_id}"
        return self.stream_id, self.session, what

    @property
    def answer(self) -> str:
        """What the target is said to be: a label, or true, false, artefact."""
        return self.label if self.label is not None else self.said.value

    @property
    def id(self) -> str:
        """Digest of all that it holds."""
        return hashlib.sha256(_canonical(self._content())).hexdigest()[:N_HEX]

    def to_dict(self) -> dict[str, Any]:
        """Give it as it is published."""
        return {"schema": SCHEMA, "id": self.id, **self._content()}

    def to_json(self) -> bytes:
        """Give it as a line, without its end."""
        return _canonical(self.to_dict())

    def _content(self) -> dict[str, Any]:
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        plain = {
            name: getattr(self, name)
            for name in ("stream_id", "session", "why", "alarm_id", "condition", "sample")
        }
        return plain | {
            "verdict": self.said.value,
            "label": self.label,
            "by": {"id": self.who, "role": self.role},
            "utc": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "disputes": self.disputes,
        }


class VerdictReader:
    """Reads verdicts of one source, in the order in which they came.

    Parameters
    ----------
    ring : KeyRing, optional
        Turns the account names of a console's events into keyed ids; without it these are
        refused.
    role : str
        Role of those who give feedback at a console, which lets only clinicians do so.

    Examples
    --------
    >>> said = Verdict(stream_id="p1", session="s", said=Said.FALSE, who="k-1", role="clinician",
    ...                why="motion", at_ms=1000, alarm_id="0" * 32)
    >>> VerdictReader().read(said.to_json()) == said
    True
    """

    def __init__(self, ring: KeyRing | None = None, role: str = "clinician") -> None:
        self._ring, self._role = ring, role
        self._numbered: dict[int, str] = {}

    def read(self, line: bytes | str) -> Verdict:
        """Read one event.

        Raises
        ------
        ingest.errors.InputError
            If it is none, or was changed since it was made.
        """
        told = read_json(line, "a verdict", MOST_VERDICT_BYTES)
        schema = told.get("schema") if isinstance(told, dict) else None
        if schema == CONSOLE_SCHEMA:
            return self._from_console(told)
        if schema != SCHEMA:
            raise InputError(f"a verdict is an object of the form {SCHEMA} or {CONSOLE_SCHEMA}")
        by = told.get("by")
        if not isinstance(by, dict):
            raise InputError("a verdict is malformed: by must tell id and role")
        found = _verdict(told, who=by.get("id"), role=by.get("role"), at_ms=_ms(told.get("utc")))
        if found.id != told.get("id"):
            raise InputError(f"verdict {told.get('id')!r} was changed: its content has another id")
        return found

    def _from_console(self, told: dict[str, Any]) -> Verdict:
        name, disputed, number = told.get("who"), told.get("disputes"), told.get("id")
        if self._ring is None:
            raise InputError(
                "feedback of a console names accounts: give the keys that make ids of them"
            )
        if not isinstance(name, str):
            raise InputError("a verdict is malformed: who must be a text")
        if disputed is not None and disputed not in self._numbered:
            raise InputError(f"feedback {number} disputes {disputed}, which has not come")
        at_ms = told.get("at_ms")
        found = _verdict(
            told | {"disputes": None if disputed is None else self._numbered[disputed]},
            who=self._ring.pseudonym(name),
            role=self._role,
            at_ms=at_ms if isinstance(at_ms, int) and _whole(at_ms) else -1,
        )
        if isinstance(number, int):
            self._numbered[number] = found.id
        return found


def unique(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Leave out what has come before; in order of time, then of id."""
    by_id = {verdict.id: verdict for verdict in verdicts}
    return sorted(by_id.values(), key=lambda one: (one.at_ms, one.id))


def disputing(verdict: Verdict, other: Verdict) -> Verdict:
    """Return a verdict as one that says that another is wrong.

    Raises
    ------
    ingest.errors.InputError
        If they are of different things.
    """
    if verdict.target != other.target:
        raise InputError("a verdict can dispute only one on the same alarm or beat")
    return replace(verdict, disputes=other.id)


def _verdict(told: dict[str, Any], *, who: Any, role: Any, at_ms: int) -> Verdict:
    said = told.get("verdict")
    if said not in list(Said):
        raise InputError(f"verdict must be one of {', '.join(Said)}")
    own = {field.name for field in fields(Verdict)} - {"said", "who", "role", "at_ms"}
    keys = {name: told.get(name) for name in own}
    return Verdict(**keys, said=Said(said), who=who, role=role, at_ms=at_ms)  # type: ignore[arg-type]


def _ms(utc: Any) -> int:
    try:
        at = datetime.fromisoformat(utc)
        if at.tzinfo is None:
            raise ValueError("it names no zone")
    except (TypeError, ValueError) as error:
        raise InputError("a verdict is malformed: utc must be a time with a zone") from error
    return round(at.timestamp() * 1000)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _canonical(told: dict[str, Any]) -> bytes:
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()
