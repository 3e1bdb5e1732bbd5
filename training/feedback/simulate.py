"""Readers simulated from a reference: who looks, who errs, who disputes. For trials only.

What they say is as wrong as is stated: the reference tells the truth, and a reader of a role
gives it with the probability of :data:`training.feedback.trust.RIGHT`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.verdicts import LABELS, Said, Verdict, disputing
from training.feedback.labels import MATCH_S, VENTRICULAR
from training.feedback.trust import ALARM_ANSWERS, RIGHT


@dataclass(frozen=True, slots=True)
class Reading:
    """How much is looked at."""

    alarms: float = 0.5
    """Share of the alarms on ventricular beats that somebody judges."""
    wrong_beats: float = 0.3
    """Share of the beats of a wrong class that somebody relabels."""
    second: float = 0.3
    """Share of these that a second person looks at; who disagrees disputes."""
    third: float = 0.7
    """Share of the disputes that a cardiologist decides."""


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """What the monitor said of a stream, and what is true of it."""

    stream_id: str
    """Its id."""
    fs: float
    """Sampling frequency of all samples, Hz."""
    sample: NDArray[np.int64]
    """Array of shape (n_beats,): R-peaks that the monitor found."""
    called: Sequence[str]
    """Class that it called each."""
    alarms: Mapping[str, Mapping[str, Any]]
    """Alarms as they were raised, by id."""
    true_sample: NDArray[np.int64]
    """Array of shape (n_true,): R-peaks of the reference."""
    true_label: Sequence[str]
    """Their classes."""

    def truth(self, sample: int) -> str | None:
        """Class of the reference's beat nearest to a sample, None where there is none near."""
        if not len(self.true_sample):
            return None
        away = np.abs(self.true_sample - sample)
        at = int(np.argmin(away))
        return self.true_label[at] if away[at] <= MATCH_S * self.fs else None


def simulate_feedback(stream: Stream, reading: Reading, seed: int, at_ms: int) -> list[Verdict]:
    """Let readers look at a stream.

    Parameters
    ----------
    stream : Stream
        What there is to see.
    reading : Reading
        How much is looked at.
    seed : int
        Of who looks and who errs.
    at_ms : int
        When the first one speaks, UTC, ms since 1970; a second for each thing said.
    """
    rng = np.random.default_rng([seed, *stream.stream_id.encode()])
    found: list[Verdict] = []
    for question, answers, truth in _questions(stream, reading, rng):
        found += _answers(question, answers, truth, reading, rng, at_ms + 1000 * len(found))
    return found


def _questions(
    stream: Stream, reading: Reading, rng: np.random.Generator
) -> Iterator[tuple[dict[str, Any], Sequence[str], str]]:
    """Give what is looked at, all that can be said of it, and what is true."""
    common = {"stream_id": stream.stream_id}
    session = "0"
    for alarm_id, alarm in stream.alarms.items():
        session = alarm["session"]
        if alarm["condition"] not in VENTRICULAR or rng.random() >= reading.alarms:
            continue
        own = [stream.truth(each["sample"]) for each in alarm["beats"] if each["aami"] == "V"]
        right = sum(label in ("V", "F") for label in own)
        truth = "true" if own and 2 * right > len(own) else "false"
        told = {"alarm_id": alarm_id, "condition": alarm["condition"], "session": session}
        yield common | told, ALARM_ANSWERS, truth
    for sample, called in zip(stream.sample.tolist(), stream.called, strict=True):
        truth_of = stream.truth(sample)
        if truth_of in (None, called) or rng.random() >= reading.wrong_beats:
            continue
        yield common | {"sample": sample, "session": session}, LABELS, str(truth_of)


def _answers(
    question: dict[str, Any],
    answers: Sequence[str],
    truth: str,
    reading: Reading,
    rng: np.random.Generator,
    at_ms: int,
) -> list[Verdict]:
    """Let one, two or three people answer."""

    def say(who: str, role: str, order: int) -> Verdict:
        others = [answer for answer in answers if answer != truth]
        right = rng.random() < RIGHT[role]
        answer = truth if right else str(rng.choice(others))
        beat = "sample" in question
        return Verdict(
            **question,
            said=Said.RELABEL if beat else Said(answer),
            label=answer if beat else None,
            who=who,
            role=role,
            why="simulated from the reference",
            at_ms=at_ms + order,
        )

    one, two = rng.permutation(("sim-1", "sim-2", "sim-3"))[:2]
    said = [say(str(one), "clinician", 0)]
    if rng.random() < reading.second:
        second = say(str(two), "clinician", 1)
        if second.answer != said[0].answer:
            said.append(disputing(second, said[0]))
            if rng.random() < reading.third:
                said.append(say("sim-cardiologist", "cardiologist", 2))
        else:
            said.append(second)
    return said
