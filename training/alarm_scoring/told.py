"""Alarms as they were told: read from ``*.alarms.jsonl``, one span an alarm."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import InputError

SUFFIX = ".alarms.jsonl"
"""What ``vigil score`` names its files with."""


@dataclass(frozen=True, slots=True)
class ToldAlarm:
    """One alarm of one record; times in s since the record began."""

    record: str
    """Record, the stream's id."""
    condition: str
    """Name of the condition."""
    priority: str
    """High, medium or low."""
    onset_s: float
    """Where its evidence begins."""
    told_s: float
    """When it was raised: what it is judged by."""
    over_s: float
    """When its condition ended; infinite where that was not told."""


def read_alarms(path: Path) -> list[ToldAlarm]:
    """Read the alarms of one record.

    Raises
    ------
    InputError
        If the file cannot be read or a line is no alarm of Vigil, by number.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    documents = []
    for number, line in enumerate(lines, 1):
        try:
            document = json.loads(line)
            _seconds(document, "onset")
            documents.append(document)
        except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            raise InputError(f"{path}, line {number} is no alarm of Vigil: {error!r}") from error
    return spans(documents)


def spans(documents: Iterable[dict[str, Any]]) -> list[ToldAlarm]:
    """Make one span an alarm of its changes.

    Parameters
    ----------
    documents : iterable of dict
        Alarms' JSON as objects, in the order in which they were told.

    Returns
    -------
    list of ToldAlarm
        In the order in which they were raised; what was never raised is left out.
    """
    raised: dict[str, dict[str, Any]] = {}
    over_s: dict[str, float] = {}
    for document in documents:
        if document["state"] == "raised":
            raised.setdefault(document["id"], document)
        elif document["offset"] is not None:
            over_s.setdefault(document["id"], _seconds(document, "offset"))
    return [
        ToldAlarm(
            record=each["stream_id"],
            condition=each["condition"],
            priority=each["priority"],
            onset_s=_seconds(each, "onset"),
            told_s=_seconds(each, "decided"),
            over_s=over_s.get(name, float("inf")),
        )
        for name, each in raised.items()
    ]


def _seconds(document: dict[str, Any], key: str) -> float:
    return float(document[key]["sample"]) / float(document["strip"]["fs"])
