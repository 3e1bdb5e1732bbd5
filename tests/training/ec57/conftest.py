import os
from functools import cache
from pathlib import Path

import pytest

from training.ec57 import Protocol, compare, compare_records


@pytest.fixture(scope="session")
def oracle_dir():
    beside = Path(__file__).parents[4] / "shared" / "oracle" / "ec57"
    folder = Path(os.environ.get("VIGIL_ORACLE", beside))
    if not folder.is_dir():
        pytest.skip("no output of the official tools: set VIGIL_ORACLE to its folder")
    return folder


@pytest.fixture(scope="session")
def evaluations(oracle_dir, data_dir):
    """All 48 records: (annotator, official) to Evaluation."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(compare, "_read", cache(compare._read))  # each file once
    found = {
        (ext, official): compare_records(
            data_dir / "mitdb",
            oracle_dir / folder,
            ext,
            protocol=Protocol(official=official),
            runs=True,
            episodes=True,
        )
        for folder, ext in (("perturbed", "prt"), ("gqrs", "qrs"))
        for official in (False, True)
    }
    monkeypatch.undo()
    return found
