"""What Vigil stands on is pinned by hash, installed as locked, and under agreed licences."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.security.dependencies import Pin, complaints, licence_of, main, read_lock
from ingest.errors import InputError

ROOT = Path(__file__).parents[3]


def test_the_runtime_lock_has_no_complaint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(ROOT / "requirements" / "runtime.txt")]) == 0, capsys.readouterr().out
    told = capsys.readouterr().out
    assert "0 complaints" in told
    assert "not checked: known vulnerabilities" in told


@pytest.mark.parametrize(
    "lock", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda p: p.stem
)
def test_every_package_of_every_lock_is_pinned_by_hash(lock: Path) -> None:
    assert all(pin.n_hashes for pin in read_lock(lock))


def test_complaints_are_told(tmp_path: Path) -> None:
    told = list(complaints([Pin("numpy", "0.1", 2, False), Pin("no-such", "1", 0, False)]))
    assert "numpy 0.1" in told[0]
    assert "is installed" in told[0]
    assert told[1:] == [
        "no-such 1: no hash", "no-such 1: not installed here, so its licence is not known",
    ]  # fmt: skip
    lock = tmp_path / "lock.txt"
    lock.write_text("numpy>=2\n")
    with pytest.raises(InputError, match="not NAME==VERSION"):
        read_lock(lock)


def test_strong_copyleft_is_not_agreed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    gpl = {"License-Expression": ["GPL-3.0-only"]}
    monkeypatch.setattr("deploy.security.dependencies.dict_of", lambda name: gpl)
    monkeypatch.setattr("deploy.security.dependencies.version", lambda name: "1")
    assert list(complaints([Pin("x", "1", 1, False)])) == [
        "x 1: licence 'GPL-3.0-only' is not agreed on"
    ]
    assert licence_of({"License": ["MIT\nand more"]}).startswith("MIT")


def test_the_bill_of_materials_names_every_package_of_the_lock(tmp_path: Path) -> None:
    lock, sbom = ROOT / "requirements" / "runtime.txt", tmp_path / "sbom.json"
    tool = [sys.executable, "-m", "cyclonedx_py", "requirements", str(lock)]
    subprocess.run([*tool, "--output-reproducible", "-o", str(sbom)], check=True, timeout=100)
    made = json.loads(sbom.read_text())
    named = {(part["name"].lower(), part["version"]) for part in made["components"]}
    assert made["bomFormat"] == "CycloneDX"
    assert {(pin.name, pin.version) for pin in read_lock(lock)} <= named
