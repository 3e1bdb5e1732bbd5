"""What people do: commands on alarms, and feedback on alarms and beats."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel, StringConstraints

from deploy.console.api.patients import Latest, Sample, patient_of
from deploy.console.api.problem import ProblemError
from deploy.console.api.route import Call, Form, Line, Way, Whole
from deploy.console.commands import NotDoneError
from deploy.console.patient import Patient
from deploy.console.roles import ACTS, SEES
from deploy.console.store.feedback import MOST_ID, Feedback, Verdict
from inference.annunciation.inputs import Change
from inference.annunciation.wire import given_from_dict
from ingest.errors import InputError

Condition = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9_]+$")]


class Acknowledge(Form):
    """Somebody has seen one alarm, or all that are there."""

    command: Literal["acknowledge"]
    condition: Condition | None = None


class AudioPause(Form):
    """Silence for a time."""

    command: Literal["audio_pause"]
    length_s: Annotated[float, Field(ge=1, le=3600)] | None = None


class AudioOnOrResume(Form):
    """End an audio pause, or standby."""

    command: Literal["audio_on", "resume"]


class AlarmOff(Form):
    """Take one condition out."""

    command: Literal["alarm_off"]
    condition: Condition
    why: Line


class AlarmOn(Form):
    """Take one condition in again."""

    command: Literal["alarm_on"]
    condition: Condition


class Standby(Form):
    """Tell nothing of this patient until resumed."""

    command: Literal["standby"]
    why: Line


class SetLimits(Form):
    """Select other limits."""

    command: Literal["set_limits"]
    why: Line
    limits: dict[str, float]


class CommandForm(
    RootModel[
        Annotated[
            Acknowledge | AudioPause | AudioOnOrResume | AlarmOff | AlarmOn | Standby | SetLimits,
            Field(discriminator="command"),
        ]
    ]
):
    """A command; who gives it is whoever is signed in."""


class CommandAnswer(BaseModel):
    """What became of a command."""

    state: Literal["done", "sent"]
    """Done; or sent to whoever keeps the signals, which will tell."""


AlarmId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Disputed = Annotated[int, Field(ge=1, le=MOST_ID), Whole]


class AlarmFeedback(Form):
    """What is said of an alarm."""

    verdict: Literal["true", "false", "artefact"]
    why: Line
    alarm_id: AlarmId
    disputes: Disputed | None = None


class BeatFeedback(Form):
    """What is said of a beat, of an alarm or beside any."""

    verdict: Literal["relabel"]
    why: Line
    sample: Sample
    label: Literal["N", "S", "V", "F", "Q"]
    alarm_id: AlarmId | None = None
    disputes: Disputed | None = None


class FeedbackForm(
    RootModel[Annotated[AlarmFeedback | BeatFeedback, Field(discriminator="verdict")]]
):
    """What is said."""


class FeedbackAnswer(BaseModel):
    """One thing said."""

    schema_: str = Field(alias="schema")
    id: int
    stream_id: str
    session: str
    verdict: str
    who: str
    why: str
    at_ms: int
    alarm_id: str | None
    condition: str | None
    sample: int | None
    label: str | None
    disputes: int | None


class FeedbackList(BaseModel):
    """What was said, the newest first."""

    feedback: list[FeedbackAnswer]


def command(call: Call) -> dict[str, str]:
    """Do a command, or send it."""
    patient, form = patient_of(call), call.body.root
    keys: dict[str, Any] = {**form.model_dump(exclude_none=True), "who": call.who}
    if "limits" in keys:
        keys["limits"] = {name: _as_limit(name, v) for name, v in keys["limits"].items()}
    console = call.console
    made = given_from_dict(keys)
    if isinstance(made, Change):
        raise TypeError("a form of commands made a change of an alarm")
    # Told first: what cannot be told must not be done.
    console.audit.append(call.who, f"command.{form.command}",
                         {**keys, "stream_id": patient.stream_id})  # fmt: skip
    try:
        console.commands.do(patient.stream_id, made)
    except InputError as error:
        refused = {"command": form.command, "stream_id": patient.stream_id, "why": str(error)}
        console.audit.append(call.who, "command.refused", refused)
        raise ProblemError(409, str(error)) from error
    except NotDoneError as error:
        raise ProblemError(503, str(error)) from error
    return {"state": "done" if console.commands.confirms else "sent"}


def _as_limit(name: str, value: float) -> float:
    """Give limits that count beats as whole numbers."""
    return int(value) if name.endswith("_beats") and value.is_integer() else value


def give_feedback(call: Call) -> dict[str, Any]:
    """Keep what is said, and tell it."""
    patient, console = patient_of(call), call.console
    said = _feedback(patient, call.body.root, call.who)
    details = {k: v for k, v in said.to_dict().items() if v is not None and k != "who"}
    console.audit.append(call.who, "feedback", details)
    try:
        kept = console.feedback.add(said)
    except InputError as error:
        raise ProblemError(409, str(error)) from error
    console.hub.tell({"t": "feedback", "feedback": kept.to_dict()})
    console.publish_feedback(kept)
    return kept.to_dict()


def _feedback(patient: Patient, form: AlarmFeedback | BeatFeedback, who: str) -> Feedback:
    """Find the alarm that something is said of."""
    condition, session = None, patient.session
    if form.alarm_id is not None:
        alarm = next((a for a in patient.alarms if a["id"] == form.alarm_id), None)
        if alarm is None:
            raise ProblemError(404, "the patient has no such alarm")
        condition, session = alarm["condition"], alarm["session"]
    beat = form if isinstance(form, BeatFeedback) else None
    return Feedback(
        stream_id=patient.stream_id,
        session=session,
        verdict=Verdict(form.verdict),
        who=who,
        why=form.why,
        alarm_id=form.alarm_id,
        condition=condition,
        sample=None if beat is None else beat.sample,
        label=None if beat is None else beat.label,
        disputes=form.disputes,
    )


def feedback(call: Call) -> dict[str, Any]:
    """Give what was said."""
    found = call.console.feedback.latest(call.query.most, call.query.stream_id)
    return {"feedback": [each.to_dict() for each in found]}


_ONE = "/api/patients/{stream_id}"
WAYS = (
    Way(
        "POST", f"{_ONE}/commands", command, "Acknowledge, pause, set limits, and the like.", ACTS,
        CommandAnswer, CommandForm, problems=(404, 409, 503),
    ),
    Way(
        "POST", f"{_ONE}/feedback", give_feedback, "Say what an alarm or a beat was.", ACTS,
        FeedbackAnswer, FeedbackForm, problems=(404, 409), status=201,
    ),
    Way("GET", "/api/feedback", feedback, "What was said.", SEES, FeedbackList, query=Latest),
)  # fmt: skip
"""Ways of this module."""
