"""Trials of detectors: scored alike, added up, and judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.wfdb_replay import open_recording
from tests.training.databases import NAMES
from training import noise_stress
from training.assessment import kept
from training.ec57 import read_annotations
from training.noise_bank import NoiseSegment
from training.stress import mix, page, peers, table
from training.stress.mix import with_noise
from training.stress.peers import PEERS, find_qrs
from training.stress.table import OURS, Trial, add_up, beaten, stress_record


@pytest.fixture(scope="module")
def segments() -> list[NoiseSegment]:
    rng = np.random.default_rng(0)
    return [NoiseSegment("x/2", 0.0, rng.standard_normal(2000).astype(np.float32))]


@pytest.fixture(scope="module")
def trials(data: Path, segments: list[NoiseSegment]) -> list[Trial]:
    """A simulated record of a minute, clean and at -3 dB."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mix, "QUIET_S", 20.0)
        patch.setattr(table, "compare_found", _from_the_start)
        return stress_record(data / "simdb", NAMES[0], segments, levels=(None, -3.0))


def _from_the_start(record: str, found: Any, reference: Any, recording: Any) -> Any:
    """Compare without a learning period: the record is a minute long."""
    from training.ec57 import DE_CHAZAL, Protocol, compare_record, make_annotations

    test = make_annotations(np.array(found.sample, np.int64), found.aami, reference.fs)
    protocol = Protocol(learning_s=0)
    end = recording.n_samples
    return compare_record(record, reference, test, end, protocol=protocol, mapping=DE_CHAZAL)


def test_every_detector_is_scored_and_noise_harms(trials: list[Trial]) -> None:
    clean, noisy = trials
    for name in (OURS, *PEERS):
        f1 = [trial.found[name].beats.qrs.f1 for trial in (clean, noisy)]
        assert f1[0] is not None
        assert f1[1] is not None
        assert f1[0] > 90
        assert f1[1] < f1[0]


def test_the_noisy_part_holds_the_errors_of_the_noise(trials: list[Trial]) -> None:
    noisy = trials[1]
    for name in (OURS, *PEERS):
        whole, part = noisy.found[name].beats.qrs, noisy.noisy[name]
        assert 0 < part.tp_se + part.fn < whole.tp_se + whole.fn
        assert part.fp <= whole.fp


def test_rows_go_from_clean_to_noisiest(trials: list[Trial]) -> None:
    rows = add_up(trials[::-1])
    assert [row["snr_db"] for row in rows] == [None, -3.0]
    assert rows[0]["qrs"][OURS]["f1"] == trials[0].found[OURS].beats.qrs.f1


def test_what_is_not_better_is_said() -> None:
    def row(snr: float | None, ours: float, gqrs: float) -> dict[str, Any]:
        rates = {"vigil": ours, "gqrs": gqrs, "xqrs": 0.0}
        return {"snr_db": snr, "qrs": {name: {"f1": f1} for name, f1 in rates.items()}}

    rows = [row(None, 90, 99), row(24, 98, 97), row(12, 95, 95), row(0, 60, 70)]
    assert beaten(rows) == {"gqrs": [12, 0], "xqrs": []}


def test_a_page_holds_every_level_and_a_picture(trials: list[Trial], tmp_path: Path) -> None:
    facts = {"qrs": {"digest": "a" * 64}, "beat": {"digest": "b" * 64}}
    noise = {"x": {"patients": 1, "stretches": 1}}
    result = {
        "rows": add_up(trials), "records": "simulated", "noise": noise, "models": facts,
        "made": "now", "command": "c",
    }  # fmt: skip
    text = page.write_page(result, tmp_path).read_text()
    assert text.count("| -3 dB |") == 3
    assert text.count("| clean |") == 2
    assert "1 stretches of 1 records of x" in text
    assert (tmp_path / "noise.png").read_bytes().startswith(b"\x89PNG")


def test_finds_are_cached_by_the_signal(
    data: Path, segments: list[NoiseSegment], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = open_recording(data / "simdb" / NAMES[1])
    fresh = find_qrs("xqrs", recording, tmp_path)
    assert len(fresh) > 30

    def broken(_: object) -> Any:
        raise AssertionError("looked through again")

    monkeypatch.setitem(peers._DETECTORS, "xqrs", broken)
    assert np.array_equal(find_qrs("xqrs", recording, tmp_path), fresh)
    marks = read_annotations(data / "simdb", NAMES[1], "atr")
    other = with_noise(recording, 0, marks, np.ones(recording.n_samples, np.float32), None)
    other.samples[0, 100] += 1
    with pytest.raises(AssertionError, match="again"):
        find_qrs("xqrs", other, tmp_path)


def test_the_command_leaves_a_page_and_kept_figures(
    trials: list[Trial],
    data: Path,
    segments: list[NoiseSegment],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(noise_stress, "load_noise", lambda *_: segments)
    monkeypatch.setattr(noise_stress, "stress_record", lambda *_, **__: trials)
    (tmp_path / "svdb").symlink_to(data / "simdb")
    out = ["--out", str(tmp_path), "--results", str(tmp_path)]
    noise_stress.main(["--data", str(tmp_path), "--database", "svdb", "--records", "all", *out])
    found = kept.kept("noise", tmp_path)
    assert found is not None
    assert [row["records"] for row in found["rows"]] == [3, 3]
    assert "svdb, all 3" in (tmp_path / "noise.md").read_text()


def test_ds2_is_closed_without_a_reason() -> None:
    for records in ("all", "ds2", "101,100"):
        with pytest.raises(Exception, match="say why with --why"):
            noise_stress.main(["--records", records, "--data", "/nonexistent"])
