"""With a checkpoint, a log that was cut off or made anew is seen; the command says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.audit_log import AuditLog
from deploy.cli.main import run
from tests.deploy.security.test_model_signatures import make_key


@pytest.fixture
def sealed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, list[str]]:
    """A log that went on after its checkpoint, and the words that verify it."""
    private, public = make_key(tmp_path, "key")
    path, kept = tmp_path / "audit.jsonl", tmp_path / "kept.json"
    with AuditLog(path, sync=False) as log:
        for i in range(5):
            log.append(f"nurse {i}", "login")
    assert run(["audit-log", "checkpoint", str(path), "--sign", str(private)]) == 0
    kept.write_text(capsys.readouterr().out)
    with AuditLog(path, sync=False) as log:
        log.append("nurse 9", "login")
    return path, [
        "audit-log",
        "verify",
        str(path),
        "--checkpoint",
        str(kept),
        "--trust",
        str(public),
    ]


def test_what_was_added_since_is_fine(sealed: tuple[Path, list[str]], capsys) -> None:
    assert run(sealed[1]) == 0
    assert "whole: 7 lines" in capsys.readouterr().out


def test_an_end_that_was_cut_off_is_seen(sealed: tuple[Path, list[str]], capsys) -> None:
    path, words = sealed
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))
    assert run(words[:3]) == 0  # without the checkpoint nothing shows it
    assert run(words) == 1
    told = capsys.readouterr()
    assert "NO: " in told.out
    assert "its end was cut off" in told.out
    assert "its end was cut off" in told.err  # the log says it too


def test_a_log_made_anew_is_seen(sealed: tuple[Path, list[str]], capsys) -> None:
    path, words = sealed
    path.unlink()
    with AuditLog(path, sync=False) as log:
        for i in range(6):
            log.append(f"somebody {i}", "login")
    assert run([*words, "--json"]) == 1
    assert "made anew" in json.loads(capsys.readouterr().out)["why"]


def test_a_changed_line_is_seen_and_told(sealed: tuple[Path, list[str]], capsys) -> None:
    path, words = sealed
    path.write_bytes(path.read_bytes().replace(b"nurse 3", b"nurse 8"))
    assert run(words[:3]) == 1
    assert "line 5: its hash does not fit" in capsys.readouterr().out


def test_a_changed_checkpoint_is_refused(sealed: tuple[Path, list[str]], capsys) -> None:
    _, words = sealed
    kept = Path(words[4])
    kept.write_text(kept.read_text().replace('"n_lines": 6', '"n_lines": 2'))
    assert run(words) == 2
    assert "was changed since it was signed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["burn"], ["checkpoint"], ["verify", "--checkpoint", "x"]], ids=" ".join
)
def test_bad_use_exits_2(words: list[str], tmp_path: Path) -> None:
    assert run(["audit-log", words[0], str(tmp_path / "a"), *words[1:]]) == 2
