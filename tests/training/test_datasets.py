"""Labelled signals: what serving would see, with the reference beats where they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.conditioning import Conditioning
from inference.pipeline import Pipeline
from ingest.errors import InputError
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource, open_recording
from tests.training.databases import NAMES, patient, write_database
from training.datasets import LabelledSignal, digest, load


def served(path: Path) -> np.ndarray:
    """Condition a record as the pipeline does, from frames of an odd length."""
    blocks = []

    class Watched(Conditioning):
        def push(self, *arguments):
            blocks.extend(given := super().push(*arguments))
            return given

    pipeline = Pipeline()
    for stage in pipeline.conditioning.values():
        stage.__class__ = Watched
    source = ReplaySource({"p": open_recording(path)}, speed=None, chunk_s=0.7)
    sequencer, ended = Sequencer(), False
    while not ended:
        batch = source.poll(0.0)
        ended = batch.end
        pipeline.push(sequencer.push_all(batch.frames)[0])
    return np.concatenate([block.scaled.reshape(-1) for block in blocks])


def test_training_sees_the_signal_that_serving_sees(
    data: Path, signals: list[LabelledSignal]
) -> None:
    there = served(data / "simdb" / NAMES[0])
    here = signals[0].scaled

    n = min(len(here), len(there))
    assert n >= 59 * 125
    np.testing.assert_array_equal(here[:n], there[:n])


def test_beats_are_where_and_what_the_truth_says(signals: list[LabelledSignal]) -> None:
    for signal in signals:
        truth = patient(NAMES.index(signal.name)).truth
        np.testing.assert_array_equal(signal.r_ms, truth.r_peaks * 4)
        np.testing.assert_array_equal(signal.aami, truth.aami)
    assert {*np.concatenate([s.aami for s in signals]).tolist()} == {0, 1, 2}


def test_each_lead_is_a_signal_of_the_same_patient(signals: list[LabelledSignal]) -> None:
    assert [(s.name, s.lead, s.lead_index) for s in signals[:2]] == [
        ("ada", "II", 0),
        ("ada", "V1", 1),
    ]
    assert [s.patient for s in signals[:3]] == ["simdb/ada", "simdb/ada", "simdb/bea"]


def test_the_digest_tells_data_apart(signals: list[LabelledSignal]) -> None:
    first = digest(signals)
    assert first == digest(list(signals))
    assert len(first) == 64
    for name, change in (
        ("signal_uv", np.float32(1)),
        ("r_ms", 8),
        ("aami", 1),
    ):
        moved = getattr(signals[0], name).copy()
        moved[3] += change
        assert digest([replace(signals[0], **{name: moved}), *signals[1:]]) != first
    assert digest(signals[::-1]) != first


def test_flutter_is_kept_as_spans_and_an_open_one_lasts(tmp_path: Path) -> None:
    import wfdb

    write_database(tmp_path / "simdb", 1)
    marks = [250, 500, 2500, 5000]
    folder = str(tmp_path / "simdb")
    wfdb.wrann("ada", "atr", np.array(marks), ["[", "]", "N", "["], fs=250, write_dir=folder)

    (signal,) = load(tmp_path / "simdb", ["ada"], fs=125)

    assert signal.flutter_ms.tolist() == [[1000, 2000], [20_000, np.iinfo(np.int64).max]]
    assert signal.r_ms.tolist() == [10_000]


def test_what_is_not_there_is_named(tmp_path: Path, data: Path) -> None:
    with pytest.raises(InputError, match="nobody"):
        load(data / "simdb", ["nobody"], fs=125)
    with pytest.raises(InputError, match="record ada has 2 leads, no 2"):
        load(data / "simdb", ["ada"], fs=125, leads=(2,))
    write_database(tmp_path / "simdb", 1)
    (tmp_path / "simdb" / "ada.atr").unlink()
    with pytest.raises(InputError, match=r"no annotation file .*ada\.atr"):
        load(tmp_path / "simdb", ["ada"], fs=125)
