"""Records of numerics through ``vigil score``: forecast, and what came otherwise."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from deploy.cli.main import run
from deploy.services.numerics import find_anomalies, score_numerics
from inference.forecast import ForecastStage
from inference.model import builtin
from inference.session import StreamSession
from ingest.frames import MISSING_ADU, Lead
from ingest.recording import Recording

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 with pandas 3
    import wfdb

UNITS = {"HR": "bpm", "PULSE": "bpm", "RESP": "pm", "SpO2": "%"}


def numerics(seed: int = 0, n_s: int = 420) -> np.ndarray:
    """Swing quietly about usual levels; shape (n_s, 4)."""
    rng = np.random.default_rng(seed)
    step = np.arange(n_s)
    hr = 80 + 2 * np.sin(step / 20) + rng.normal(0, 0.5, n_s)
    resp = 17 + np.sin(step / 30) + rng.normal(0, 0.3, n_s)
    spo2 = 97 + 0.6 * np.sin(step / 45)
    return np.round(np.stack([hr, hr, resp, spo2], axis=1))


def recording(values: np.ndarray) -> Recording:
    adu = np.where(np.isnan(values), MISSING_ADU, values * 10).astype(np.int16).T
    return Recording("p", 1.0, tuple(Lead(n, u, 10.0, 0) for n, u in UNITS.items()), adu)


def fresh() -> ForecastStage:
    return ForecastStage(StreamSession(builtin("forecast"), "forecast"), n_slots=1)


def test_quiet_numerics_have_no_anomaly() -> None:
    assert find_anomalies(recording(numerics()), fresh()) == []


def test_a_desaturation_is_told_with_what_was_forecast() -> None:
    values = numerics()
    values[250:280, 3] -= np.linspace(0, 12, 30).round()
    values[280:300, 3] -= 12

    found = find_anomalies(recording(values), fresh())

    assert [each.channel for each in found[:1]] == ["SpO2"]
    assert 250 <= found[0].onset_s < 285
    assert found[0].why == "error"
    low, median, high = found[0].forecast
    assert low < median < high
    assert found[0].value < low


def test_a_lost_sensor_is_told_as_gone() -> None:
    values = numerics()
    values[300:, 1] = np.nan

    found = find_anomalies(recording(values), fresh())

    assert [(each.channel, each.why) for each in found] == [("PULSE", "gone")]
    assert (found[0].value, found[0].offset_s) == (None, None)


def write_numerics(folder: Path, values: np.ndarray) -> str:
    wfdb.wrsamp(
        "p01n", 1, list(UNITS.values()), list(UNITS), p_signal=values,
        fmt=["16"] * 4, write_dir=str(folder),
    )  # fmt: skip
    return str(folder / "p01n")


def test_the_command_writes_anomalies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = numerics()
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
    assert not (tmp_path / "out" / "p01n.vgl").exists()


def test_a_limit_that_follows_the_record_spares_one_that_is_restless(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = numerics()
    for at in range(100, 420, 30):
        values[at : at + 12, 3] -= 15
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
