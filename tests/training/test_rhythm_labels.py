"""Records of which only the rhythm is known: taken where S is ruled out, N if alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.ticks import N, Q, V
from ingest.errors import InputError
from ingest.simulator import SimulatedRecord
from tests.training.databases import NAMES, write_database
from training.beat_sequences import BeatSampler, Synthesis
from training.config import DataConfig, SourceConfig, load_config
from training.found_beats import REFERENCE
from training.rhythm_labels import load_rhythms, rhythm_records
from training.sources import read_split

ADA, BEA, CAT = NAMES[:3]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[SimulatedRecord]]:
    """Return a database of three patients: sinus rhythm, fibrillation, and another rhythm."""
    folder = tmp_path_factory.mktemp("data") / "rhythmdb"
    records = write_database(folder)
    (folder / REFERENCE).write_text(f"record,rhythm\n{ADA},N\n{BEA},A\n{CAT},O\n", "utf-8")
    return folder, records


def test_only_rhythms_without_s_beats_are_taken(
    database: tuple[Path, list[SimulatedRecord]],
) -> None:
    folder, _ = database
    assert rhythm_records(folder) == (ADA, BEA)
    with pytest.raises(InputError, match=f"rhythmdb: {CAT} not of rhythm N or A"):
        load_rhythms(folder, [ADA, CAT], fs=125)


def test_beats_that_look_alike_are_n_and_others_teach_nothing(
    database: tuple[Path, list[SimulatedRecord]],
) -> None:
    folder, records = database
    (signal,) = load_rhythms(folder, [ADA], fs=125)
    truth = records[0].truth
    true_ms = truth.r_peaks * 1000 / 250
    nearest = np.abs(true_ms[:, None] - signal.r_ms).argmin(axis=0)
    assert np.abs(true_ms[nearest] - signal.r_ms).max() < 60
    assert len(signal.r_ms) > 0.95 * len(true_ms)
    ventricular = truth.aami[nearest] == V
    assert ventricular.sum() > 3
    assert (signal.aami[ventricular] == Q).mean() > 0.9
    assert (signal.aami[~ventricular] == N).mean() > 0.8
    assert signal.patient == f"rhythmdb/{ADA}"


def test_a_database_without_a_table_of_rhythms_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="labels = 'rhythm' needs a table"):
        rhythm_records(tmp_path)
    (tmp_path / REFERENCE).write_text("record,rhythm\nada,O\n", "utf-8")
    with pytest.raises(InputError, match="no record of rhythm N or A"):
        rhythm_records(tmp_path)


def test_a_source_is_drawn_from_as_often_as_its_weight_says(
    database: tuple[Path, list[SimulatedRecord]],
) -> None:
    folder, _ = database
    name = folder.name
    sources = (
        SourceConfig(database=name, records=(CAT,)),
        SourceConfig(database=name, records="all", labels="rhythm", weight=0.05),
    )
    split = read_split(DataConfig(sources=sources), folder.parent)
    assert [(s.name, s.weight) for s in split.training] == [(CAT, 1.0), (ADA, 0.05), (BEA, 0.05)]
    nothing = Synthesis(premature_atrial=0, premature_ventricular=0, rhythm=0)
    sampler = BeatSampler(split.training, 35, 50, nothing)
    drawn = sampler.draw(np.random.default_rng(0), 400, 40)
    with_v = (drawn.aami == V).any(axis=1).mean()  # a V is never a label of the others
    assert 0.8 < with_v < 0.97


def test_rhythms_do_not_validate(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        'task = "beat"\nname = "x"\nversion = "1.0.0"\n[data]\ndatabase = "cinc2017"\n'
        'records = "all"\nlabels = "rhythm"\nvalidation = ["A00001"]\n',
        "utf-8",
    )
    with pytest.raises(InputError, match=r"labels = 'rhythm'.*none validates"):
        load_config(path)
