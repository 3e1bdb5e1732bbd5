"""The short form of the fuzzing: every reader refuses what is wrong, and nothing else happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import InputError
from tests.fuzz.__main__ import MAKERS, main
from tests.fuzz.mutate import Mutator
from tests.fuzz.plan import LEAST, OVERNIGHT, SHARES, Ledger
from tests.fuzz.run import fuzz
from tests.fuzz.target import Target

SLOW = {"config": 150, "wfdb_header": 60, "wfdb_signals": 60, "edf": 400, "http": 1000, "api": 150}
"""Inputs of targets of which a second takes fewer than of the others."""
SEED = 20260101


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_nothing_but_refusals(make) -> None:
    found = fuzz(make(), SLOW.get(make.__name__, 4000), SEED)
    assert not found.faults
    assert found.n_refused or make.__name__ in ("sequence", "http", "mqtt", "api")
    assert found.grown_bytes < 64 << 20


def test_the_same_seed_makes_the_same_inputs() -> None:
    one, two = Mutator(7, [b"tok"]), Mutator(7, [b"tok"])
    pool = [b"0123456789", b"abcdefghij"]
    made = [one.make(pool) for _ in range(500)]
    assert made == [two.make(pool) for _ in range(500)]
    assert len(set(made)) > 300


def planted(content: bytes) -> None:
    if content.startswith(b"ab"):
        raise InputError("no")
    if len(content) > 12:
        raise KeyError("a fault")
    while content.startswith(b"bcde"):
        pass


def test_faults_and_hangs_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.run.HANG_S", 0.02)
    found = fuzz(Target("planted", [b"xbcdef", b"xabcde"], planted), 2000, SEED)
    kinds = " ".join(found.faults)
    assert "KeyError" in kinds
    assert "HangError" in kinds


def test_memory_bombs_are_found() -> None:
    def call(content: bytes) -> None:
        if b"\xff" in content:
            bytearray(8 << 30)

    found = fuzz(Target("bomb", [b"abcdef"], call), 600, SEED)
    assert any("MemoryError" in kind for kind in found.faults)


def test_the_command_tells_its_targets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nope"]) == 2
    assert "codec" in capsys.readouterr().out
    assert main(["address", "--inputs", "2000"]) == 0
    assert "100 million at this rate" in capsys.readouterr().out


def test_a_run_goes_on_where_another_stopped_and_its_page_tells_both(tmp_path: Path) -> None:
    counts, told = tmp_path / "fuzzing.json", tmp_path / "fuzzing.md"
    words = ["address", "codec", "--report", str(counts), "--page", str(told)]
    assert main([*words, "--inputs", "200"]) == 0
    assert main([*words, "--inputs", "500"]) == 0
    assert main([*words, "--inputs", "500"]) == 0  # nothing is left to do
    ledger = Ledger.read(counts, [])
    assert {name: total.inputs for name, total in ledger.totals.items()} == {
        "address": 250,
        "codec": 250,
    }
    assert [piece.inputs for piece in ledger.pieces] == [200, 300]
    assert ledger.pieces[1].seed > ledger.pieces[0].seed  # other inputs
    assert "500 inputs" in told.read_text()


def test_the_plan_has_its_hundred_million_and_no_reader_too_few() -> None:
    assert sum(SHARES.values()) >= OVERNIGHT
    assert min(SHARES.values()) >= LEAST
    assert len(SHARES) == len(MAKERS)
