"""Patients: who is there, their signal, beats, trends and alarms."""

from __future__ import annotations

import copy
import dataclasses
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from deploy.console.api.problem import ProblemError
from deploy.console.api.route import Call, Form, Line, Way, Whole
from deploy.console.limits import Known, in_force
from deploy.console.patient import Patient
from deploy.console.roles import SEES
from deploy.console.waves import MISSING, STEP_UV
from inference.limits import Limits

MOST_SECONDS = 120.0
"""Longest stretch of signal that is given at once, s; where more is asked for, the first of it."""
Sample = Annotated[int, Field(ge=0, le=2**53), Whole]


class PatientInfo(BaseModel):
    """One patient, as now."""

    stream_id: str
    bed: str
    index: int
    session: str
    fs: float
    origin_ms: int
    leads: list[str]
    pulses: list[dict[str, Any]]
    """Other waveforms: name, unit, calibration."""
    of: str
    """Stream with the ECG that these numerics are shown beside; empty: none."""
    main: int
    end_sample: int
    board: dict[str, Any]
    vitals: list[Any]


class Patients(BaseModel):
    """All patients."""

    patients: list[PatientInfo]


class Trend(BaseModel):
    """How one of the numerics was."""

    label: str
    unit: str
    points: list[list[float | None]]
    """Points: UTC in ms, then the value, or systolic, diastolic and mean."""


class PatientPage(PatientInfo):
    """One patient, with what was kept."""

    begin_sample: int
    """First sample that is kept; 0 where an archive keeps more than the console."""
    trend: list[list[float | None]]
    """Points: UTC in ms, heart rate in bpm, quality, V beats in a minute."""
    numerics: list[Trend]
    """Trends of numerics."""
    alarms: list[dict[str, Any]]
    """Changes of alarms, the newest first."""


class Stretch(Form):
    """Which signal."""

    first_sample: Sample
    n_samples: Annotated[int, Field(ge=1, le=2**20)]


class Pulse(BaseModel):
    """A waveform that is no ECG."""

    name: str
    unit: str
    adc_gain: float
    baseline: int
    steps: list[int | None]
    """ADC units; null where a sample is missing."""


class Signal(BaseModel):
    """Signal of all leads."""

    first_sample: int
    fs: float
    leads: list[str]
    uv_per_step: float
    steps: list[list[int | None]]
    """By lead; null where a sample is missing."""
    pulses: list[Pulse]
    beats: list[dict[str, Any]]


class Latest(Form):
    """How many, and of whom."""

    most: Annotated[int, Field(ge=1, le=1000)] = 200
    stream_id: Line | None = None


class Alarms(BaseModel):
    """Changes of alarms, the newest first, as ``inference/alarm.schema.json`` has them."""

    alarms: list[dict[str, Any]]


class Limit(BaseModel):
    """One limit."""

    name: str
    value: float
    low: float
    high: float
    whole: bool
    changed: bool
    """Somebody selected it for this patient."""
    known: Known
    """How the value is known."""


class LimitsAnswer(BaseModel):
    """Limits of a patient that people may set."""

    profile: str | None
    """Profile that the monitor told with an alarm."""
    limits: list[Limit]


def patient_of(call: Call) -> Patient:
    """Find the patient of a request's path."""
    patient = call.console.hub.patients.get(call.path["stream_id"])
    if patient is None:
        raise ProblemError(404, "there is no such patient")
    return patient


def all_patients(call: Call) -> dict[str, Any]:
    """Tell who is there."""
    hub = call.console.hub
    with hub.lock:
        now_s = hub.clock_s()
        return {"patients": [patient.to_dict(now_s) for patient in hub.patients.values()]}


def one_patient(call: Call) -> dict[str, Any]:
    """Tell of one patient."""
    patient, hub = patient_of(call), call.console.hub
    with hub.lock:
        first, _ = patient.stretch(0, 0)
        return {
            **patient.to_dict(hub.clock_s()),
            "begin_sample": first if call.console.past is None else 0,
            "trend": list(patient.trend),
            "numerics": [t for p in (patient, *patient.companions) for t in p.numerics.trends()],
            "alarms": hub.latest_alarms(200, patient.stream_id),
        }


def signal(call: Call) -> dict[str, Any]:
    """Give a stretch of signal, with its beats."""
    patient, query = patient_of(call), call.query
    with call.console.hub.lock:
        fs = patient.fs
        n_samples = min(query.n_samples, int(MOST_SECONDS * fs))
        first, steps = patient.stretch(query.first_sample, n_samples)
        last = first + steps.shape[1]
        beats = [beat for beat in patient.beats if first <= beat["sample"] < last]
        leads = list(patient.leads)
        pulses = patient.pulses
        names = (*patient.leads, *(lead.name for lead in pulses))
        whose = (patient.stream_id, patient.session, names, fs, patient.origin_ms)
    n_before = min(first, query.first_sample + n_samples) - query.first_sample
    if call.console.past is not None and n_before > 0 and fs:
        before, earlier = call.console.past.stretch(*whose, query.first_sample, n_before)
        steps = np.concatenate([before, steps[:, : n_samples - n_before]], axis=1)
        first = query.first_sample
        last = first + steps.shape[1]
        beats = [*earlier, *(beat for beat in beats if beat["sample"] < last)]
    rows = [[None if v == MISSING else v for v in row] for row in steps.tolist()]
    return {
        "first_sample": first,
        "fs": fs,
        "leads": leads,
        "uv_per_step": STEP_UV,
        "steps": rows[: len(leads)],
        "pulses": [
            {**dataclasses.asdict(lead), "steps": row}
            for lead, row in zip(pulses, rows[len(leads) :], strict=True)
        ],
        "beats": beats,
    }


def alarms(call: Call) -> dict[str, Any]:
    """Give the latest changes of alarms."""
    return {"alarms": call.console.hub.latest_alarms(call.query.most, call.query.stream_id)}


def limits(call: Call) -> dict[str, Any]:
    """Give a patient's limits, with what is allowed."""
    patient = patient_of(call)
    configured = call.console.limits_of(patient.stream_id)
    with call.console.hub.lock:
        told = (dict(patient.board.limits), copy.deepcopy(patient.told_limits), configured)
    found = []
    for key in dataclasses.fields(Limits):
        if not key.metadata["by_patient"]:
            continue
        value, known = in_force(key.name, *told)
        bounds = {name: float(key.metadata[name]) for name in ("low", "high")}
        whole = isinstance(key.default, int)
        found.append(
            {"name": key.name, "value": value, "whole": whole, "changed": known == Known.SET,
             "known": known, **bounds}
        )  # fmt: skip
    return {"profile": told[1].profile, "limits": found}


_ONE = "/api/patients/{stream_id}"
WAYS = (
    Way("GET", "/api/patients", all_patients, "Who is monitored.", SEES, Patients),
    Way("GET", _ONE, one_patient, "One patient.", SEES, PatientPage, problems=(404,)),
    Way(
        "GET", f"{_ONE}/signal", signal, "Signal that is kept.", SEES, Signal, query=Stretch,
        problems=(404,),
    ),
    Way("GET", f"{_ONE}/limits", limits, "Alarm limits.", SEES, LimitsAnswer, problems=(404,)),
    Way("GET", "/api/alarms", alarms, "Changes of alarms.", SEES, Alarms, query=Latest),
)  # fmt: skip
"""Ways of this module."""
