"""Trials of transfer: nobody judges what has seen them, all arms are judged by the same people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from inference import model
from ingest.errors import InputError
from tests.training.databases import NAMES, tiny_config, write_database
from training.assessment.scoring import find_beats
from training.datasets import LabelledSignal, load
from training.transfer import trial as trials
from training.transfer.arms import TUNING_RATE, arms_of, fit_arm, judged_split
from training.transfer.heard import Heard, classify, hear
from training.transfer.page import page
from training.transfer.sides import DIRECTIONS, Direction, halves_of, read_database
from training.transfer.table import compared
from training.transfer.trial import Budget, Trial, kept_trials, read_budget, settle_budget

FEW = (1,)
BUDGET = Budget(1, 1, 16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four simulated patients, as one database."""
    path = tmp_path_factory.mktemp("transfer") / "simdb"
    write_database(path, 4)
    return path


@pytest.fixture(scope="module")
def target(folder: Path) -> list[LabelledSignal]:
    return load(folder, NAMES, fs=125, leads=(0, 1))


@pytest.fixture(scope="module")
def heard(folder: Path) -> dict[str, Heard]:
    return hear(folder, NAMES)


def test_halves_judge_everybody_once_and_the_few_are_of_the_other_half() -> None:
    patients = [f"x/{i}" for i in range(9)]
    a, b = halves_of(patients, 1)
    assert sorted([*a.judged, *b.judged]) == patients
    for half in (a, b):
        assert sorted([*half.judged, *half.others]) == patients
        assert set(half.few(2)) < set(half.few(4)) <= set(half.others)
    assert halves_of(patients, 1) == (a, b)
    assert {halves_of(patients, seed)[0].few(2) for seed in range(8)} != {a.few(2)}


@pytest.mark.parametrize("k", [0, 5])
def test_more_patients_than_there_are_are_refused(k: int) -> None:
    half, _ = halves_of([f"x/{i}" for i in range(8)], 0)
    with pytest.raises(InputError, match=f"few patients must be 1 to 4, not {k}"):
        half.few(k)


def test_beats_are_called_as_in_serving(heard: dict[str, Heard]) -> None:
    served = find_beats({name: one.recording for name, one in heard.items()})
    ours = classify(model.find("beat"), heard)
    for name, one in heard.items():
        assert len(ours[name]) > 50
        assert served[name].sample == one.served.sample.tolist()
        assert served[name].aami == ours[name]
    assert len({letter for letters in ours.values() for letter in letters}) > 1


@pytest.mark.train
def test_a_tuned_model_goes_on_from_its_start(target: list[LabelledSignal]) -> None:
    config = tiny_config("beat", fit={"epochs": 1, "steps": 1, "learning_rate": 1e-9})
    split = judged_split(target[:2], target[2:])
    start = {name: part + 0.5 for name, part in fit_arm(config, split).weights.items()}
    tuned, scratch = fit_arm(config, split, start).weights, fit_arm(config, split).weights
    for name, part in start.items():
        torch.testing.assert_close(tuned[name], part, atol=1e-4, rtol=1e-4)
    assert any(not torch.allclose(scratch[name], part, atol=1e-3) for name, part in start.items())


def test_who_has_been_learned_from_judges_not(target: list[LabelledSignal]) -> None:
    with pytest.raises(InputError, match="both sides"):
        judged_split(target, target)


