"""An alarm of the past, said again: the same frames, models and limits, and the bytes compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from deploy.numerics_settings import NumericsSettings
from deploy.past.in_force import Course
from deploy.past.models import models_by_digest
from deploy.services.models import choose_models
from inference.alarm_json import AlarmContext, ModelRef, canonical, document
from inference.alarm_transition import TransitionKind
from inference.scorer import Scorer
from ingest.frames import Frame
from ingest.json_text import read_json
from ingest.sequence import Sequencer
from ingest.sequence_types import sample_to_ns

BY_PEOPLE = (TransitionKind.ACKNOWLEDGED,)
"""Changes that follow from no signal, and are not said again."""
NEAR_S = 10.0
"""Alarms that began so near are told where the one that is sought did not come, s."""
BEYOND_S = 600.0
"""How far beyond the last change that is sought it is looked for, s of the stream."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One change of the alarm."""

    state: str
    """Which change."""
    then: bytes
    """The message of then."""
    now: bytes | None
    """The message of now; None where it did not come."""

    @property
    def is_same(self) -> bool:
        """True where every byte is the same."""
        return self.then == self.now


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of saying an alarm again."""

    compared: tuple[Compared, ...]
    """Each change of it."""
    others: tuple[str, ...]
    """Alarms that came about the same time where it did not."""
    signal_s: float
    """Signal that was scored for it, s."""
    notes: tuple[str, ...]
    """What may explain a difference."""

    @property
    def is_same(self) -> bool:
        """True where every byte of every change is the same."""
        return all(one.is_same for one in self.compared)


def say_again(
    alarm: Sequence[bytes], course: Course, frames: Iterable[Frame], folders: Iterable[Path]
) -> Outcome:
    """Score what was scored then, as it was scored then, and compare.

    Parameters
    ----------
    alarm : sequence of bytes
        Its changes, oldest first.
    course : Course
        What was in force.
    frames : iterable of Frame
        Frames of its stream, from where the course begins.
    folders : iterable of Path
        Where models of the past are.

    Raises
    ------
    ingest.errors.InputError
        If a model is missing, or does not fit.
    """
    then = [(read_json(body, "an alarm"), body) for body in alarm]
    then = [each for each in then if each[0]["state"] not in BY_PEOPLE]
    first = then[0][0]
    wanted = {told["state"] for told, _ in then}
    last_s = max(told["decided"]["sample"] for told, _ in then) / first["strip"]["fs"]
    pipeline = pipeline_of(course, folders)
    found: dict[str, bytes] = {}
    others: list[str] = []
    signal_s = 0.0
    for told, now_s in said(pipeline, course, frames):
        signal_s = now_s
        if told is not None and told["id"] == first["id"]:
            found.setdefault(told["state"], canonical(told))
        elif told is not None and _is_near(told, first):
            others.append(f"{told['condition']} {told['state']} at {told['onset']['sample']}")
        if wanted <= found.keys() or now_s > last_s + BEYOND_S:
            break
    compared = tuple(Compared(t["state"], body, found.get(t["state"])) for t, body in then)
    return Outcome(compared, tuple(others), signal_s, tuple(notes_on(course, pipeline)))


def pipeline_of(course: Course, folders: Iterable[Path]) -> Scorer:
    """Make the pipeline of then, with the forecaster beside it where there was one."""
    begun = course.begun
    names = models_by_digest(begun.models, folders) if begun.models else []
    options = begun.options
    chosen = choose_models(names)
    made = chosen.pipeline(begun.worker_limits, options.lead, explain=options.explain)
    if options.strips:
        made.keep_strips()
    if begun.limits != begun.worker_limits:
        made.set_limits(begun.stream_id, begun.limits)
    if chosen.forecast is None:
        return made
    told = NumericsSettings(enabled=True, share=options.share)
    if options.asked is not None:
        told = told.model_copy(update={"false_alarms_per_h": float(options.asked)})
    return chosen.scorer(made, told)


def said(
    pipeline: Scorer, course: Course, frames: Iterable[Frame]
) -> Iterator[tuple[dict[str, Any] | None, float]]:
    """Yield the alarms of a stream, and how far it was scored, s; no alarm behind each frame.

    Limits change at the very sample at which they did.
    """
    begun, changes = course.begun, list(course.changes)
    bound_s, jump_s = begun.bounds_s
    sequencer, info = Sequencer(bound_s, jump_s), pipeline.models[0]
    model = ModelRef(info.name, info.version, info.digest)
    context = AlarmContext(begun.options.profile).of_models(pipeline.models)
    scored = 0
    for frame in parts_of(frames, course):
        items = sequencer.push(frame)
        for item in items:
            while changes and scored >= changes[0].sample:
                pipeline.set_limits(begun.stream_id, changes.pop(0).limits)
            for change in pipeline.push([item]).alarms:
                limits = pipeline.limits_of(begun.stream_id)
                own = context.because(change.reasons).seen(change.lead, change.strip)
                by, source = change.model or model, change.stream.source
                told = document(change.transition, source, by, limits, own)
                yield told, frame.first_sample / frame.fs
            scored = item.end_sample
        yield None, frame.end_sample / frame.fs


def parts_of(frames: Iterable[Frame], course: Course) -> Iterator[Frame]:
    """Yield the course's frames, cut where it begins and where limits change."""
    begun = course.begun
    cuts = sorted({begun.sample, *(change.sample for change in course.changes)})
    for frame in frames:
        if (frame.stream_id, frame.session) != (begun.stream_id, begun.session):
            continue
        if frame.end_sample <= begun.sample and not frame.last:
            continue
        inside = [cut for cut in cuts if frame.first_sample < cut < frame.end_sample]
        ends = [frame.first_sample, *inside, frame.end_sample]
        for begin, end in pairwise(ends):
            if begin >= begun.sample:
                yield _cut(frame, begin, end)


