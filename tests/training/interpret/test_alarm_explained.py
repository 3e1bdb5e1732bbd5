"""An alarm tells why its beats were called so: from the model's outputs to the line of JSON."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch

from deploy.cli.main import run
from inference.alarm_json import schema
from inference.beats import Beats
from inference.pipeline import Pipeline
from inference.session import StreamSession
from ingest.errors import InputError
from tests.training.databases import NAMES, tiny_config, write_database
from training.beat_task import BeatTask
from training.interpret.write import write_explained


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with reasons that calls every beat V, so that there is an alarm."""
    torch.manual_seed(4)
    task = BeatTask(tiny_config("beat").model_copy(update={"thresholds": {"V": 0.0}}), [], [])
    task.model.eval()
    path = tmp_path_factory.mktemp("explained") / "explained.onnx"
    write_explained(task, path, "0" * 64)
    return path


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "simdb"
    write_database(folder, 1)
    return folder / NAMES[0]


def alarms(record: Path, out: Path, *options: str) -> list[dict]:
    assert run(["score", str(record), "--out", str(out), "--jobs", "1", *options]) == 0
    lines = (out / f"{record.name}.alarms.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_only_asked_for_and_only_of_alarms_that_rest_on_v_beats(
    explained: Path, record: Path, tmp_path: Path
) -> None:
    plain = alarms(record, tmp_path / "plain", "--model", str(explained))
    told = alarms(record, tmp_path / "told", "--model", str(explained), "--explain")
    why = [alarm.pop("explanation", None) for alarm in told]
    assert told == plain
    rests_on_v = {"ventricular_tachycardia", "v_run"}
    wanted = [a["state"] == "raised" and a["condition"] in rests_on_v for a in told]
    assert [each is not None for each in why] == wanted
    assert any(wanted)
    validator = jsonschema.Draft202012Validator(schema())
    for alarm, explanation in zip(told, why, strict=True):
        if explanation is not None:
            validator.validate(alarm | {"explanation": explanation})
            beats = [beat["sample"] for beat in alarm["beats"] if beat["aami"] == "V"]
            assert [beat["sample"] for beat in explanation["beats"]] == beats


def test_it_does_not_depend_on_how_the_signal_came(
    explained: Path, record: Path, tmp_path: Path
) -> None:
    common = ("--model", str(explained), "--explain", "--chunk-s")
    first = alarms(record, tmp_path / "a", *common, "0.3")
    assert first == alarms(record, tmp_path / "b", *common, "60")
    assert any("explanation" in alarm for alarm in first)


def test_the_weights_are_what_the_model_gave_with_that_beat(
    explained: Path, record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[int, dict[str, np.ndarray]] = {}
    honest = StreamSession.step_explained
    monkeypatch.setattr(Beats, "_classify", _noting(given, honest))
    told = alarms(record, tmp_path / "a", "--model", str(explained), "--explain", "--chunk-s", "7")
    beats = [b for alarm in told for b in alarm.get("explanation", {"beats": []})["beats"]]
    assert beats
    for beat in beats:
        why = given[beat["sample"]]
        weights = [part["weight"] for part in beat["trace"]]
        np.testing.assert_allclose(weights, why["explain_signal"], atol=1e-6)
        heard = [part["weight"] for part in beat["before"]]
        np.testing.assert_allclose(heard, why["explain_beats"][8 - len(heard) :], atol=1e-6)


def _noting(given: dict, honest):
    """Return ``_classify`` that also notes, by sample at 250 Hz, what the model gave."""
    classify = Beats._classify

    def noted(self, slots, r_ms, window, rr_ms):
        def step(session, slots, signal, rr_s):
            probs, why = honest(session, slots, signal, rr_s)
            (row,) = np.flatnonzero((window == signal[0]).all(axis=(1, 2)))
            sample = int(r_ms[row]) * 250 // 1000
            given[sample] = {name: values[0] for name, values in why.items()}
            return probs, why

        StreamSession.step_explained = step
        try:
            return classify(self, slots, r_ms, window, rr_ms)
        finally:
            StreamSession.step_explained = honest

    return noted


def test_a_model_without_reasons_cannot_be_asked() -> None:
    with pytest.raises(InputError, match="does not say why it calls a beat so"):
        Pipeline(explain=True)
