"""Reports that others leave in a folder as JSON: drift, changes of models, shadows."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import InputError
from ingest.json_text import read_json

DRIFT, CHANGE, SHADOW = "vigil.drift/1", "vigil.change/1", "vigil.shadow-report/1"
"""Forms of what is shown."""
MOST_FILES = 200
"""Most files that are looked at."""
MOST_BYTES = 8 << 20
"""Longest file that is read."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """One report."""

    name: str
    """Path of its file below the folder."""
    at_ms: int
    """When it was written, UTC, ms since 1970."""
    content: dict[str, Any]
    """What stands in it."""


class Reports:
    """Reads the reports of a folder, each file once until it changes.

    Parameters
    ----------
    folder : Path or None
        The folder and those in it, two deep; None: there are no reports.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[int, Report | None]] = {}

    @property
    def given(self) -> bool:
        """Whether there is a folder."""
        return self._folder is not None

    def of(self, schema: str) -> list[Report]:
        """Return the reports of one form, the newest first."""
        found = [report for report in self._all() if report.content.get("schema") == schema]
        return sorted(found, key=lambda report: report.at_ms, reverse=True)

    def _all(self) -> list[Report]:
        if self._folder is None:
            return []
        paths = [
            p for deep in ("*.json", "*/*.json", "*/*/*.json") for p in self._folder.glob(deep)
        ]
        paths = sorted(paths)[:MOST_FILES]
        self._read = {path: each for path, each in self._read.items() if path in set(paths)}
        return [report for path in paths if (report := self._one(path)) is not None]

    def _one(self, path: Path) -> Report | None:
        """Read a file where it is new or has changed; None where it is none of ours."""
        try:
            about = path.stat()
            known = self._read.get(path)
            if known is not None and known[0] == about.st_mtime_ns:
                return known[1]
            with path.open("rb") as file:
                content = read_json(file.read(MOST_BYTES + 1), path.name, MOST_BYTES)
        except (OSError, InputError) as error:
            logger.warning("report %s is not shown: %s", path.name, error)
            return None
        report = None
        if isinstance(content, dict) and content.get("schema") in (DRIFT, CHANGE, SHADOW):
            name = path.relative_to(self._folder or path.parent).as_posix()
            report = Report(name, about.st_mtime_ns // 1_000_000, content)
        self._read[path] = about.st_mtime_ns, report
        return report


def model_key(told: Any) -> str:
    """Name a model as an alarm tells it, in one line.

    Examples
    --------
    >>> model_key({"name": "beat", "version": "2.0.1", "digest": "ab" * 32})
    '["beat", "2.0.1", "abababababababababababababababababababababababababababababababab"]'
    """
    return json.dumps([str(told.get(name, "")) for name in ("name", "version", "digest")])
