"""Records of numerics through ``vigil score``: forecast, and what came otherwise."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from deploy.cli.main import run
from deploy.services.numerics import find_anomalies, score_numerics
from inference.numeric_streams import NumericStreams
from tests.inference.numerics import LEADS, quiet, recording

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 with pandas 3
    import wfdb


def found(values: np.ndarray) -> list[dict[str, object]]:
    """Anomalies of a record, as they are written."""
    anomalies, _ = find_anomalies(recording(values), NumericStreams())
    return [{"onset_s": a.onset_s, "offset_s": a.offset_s, **a.strangest.to_json()}
            for a in anomalies]  # fmt: skip


def test_quiet_numerics_have_no_anomaly() -> None:
    assert found(quiet()) == []


def test_a_desaturation_is_told_with_what_was_forecast() -> None:
    values = quiet()
    values[250:280, 3] -= np.linspace(0, 12, 30).round()
    values[280:300, 3] -= 12

    first = found(values)[0]

    assert (first["channel"], first["why"]) == ("SpO2", "error")
    assert 250 <= first["onset_s"] < 285
    low, median, high = first["forecast"]
    assert low < median < high
    assert first["value"] < low


def test_a_lost_sensor_is_told_as_gone() -> None:
    values = quiet()
    values[300:, 1] = np.nan

    [only] = found(values)

    assert (only["channel"], only["why"]) == ("PULSE", "gone")
    assert (only["value"], only["offset_s"]) == (None, None)


def write_numerics(folder: Path, values: np.ndarray, name: str = "p01n") -> str:
    wfdb.wrsamp(
        name, 1, [lead.unit for lead in LEADS], [lead.name for lead in LEADS], p_signal=values,
        fmt=["16"] * 4, write_dir=str(folder),
    )  # fmt: skip
    return str(folder / name)


def test_the_command_writes_anomalies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = quiet()
    values[250:300, 3] = 80
    path = write_numerics(tmp_path, values)

    assert run(["score", path, "--out", str(tmp_path / "out"), "--jobs", "1", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["record"], told["duration_s"], told["beats"]) == ("p01n", 420.0, 0)
    lines = (tmp_path / "out" / "p01n.anomalies.jsonl").read_text("utf-8").splitlines()
    assert told["anomalies"] == len(lines) >= 1
    first = json.loads(lines[0])
    assert first["channel"] == "SpO2"
    assert first["model"]["name"] == "forecast"
    alarms = (tmp_path / "out" / "p01n.alarms.jsonl").read_text("utf-8").splitlines()
    raised = [each for each in map(json.loads, alarms) if each["state"] == "raised"]
    assert told["alarms"] == told["alarms_by_priority"]["low"] == len(raised) == len(lines)
    assert raised[0]["condition"] == "unusual_numerics"
    assert not (tmp_path / "out" / "p01n.vgl").exists()


def test_a_limit_that_follows_the_record_spares_one_that_is_restless(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = quiet()
    for at in range(100, 420, 60):
        values[at : at + 12, 3] -= 20
    path = write_numerics(tmp_path, values)

    def anomalies(*more: str) -> int:
        told = ["score", path, "--out", str(tmp_path / "out"), "--jobs", "1", "--json", *more]
        assert run(told) == 0
        return int(json.loads(capsys.readouterr().out)["anomalies"])

    assert anomalies("--anomaly-share", "0.01") < anomalies()
    assert run(["score", path, "--out", str(tmp_path / "o"), "--anomaly-share", "0.9"]) == 2
    assert "share of the time 0.9: allowed" in capsys.readouterr().err


def test_numerics_of_other_sensors_are_still_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wfdb.wrsamp("x", 1, ["C"], ["TEMP"], p_signal=np.full((60, 1), 37.0), fmt=["16"],
                write_dir=str(tmp_path))  # fmt: skip

    assert run(["score", str(tmp_path / "x"), "--out", str(tmp_path / "out"), "--jobs", "1"]) == 2
    assert "no lead in uV, mV or V" in capsys.readouterr().err


def test_what_cannot_be_read_is_none_of_numerics(tmp_path: Path) -> None:
    assert score_numerics(str(tmp_path / "nothing"), tmp_path) is None
