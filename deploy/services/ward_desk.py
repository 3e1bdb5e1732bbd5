"""The alarm signals of a ward on one screen, and the keys that people press."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence

from inference.alarm_json import NO_CONTEXT, ModelRef, render
from inference.annunciation import (
    Acknowledge,
    Annunciator,
    AudioOn,
    AudioPause,
    Command,
    Desk,
    SetLimits,
    Signal,
    SignalKind,
)
from inference.annunciation.phases import HEARD
from inference.conditions import Priority
from inference.pipeline import Pipeline
from ingest.errors import InputError
from ingest.source import MemorySink

WHO = "keyboard"
"""Who acknowledges by a key."""
KEYS = "a acknowledge  p pause sound"
"""What the keys do, for the screen."""
NEWS_S = 8.0
"""How long a signal's news stays on the screen, s."""
TOLD = {
    SignalKind.ESCALATED: "nobody acknowledged",
    SignalKind.REMINDER: "is still there",
}
"""Signals that are told in words."""
_URGENCY = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}


class WardDesk:
    """Keeps the signals of a ward, and does what keys say.

    Parameters
    ----------
    beds : mapping of str to str
        Bed by pseudonym.
    clock_s : callable
        Monotonic time, s.
    listen : callable, optional
        Is given all signals, a list at a time.
    """

    def __init__(
        self,
        beds: Mapping[str, str],
        clock_s: Callable[[], float] = time.monotonic,
        listen: Callable[[list[Signal]], None] | None = None,
    ) -> None:
        self._beds, self._clock_s, self._listen = beds, clock_s, listen
        self.desk = Desk(lambda: round(clock_s() * 1000))
        self._news, self._news_s = "", float("-inf")

    def hear(self, alarms: MemorySink) -> list[str]:
        """Take the alarms that a worker wrote, and what is due; return what is told in words."""
        signals = self.desk.tick()
        for _, message in alarms.messages:
            signals += self.desk.hear(json.loads(message))
        return self._told(signals)

    def press(self, key: str, pipeline: Pipeline, alarms: MemorySink) -> None:
        """Do what a key says; what is not possible is told on the screen.

        ``a`` acknowledges all alarms of the bed with the most urgent one,
        ``p`` pauses the sound of all beds, or ends the pause.
        """
        try:
            if key == "a":
                bed = self._loudest_bed()
                self.command(bed.stream_id, Acknowledge(WHO), pipeline, alarms)
            elif key == "p":
                self._pause()
        except InputError as error:
            self._tell(str(error))

    def note(self, ending: str) -> str:
        """Return what the screen says beside its legend."""
        sounds = [bed.sound for bed in self.desk.beds.values() if bed.sound is not None]
        loudest = min(sounds, key=_URGENCY.__getitem__, default=None)
        sound = f"sound {'off' if loudest is None else loudest.value}"
        paused = [bed.pause_end_ms for bed in self.desk.beds.values() if bed.paused]
        if paused:
            left_s = max(max(paused) / 1000 - self._clock_s(), 0)
            sound += f", paused {int(left_s) // 60}:{int(left_s) % 60:02d}"
        if self._clock_s() - self._news_s < NEWS_S:
            return f"{self._news}  {sound}"
        return f"{sound}  {KEYS}  {ending}"

    def command(
        self, stream_id: str, command: Command, pipeline: Pipeline, alarms: MemorySink
    ) -> None:
        """Do what a person wants of one bed; the alarm engine hears of it where it must.

        Raises
        ------
        InputError
            If it is not possible now; nothing is changed.
        """
        bed = self.desk.beds.get(stream_id)
        heard = []
        if isinstance(command, Acknowledge) and bed is not None:
            heard = [x.row.condition.name for x in bed.lines.values() if x.phase in HEARD]
        if isinstance(command, SetLimits):
            # First the alarm engine, which may refuse them; the desk refuses the same and more.
            known = self.desk.limits if bed is None else bed.limits
            pipeline.set_limits(stream_id, known.changed(command.limits))
        self._do(stream_id, command)
        if isinstance(command, Acknowledge):
            names = [name for name in heard if command.condition in ("", name)]
            self._acknowledge(stream_id, names, command.who, pipeline, alarms)

    def _acknowledge(
        self,
        stream_id: str,
        names: Sequence[str],
        who: str,
        pipeline: Pipeline,
        alarms: MemorySink,
    ) -> None:
        """Acknowledge in the alarm engine, whose changes go where all its alarms go."""
        slot = pipeline.streams.slots().get(stream_id)
        if slot is None:
            return
        info, limits = pipeline.models[0], pipeline.limits
        model = ModelRef(info.name, info.version, info.digest)
        context = NO_CONTEXT.of_models(pipeline.models)
        now_ms = int(pipeline.episodes.state["now_ms"][slot])
        for name in names:
            try:
                change = pipeline.alarms.acknowledge(slot, name, who, now_ms)
            except InputError:
                continue  # its condition is over, only the signal's end delay still ran
            source = pipeline.streams.info(slot).source
            alarms.write(stream_id, render(change, source, model, limits, context))

    def _loudest_bed(self) -> Annunciator:
        """Find the bed with the most urgent alarm that nobody has acknowledged."""
        heard = [
            (_URGENCY[line.row.condition.priority], code, bed.stream_id)
            for bed in self.desk.beds.values()
            for code, line in bed.lines.items()
            if line.phase in HEARD
        ]
        if not heard:
            raise InputError("no alarm to acknowledge")
        return self.desk.beds[min(heard)[2]]

    def _pause(self) -> None:
        """Pause the sound of all beds, or end the pause where one runs."""
        paused = [bed.stream_id for bed in self.desk.beds.values() if bed.paused]
        if paused:
            for stream_id in paused:
                self._do(stream_id, AudioOn(WHO))
        else:
            for stream_id in self._beds:
                self._do(stream_id, AudioPause(WHO))

    def _do(self, stream_id: str, command: Command) -> None:
        self._told(self.desk.command(stream_id, command))

    def _told(self, signals: list[Signal]) -> list[str]:
        """Put in words what is worth it; the last of it stands on the screen for a while."""
        if self._listen is not None and signals:
            self._listen(signals)
        first = self.desk.policy.recipients[0]
        lines = [
            f"bed {self._beds.get(each.stream_id, '?')} {each.condition.replace('_', ' ')} "
            f"{TOLD[each.kind]}" + (f": {each.recipient} told" if each.recipient != first else "")
            for each in signals
            if each.kind in TOLD
        ]
        if lines:
            self._tell(lines[-1])
        return lines

    def _tell(self, news: str) -> None:
        self._news, self._news_s = news, self._clock_s()
