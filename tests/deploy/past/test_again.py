"""Last week's alarm says the same bytes, whatever limits and models have become since."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from prometheus_client import CollectorRegistry

from deploy.cli.main import run
from deploy.past.again import first_difference, say_again
from deploy.past.in_force import Course, Ledger, Options, course_of, of_alarm, read_in_force
from inference import model
from inference.alarm_json import AlarmContext
from inference.limits import Limits
from inference.metrics import Metrics
from inference.pipeline import Pipeline
from inference.worker import Sinks, Worker
from ingest.errors import InputError
from ingest.frames import Frame, Lead
from ingest.sequence import Sequencer
from ingest.simulator import demo_ward
from ingest.source import Batch, MemorySink

SECONDS = 60
CHANGED_AT = 23
"""Turn behind which the limits of all streams are changed."""
THEN = Limits(tachycardia_bpm=115.0)
LATER = THEN.changed({"tachycardia_bpm": 80.0, "bradycardia_bpm": 60.0})


class Turns:
    """A source that gives a batch a poll."""

    def __init__(self, batches: list[list[Frame]]) -> None:
        self._batches = batches

    def poll(self, timeout_s: float) -> Batch:
        return Batch(frames=self._batches.pop(0), end=not self._batches)

    def commit(self) -> None:
        pass

    def close(self) -> None:
        pass


def ward(begin_s: int = 0) -> list[list[Frame]]:
    """Frames of three patients, a second a batch, from a second of theirs on."""
    patients = demo_ward(3, seed=3, duration_s=SECONDS)
    batches = []
    for second in range(begin_s, SECONDS):
        frames = []
        for patient in patients:
            n = round(patient.fs)
            cut = patient.samples[:1, second * n : second * n + n].copy()
            made = (patient.name, "a", second * n, second * 10**9, patient.fs, (Lead("II"),))
            frames.append(Frame(*made, cut))
        batches.append(frames)
    return batches


def old_model(folder: Path) -> Path:
    """Write a beat model that no longer ships: another digest than today's."""
    folder.mkdir(parents=True, exist_ok=True)
    loaded = onnx.load(model.builtin("beat"))
    for each in loaded.metadata_props:
        if each.key == "version":
            each.value = "0.9.0"
    onnx.save(loaded, folder / "whatever-it-was-called.onnx")
    return folder / "whatever-it-was-called.onnx"


class Past:
    """A worker of last week: what it published, and what it noted."""

    def __init__(self, folder: Path, begin_s: int = 0) -> None:
        beat = old_model(folder / "shelf" / "beats" / "0123")
        pipeline = Pipeline(beat=beat, limits=THEN, strips=True)
        options, sequencer = Options(strips=True, profile="adult"), Sequencer()
        noted, alarms = MemorySink(), MemorySink()
        ledger = Ledger(noted, pipeline, sequencer, options)
        worker = Worker(
            Turns(ward(begin_s)), Sinks(alarms, MemorySink()), pipeline,
            Metrics(CollectorRegistry()), sequencer=sequencer, context=AlarmContext("adult"),
            overheard=ledger.hear,
        )  # fmt: skip
        going, turn = True, 0
        while going:
            going = worker.turn(0)
            turn += 1
            if turn == CHANGED_AT:
                for name in list(pipeline.streams.slots()):
                    worker.set_limits(name, LATER)
                    ledger.limits_changed(name)
        self.folder = folder / "shelf"
        self.messages = [value for _, value in alarms.messages]
        self.noted = [value for _, value in noted.messages]

    def changes(self) -> dict[str, list[bytes]]:
        """Return the messages of each alarm."""
        found: dict[str, list[bytes]] = {}
        for body in self.messages:
            found.setdefault(json.loads(body)["id"], []).append(body)
        return found

    def course(self, alarm: dict) -> Course:
        """Return what was noted for an alarm's stream."""
        known = [read_in_force(line) for line in self.noted]
        at = alarm["decided"]["sample"]
        course = course_of(known, alarm["stream_id"], alarm["session"], at)
        assert course is not None
        return course


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return Past(tmp_path_factory.mktemp("past"))


def frames() -> list[Frame]:
    return [frame for batch in ward() for frame in batch]


