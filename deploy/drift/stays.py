"""From frames, beats, alarms and verdicts of many streams to figures of patients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.patient import PatientFigures
from deploy.drift.places import Place
from deploy.drift.stay import Stay
from inference.alarm_transition import TransitionKind
from ingest.frames import Frame

GRACE_S = 30.0
"""How far a stream's frames go beyond its window before the figures are taken, s: beats and
alarms, which come on other topics, may be so late."""
LATE_S = 600.0
"""How far they go at most where no beat behind the window has come, s: a monitor that is behind."""
HOUR_S, MINUTE_S = 3600.0, 60.0
TRUE, FALSE = ("true",), ("false", "artefact")
"""What clinicians say of an alarm; anything else says nothing here."""


class Stays:
    """Gathers, and gives each patient's figures once when they are due.

    Parameters
    ----------
    declaration : DriftDeclaration
        How long a window is.
    places : mapping of str to Place
        Site and device of each stream, where they are known.
    counted : iterable of str
        Streams whose figures were taken before.
    waits_for_beats : bool
        Take figures when a beat behind the window has come: those in it have then come too.
    """

    def __init__(
        self,
        declaration: DriftDeclaration,
        places: Mapping[str, Place],
        counted: Iterable[str] = (),
        *,
        waits_for_beats: bool = False,
    ) -> None:
        self._waits_for_beats = waits_for_beats
        self._window_s = declaration.window_min * MINUTE_S
        self._least_s = declaration.least_share * self._window_s
        self._wait_s = declaration.verdict_wait_h * HOUR_S
        self._places = places
        self._open: dict[str, Stay] = {}
        self._waiting: dict[str, Stay] = {}  # for verdicts
        self._alarms: dict[str, Stay] = {}
        self._done = set(counted)
        self.now_s = 0.0
        """UTC that any frame has reached, s since 1970."""
        self.too_short = 0
        """Patients of whom too little was heard."""

    def hear(self, frames: Iterable[Frame]) -> None:
        """Take frames."""
        for frame in frames:
            at_s = frame.start_unix_ns / 1e9
            self.now_s = max(self.now_s, at_s)
            stay = self._open.get(frame.stream_id)
            if stay is None:
                if frame.stream_id in self._done or frame.stream_id in self._waiting:
                    continue
                stay = self._open[frame.stream_id] = Stay(at_s)
            if self._holds(stay, at_s):
                stay.hear(frame)
            else:
                stay.now_s = max(stay.now_s, at_s)

    def beat(
        self,
        stream_id: str,
        at_s: float,
        aami: str,
        rr_ms: int | None,
        confidence: float,
        lead: str,
    ) -> None:
        """Take a beat; one outside of a window, or of a stream not heard yet, is passed over."""
        stay = self._open.get(stream_id)
        if stay is not None:
            stay.beaten_s = max(stay.beaten_s, at_s)
        if stay is not None and self._holds(stay, at_s):
            stay.beat(aami, rr_ms, confidence, lead)

    def beat_message(self, told: Mapping[str, Any]) -> None:
        """Take a beat as :func:`inference.beat_json.beat_json` writes it."""
        self.beat(
            told["stream_id"],
            _seconds(told["utc"]),
            told["aami"],
            told["rr_ms"],
            float(told["confidence"]),
            told["lead"],
        )

    def alarm_message(self, told: Mapping[str, Any]) -> None:
        """Take a change of an alarm; only those that were raised count."""
        stay = self._open.get(told["stream_id"])
        if stay is None or told["state"] != TransitionKind.RAISED:
            return
        if self._holds(stay, _seconds(told["decided"]["utc"])):
            stay.alarm(told["id"], told["kind"], told["priority"], told["score"])
            self._alarms[told["id"]] = stay

    def verdict_message(self, told: Mapping[str, Any]) -> None:
        """Take what a clinician says of an alarm; the last word in time counts."""
        stay = self._alarms.get(told["alarm_id"])
        said = told.get("verdict")
        if stay is not None and said in TRUE + FALSE:
            judged = stay.judged.get(told["alarm_id"])
            if judged is not None:
                judged.is_true = said in TRUE

    def due(self) -> list[PatientFigures]:
        """Return the figures of patients whose window, or wait for verdicts, is over."""
        over = [stream_id for stream_id, stay in self._open.items() if self._is_over(stay)]
        late = [
            stream_id
            for stream_id, stay in self._waiting.items()
            if self.now_s >= stay.begin_s + self._window_s + self._wait_s
        ]
        judged = [self._judge(stream_id) for stream_id in late]
        return [*self._close(over), *(one for one in judged if one is not None)]

    def finish(self) -> list[PatientFigures]:
        """Return the figures of all that is left: nothing more will come."""
        found = self._close(list(self._open))
        judged = [self._judge(stream_id) for stream_id in list(self._waiting)]
        return [*found, *(one for one in judged if one is not None)]

    def _is_over(self, stay: Stay) -> bool:
        """Tell whether all that a window can hold has come."""
        end_s = stay.begin_s + self._window_s
        now_s = max(stay.now_s, self.now_s - self._window_s)
        is_told = not self._waits_for_beats or stay.beaten_s >= end_s
        return now_s >= end_s + (GRACE_S if is_told else LATE_S)

    def _holds(self, stay: Stay, at_s: float) -> bool:
        """Tell whether a time lies in a patient's window."""
        return stay.begin_s <= at_s < stay.begin_s + self._window_s

    def _close(self, stream_ids: list[str]) -> list[PatientFigures]:
        """Take the figures of some patients, in the order in which they came."""
        found = []
        for stream_id in stream_ids:
            stay = self._open.pop(stream_id)
            if stay.heard_s < self._least_s:
                self.too_short += 1
                self._done.add(stream_id)
                self._drop_alarms(stay)
                continue
            self._waiting[stream_id] = stay
            found.append(self._patient(stream_id, stay, stay.figures()))
        return found

    def _judge(self, stream_id: str) -> PatientFigures | None:
        """Take what was said of a patient's alarms; None where nothing was."""
        stay = self._waiting.pop(stream_id)
        self._done.add(stream_id)
        self._drop_alarms(stay)
        figures = stay.calibration()
        return self._patient(stream_id, stay, figures) if figures else None

    def _drop_alarms(self, stay: Stay) -> None:
        for alarm_id in stay.judged:
            self._alarms.pop(alarm_id, None)

    def _patient(
        self, stream_id: str, stay: Stay, figures: dict[str, float | str]
    ) -> PatientFigures:
        place = self._places.get(stream_id, Place())
        at_s = stay.begin_s + self._window_s
        return PatientFigures(stream_id, at_s, figures, place.site, place.device)


def _seconds(utc: str) -> float:
    """Read a time of ours, nanoseconds and Z; s since 1970."""
    return datetime.fromisoformat(utc[:26] + "+00:00").timestamp()
