"""Data sets and sweeps: the same bytes on a cluster as on one machine, none lost, none doubled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.main import run
from deploy.cluster.executor import Advance, Executor, Part
from deploy.cluster.local import LocalExecutor
from deploy.services.training_jobs import build_dataset, run_sweep
from ingest.errors import InputError
from tests.training.databases import tiny_config, write_database
from training.prepared import MANIFEST, changed_files
from training.sources import read_split
from training.sweep import SUMMARY, clear_unfinished, kept, make_run, runs_of, without_fold

CONFIG = """
task = "beat"
name = "tiny"
version = "0.1.0"
data = { database = "simdb", records = ["ada", "bea", "cat"] }
fit = { epochs = 1, steps = 1, batch = 1, length = 8 }
architecture = { channels = 2, embedding = 2, hidden_v = 2, hidden_s = 2 }
"""
TINY = tiny_config(
    "beat",
    data={"records": ("ada", "bea", "cat"), "leads": (0, 1)},
    fit={"epochs": 1, "steps": 1, "batch": 1, "length": 8},
)


class InThisProcess:
    """Does parts one by one."""

    n_parts = 1

    def run(
        self, function: Callable[..., Any], parts: Sequence[Part], advance: Advance
    ) -> Iterator[tuple[int, Any]]:
        for number, part in enumerate(parts):
            yield number, function(*part.arguments, advance)


@contextmanager
def in_this_process(place: str, n_jobs: int, cluster: str | None) -> Iterator[InThisProcess]:
    """Lend it, for commands whose options are what is tested."""
    assert (place, cluster) == ("local", None)
    yield InThisProcess()


def quiet(done: float) -> None:
    """Take progress."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with three simulated patients."""
    folder = tmp_path_factory.mktemp("data")
    write_database(folder / "simdb", 3)
    return folder


