"""The simulated database that tests of training share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.databases import NAMES, write_database
from training.datasets import LabelledSignal, load


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the database ``simdb``; not to be written to."""
    folder = tmp_path_factory.mktemp("data")
    write_database(folder / "simdb")
    return folder


@pytest.fixture(scope="session")
def signals(data: Path) -> list[LabelledSignal]:
    """All leads of all its records, first leads first of each."""
    return load(data / "simdb", NAMES[:3], fs=125, leads=(0, 1))
