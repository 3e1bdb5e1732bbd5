"""A model adapted to a labelled start: it follows the labels, and sees nothing behind them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from deploy.cli.main import run
from deploy.services.verify import why_not_batch_invariant
from inference import model
from inference.ticks import N, S, V
from ingest.errors import InputError
from ingest.recording import Recording
from tests.test_layout import modules_loaded_by
from tests.training.adaptation.conftest import START_S
from training.adaptation.adapt import adapt
from training.adaptation.cohort import adapt_records, classify
from training.adaptation.labelled_start import (
    LabelledStart,
    ServedBeats,
    beginning,
    labelled_start,
    listen,
)
from training.adaptation.record import adapt_record
from training.assessment.scoring import ModelFiles, find_beats
from training.ec57 import Annotations, make_annotations, rates


def rest(served: ServedBeats, start: LabelledStart) -> slice:
    return slice(len(start.beats.sample), len(served.sample))


def labels(served: ServedBeats, reference: Annotations) -> np.ndarray:
    whole = labelled_start("ada", served, reference, 10**9)
    return whole.aami


@pytest.mark.parametrize("called_so", [N, S])
def test_the_rest_is_called_as_the_start_is_labelled(
    called_so: int,
    base: Path,
    served: ServedBeats,
    start: LabelledStart,
    reference: Annotations,
    tmp_path: Path,
) -> None:
    """A patient's wide beats are said to be N (a bundle branch block), or S (aberrant)."""
    told = dataclasses.replace(start, aami=np.where(start.aami == V, called_so, start.aami))
    (tmp_path / "own.onnx").write_bytes(adapt(told, base).content)
    wide = labels(served, reference)[rest(served, start)] == V
    before = np.array(classify(base, served))[rest(served, start)][wide]
    after = np.array(classify(tmp_path / "own.onnx", served))[rest(served, start)][wide]
    assert wide.sum() >= 2
    assert (before == "V").mean() > 0.7
    assert (after == "V").mean() < 0.3


def test_only_the_labelled_start_is_used(
    recording: Recording,
    reference: Annotations,
    served: ServedBeats,
    base: Path,
    start: LabelledStart,
) -> None:
    until = round(START_S * recording.fs)
    other = recording.samples.copy()
    other[:, until + round(4 * recording.fs) :] = 77
    cut = beginning(dataclasses.replace(recording, samples=other), START_S)
    assert cut.duration_s < START_S + 5
    lies = ["V" if at >= until else s for at, s in zip(*marks(reference), strict=True)]
    told = make_annotations(reference.sample, lies, reference.fs)
    again = labelled_start("ada", listen({"ada": cut}, base)["ada"], told, until)
    assert adapt(again, base).content == adapt(start, base).content


def marks(reference: Annotations) -> tuple[list[int], list[str]]:
    return reference.sample.tolist(), list(reference.symbol)


def test_an_adapted_model_scores_alike_in_the_pipeline(
    recording: Recording,
    served: ServedBeats,
    start: LabelledStart,
    base: Path,
    tmp_path: Path,
) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes(adapt(start, base).content)
    found = find_beats({"ada": recording}, ModelFiles(beat=own))["ada"]
    assert found.sample == served.sample.tolist()
    assert found.aami == classify(own, served)
    assert why_not_batch_invariant(own) is None


def test_it_says_what_it_is(start: LabelledStart, base: Path, tmp_path: Path) -> None:
    adapted = adapt(start, base)
    (tmp_path / "own.onnx").write_bytes(adapted.content)
    _, info = model.load(tmp_path / "own.onnx")
    _, old = model.load(base)
    assert info.name == adapted.name == f"{old.name}-adapted"
    assert info.data_digest != old.data_digest
    assert info.thresholds == {"S": 0.5, "V": 0.5}
    assert adapted.beats["N"] == (start.aami == N).sum() > 20
    assert len(adapted.content) < 1.1 * base.stat().st_size + 4096


def test_a_start_without_normal_beats_is_refused(
    served: ServedBeats, reference: Annotations
) -> None:
    all_v = make_annotations(reference.sample, ["V"] * len(reference.symbol), reference.fs)
    with pytest.raises(InputError, match="no beat labelled N"):
        labelled_start("ada", served, all_v, 10_000)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"minutes": 0.0}, "--minutes must be above 0"),
        ({"minutes": float("nan")}, "--minutes must be above 0"),
        ({"annotator": "xyz"}, "no annotation file"),
        ({"lead": "V9"}, "V9"),
    ],
)
def test_bad_use_is_told(data: Path, base: Path, options: dict, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        adapt_record(data / "simdb" / "ada", base, **options)


def test_models_of_another_kind_are_refused(start: LabelledStart) -> None:
    with pytest.raises(InputError, match="no beat model of N, S and V"):
        adapt(start, model.builtin("qrs"))


def test_the_command_writes_a_model_that_scores(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record, out = str(data / "simdb" / "ada"), tmp_path / "ada.onnx"
    assert run(["adapt", record, "--minutes", "0.5", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["model"] == str(out)
    assert told["beats"]["N"] > 10
    assert told["cpu_s"] > 0
    scored = str(tmp_path / "scored")
    assert run(["score", record, "--model", str(out), "--out", scored, "--json"]) == 0
    assert run(["adapt", record, "--out", str(tmp_path / "ada.bin")]) == 2


def test_adapting_loads_no_torch() -> None:
    loaded = modules_loaded_by("import training.adaptation.record")
    assert "training.adaptation.adapt" in loaded
    assert not loaded & {"torch", "lightning", "scipy", "pandas", "matplotlib"}


@pytest.mark.data
def test_supraventricular_beats_of_a_real_patient_are_found_better(
    data_dir: Path, base: Path
) -> None:
    (one,) = adapt_records(data_dir / "svdb", ["821"], lambda _: base)
    before, after = (rates(side.tally("sveb")) for side in (one.before, one.after))
    assert 100 - (after.se or 0) < (100 - (before.se or 0)) / 2
