"""The alarm as JSON: one object a transition, the same bytes wherever it is rendered.

The form is ``inference/alarm.schema.json``. Keys are sorted, separators fixed,
floats rounded to six decimals, and unknown numbers are null, never NaN, so two
runs compare byte for byte. Samples are counted in the source stream.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

from inference.alarm_transition import AlarmTransition
from inference.corroboration import Finding
from inference.limits import Limits
from inference.reasons import Reason, explanation
from inference.stream_clock import StreamClock, rfc3339
from inference.strip import Strip

SCHEMA_VERSION = "vigil.alarm/1"
"""Name and version of the form."""

STRIP_BEFORE_MS, STRIP_MS = 5_000, 10_000
"""Where the strip begins before the onset, and how long it is, ms."""


@dataclass(frozen=True, slots=True)
class AlarmSource:
    """The stream that an alarm is about."""

    stream_id: str
    """Pseudonym of the stream."""
    session: str
    """Session of its device."""
    clock: StreamClock
    """Sample count and UTC of that session."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """The model whose beats an alarm rests on."""

    name: str
    """Name, such as ``"beats"``."""
    version: str
    """Version from the model's metadata."""
    digest: str
    """SHA-256 of the ONNX file, hex."""


class Named(Protocol):
    """What tells which model it is, such as a model's metadata."""

    @property
    def name(self) -> str:
        """Name."""

    @property
    def version(self) -> str:
        """Version."""

    @property
    def digest(self) -> str:
        """SHA-256 of the ONNX file, hex."""


@dataclass(frozen=True, slots=True)
class AlarmContext:
    """What else an alarm tells of the monitor it comes from, where it is known."""

    profile: str | None = None
    """Name of the patient profile whose limits are in force."""
    models: tuple[ModelRef, ...] = ()
    """All models in use."""
    reasons: tuple[Reason, ...] = ()
    """Why the beats that raised it were called so, where that was asked for."""
    lead: str | None = None
    """Name of the lead that was scored when it was decided."""
    strip: Strip | None = None
    """The signal before it was decided, where that was asked for."""

    def seen(self, lead: str | None, strip: Strip | None) -> AlarmContext:
        """Return the same with the lead that one alarm was seen in, and its signal."""
        return dataclasses.replace(self, lead=lead, strip=strip)

    def of_models(self, models: Sequence[Named]) -> AlarmContext:
        """Return the same with the models of a pipeline."""
        found = tuple(ModelRef(each.name, each.version, each.digest) for each in models)
        return dataclasses.replace(self, models=found)

    def because(self, reasons: tuple[Reason, ...]) -> AlarmContext:
        """Return the same with the reasons of one alarm's beats."""
        return dataclasses.replace(self, reasons=reasons) if reasons else self


NO_CONTEXT = AlarmContext()
"""Nothing else is told."""


def alarm_id(stream_id: str, session: str, condition: str, onset_sample: int) -> str:
    """Id of an alarm, the same in every run: 32 hex digits.

    Examples
    --------
    >>> alarm_id("p1", "s1", "asystole", 720)
    '98f216a75bf9c4ca2a0497cefe66da2a'
    """
    key = canonical([stream_id, session, condition, onset_sample])
    return hashlib.blake2b(key, digest_size=16).hexdigest()


def canonical(document: object) -> bytes:
    """Write JSON that is the same for the same content.

    Examples
    --------
    >>> canonical({"b": 1, "a": [None, 0.5]})
    b'{"a":[null,0.5],"b":1}'
    """
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )
    return text.encode()


def render(
    transition: AlarmTransition,
    source: AlarmSource,
    model: ModelRef,
    limits: Limits,
    context: AlarmContext = NO_CONTEXT,
) -> bytes:
    """Write one transition as canonical JSON, without a line end."""
    return canonical(document(transition, source, model, limits, context))