@pytest.fixture(scope="module")
def prepared(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of two folds, made by two processes of this machine."""
    out = tmp_path_factory.mktemp("set")
    configs = [without_fold(TINY, data, fold, 2) for fold in range(2)]
    build_dataset([TINY, *configs], data, out, LocalExecutor(2), quiet)
    return out


def test_a_data_set_gives_what_the_records_give(data: Path, prepared: Path) -> None:
    config = without_fold(TINY, data, 1, 2).data
    one, other = read_split(config, data), read_split(config, data, prepared=prepared)

    for ours, theirs in zip(
        [*one.training, *one.validation], [*other.training, *other.validation], strict=True
    ):
        assert (ours.name, ours.lead, ours.patient, ours.first, ours.weight, ours.subject) == (
            theirs.name, theirs.lead, theirs.patient, theirs.first, theirs.weight, theirs.subject
        )  # fmt: skip
        for name in ("signal_uv", "scale_uv", "r_ms", "aami", "flutter_ms", "rhythm_ms"):
            assert getattr(ours, name).dtype == getattr(theirs, name).dtype
            assert (getattr(ours, name) == getattr(theirs, name)).all()


def test_a_record_that_a_data_set_has_not_is_named(prepared: Path, data: Path) -> None:
    other = TINY.model_copy(update={"data": TINY.data.model_copy(update={"leads": (1,)})})
    with pytest.raises(InputError, match="record ada of simdb as this run wants it"):
        read_split(other.data, data, prepared=prepared)


def test_a_changed_file_is_found(prepared: Path, tmp_path: Path) -> None:
    assert list(changed_files(prepared)) == []
    for path in prepared.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    spoiled = sorted(tmp_path.glob("*.npz"))[1]
    spoiled.write_bytes(spoiled.read_bytes()[:-1])
    assert list(changed_files(tmp_path)) == [spoiled.name]
    with pytest.raises(InputError, match="is no data set"):
        list(changed_files(tmp_path / "absent"))


@pytest.mark.xdist_group("ray")
def test_a_cluster_builds_the_same_data_set(
    data: Path, prepared: Path, on_ray: Executor, tmp_path: Path
) -> None:
    configs = [without_fold(TINY, data, fold, 2) for fold in range(2)]

    build_dataset([TINY, *configs], data, tmp_path, on_ray, quiet)

    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert files == {path.name: path.read_bytes() for path in prepared.iterdir()}
    assert len(files) == 7  # three records with both leads, three with their first, and a manifest


def test_each_patient_is_left_out_once(data: Path) -> None:
    runs = list(runs_of([TINY], 2, 3, data))

    assert [run.name for run in runs] == [
        f"tiny-beat-fold{fold}-seed{seed}" for fold in range(3) for seed in range(2)
    ]
    left = [record for run in runs[::2] for record in run.config.data.validation]
    assert sorted(left) == ["ada", "bea", "cat"]
    assert all(set(run.config.data.records) == {"ada", "bea", "cat"} for run in runs)


def test_what_cannot_be_dealt_out_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="--folds must be 2 to 3"):
        list(runs_of([TINY], 1, 4, data))
    judged = without_fold(TINY, data, 0, 3)
    with pytest.raises(InputError, match=r"without data\.validation of their own"):
        list(runs_of([judged], 1, 3, data))
    with pytest.raises(InputError, match="configurations of one name: tiny-beat, tiny-beat"):
        list(runs_of([TINY, TINY], 1, 0, data))


@pytest.mark.train
@pytest.mark.xdist_group("ray")
def test_a_sweep_on_a_cluster_makes_the_same_models_and_goes_on_where_it_was(
    data: Path, prepared: Path, on_ray: Executor, tmp_path: Path
) -> None:
    runs = list(runs_of([TINY], 1, 2, data))
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    (there / ".tiny-beat-fold1-seed0-abc").mkdir(parents=True)  # what a killed worker leaves
    for each in runs:
        make_run(each, data, here)
    make_run(runs[0], data, there)
    stamp = (there / runs[0].name / "run.json").stat().st_mtime_ns

    told = run_sweep(runs, data, there, prepared, on_ray, quiet)

    assert (there / runs[0].name / "run.json").stat().st_mtime_ns == stamp
    assert sorted(path.name for path in there.iterdir()) == [SUMMARY, *(r.name for r in runs)][::1]
    for each in runs:
        model = f"{each.name}/tiny-beat.onnx"
        assert (there / model).read_bytes() == (here / model).read_bytes()
    assert told["summary"][0]["runs"] == 2
    scores = [each["scores"]["val_f1"] for each in told["runs"]]
    assert told["summary"][0]["scores"]["val_f1"]["mean"] == pytest.approx(sum(scores) / 2)


@pytest.mark.train
def test_a_run_of_another_configuration_is_not_taken_for_it(data: Path, tmp_path: Path) -> None:
    first = next(runs_of([TINY], 1, 0, data))
    make_run(first, data, tmp_path)
    other = next(runs_of([TINY.model_copy(update={"version": "0.2.0"})], 1, 0, data))

    assert kept(first, tmp_path) is not None
    assert kept(other, tmp_path) is None
    with pytest.raises(InputError, match="holds another run"):
        make_run(other, data, tmp_path)
    clear_unfinished(tmp_path)
    assert kept(first, tmp_path) is not None


@pytest.mark.train
def test_the_commands_prepare_and_sweep(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("train", "dataset"):
        monkeypatch.setattr(f"deploy.cli.{module}.open_executor", in_this_process)
    config = tmp_path / "tiny.toml"
    config.write_text(CONFIG)
    given = ["--data", str(data)]
    base, sets = [str(config), *given], str(tmp_path / "set")

    assert run(["dataset", *base, "--out", sets, "--jobs", "1"]) == 0
    assert (tmp_path / "set" / MANIFEST).exists()
    assert run(["dataset", *base, "--out", sets, "--verify"]) == 0
    capsys.readouterr()
    sweep = ["train", *base, "--seeds", "2", "--dataset", sets, "--out", str(tmp_path / "s")]
    assert run([*sweep, "--jobs", "1", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told["runs"]] == ["tiny-seed0", "tiny-seed1"]
    assert run([*sweep, "--install"]) == 2
    assert "of one run, not of a sweep" in capsys.readouterr().err
