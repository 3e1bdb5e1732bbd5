"""A change's configuration and manifest: leaks, consent, what is refused before anything runs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.errors import InputError
from training.config import TrainConfig
from training.retrain.config import RetrainConfig, load_retrain
from training.retrain.manifest import make_manifest, without_left_out
from training.sources import records_of

TRAINING = """\
task = "beat"
name = "beat"
version = "0.2.0"
[data]
database = "simdb"
records = ["ada", "bea"]
[fit]
epochs = 1
"""
CHANGE = """\
name = "c1"
champion = "champion"
candidate = "candidate.toml"
[[locked]]
database = "simdb"
records = ["cat"]
[change]
what = "More patients."
why = "There are some."
"""


def configured(
    folder: Path, change: str = CHANGE, training: str = TRAINING
) -> tuple[RetrainConfig, TrainConfig]:
    (folder / "change.toml").write_text(change)
    (folder / "candidate.toml").write_text(training)
    return load_retrain(folder / "change.toml")


@pytest.mark.parametrize(
    ("change", "training", "named"),
    [
        (CHANGE.replace("what", "wat"), TRAINING, "change.wat"),
        (CHANGE + "[limits]\nbrier = -1\n", TRAINING, "limits.brier"),
        (CHANGE.replace('"simdb"', '"mitdb"').replace('"cat"', '"100"'), TRAINING, "DS2"),
        (CHANGE, TRAINING.replace('task = "beat"', 'task = "qrs"'), "'beat', 'two-lead-beat'"),
        (CHANGE, TRAINING.replace('task = "beat"', 'task = "gated-beat"'), "'beat'"),
        (CHANGE, TRAINING + "[pruning]\nweights = 0.5\n", "pruning"),
        ("name = 3", TRAINING, "champion"),
        ("{", TRAINING, "TOML"),
    ],
)
def test_what_cannot_be_a_change_is_refused_by_name(
    tmp_path: Path, change: str, training: str, named: str
) -> None:
    with pytest.raises(InputError, match=named):
        configured(tmp_path, change, training)


def test_nobody_leaks_where_patients_are_apart(tmp_path: Path, data: Path) -> None:
    made = make_manifest(*configured(tmp_path), data)
    assert made.leaks() == []
    assert [len(made.of(side)) for side in ("training", "locked")] == [2, 1]
    assert made.digest == make_manifest(*configured(tmp_path), data).digest


def test_a_patient_on_both_sides_is_a_leak(tmp_path: Path, data: Path) -> None:
    both = CHANGE.replace('["cat"]', '["cat", "ada"]')
    (leak,) = make_manifest(*configured(tmp_path, both), data).leaks()
    assert "same person" in leak


@pytest.fixture
def copied(tmp_path: Path, data: Path) -> Path:
    """The database, and a copy of the locked patient in another hospital's folder."""
    shutil.copytree(data / "simdb", tmp_path / "data" / "simdb")
    shutil.copytree(data / "simdb", tmp_path / "data" / "elsewhere")
    return tmp_path / "data"


def elsewhere(name: str) -> str:
    whole = TRAINING.replace("[fit]", '[[data.sources]]\ndatabase = "elsewhere"\nREST\n[fit]')
    part = '[[data.sources]]\ndatabase = "simdb"\nrecords = ["ada", "bea"]'
    return whole.replace(
        '[data]\ndatabase = "simdb"\nrecords = ["ada", "bea"]', part
    ).replace("REST", f'records = ["{name}"]')  # fmt: skip


def test_a_copy_under_another_name_is_a_leak_by_its_signal(tmp_path: Path, copied: Path) -> None:
    (leak,) = make_manifest(*configured(tmp_path, training=elsewhere("cat")), copied).leaks()
    assert "elsewhere/cat" in leak
    assert "very signal" in leak


def test_a_copy_with_another_signal_is_a_leak_by_its_beats(tmp_path: Path, copied: Path) -> None:
    file = copied / "elsewhere" / "cat.dat"
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)
    (leak,) = make_manifest(*configured(tmp_path, training=elsewhere("cat")), copied).leaks()
    assert "very beats" in leak


def test_who_did_not_consent_or_is_excluded_is_left_out_of_training(
    tmp_path: Path, data: Path
) -> None:
    (tmp_path / "consent.txt").write_text("# who agreed\nsimdb/ada\nsimdb/bea\n")
    (tmp_path / "exclude.txt").write_text("simdb/bea\twithdrew\n")
    config, training = configured(tmp_path)
    lists = {"consent": tmp_path / "consent.txt", "exclude": tmp_path / "exclude.txt"}
    made = make_manifest(config.model_copy(update=lists), training, data)
    assert [(one.record, one.why) for one in made.of("left out")] == [("bea", "withdrew")]
    kept = without_left_out(training, made, data)
    assert records_of(kept.data.parts[0], data) == (("ada",), ())
    (tmp_path / "consent.txt").write_text("simdb/nobody\n")
    with pytest.raises(InputError, match="nobody is left"):
        make_manifest(config.model_copy(update=lists), training, data)


def test_the_locked_sets_digest_does_not_depend_on_who_is_learned_from(
    tmp_path: Path, data: Path
) -> None:
    config, training = configured(tmp_path)
    made = make_manifest(config, training, data)
    fewer = replace(made, entries=tuple(e for e in made.entries if e.record != "bea"))
    assert fewer.locked_digest == made.locked_digest
    assert fewer.digest != made.digest
