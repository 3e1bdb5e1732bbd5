"""The declarations that ship can be used as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairness.declaration import load_declaration
from fairness.starting import find_declaration, starting_declarations


@pytest.mark.parametrize("name", starting_declarations())
def test_what_ships_is_read(name: str) -> None:
    assert load_declaration(find_declaration(Path(name))).groups


def test_a_file_of_the_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beats").touch()
    assert find_declaration(Path("beats")) == Path("beats")
