"""Parts of work, on this machine and on a Ray cluster: the same results, whoever dies."""

from __future__ import annotations

import builtins
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.cluster.executor import TRIES, Executor, Part, open_executor
from deploy.cluster.local import LocalExecutor
from ingest.errors import InputError
from tests.deploy.cluster.works import always_die, die_once, refuse, square

PLACES = ["local", pytest.param("ray", marks=pytest.mark.xdist_group("ray"))]


@pytest.fixture
def executor(request: pytest.FixtureRequest) -> Executor:
    """Two workers of the place that the test names."""
    if request.param == "local":
        return LocalExecutor(2)
    found: Executor = request.getfixturevalue("on_ray")
    return found


def numbered(n: int, *more: Any) -> list[Part]:
    return [Part(f"part {i}", (i, *more)) for i in range(n)]


@pytest.mark.parametrize("executor", PLACES, indirect=True)
def test_parts_are_done_by_other_processes_and_told(executor: Executor) -> None:
    told: list[float] = []

    found = dict(executor.run(square, numbered(6), told.append))

    assert {number: result[0] for number, result in found.items()} == {i: i * i for i in range(6)}
    assert os.getpid() not in {process for _, process in found.values()}
    assert sum(told) == 6


@pytest.mark.parametrize("executor", PLACES, indirect=True)
def test_a_worker_killed_in_between_has_its_part_done_again(
    executor: Executor, tmp_path: Path
) -> None:
    found = list(executor.run(die_once, numbered(5, tmp_path), lambda done: None))

    assert sorted(found) == [(i, i) for i in range(5)]
    assert len((tmp_path / "begun-1").read_text()) == 2


@pytest.mark.parametrize("executor", PLACES, indirect=True)
def test_what_a_part_raises_is_raised_as_it_was(executor: Executor) -> None:
    with pytest.raises(InputError, match=r"^not 2$"):
        list(executor.run(refuse, numbered(4), lambda done: None))


def test_a_part_that_kills_every_worker_is_named() -> None:
    with pytest.raises(InputError, match=rf"lost {TRIES} times .* with part 0 in hand"):
        list(LocalExecutor(1).run(always_die, numbered(1), lambda done: None))


@pytest.mark.xdist_group("ray")
def test_workers_of_another_version_are_refused(
    on_ray: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.cluster.on_ray.version", lambda name: "0.0.0")

    with pytest.raises(InputError, match=r"a worker has vigil-ecg .*; allowed: 0\.0\.0"):
        list(on_ray.run(square, numbered(1), lambda done: None))


def test_ray_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_USAGE_STATS_ENABLED", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, "")
    monkeypatch.setitem(sys.modules, "ray", None)
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "ray":
            raise ModuleNotFoundError("No module named 'ray'", name="ray")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(InputError, match=r"install vigil-ecg\[cluster\]"), open_executor("ray", 1):
        pass


@pytest.mark.parametrize(
    ("place", "cluster", "told"),
    [("slurm", None, "allowed: local, ray"), ("local", "h:1", "is for --on ray")],
)
def test_a_place_that_is_not_known_is_refused(place: str, cluster: str | None, told: str) -> None:
    with pytest.raises(InputError, match=told), open_executor(place, 1, cluster):
        pass