def notes_on(course: Course, pipeline: Scorer) -> Iterator[str]:
    """Tell what may explain a difference."""
    begun = course.begun
    if not begun.software:
        yield (
            "no record of what was in force: limits that the alarm does not tell, the lead asked "
            "for and where scoring began are taken for the default"
        )
    elif begun.software != version("vigil-ecg"):
        yield f"said by Vigil {begun.software}, again by {version('vigil-ecg')}"
    if course.changes:
        yield f"limits were changed {len(course.changes)} times on the way, at the same samples"
    names = ", ".join(f"{info.name} {info.version} {info.digest[:12]}" for info in pipeline.models)
    yield f"models: {names}"


def first_difference(then: Any, now: Any, path: str = "") -> str | None:
    """Say where two documents differ first; None where they do not.

    Examples
    --------
    >>> first_difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]})
    'a[1].b: 2 then, 3 now'
    """
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in sorted({*then, *now}):
            inner = f"{path}.{key}" if path else str(key)
            if key not in then or key not in now:
                return f"{inner}: only {'now' if key in now else 'then'}"
            if (found := first_difference(then[key], now[key], inner)) is not None:
                return found
        return None
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = (
            first_difference(a, b, f"{path}[{i}]")
            for i, (a, b) in enumerate(zip(then, now, strict=True))
        )
        return next((found for found in pairs if found is not None), None)
    if isinstance(then, list) and isinstance(now, list):
        return f"{path}: {len(then)} then, {len(now)} now"
    return None if then == now else f"{path}: {then!r} then, {now!r} now"


def _is_near(told: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    """Tell whether an alarm began near another."""
    apart = abs(told["onset"]["sample"] - first["onset"]["sample"]) / first["strip"]["fs"]
    return bool(apart <= NEAR_S)


def _cut(frame: Frame, begin: int, end: int) -> Frame:
    """Return a part of a frame."""
    if (begin, end) == (frame.first_sample, frame.end_sample):
        return frame
    own = slice(begin - frame.first_sample, end - frame.first_sample)
    return replace(
        frame,
        first_sample=begin,
        start_unix_ns=frame.start_unix_ns + sample_to_ns(begin - frame.first_sample, frame.fs),
        samples=frame.samples[:, own],
        last=frame.last and end == frame.end_sample,
    )
