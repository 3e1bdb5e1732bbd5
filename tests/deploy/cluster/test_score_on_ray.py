"""``vigil score --on ray``: the same files, also where a worker is killed in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.cli.main import run
from deploy.cluster.executor import Executor, Part
from deploy.services.score_jobs import score_to_folder
from deploy.services.scoring import ScoreOptions
from tests.deploy.cluster.works import score_and_die
from tests.records import write_ward

pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Records of six simulated patients, of 20 s."""
    return write_ward(tmp_path_factory.mktemp("ward"), 6, duration_s=20)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def alone(ward: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process writes."""
    out = tmp_path_factory.mktemp("alone")
    assert run(["score", *ward, "--out", str(out), "--jobs", "1"]) == 0
    return out


def test_a_cluster_writes_the_same_files(
    ward: list[str], alone: Path, on_ray: Executor, tmp_path: Path
) -> None:
    told: list[float] = []

    found = score_to_folder(ward, tmp_path, ScoreOptions(), told.append, on_ray)

    assert files(tmp_path) == files(alone)
    assert [each["record"] for each in found if isinstance(each, dict)] == [
        Path(path).name for path in ward
    ]
    assert sum(told) == len(ward)


def test_a_worker_killed_between_two_records_changes_no_byte(
    ward: list[str], alone: Path, on_ray: Executor, tmp_path: Path
) -> None:
    out, marks = tmp_path / "out", tmp_path / "marks"
    out.mkdir()
    marks.mkdir()
    halves = [list(enumerate(ward))[i::2] for i in range(2)]
    parts = [Part(f"half {i}", (half, out, ScoreOptions(), marks)) for i, half in enumerate(halves)]

    found = dict(on_ray.run(score_and_die, parts, lambda done: None))

    assert (marks / "killed").exists()
    assert sorted(number for half in found.values() for number in half) == list(range(len(ward)))
    assert files(out) == files(alone)
