"""Beats of a stream, labelled by what people said of them and of the alarms that they raised.

A beat has one of: the class that people gave it; V, where an alarm that rests on it was
confirmed; the class that the monitor called, where somebody had it before their eyes and
let it stand; or none, written as Q, which keeps its place in the rhythm and teaches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.feedback.resolve import Resolved, State
from training.feedback.trust import TrustPolicy

MATCH_S = 0.15
"""Farthest that a relabelled beat may lie from the beat that the monitor found, s (EC57)."""
VENTRICULAR = frozenset(
    "ventricular_tachycardia sustained_ventricular_tachycardia v_run couplet bigeminy trigeminy "
    "non_sustained_ventricular_tachycardia frequent_vebs r_on_t".split()
)
"""Conditions that, once confirmed, make the V beats that they rest on V."""
NONE = "Q"
"""Label of a beat of which nothing is known."""


class Source(StrEnum):
    """What a beat's label rests on."""

    RELABELLED = "relabelled"
    """People gave it this class."""
    CONFIRMED = "confirmed"
    """People confirmed an alarm that rests on it."""
    SEEN = "seen"
    """Somebody looked at it and let the monitor's class stand."""
    NOBODY = "nobody"
    """Nobody looked, or people do not agree."""


@dataclass(frozen=True, slots=True, eq=False)
class BeatLabels:
    """Labels of the beats of one stream."""

    sample: NDArray[np.int64]
    """Array of shape (n_beats,): R-peaks, sample indices."""
    label: list[str]
    """Class of each: N, S, V, F, or Q for none."""
    trust: NDArray[np.float64]
    """Array of shape (n_beats,): probability that the label is right; 0 where there is none."""
    source: list[Source]
    """What each rests on."""

    def counts(self) -> dict[str, int]:
        """Beats by what their labels rest on."""
        return {source.value: self.source.count(source) for source in Source}


def label_beats(
    sample: NDArray[np.int64],
    aami: Sequence[str],
    fs: float,
    alarms: Mapping[str, Mapping[str, Any]],
    answers: Iterable[Resolved],
    policy: TrustPolicy = TrustPolicy(),
) -> BeatLabels:
    """Label the beats that a monitor found in a stream.

    Parameters
    ----------
    sample : array of shape (n_beats,)
        R-peaks, sample indices in order.
    aami : sequence of str
        Class that the monitor called each.
    fs : float
        Sampling frequency of these indices, Hz.
    alarms : mapping of alarm id to alarm
        Each as it was raised (``inference/alarm.schema.json``).
    answers : iterable of Resolved
        What people said of this stream; what is not settled leaves the beats without a label.
    policy : TrustPolicy
        How far a beat counts that somebody looked at and let stand.

    Returns
    -------
    BeatLabels
    """
    made = _Labels(sample, aami, fs, policy)
    known = sorted(answers, key=lambda one: one.sample is not None)  # what is said of a beat wins
    for one in known:
        if one.sample is None:
            made.look(_place(alarms.get(one.alarm_id or ""), fs))
    for one in known:
        if one.sample is not None:
            made.look(one.sample / fs)
    for one in known:
        if one.sample is None:
            made.judge(alarms.get(one.alarm_id or ""), one)
        else:
            made.relabel(one)
    return BeatLabels(sample, made.label, np.array(made.trust), made.source)


class _Labels:
    """Labels in the making; what comes later overrides."""

    def __init__(
        self, sample: NDArray[np.int64], aami: Sequence[str], fs: float, policy: TrustPolicy
    ) -> None:
        self._time_s, self._aami, self._fs, self._policy = sample / fs, aami, fs, policy
        self.label = [NONE] * len(sample)
        self.trust = [0.0] * len(sample)
        self.source = [Source.NOBODY] * len(sample)

    def look(self, at_s: float | None) -> None:
        """Somebody looked about this time."""
        if at_s is None:
            return
        for beat in np.flatnonzero(np.abs(self._time_s - at_s) <= self._policy.seen_s).tolist():
            self._set(beat, self._aami[beat], self._policy.seen, Source.SEEN)

    def judge(self, alarm: Mapping[str, Any] | None, said: Resolved) -> None:
        """Take what was said of an alarm; an artefact takes all beats before the eyes with it."""
        if alarm is None:
            return
        beats = [self._nearest(each["sample"]) for each in alarm.get("beats", ())]
        own = [beat for beat in beats if beat is not None and self._aami[beat] == "V"]
        settled = said.state is State.SETTLED
        if settled and said.answer == "true":
            for beat in own if said.condition in VENTRICULAR else ():
                self._set(beat, "V", said.trust, Source.CONFIRMED)
            return
        at_s = _place(alarm, self._fs)
        if said.answer == "artefact" and at_s is not None:
            about = np.abs(self._time_s - at_s) <= self._policy.seen_s
            own = [int(beat) for beat in np.flatnonzero(about)]
        for beat in own:  # V no longer, but nobody said what else
            self._set(beat, NONE, 0.0, Source.NOBODY)

    def relabel(self, said: Resolved) -> None:
        """Take what was said of a beat."""
        beat = self._nearest(said.sample or 0)
        if beat is None:
            return
        if said.state is State.SETTLED:
            self._set(beat, said.answer, said.trust, Source.RELABELLED)
        else:
            self._set(beat, NONE, 0.0, Source.NOBODY)

    def _nearest(self, sample: int) -> int | None:
        if not len(self._time_s):
            return None
        away = np.abs(self._time_s - sample / self._fs)
        beat = int(np.argmin(away))
        return beat if away[beat] <= MATCH_S else None

    def _set(self, beat: int, label: str, trust: float, source: Source) -> None:
        self.label[beat], self.trust[beat], self.source[beat] = label, trust, source


def _place(alarm: Mapping[str, Any] | None, fs: float) -> float | None:
    """Time that somebody looks at who judges an alarm, s: its onset."""
    return None if alarm is None else float(alarm["onset"]["sample"]) / fs
