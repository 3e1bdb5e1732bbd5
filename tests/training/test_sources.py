"""A run's signals from one database and from several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import training.sources
from ingest.errors import InputError
from tests.training.databases import NAMES, tiny_config, write_database
from training.config import DataConfig, load_config
from training.sources import read_split, records_of

HEAD = 'task = "beat"\nname = "mine"\nversion = "1.0.0"\n'


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with two databases of other sampling frequencies and the same record names."""
    folder = tmp_path_factory.mktemp("two")
    write_database(folder / "one", 2, fs=250.0)
    write_database(folder / "other", 3, fs=360.0)
    return folder


def sources(*tables: dict[str, Any]) -> DataConfig:
    return tiny_config("beat", data={"sources": tables}).data.model_copy(
        update={"database": "mitdb", "records": "ds1", "leads": (0,)}
    )


def test_signals_come_from_every_database_in_order(two: Path) -> None:
    split = read_split(
        sources(
            {"database": "one", "records": "all", "leads": (0, 1)},
            {"database": "other", "records": NAMES[1:3], "validation": NAMES[2:3], "leads": (1,)},
        ),
        two,
    )
    assert [(s.patient, s.lead, s.first) for s in split.training] == [
        ("one/ada", "II", True),
        ("one/ada", "V1", False),
        ("one/bea", "II", True),
        ("one/bea", "V1", False),
        ("other/bea", "V1", True),
    ]
    assert [(s.patient, s.lead) for s in split.validation] == [("other/cat", "V1")]
    assert {s.fs for s in split.training} == {125}


def test_a_database_may_serve_validation_alone(two: Path) -> None:
    judge = {"database": "other", "records": "all", "validation": "all"}
    split = read_split(sources({"database": "one", "records": "all"}, judge), two)
    assert split.training_patients == ["one/ada", "one/bea"]
    assert split.validation_patients == ["other/ada", "other/bea", "other/cat"]


def test_one_table_and_one_source_are_the_same(two: Path) -> None:
    flat = tiny_config("beat", data={"database": "one", "records": "all"}).data
    listed = sources({"database": "one", "records": "all", "leads": (0, 1)})
    assert [s.name for s in read_split(flat, two).training] == [
        s.name for s in read_split(listed, two).training
    ]


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        (({"database": "one", "records": ("nobody",)},), "nobody"),
        (({"database": "none", "records": "all"},), r"no record with \.atr annotations in .*none"),
        (({"database": "one", "records": "all", "annotator": "qrs"},), r"no record with \.qrs"),
        (
            ({"database": "one", "records": "all", "validation": ("zoe",)},),
            "one has no record zoe to validate",
        ),
        (({"database": "one", "records": "all", "validation": "all"},), "no record is left"),
        (
            (
                {"database": "mitdb", "records": ("201",)},
                {"database": "mitdb", "records": ("202",), "validation": "all"},
            ),
            "patient mitdb/201 is in both 'training' and 'validation'",
        ),
    ],
)
def test_what_cannot_be_split_is_named(two: Path, tables: tuple[Any, ...], named: str) -> None:
    with pytest.raises(InputError, match=named):
        read_split(sources(*tables), two)


def test_conditioning_that_looks_at_the_whole_record_stops_a_run(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = training.sources.condition

    def whole_record(*arguments: Any) -> Any:
        signal, scale = honest(*arguments)
        return (signal - signal.mean()) / signal.std(), scale

    training.sources.require_causal_conditioning(125)
    monkeypatch.setattr(training.sources, "condition", whole_record)
    with pytest.raises(InputError, match="conditioning is not causal"):
        read_split(sources({"database": "one", "records": "all"}), two)


def test_records_without_beats_are_refused_not_skipped(tmp_path: Path) -> None:
    import numpy as np
    import wfdb

    write_database(tmp_path / "rhythms", 1)
    wfdb.wrann(
        "ada", "atr", np.array([18]), ["+"], aux_note=["(VT"], fs=250,
        write_dir=str(tmp_path / "rhythms"),
    )  # fmt: skip
    with pytest.raises(InputError, match=r"record ada of rhythms has no beat with an AAMI class"):
        read_split(sources({"database": "rhythms", "records": "all"}), tmp_path)


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ('[[data.sources]]\ndatabase = "mitdb"\nrecords = "all"', "all of mitdb holds DS2"),
        (
            '[[data.sources]]\nrecords = "ds1"\n[[data.sources]]\nrecords = ["100"]',
            "data.sources.1.records holds 100",
        ),
        (
            '[data]\nleads = [0, 1]\n[[data.sources]]\ndatabase = "svdb"\nrecords = "all"',
            "annotator belong into [[data.sources]]",
        ),
        ('[[data.sources]]\ndatabase = "svdb"\nrecord = "all"', "data.sources.0.record: Extra"),
    ],
)
def test_each_fault_of_a_table_is_named(tmp_path: Path, tables: str, named: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(HEAD + tables, "utf-8")
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert named in str(caught.value)


@pytest.mark.data
def test_svdb_beside_ds1_is_all_of_its_records(data_dir: Path) -> None:
    data = sources({"database": "mitdb", "records": "ds1"}, {"database": "svdb", "records": "all"})
    counts = [len(records_of(part, data_dir)[0]) for part in data.parts]
    assert counts == [22, 43]
