"""The survey: arms on equal terms, gone on with where it was cut off, told on a page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from inference.ticks import N, S, V
from ingest.errors import InputError
from tests.training.databases import tiny_config
from training.beat_task import recall_record, recall_records
from training.config import TrainConfig, load_config
from training.crossval import LeftOut
from training.datasets import LabelledSignal
from training.scores import f1
from training.survey.__main__ import BASE, main
from training.survey.arms import ARMS, Arm, arms_named
from training.survey.folds import Fold, folds_of
from training.survey.outcome import Outcome, confusion, f1_of
from training.survey.page import page
from training.survey.revision import code_digest
from training.survey.run import Plan, run
from training.survey.table import survey

QUIET = Console(quiet=True)
CALLS: list[tuple[str, int, int]] = []
"""Runs of the procedure below: arm's core, seed, fold."""


def guess(config: TrainConfig, fold: Fold, folder: Path) -> Outcome:
    """Call every beat V with the probability of the seed's number; a procedure without training."""
    CALLS.append((str(config.architecture.get("core")), config.fit.seed, fold.number))
    scored = []
    for signal in fold.split.validation:
        v = np.full(len(signal.aami), config.fit.seed / 10, np.float32)
        scored.append(LeftOut(signal.name, v, np.zeros_like(v), signal.aami))
    return Outcome(scored, 10 * (config.fit.seed + 1), 1.5, macs_a_beat=7, further={"x": 2.0})


def counting(config: TrainConfig, fold: Fold, folder: Path) -> Outcome:
    """Tell no beats one by one."""
    return Outcome([], 4, 0.5, further={"string error": 0.25})


@pytest.fixture(autouse=True)
def _no_calls() -> None:
    CALLS.clear()


def plan(*arms: Arm, seeds: tuple[int, ...] = (4, 6)) -> Plan:
    return Plan(tiny_config("beat"), arms, seeds, n_folds=2)


GUESS = Arm("guess", "a guess", {"architecture": {"core": "gru"}}, guess, note="not fitted")


def test_every_arm_of_the_survey_is_a_run_that_is_allowed() -> None:
    base = load_config(BASE)
    assert len({arm.name for arm in ARMS}) == len(ARMS) >= 7
    for arm in ARMS:
        config = arm.config(base, seed=2)
        assert config.fit.seed == 2
        kept = {"epochs", "steps", "batch", "length"}
        for key in kept - set(arm.overrides.get("fit", {})):
            assert getattr(config.fit, key) == getattr(base.fit, key)
        assert config.data == base.data


def test_an_arm_lays_its_keys_over_the_base() -> None:
    base = tiny_config("beat")
    config = GUESS.config(base, seed=3)
    assert config.architecture == {**base.architecture, "core": "gru"}
    assert config.fit == base.fit.model_copy(update={"seed": 3})


def test_arms_are_found_by_name() -> None:
    assert arms_named("") == list(ARMS)
    assert [arm.name for arm in arms_named("gru, lstm")] == ["gru", "lstm"]
    with pytest.raises(InputError, match="no arm esn; there are: lstm, "):
        arms_named("gru,esn")


def test_each_patient_is_left_out_once(signals: list[LabelledSignal]) -> None:
    folds = list(folds_of(signals, 3))
    assert [fold.split.validation_patients for fold in folds] == [
        ["simdb/ada"],
        ["simdb/bea"],
        ["simdb/cat"],
    ]
    assert all(len(fold.split.training) == 4 for fold in folds)
    for n_folds in (1, 4):
        with pytest.raises(InputError, match="folds must be 2 to 3"):
            next(folds_of(signals, n_folds))


def test_a_survey_that_was_cut_off_goes_on_where_it_was(
    signals: list[LabelledSignal], tmp_path: Path
) -> None:
    run(plan(GUESS, seeds=(4,)), signals, tmp_path, QUIET)
    assert CALLS == [("gru", 4, 0), ("gru", 4, 1)]
    run(plan(GUESS), signals, tmp_path, QUIET)
    assert CALLS[2:] == [("gru", 6, 0), ("gru", 6, 1)]
    run(plan(GUESS), signals, tmp_path, QUIET)
    assert len(CALLS) == 4


