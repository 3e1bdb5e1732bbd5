"""Names go in by standard input and do not come out; a rotated key keeps the old ids findable."""

import io
import json
from pathlib import Path

import pytest

from deploy.cli.main import run
from ingest.pseudonyms import read_keys


def test_names_become_pseudonyms_under_all_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = tmp_path / "keys"
    assert run(["pseudonyms", "rotate", str(keys)]) == 0
    old = read_keys(keys).pseudonym("ward 3 bed 7")
    assert run(["pseudonyms", "rotate", str(keys), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"key": "k2"}
    monkeypatch.setattr("sys.stdin", io.StringIO("ward 3 bed 7\n\nward 3 bed 8\n"))
    assert run(["pseudonyms", "of", str(keys)]) == 0
    told = capsys.readouterr()
    first, second = told.out.splitlines()
    assert first.split() == list(read_keys(keys).all_of("ward 3 bed 7"))
    assert old in first
    assert old not in second
    assert "ward" not in told.out + told.err


def test_bad_use_exits_2(tmp_path: Path) -> None:
    assert run(["pseudonyms", "burn", str(tmp_path / "keys")]) == 2
    assert run(["pseudonyms", "of", str(tmp_path / "keys")]) == 2
