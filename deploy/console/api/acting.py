"""What people do: commands on alarms, and feedback on alarms and beats."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from deploy.console.api.patients import Latest, Sample, patient_of
from deploy.console.api.problem import ProblemError
from deploy.console.api.route import Call, Form, Line, Way
from deploy.console.commands import NotDoneError
from deploy.console.patient import Patient
from deploy.console.roles import ACTS, SEES
from deploy.console.store.feedback import MOST_ID, Feedback, Verdict
from inference.annunciation import COMMANDS
from inference.annunciation.inputs import Change
from inference.annunciation.wire import given_from_dict
from ingest.errors import InputError

LETTERS = ("N", "S", "V", "F", "Q")
"""AAMI classes that a beat can be relabelled to."""


class CommandForm(Form):
    """A command; who gives it is whoever is signed in."""

    command: Literal[
        "acknowledge", "audio_pause", "audio_on", "alarm_off", "alarm_on", "standby", "resume",
        "set_limits",
    ]  # fmt: skip
    condition: Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9_]*$")] | None = (
        None
    )
    length_s: Annotated[float, Field(ge=1, le=3600)] | None = None
    why: Line | None = None
    limits: dict[str, float] | None = None


class CommandAnswer(BaseModel):
    """What became of a command."""

    state: Literal["done", "sent"]
    """Done; or sent to whoever keeps the signals, which will tell."""


class FeedbackForm(Form):
    """What is said of an alarm or a beat."""

    verdict: Literal["true", "false", "artefact", "relabel"]
    why: Line
    alarm_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] | None = None
    sample: Sample | None = None
    label: Literal["N", "S", "V", "F", "Q"] | None = None
    disputes: Annotated[int, Field(ge=1, le=MOST_ID)] | None = None


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
    patient, form = patient_of(call), call.body
    keys: dict[str, Any] = {"command": form.command, "who": call.who}
    allowed = COMMANDS[form.command].__dataclass_fields__
    for name in ("condition", "length_s", "why", "limits"):
        value = getattr(form, name)
        if value is None:
            continue
        if name not in allowed:
            raise ProblemError(422, f"{name}: {form.command} takes none")
        keys[name] = value
    if "limits" in keys:
        whole = {k: int(v) if k.endswith("_beats") and v.is_integer() else v
                 for k, v in keys["limits"].items()}  # fmt: skip
        keys["limits"] = whole
    console = call.console
    try:
        made = given_from_dict(keys)
    except InputError as error:
        raise ProblemError(422, str(error)) from error
    if isinstance(made, Change):
        raise ProblemError(422, "this is no command")
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


def give_feedback(call: Call) -> dict[str, Any]:
    """Keep what is said, and tell it."""
    patient, form, console = patient_of(call), call.body, call.console
    said = _feedback(patient, form, call.who)
    details = {k: v for k, v in said.to_dict().items() if v is not None and k != "who"}
    console.audit.append(call.who, "feedback", details)
    try:
        kept = console.feedback.add(said)
    except InputError as error:
        raise ProblemError(409, str(error)) from error
    console.hub.tell({"t": "feedback", "feedback": kept.to_dict()})
    console.publish_feedback(kept)
    return kept.to_dict()


def _feedback(patient: Patient, form: FeedbackForm, who: str) -> Feedback:
    """Check that what is said is about something, and of it."""
    relabels = form.verdict == "relabel"
    if relabels != (form.label is not None) or (relabels and form.sample is None):
        raise ProblemError(422, "relabel needs sample and label, and nothing else has a label")
    if not relabels and form.alarm_id is None:
        raise ProblemError(422, f"alarm_id: {form.verdict} needs an alarm")
    condition, session = None, patient.session
    if form.alarm_id is not None:
        alarm = next((a for a in patient.alarms if a["id"] == form.alarm_id), None)
        if alarm is None:
            raise ProblemError(404, "the patient has no such alarm")
        condition, session = alarm["condition"], alarm["session"]
    return Feedback(
        stream_id=patient.stream_id,
        session=session,
        verdict=Verdict(form.verdict),
        who=who,
        why=form.why,
        alarm_id=form.alarm_id,
        condition=condition,
        sample=form.sample,
        label=form.label,
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
