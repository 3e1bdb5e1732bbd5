"""The console as a notifier: one line a notice."""

from __future__ import annotations

import json
import sys
from typing import TextIO

from deploy.notify.notice import Notice
from deploy.terminal.line import clean


class ConsoleNotifier:
    """Writes a line for each notice, to stderr where nothing else is named."""

    def __init__(self, to: TextIO | None = None) -> None:
        self._to = to or sys.stderr

    def offer(self, notice: Notice) -> None:
        """Write one line; a console that is gone is no reason to stop monitoring."""
        told = json.loads(notice.body)
        what = told.get("state") or told.get("kind", "")
        when = told["decided"]["utc"] if "decided" in told else f"{told['at_ms'] / 1000:.1f} s"
        priority, condition = told.get("priority") or "-", told.get("condition", "")
        late = f" (late by {told['late_s']} s)" if told.get("late_s") else ""
        line = clean(f"{when} {priority:6} {told['stream_id']}: {condition} {what}{late}")
        try:
            print(line, file=self._to, flush=True)
        except (OSError, ValueError):
            return

    def close(self, timeout_s: float) -> None:
        """Do nothing: each line was written as it came."""
