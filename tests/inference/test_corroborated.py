"""Pulses in the pipeline: what they veto is told and not raised, what they cannot is not held."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from itertools import chain, repeat

import numpy as np
import pytest

from inference.alarm_json import ModelRef, render, schema
from inference.conditions import Code
from inference.corroboration import HOLD_MS
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.time_to_alarm import time_to_alarm_s
from ingest.frames import MISSING_ADU, Lead
from ingest.sequence_types import Item
from ingest.simulator import asystole, sinus, ventricular_fibrillation, ventricular_tachycardia
from ingest.simulator.pulses import PLETH, PRESSURE, with_pulses
from tests.inference.patients import Tape, Told, cut, patient, score, told

BEATING = np.arange(0.4, 200.0, 0.8)
"""Beats of a heart that goes on whatever the ECG shows, s."""


def tape(
    name: str,
    *segments: object,
    beats_s: np.ndarray | None = None,
    leads: tuple[Lead, ...] = (PLETH,),
    fs: float = 250.0,
    end: bool = True,
) -> Tape:
    """A stream with an ECG and pulse leads."""
    record = with_pulses(patient(segments, fs), leads, beats_s=beats_s)  # type: ignore[arg-type]
    made = Tape(name, fs).play(record.samples)
    made.items = [replace(item, leads=record.leads) for item in made.items]  # type: ignore[call-arg]
    return made.end() if end else made


def alarms(items: list[Item], pipeline: Pipeline | None = None) -> list[dict]:
    """All changes of alarms of some items, as JSON."""
    changes = (pipeline or Pipeline()).push(items).alarms
    model = ModelRef("m", "1", "0" * 64)
    return [json.loads(render(c.transition, c.stream.source, model, Limits())) for c in changes]


def of(changes: list[dict], condition: str) -> list[tuple[str, str | None]]:
    """State and verdict of one condition's changes."""
    return [
        (c["state"], c.get("corroboration", {}).get("verdict"))
        for c in changes
        if c["condition"] == condition
    ]


def decided_s(changes: list[dict], condition: str, state: str) -> float:
    first = next(c for c in changes if (c["condition"], c["state"]) == (condition, state))
    return float(first["decided"]["sample"] / first["strip"]["fs"])


LETHAL = (Code.ASYSTOLE, Code.VENTRICULAR_FIBRILLATION, Code.VENTRICULAR_TACHYCARDIA)
LOOSE = (sinus(14.0, 75.0), asystole(9.0), sinus(8.0, 75.0))


@pytest.mark.parametrize("lead", [PLETH, PRESSURE], ids=["ppg", "pressure"])
def test_a_loose_electrode_over_a_beating_heart_is_vetoed_and_told(lead):
    changes = alarms(tape("p", *LOOSE, beats_s=BEATING, leads=(lead,)).items)
    veto = next(c for c in changes if c["condition"] == "asystole")

    assert of(changes, "asystole") == [("vetoed", "vetoed"), ("veto_ended", None)]
    assert of(changes, "pause")[0] == ("vetoed", "vetoed")
    assert veto["corroboration"]["reason"] == "pulses_go_on"
    assert veto["corroboration"]["signal"] == ("ppg" if lead is PLETH else "pressure")
    assert veto["corroboration"]["pulses"] >= 3
    assert veto["corroboration"]["rate_bpm"] == pytest.approx(75, abs=4)


@pytest.mark.parametrize("leads", [(PLETH,), (PRESSURE,), (PRESSURE, PLETH)], ids=len)
def test_an_arrest_is_told_as_soon_as_without_pulse_leads(leads):
    with_them = alarms(tape("p", *LOOSE, leads=leads).items)
    without = alarms(Tape("p").simulate(*LOOSE).end().items)

    assert of(with_them, "asystole")[0] == ("raised", "confirmed")
    assert of(without, "asystole")[0] == ("raised", None)
    assert decided_s(with_them, "asystole", "raised") == decided_s(without, "asystole", "raised")


def test_a_pulse_lead_that_is_off_changes_nothing_but_a_word():
    items = tape("p", *LOOSE, beats_s=np.empty(0)).items
    with_it, without = alarms(items), alarms(Tape("p").simulate(*LOOSE).end().items)
    for change in with_it:
        change.pop("corroboration", None)

    assert with_it == without
    assert of(alarms(items), "asystole")[0] == ("raised", "no_evidence")


def test_an_arrest_under_a_veto_is_raised_with_the_first_onset():
    stops_s = float(BEATING[29])
    dying = tape("p", sinus(14.0, 75.0), asystole(26.0), beats_s=BEATING[:30])
    changes = alarms(dying.items)
    vetoed, raised = [c for c in changes if c["condition"] == "asystole"][:2]

    assert (vetoed["state"], raised["state"]) == ("vetoed", "raised")
    assert vetoed["id"] == raised["id"]
    assert stops_s < decided_s(changes, "asystole", "raised") < stops_s + 10.0


@pytest.mark.parametrize("code", LETHAL, ids=lambda code: code.name)
def test_lethal_conditions_are_told_within_ten_seconds_with_the_wait(code):
    delay_ms = Pipeline().beats.picker.decision_delay_ms

    assert time_to_alarm_s(code, Limits(), delay_ms) + HOLD_MS[code] / 1000 <= 10.0


