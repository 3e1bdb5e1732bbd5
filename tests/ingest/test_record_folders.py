"""Folders are opened to their records, and nothing else is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import InputError
from ingest.record_folders import records_in


def test_a_folder_gives_its_records_by_name(tmp_path: Path) -> None:
    for name in ("b.hea", "b.dat", "a.hea", "night.EDF", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "c.hea").touch()
    expected = [str(tmp_path / name) for name in ("a", "b", "night.EDF")]
    assert records_in(["x/1", str(tmp_path)]) == ["x/1", *expected]


def test_a_record_beside_a_folder_of_its_name_is_the_record(tmp_path: Path) -> None:
    (tmp_path / "100").mkdir()
    (tmp_path / "100.hea").touch()
    assert records_in([str(tmp_path / "100")]) == [str(tmp_path / "100")]


def test_a_folder_without_records_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no record"):
        records_in([str(tmp_path)])