def document(
    transition: AlarmTransition,
    source: AlarmSource,
    model: ModelRef,
    limits: Limits,
    context: AlarmContext = NO_CONTEXT,
) -> dict[str, Any]:
    """Build the object that :func:`render` writes.

    Parameters
    ----------
    transition : AlarmTransition
        What changed.
    source : AlarmSource
        The stream that it changed for.
    model : ModelRef
        Model in use.
    limits : Limits
        Limits in force; those that define the condition are given.
    context : AlarmContext
        What else is known; keys of what is not are left out.
    """
    clock, condition = source.clock, transition.condition
    evidence, offset_ms = transition.evidence, transition.offset_ms
    onset_sample = clock.sample(transition.onset_ms)
    return {
        "schema": SCHEMA_VERSION,
        "id": alarm_id(source.stream_id, source.session, condition.name, onset_sample),
        "stream_id": source.stream_id,
        "session": source.session,
        "condition": condition.name,
        "kind": condition.kind.value,
        "priority": condition.priority.value,
        "latching": condition.latching,
        "state": transition.kind.value,
        "onset": _time(clock, transition.onset_ms),
        "offset": None if offset_ms is None else _time(clock, offset_ms),
        "decided": _time(clock, transition.decided_ms),
        "score": _rounded(evidence.score),
        "heart_rate_bpm": _rounded(evidence.heart_rate_bpm),
        "quality": {"index": _rounded(evidence.quality)},
        "beats": [
            {
                "sample": clock.sample(beat.r_ms),
                "aami": beat.aami,
                "confidence": _rounded(beat.confidence),
            }
            for beat in evidence.beats
        ],
        "strip": _strip(clock, transition.onset_ms, context.strip),
        "model": dataclasses.asdict(model),
        "limits": {key: getattr(limits, key) for key in condition.limit_keys},
        "acknowledgement": _acknowledgement(transition),
        **_told_of(transition, context, clock),
    }


def _told_of(
    transition: AlarmTransition, context: AlarmContext, clock: StreamClock
) -> dict[str, Any]:
    """Give the optional keys."""
    told: dict[str, Any] = {}
    if context.lead is not None:
        told["lead"] = context.lead
    if context.profile is not None:
        told["profile"] = context.profile
    if context.models:
        told["models"] = [dataclasses.asdict(model) for model in context.models]
    if transition.corroboration is not None:
        told["corroboration"] = _corroboration(transition.corroboration, clock)
    if transition.anomaly is not None:
        told["anomaly"] = transition.anomaly.to_json()
    if context.reasons:
        told["explanation"] = explanation(context.reasons, clock)
    return told


def _corroboration(finding: Finding, clock: StreamClock) -> dict[str, Any]:
    """Tell what pulses say of an alarm."""
    looked = finding.from_ms is not None and finding.to_ms is not None
    return {
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "signal": None if finding.kind is None else finding.kind.value,
        "pulses": finding.n_pulses,
        "rate_bpm": _rounded(finding.rate_bpm),
        "from": _time(clock, finding.from_ms) if looked else None,  # type: ignore[arg-type]
        "to": _time(clock, finding.to_ms) if looked else None,  # type: ignore[arg-type]
    }


def schema() -> dict[str, Any]:
    """Read the JSON Schema (2020-12) of an alarm."""
    text = files("inference").joinpath("alarm.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _time(clock: StreamClock, at_ms: int) -> dict[str, Any]:
    """Give a time as sample index and as UTC."""
    return {"sample": clock.sample(at_ms), "utc": clock.utc(at_ms)}


def _strip(clock: StreamClock, onset_ms: int, shown: Strip | None) -> dict[str, Any]:
    """Refer to 10 s of signal around the onset, from the session's start at the earliest."""
    first_ms = max(onset_ms - STRIP_BEFORE_MS, 0)
    told = {
        "first_sample": clock.sample(first_ms),
        "n_samples": clock.sample(STRIP_MS),
        "fs": clock.fs,
    }
    return told if shown is None else {**told, "signal": _signal(clock, shown)}


def _signal(clock: StreamClock, shown: Strip) -> dict[str, Any]:
    """Give the signal before the alarm was decided, as it was judged."""
    return {
        "begin": _time(clock, shown.begin_ms),
        "fs": shown.fs,
        "unit": "uV",
        "gain": 1,
        "samples": shown.samples_uv.tolist(),
        "quality": [_rounded(each) for each in shown.quality],
        "beats": [{"sample": clock.sample(r_ms), "aami": aami} for r_ms, aami in shown.beats],
    }


def _acknowledgement(transition: AlarmTransition) -> dict[str, Any] | None:
    """Tell who acknowledged, and when by the wall clock, if there was one."""
    if transition.by is None:
        return None
    unix_ns = transition.by_unix_ns
    return {"by": transition.by, "utc": None if unix_ns is None else rfc3339(unix_ns)}


def _rounded(value: float | None) -> float | None:
    """Keep six decimals; more would only show the float32 they came from."""
    return None if value is None else round(value, 6)
