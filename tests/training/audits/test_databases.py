"""Databases are read as an audit wants them: people, attributes, what counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ingest.errors import InputError
from training.audits.fold_models import unseen_models
from training.audits.lead_i import lead_i
from training.audits.wfdb_database import header_subjects, ludb_subjects, wfdb_database


@pytest.fixture
def strips(tmp_path: Path) -> Path:
    """Write a Lead-I database of 22 people with two strips of 10 s each."""
    rng = np.random.default_rng(1)
    peaks = np.zeros((22, 2, 1250), np.uint8)
    peaks[:, :, 100::110] = 1
    np.savez(
        tmp_path / "lead_i.npz",
        signal_adu=rng.integers(0, 1023, (22, 2, 1250)).astype(np.int16),
        r_peak=np.packbits(peaks, axis=2),
        fs=np.int64(125),
        volts_per_adu=np.float64(3.3 / 1023),
    )
    rows = [f"{i},M,{20 + i},{'Healthy' if i < 21 else 'Rare'},Supine,No" for i in range(22)]
    head = "subject_id,sex,age,cardiac_history,posture,smoker"
    (tmp_path / "subjects.csv").write_text("\n".join([head, *rows]))
    return tmp_path


def test_every_strip_of_lead_i_is_a_record_of_its_person(strips: Path) -> None:
    found = lead_i(strips)
    assert len(found.records) == 44
    assert found.records["21-1"] == "21"
    one = found.open("21-1")
    assert one.recording.samples.shape == (1, 1250)
    assert one.beats.sample.tolist() == list(range(100, 1250, 110))
    assert one.recording.leads[0].adc_gain == pytest.approx(310)
    assert found.subjects["history"].tolist()[-2:] == ["healthy", "other"]
    assert not found.classes


def test_what_is_no_lead_i_database_is_refused(strips: Path) -> None:
    (strips / "subjects.csv").write_text("subject_id,sex\n1,M\n")
    with pytest.raises(InputError, match="22 subjects' signals, but 1 subjects"):
        lead_i(strips)
    with pytest.raises(InputError, match="is not the Lead-I database"):
        lead_i(strips / "nowhere")


def test_ludbs_values_lose_their_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "ludb.csv"
    path.write_text('ID,Sex,Age ,Cardiac pacing\n1,"F\n",">89\n",\n2,"M\n","64\n","Paced\n"\n')
    assert ludb_subjects(path).to_numpy().tolist() == [
        ["1", "F", "90", "not paced"],
        ["2", "M", "64", "paced"],
    ]
    path.write_text("ID,Sex\n1,F\n")
    with pytest.raises(InputError, match="no column Age, Cardiac pacing"):
        ludb_subjects(path)


def test_two_records_of_one_person_are_one_subject(tmp_path: Path) -> None:
    for name, told in {"201": "68 M", "202": "68 M", "102": "84 F", "103": "-1 M"}.items():
        (tmp_path / f"{name}.hea").write_text(f"{name} 2 360 650000\n# {told} 1 2 x1\n")
    people = {"102": "mitdb/102", "103": "mitdb/103", "201": "mitdb/201", "202": "mitdb/201"}
    assert header_subjects(tmp_path, people).to_numpy().tolist() == [
        ["mitdb/102", "F", "84", "paced"],
        ["mitdb/103", "M", "", "not paced"],
        ["mitdb/201", "M", "68", "not paced"],
    ]


def test_a_folder_without_annotations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no record with \.atr annotations"):
        wfdb_database(tmp_path)


def test_a_patient_is_asked_of_a_model_that_left_them_out(tmp_path: Path) -> None:
    (tmp_path / "folds.json").write_text('{"a.onnx": ["mitdb/100"], "b.onnx": ["mitdb/101"]}')
    run = ["mitdb/100", "mitdb/101", "mitdb/103"]
    chosen = unseen_models(tmp_path, ["mitdb/101", "mitdb/100", "mitdb/102"], run)
    assert {who: path.name for who, path in chosen.items()} == {
        "mitdb/101": "b.onnx",
        "mitdb/100": "a.onnx",
        "mitdb/102": "a.onnx",
    }
    with pytest.raises(InputError, match="has left patient mitdb/103 out"):
        unseen_models(tmp_path, ["mitdb/103"], run)


@pytest.mark.parametrize("index", [None, "", "[]", "{}", '{"a": 3}'])
def test_folders_without_folds_are_refused(tmp_path: Path, index: str | None) -> None:
    if index is not None:
        (tmp_path / "folds.json").write_text(index)
    with pytest.raises(InputError, match="no folds in"):
        unseen_models(tmp_path, ["mitdb/100"], [])
