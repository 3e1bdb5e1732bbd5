"""Signals without labels: the beats that are found teach what a teacher says, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.ticks import N
from ingest.errors import InputError
from ingest.simulator import SimulatedRecord
from tests.training.databases import NAMES, tiny_config, write_database
from training.beat_sequences import IGNORE, UNTOLD, BeatSampler
from training.beat_task import BeatTask
from training.config import DataConfig, DistillConfig, SourceConfig, load_config
from training.distill import soft_losses
from training.found_beats import REFERENCE, load_unlabelled, unlabelled_records
from training.sources import read_split

ADA, BEA, CAT = NAMES[:3]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[SimulatedRecord]]:
    """Return a database of three patients without annotations."""
    folder = tmp_path_factory.mktemp("data") / "plaindb"
    records = write_database(folder)
    for file in folder.glob("*.atr"):
        file.unlink()
    return folder, records


def test_every_record_with_an_ecg_is_taken(
    database: tuple[Path, list[SimulatedRecord]], tmp_path: Path
) -> None:
    folder, _ = database
    assert unlabelled_records(folder) == (ADA, BEA, CAT)
    with pytest.raises(InputError, match="no record with an ECG"):
        unlabelled_records(tmp_path)


def test_of_a_database_with_a_table_of_rhythms_other_rhythms_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "rhythmdb"
    write_database(folder)
    (folder / REFERENCE).write_text(f"record,rhythm\n{ADA},N\n{BEA},O\n{CAT},~\n", "utf-8")
    assert unlabelled_records(folder) == (BEA,)


def test_beats_are_found_and_nothing_is_said_of_them(
    database: tuple[Path, list[SimulatedRecord]],
) -> None:
    folder, records = database
    (signal,) = load_unlabelled(folder, [ADA], fs=125)
    true_ms = records[0].truth.r_peaks * 1000 / 250
    nearest = np.abs(true_ms[:, None] - signal.r_ms).min(axis=0)
    assert nearest.max() < 60
    assert len(signal.r_ms) > 0.95 * len(true_ms)
    assert (signal.aami == UNTOLD).all()
    assert signal.patient == f"plaindb/{ADA}"


def test_nothing_is_put_in_where_nothing_is_known(
    database: tuple[Path, list[SimulatedRecord]],
) -> None:
    folder, _ = database
    part = SourceConfig(database=folder.name, records="all", labels="none", weight=0.5)
    split = read_split(DataConfig(sources=(part,)), folder.parent)
    assert [(s.name, s.weight) for s in split.training] == [(ADA, 0.5), (BEA, 0.5), (CAT, 0.5)]
    drawn = BeatSampler(split.training, 35, 50).draw(np.random.default_rng(0), 50, 60)
    assert set(np.unique(drawn.aami)) <= {UNTOLD, IGNORE}
    assert (drawn.aami == UNTOLD).mean() > 0.5


def test_the_teacher_alone_teaches_beats_without_a_label() -> None:
    v, s, taught = torch.randn(6, 4), torch.randn(6, 4), torch.randn(6, 4, 2)
    task = BeatTask(tiny_config("beat"), [], [])
    task.config = task.config.model_copy(
        update={"distill": DistillConfig(teacher="beat", weight=0.7, temperature=2.0)}
    )
    untold = torch.full((6, 4), UNTOLD)
    loss_v, loss_s = task.losses(v, s, untold, taught)
    no_v = taught[..., 0] < 0
    expected_v = 0.7 * soft_losses(v, taught[..., 0], 2.0).mean()
    expected_s = 0.7 * soft_losses(s, taught[..., 1], 2.0)[no_v].mean()
    torch.testing.assert_close(loss_v, expected_v)
    torch.testing.assert_close(loss_s, expected_s)  # where it says no V: S is told of these alone
    nothing = task.losses(v, s, torch.full((6, 4), IGNORE), taught)
    assert [float(part) for part in nothing] == [0, 0]
    some = untold.clone()
    some[0] = N
    labelled = task.losses(v[:1], s[:1], some[:1])[0]
    mixed = task.losses(v, s, some, taught)[0]
    torch.testing.assert_close(mixed, 0.3 * labelled + expected_v)


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ("", r"labels = 'none' teaches by \[distill\] alone"),
        ('validation = ["bea"]\n[distill]\nteacher = "beat"', r"labels = 'none'.*none validates"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(tmp_path: Path, tables: str, named: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        'task = "beat"\nname = "x"\nversion = "1.0.0"\n'
        f'[data]\ndatabase = "plaindb"\nrecords = ["ada", "bea"]\nlabels = "none"\n{tables}',
        "utf-8",
    )
    with pytest.raises(InputError, match=named):
        load_config(path)