def test_a_result_holds_as_long_as_its_configuration_and_its_code(
    signals: list[LabelledSignal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(plan(GUESS), signals, tmp_path, QUIET)
    other = Arm("guess", "a guess", {"architecture": {"core": "rnn"}}, guess)
    run(plan(other), signals, tmp_path, QUIET)
    assert len(CALLS) == 8
    monkeypatch.setattr("training.survey.results.code_digest", lambda module: "other")
    run(plan(other), signals, tmp_path, QUIET, stale=True)
    assert len(CALLS) == 8
    run(plan(other), signals, tmp_path, QUIET)
    assert len(CALLS) == 12


def test_the_code_of_a_result_is_all_that_it_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    digest_now = code_digest.__wrapped__  # not what was read before
    whole, part = digest_now("training.survey.fit_beats"), digest_now("training.scores")
    read = Path.read_bytes
    changed = "recall.py"

    def edited(path: Path) -> bytes:
        return read(path) + (b"#" if path.name == changed else b"")

    monkeypatch.setattr(Path, "read_bytes", edited)
    assert digest_now("training.survey.fit_beats") != whole
    assert digest_now("training.scores") == part


def test_figures_are_gathered_over_folds_and_seeds(
    signals: list[LabelledSignal], tmp_path: Path
) -> None:
    strings = Arm("ctc", "strings", {}, counting)
    chosen = plan(GUESS, strings)
    run(chosen, signals, tmp_path, QUIET)

    found = survey(chosen, signals, tmp_path)

    first, second = found.rows
    every = np.concatenate([s.aami for s in signals if s.first])
    all_v = 100 * f1(every, np.full(len(every), V), V)
    assert first.v_f1 is not None
    assert (first.v_f1.least, first.v_f1.most) == (0, pytest.approx(all_v))
    assert first.v_f1.mean == pytest.approx(all_v / 2)
    assert (first.n_seeds, first.n_parameters, first.macs_a_beat) == (2, 60, 7)
    assert first.further == {"x": 2.0}
    assert (second.v_f1, second.n_seeds) == (None, 0)
    assert 1 < found.beats_per_s < 2
    assert json.loads(json.dumps(found.as_json()))["rows"][0]["v_f1"]["most"] == first.v_f1.most

    text = page(found)
    assert f"| a guess \\* | {all_v / 2:.1f} [0.0, {all_v:.1f}] | 0.0 [0.0, 0.0] | 60 | 7 |" in text
    assert r"- \* *a guess*: not fitted; x 2" in text
    assert r"| strings \* | – | – | 4 | – | – | – | – | 0 s |" in text
    assert '- *a guess*: `architecture.core = "gru"`' in text
    assert "- *strings*: no key more" in text
    assert "3 records of 3 patients" in text


def test_a_seed_without_all_folds_is_not_told(
    signals: list[LabelledSignal], tmp_path: Path
) -> None:
    run(plan(GUESS), signals, tmp_path, QUIET)
    (tmp_path / "guess" / "seed6-fold1of2" / "result.json").unlink()
    (row,) = survey(plan(GUESS), signals, tmp_path).rows
    assert row.n_seeds == 1
    assert row.v_f1 is not None
    assert row.v_f1.most == 0


def test_counted_f1_is_that_of_the_scores() -> None:
    rng = np.random.default_rng(0)
    aami = rng.integers(0, 5, 400).astype(np.int8)
    v, s = rng.random((2, 400)).astype(np.float32)
    scored = LeftOut("a", v, s, aami)
    called = scored.called(0.5, 0.5)
    assert set(called) == {N, S, V}
    for positive in (S, V):
        assert f1_of(confusion([scored]), positive) == pytest.approx(
            100 * f1(aami, called, positive)
        )


@pytest.mark.train
def test_arms_share_what_is_drawn_and_leave_models_that_are_timed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "base.toml"
    config.write_text(
        'task = "beat"\nname = "tiny"\nversion = "0.1.0"\n[data]\ndatabase = "simdb"\n'
        'records = ["ada", "bea", "cat"]\n[fit]\nepochs = 2\nsteps = 2\nbatch = 2\nlength = 16\n'
        "[architecture]\nhidden_v = 4\nhidden_s = 4\nchannels = 4\nembedding = 4\n",
        "utf-8",
    )
    monkeypatch.setattr("training.survey.folds.LEARNING_MS", 20_000)
    monkeypatch.setattr("training.survey.table.ROUNDS", 5)
    paths = {name: tmp_path / name for name in ("out", "page", "json")}
    arguments = [part for name, path in paths.items() for part in (f"--{name}", str(path))]

    chosen = ["--arms", "lstm,truncated", "--seeds", "1", "--config", str(config)]
    main([*arguments, *chosen, "--data", str(data)])

    rows = json.loads(paths["json"].read_text("utf-8"))["rows"]
    assert [row["name"] for row in rows] == ["lstm", "truncated"]
    assert all(0 <= row["v_f1"]["mean"] <= 100 and row["n_seeds"] == 1 for row in rows)
    assert rows[0]["time_ratio"] == 1
    assert rows[0]["macs_a_beat"] == rows[1]["macs_a_beat"] > 1000
    assert rows[0]["further"]["clipped_share"] >= 0
    assert "one update a piece of 40 beats" in paths["page"].read_text("utf-8")


def test_records_side_by_side_are_remembered_as_each_alone(signals: list[LabelledSignal]) -> None:
    records = [replace(signals[0], r_ms=signals[0].r_ms[:9]), signals[2], signals[4]]
    for record, (shape, features) in zip(records, recall_records(records), strict=True):
        shape_alone, features_alone = recall_record(record)
        torch.testing.assert_close(shape, shape_alone, rtol=0, atol=1e-5)
        torch.testing.assert_close(features, features_alone, rtol=0, atol=1e-5)