@pytest.mark.parametrize("length_s", [3.3, 5.0, 5.4])
def test_a_stream_that_ends_while_an_alarm_waits_tells_it(length_s):
    """Cut short at any moment of an arrest, what the ECG alone would tell is told or vetoed."""
    segments = (sinus(14.0, 75.0), asystole(length_s))
    plain = alarms(Tape("p").simulate(*segments).end().items)
    pulsed = alarms(tape("p", *segments, beats_s=BEATING).items)

    for condition in ("asystole", "pause"):
        n_raised = sum(state == "raised" for state, _ in of(plain, condition))
        n_told = sum(state in ("raised", "vetoed") for state, _ in of(pulsed, condition))
        assert n_told == n_raised


@cache
def wards() -> tuple[Tape, ...]:
    """Streams with pulse leads, without, and with ones that come and go."""
    spoiled = tape("spoiled", *LOOSE, beats_s=BEATING, leads=(PRESSURE, PLETH), fs=128.0, end=False)
    for item in spoiled.items:
        item.samples[1:, 2000:2300] = MISSING_ADU  # type: ignore[union-attr]
    spoiled.gap(1.3)
    return (
        tape("loose", *LOOSE, beats_s=BEATING, leads=(PRESSURE,)),
        tape("arrest", *LOOSE, leads=(PLETH,), fs=257.3),
        tape("vt", sinus(13.0), ventricular_tachycardia(3.0, 125.0), sinus(6.0), beats_s=BEATING),
        tape("vf", sinus(13.0), ventricular_fibrillation(9.0), beats_s=BEATING, end=False),
        spoiled,
        Tape("plain", 360.0).simulate(*LOOSE).end(),
    )


@cache
def alone() -> Told:
    found: Told = {}
    for each in wards():
        told([Pipeline().push(each.items)], into=found)
    return found


def pushes(rng: np.random.Generator) -> list[list[Item]]:
    """Cut every stream its own way, and mix the pieces."""
    pieces = []
    for each in wards():
        length = max(round(float(rng.choice([0.19, 0.31, 1.0, 4.0])) * each.fs), 1)
        first = int(rng.integers(1, length + 1))
        pieces.append(list(cut(each.items, chain([first], repeat(length)))))
    longest = max(len(part) for part in pieces)
    return [
        [
            item
            for part in pieces
            for item in part[len(part) * k // longest : len(part) * (k + 1) // longest]
        ]
        for k in range(longest)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_any_cut_and_any_batch_mates_give_the_same(seed):
    assert score(Pipeline(), pushes(np.random.default_rng(seed))) == alone()


def test_the_wards_are_worth_comparing():
    states = {
        json.loads(body)["state"]
        for key, values in alone().items()
        if key.endswith("alarms")
        for (body,) in values
    }

    assert {"raised", "vetoed", "veto_ended", "latched", "ended"} <= states


def test_streams_that_move_amid_a_wait_or_a_veto_go_on_as_if_they_had_stayed():
    rng, found = np.random.default_rng(7), Told()
    pipeline, other = Pipeline(), Pipeline()
    other.push(Tape("first").simulate(sinus(1.0)).items)  # so that slots and places differ
    for items in pushes(rng):
        told([pipeline.push(items)], into=found)
        if rng.random() < 0.15:
            streams = [name for name in pipeline.streams.slots() if name != "first"]
            other.restore(pipeline.snapshot(streams))
            pipeline.forget(streams)
            pipeline, other = other, pipeline

    assert found == alone()


def test_a_stream_without_pulse_leads_takes_no_place_and_no_bytes():
    pipeline = Pipeline()
    pipeline.push(Tape("plain").simulate(sinus(3.0)).items)
    saved = pipeline.snapshot(["plain"])

    assert len(pipeline.corroborated) == 0
    assert not [name for name in saved.state if name.startswith("pulses")]


def test_alarms_with_the_pulses_word_fit_the_schema():
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema())
    bodies = [b for key, v in alone().items() if key.endswith("alarms") for (b,) in v]
    told_of = [json.loads(body) for body in bodies]

    for document in told_of:
        validator.validate(document)
    assert {d["corroboration"]["verdict"] for d in told_of if "corroboration" in d} == {
        "confirmed", "vetoed", "no_evidence",
    }  # fmt: skip


def test_a_bradycardia_whose_pulses_are_slower_than_its_beats_is_extreme():
    """Every second beat ejects nothing: the ECG counts 46 a minute, the circulation has 23."""
    segments = (sinus(8.0, 75.0), sinus(40.0, 46.0), sinus(14.0, 75.0))
    record = patient(segments)
    seen_s = record.truth.r_peaks / record.fs
    slow = (seen_s > 9.0) & (seen_s < 47.0)
    ejects = ~slow | (np.cumsum(slow) % 2 == 0)
    changes = alarms(tape("p", *segments, beats_s=seen_s[ejects], leads=(PRESSURE,)).items)
    alone_states = of(alarms(tape("p", *segments, leads=(PRESSURE,)).items), "extreme_bradycardia")

    assert alone_states == []
    assert of(changes, "bradycardia")[0][0] == "raised"
    assert of(changes, "extreme_bradycardia") == [("raised", "confirmed"), ("ended", None)]
    assert decided_s(changes, "extreme_bradycardia", "ended") < 62.0
