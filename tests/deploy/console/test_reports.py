"""Reports of drift and of models: found, shown, and what is none of them left out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deploy.console.api.reports import drift, lineage
from deploy.console.api.route import Call
from deploy.console.reports import CHANGE, DRIFT, Reports
from deploy.drift.declaration import DriftDeclaration
from deploy.drift.reading import reading
from deploy.drift.watch import DriftWatch
from tests.deploy.console.consoles import Ward, alarm, make_ward
from tests.deploy.drift.patients import patient

GATE = {"name": "noise", "limit": "F1 no worse", "measured": {"f1": 0.5}, "decision": "stopped"}
MODEL = {"name": "beat", "version": "2", "sha256": "0" * 64, "file": "beat.onnx"}
RECORD = {
    "schema": CHANGE, "name": "ward", "at": "2026-11-01T10:00:00+00:00", "outcome": "stopped",
    "stopped_by": ["noise"], "impact_assessment": {"gates": [GATE]},
    "description_of_modifications": {"champion": MODEL, "candidate": MODEL},
}  # fmt: skip


def write_reports(folder: Path) -> Path:
    """What watches and retraining leave; and files that are none of ours."""
    watch, rng = DriftWatch(DriftDeclaration(title="ward 3")), np.random.default_rng(3)
    for i in range(240):
        watch.add(patient(i, rng, shift=3.0 if i > 130 else 0.0))
    (folder / "ward" / "now").mkdir(parents=True)
    (folder / "ward" / "now" / "drift.json").write_text(json.dumps(reading(watch)))
    (folder / "record.json").write_text(json.dumps(RECORD))
    (folder / "other.json").write_text('{"schema": "else/1"}')
    (folder / "torn.json").write_text('{"schema": ')
    (folder / "list.json").write_text("[1]")
    return folder


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = make_ward(tmp_path)
    (tmp_path / "reports").mkdir()
    made.console.reports = Reports(write_reports(tmp_path / "reports"))
    yield made
    made.console.audit.close()
    made.database.close()


def call(ward: Ward) -> Call:
    return Call(ward.console, None, None)  # type: ignore[arg-type]


def test_a_drift_is_told_with_what_moved(ward: Ward) -> None:
    told = drift(call(ward))
    (watch,) = told["watches"]
    assert (watch["file"], watch["title"]) == ("ward/now/drift.json", "ward 3")
    drifting = {c["figure"] for c in watch["cells"] if c["state"] == "drift"}
    assert "amplitude_uv" in drifting
    assert not {c["stream_id"] for c in watch["cells"] if "stream_id" in c}


def test_models_in_use_are_those_that_alarms_tell(ward: Ward) -> None:
    assert lineage(call(ward))["in_use"] == []
    ward.feed(alarm("p1", "asystole"))
    told = lineage(call(ward))
    assert told["in_use"] == [{"name": "beat", "version": "1", "digest": "0" * 64, "patients": 1}]
    (change,) = told["changes"]
    assert (change["outcome"], change["stopped_by"]) == ("stopped", ["noise"])
    assert change["gates"] == [GATE]


def test_a_report_that_changes_is_read_again_and_one_that_goes_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(RECORD))
    reports = Reports(tmp_path)
    assert [r.content["name"] for r in reports.of(CHANGE)] == ["ward"]
    path.write_text(json.dumps({**RECORD, "name": "later"}))
    os.utime(path, ns=(1, 1))
    assert [r.content["name"] for r in reports.of(CHANGE)] == ["later"]
    path.unlink()
    assert reports.of(CHANGE) == []
    assert Reports().of(DRIFT) == []