@pytest.mark.train
def test_all_arms_are_judged_by_those_they_have_not_seen_and_done_once(
    target: list[LabelledSignal],
    heard: dict[str, Heard],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signals = {"source": target[:0], "target": target}
    signals["source"] = [_of_another(one) for one in target[:2]]
    recipe = tiny_config("beat", fit={"epochs": 1, "steps": 2, "batch": 2})
    one = Direction("source", "target")
    monkeypatch.setitem(trials.TITLES, "source", "source")
    monkeypatch.setitem(trials.TITLES, "target", "target")
    trial = Trial(one, 0, recipe, BUDGET, signals, heard, tmp_path)
    assert len(list(trial.run(arms_of(FEW)))) == 1 + 2 * 3
    found = kept_trials(tmp_path)
    judged: dict[str, list[str]] = {}
    for done in found:
        judged.setdefault(done["arm"], []).extend(done["records"])
        learned = {patient.rpartition("/")[2] for patient in done["learned_from"]}
        assert done["arm"] == "source" or not learned & set(done["records"])
        assert done["beats"]["V"] > 0
    assert {arm: sorted(names) for arm, names in judged.items()} == dict.fromkeys(
        ("source", "scratch-1", "tuned-1", "own"), sorted(NAMES)
    )
    few = {d["arm"]: d["learned_from"] for d in found if d["half"] == 0}
    assert few["tuned-1"] == few["scratch-1"]
    assert set(few["tuned-1"]) < set(few["own"])
    assert list(trial.run(arms_of(FEW))) == []


def _of_another(signal: LabelledSignal) -> LabelledSignal:
    from dataclasses import replace

    return replace(signal, patient=f"elsewhere/{signal.name}")


def test_the_tuned_learn_shorter_and_slower() -> None:
    recipe = tiny_config("beat")
    plain, tuned = (Budget(8, 4, 96).config(recipe, 3, tuned=tuned) for tuned in (False, True))
    assert (plain.fit.epochs, tuned.fit.epochs, tuned.fit.learning_rate) == (8, 4, TUNING_RATE)
    assert plain.fit.seed == tuned.fit.seed == 3
    assert plain.architecture == recipe.architecture


def outcome(arm: str, half: int | None, records: dict[str, list[int]], seed: int = 0) -> Any:
    return {
        "arm": arm,
        "source": "mitdb",
        "target": "svdb",
        "seed": seed,
        "half": half,
        "learned_from": ["mitdb/101"],
        "beats": {"V": 5, "S": 6},
        "cpu_s": 2.0,
        "records": {r: {"qrs": c, "veb": c, "sveb": c} for r, c in records.items()},
    }


def test_rates_and_changes_are_of_the_patients_that_all_arms_judged() -> None:
    done = [
        outcome("source", None, {"801": [5, 5, 0], "802": [0, 10, 0], "803": [10, 0, 0]}),
        *(outcome(a, 0, {"801": [10, 0, 0]}) for a in ("scratch-1", "tuned-1", "own")),
        *(outcome(a, 1, {"802": [10, 0, 10]}) for a in ("scratch-1", "tuned-1", "own")),
        outcome("scratch-1", 1, {"803": [0, 10, 0]}),
    ]
    (found,) = compared(done, FEW)["directions"]
    assert found["patients"] == ["svdb/801", "svdb/802"]
    arms = {arm["name"]: arm for arm in found["arms"]}
    assert arms["source"]["veb"]["se"]["value"] == pytest.approx(25.0)
    assert arms["source"]["veb"]["f1"]["value"] == pytest.approx(40.0)
    tuned = arms["tuned-1"]["veb"]
    assert (tuned["se"]["value"], tuned["ppv"]["value"]) == pytest.approx((100, 200 / 3))
    assert tuned["change"]["value"] == pytest.approx(40.0)
    assert tuned["change"]["low"] == pytest.approx(100 - 200 / 3)  # 801 drawn twice
    assert arms["source"]["veb"]["change"] == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_what_was_not_judged_by_all_arms_is_not_compared() -> None:
    with pytest.raises(InputError, match="no half of a target was judged by all arms"):
        compared([outcome("source", None, {"801": [1, 1, 1]})], FEW)


def test_the_page_says_which_arms_are_clearly_better() -> None:
    everyone = [f"{800 + i}" for i in range(12)]
    good, bad = (dict.fromkeys(everyone, c) for c in ([9, 1, 1], [5, 5, 5]))
    done = [outcome("source", None, bad), outcome("own", 0, good)]
    done += [outcome("tuned-1", 0, good), outcome("scratch-1", 0, {r: [1, 9, 9] for r in everyone})]
    found = compared(done, FEW)
    numbers = {"steps": 32, "batch": 48, "shipped_epochs": 40, "shipped_length": 160}
    found["budget"] = {"epochs": 4, "tuning_epochs": 2, "length": 96, **numbers}
    text = page(json.loads(json.dumps(found)))
    assert "above: *mitdb DS1, then tuned on 1 of svdb*, *half of svdb's own patients*;" in text
    assert "below: *1 of svdb, from scratch*." in text
    assert "+40.0 [+40.0, +40.0]" in text
    assert "--few 1 --seeds 1 --epochs 4" in text


def test_models_that_learned_for_another_time_are_not_mixed(tmp_path: Path) -> None:
    settle_budget(tmp_path, BUDGET)
    settle_budget(tmp_path, BUDGET)
    assert read_budget(tmp_path) == BUDGET
    with pytest.raises(InputError, match="name another --out"):
        settle_budget(tmp_path, Budget(2, 1, 16))


@pytest.mark.data
def test_no_direction_reads_ds2(data_dir: Path) -> None:
    for name in {direction.source for direction in DIRECTIONS}:
        (first, second) = read_database(data_dir, name, 1)
        assert first.first
        assert not second.first
        assert first.name == {"mitdb": "101", "svdb": "801"}[name]
