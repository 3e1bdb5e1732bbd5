"""Runs of the two-lead classifier, and distilled ones, from a configuration to what is served."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.pipeline import Pipeline
from ingest.errors import InputError
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource, open_recording
from tests.training.databases import tiny_config
from training.config import DistillConfig
from training.fit import fit

LITTLE = {"epochs": 1, "steps": 2}


def beats_of(model: Path, record: Path, leads: list[str] | None = None) -> list[tuple[int, str]]:
    """Score a record as it is served; give sample and class of each beat."""
    recording = open_recording(record, leads)
    source = ReplaySource({"p": recording}, speed=None, chunk_s=10.0)
    pipeline, sequencer = Pipeline(beat=model), Sequencer()
    found, ended = [], False
    while not ended:
        batch = source.poll(0.0)
        ended = batch.end
        items, _ = sequencer.push_all(batch.frames)
        found += [(beat.sample, beat.aami) for beat in pipeline.push(items).beats()]
    return found


@pytest.mark.train
def test_a_run_gives_a_model_that_is_served_with_two_leads_or_one(
    data: Path, tmp_path: Path
) -> None:
    config = tiny_config(
        "two-lead-beat", data={"validation": ("bea",)}, fit={**LITTLE, "patience": 1}
    )
    run = fit(config, data, tmp_path / "run", progress=False)

    assert run.summary["training_patients"] == ["simdb/ada"]
    assert np.isfinite(run.summary["scores"]["val_f1"])
    assert np.isfinite(run.summary["scores"]["loss_alone_epoch"])
    record = data / "simdb" / "bea"
    both, single = beats_of(run.model, record), beats_of(run.model, record, ["II"])
    assert len(both) > 50
    assert [sample for sample, _ in both] == [sample for sample, _ in single]


def test_a_run_over_records_of_one_lead_is_refused(data: Path, tmp_path: Path) -> None:
    config = tiny_config("two-lead-beat", data={"leads": (0,)}, fit=LITTLE)
    with pytest.raises(InputError, match=r"record ada gives 1 of 2 leads: see data.leads"):
        fit(config, data, tmp_path / "run", progress=False)


@pytest.mark.train
@pytest.mark.parametrize("kind", ["beat", "qrs"])
def test_a_distilled_run_is_made_and_names_its_teacher(
    kind: str, data: Path, tmp_path: Path
) -> None:
    config = tiny_config(kind, fit=LITTLE).model_copy(
        update={"distill": DistillConfig(teacher=kind)}
    )
    run = fit(config, data, tmp_path / "run", progress=False)

    assert run.summary["config"]["distill"]["teacher"] == kind
    assert run.model.is_file()