def test_alarms_of_every_priority_before_and_behind_a_change_of_limits_say_the_same_bytes_again(
    past: Past,
) -> None:
    chosen = {}
    for changes in past.changes().values():
        first = json.loads(changes[0])
        is_late = first["decided"]["sample"] / first["strip"]["fs"] > CHANGED_AT
        chosen[first["kind"], first["priority"], is_late] = changes
        if first["limits"].get("tachycardia_bpm") == 80.0:
            chosen["by the limit that was changed"] = changes
    assert {False, True} == {key[2] for key in chosen if isinstance(key, tuple)}
    assert "by the limit that was changed" in chosen
    for changes in chosen.values():
        first = json.loads(changes[0])
        outcome = say_again(changes, past.course(first), frames(), [past.folder])
        assert outcome.is_same, (first, outcome)


def test_frames_cut_otherwise_say_the_same(past: Past) -> None:
    changes = max(past.changes().values(), key=lambda one: json.loads(one[0])["decided"]["sample"])
    first = json.loads(changes[0])
    long = []
    for name in {frame.stream_id for frame in frames()}:
        own = [frame for frame in frames() if frame.stream_id == name]
        for i in range(0, len(own), 7):
            part = own[i : i + 7]
            samples = np.concatenate([f.samples for f in part], axis=1)
            long.append(replace(part[0], samples=samples))
    assert say_again(changes, past.course(first), long, [past.folder]).is_same


def test_with_todays_models_or_without_the_change_of_limits_it_is_not_the_same(
    past: Past,
) -> None:
    changes = next(
        one for one in past.changes().values()
        if json.loads(one[0])["limits"].get("tachycardia_bpm") == 80.0
    )  # fmt: skip
    first = json.loads(changes[0])
    course = past.course(first)
    unchanged = say_again(changes, Course(course.begun, ()), frames(), [past.folder])
    assert not unchanged.is_same
    today = Course(replace(course.begun, models=()), course.changes)
    other = say_again(changes, today, frames(), [])
    assert not other.is_same
    (raised, *_) = other.compared
    assert raised.now is not None
    assert first_difference(json.loads(raised.then), json.loads(raised.now)).startswith("model")


def test_a_worker_that_began_in_the_middle_is_followed_from_there(tmp_path: Path) -> None:
    late = Past(tmp_path, begin_s=11)
    for changes in list(late.changes().values())[:3]:
        first = json.loads(changes[0])
        course = late.course(first)
        assert course.begun.sample > 0
        assert say_again(changes, course, frames(), [late.folder]).is_same


def test_a_model_that_is_nowhere_is_named(past: Past, tmp_path: Path) -> None:
    changes = next(iter(past.changes().values()))
    with pytest.raises(InputError, match=r"beats? .*0\.9\.0|0\.9\.0"):
        say_again(changes, past.course(json.loads(changes[0])), frames(), [tmp_path])


def test_an_alarm_tells_models_and_its_own_limits_where_nothing_was_noted(past: Past) -> None:
    alarm = json.loads(past.messages[0])
    course = of_alarm(alarm)
    assert {digest for _, _, digest in course.begun.models} == {
        each["digest"] for each in alarm["models"]
    }
    assert course.begun.options.strips == ("signal" in alarm["strip"])
    for name, value in alarm["limits"].items():
        assert getattr(course.begun.limits, name) == value


def test_what_was_in_force_reads_back_and_other_lines_are_refused(past: Past) -> None:
    one = read_in_force(past.noted[0])
    assert (one.event, one.sample, one.limits) == ("begun", 0, THEN)
    assert read_in_force(one.to_json("")) == one
    for line in (b"{", b'{"schema": "vigil.alarm/1"}', b"[1]"):
        with pytest.raises(InputError):
            read_in_force(line)


def test_the_command_compares_files_and_exits_by_what_it_found(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.records import write_ward

    record = write_ward(tmp_path, 3, SECONDS)[1]
    assert run(["score", record, "--out", str(tmp_path), "--jobs", "1", "--json"]) == 0
    written = Path(json.loads(capsys.readouterr().out)["files"]["alarms"])
    lines = written.read_bytes().splitlines()
    alarm = json.loads(lines[0])["id"]
    words = ["replay-alarm", alarm, "--alarms", str(written), "--source", record]
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"] is True
    changed = lines[0].replace(b'"priority":"', b'"priority":"very ', 1)
    written.write_bytes(b"\n".join([changed, *lines[1:]]))
    assert run(words) == 1
    shown = capsys.readouterr().out
    assert "DIFFERENT: priority: 'very " in shown
    assert run(["replay-alarm", "0" * 32, *words[2:]]) == 2
