"""A database becomes the audit's two tables, scored as the pipeline serves."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from fairness.tables import check_predictions, check_subjects
from inference import model
from training.assessment.scoring import find_beats
from training.audits.lead_i import lead_i
from training.audits.material import Counted
from training.audits.predict import predict
from training.audits.served import serve
from training.audits.wfdb_database import wfdb_database


def test_tapping_the_model_changes_nothing(data: Path) -> None:
    material = wfdb_database(data / "simdb")
    signals = {record: material.open(record).recording for record in material.records}
    served, classes = serve(signals, model.builtin("beat"))
    plain = find_beats(signals)
    for record, one in served.items():
        assert (one.sample, one.aami) == (plain[record].sample, plain[record].aami)
        assert all(probs.shape == (len(classes),) for probs in one.probs)


def test_a_database_becomes_tables_that_the_audit_takes(data: Path) -> None:
    material = wfdb_database(data / "simdb", counted=Counted(5.0))
    told: list[tuple[int, int]] = []
    predictions, subjects = predict(material, advance=lambda *now: told.append(now))
    checked = check_predictions(predictions)
    assert set(checked["patient"]) == {"simdb/ada", "simdb/bea", "simdb/cat"}
    assert set(checked["condition"]) == {"QRS", "readable", "VEB", "SVEB"}
    qrs = checked[checked["condition"] == "QRS"]
    assert qrs.loc[qrs["truth"], "prediction"].mean() > 0.95
    people, _ = check_subjects(subjects, ("sex", "age"))
    assert people["monitored_h"].tolist() == pytest.approx([55 / 3600] * 3)
    assert told[-1] == (3, 3)
    again, _ = predict(material)
    pd.testing.assert_frame_equal(predictions, again)


@pytest.mark.data
def test_ludb_and_lead_i_are_scored(data_dir: Path) -> None:
    counted = Counted(2.0, 0.2, annotated=True)
    ludb = wfdb_database(
        data_dir / "ludb" / "data", ["1", "2"], annotator="ii", lead="ii", counted=counted
    )
    predictions, subjects = predict(ludb)
    assert subjects["patient"].tolist() == ["ludb/1", "ludb/2"]
    assert "score" not in predictions
    assert len(lead_i(data_dir / "lead_i").records) == 5620
