"""The comparison: who gains and who loses, from the same draws of patients, told as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from statsmodels.stats.multitest import multipletests

from inference.ticks import N, S, V
from ingest.errors import InputError
from tests.training.databases import tiny_config
from tests.training.mitigation.cohort import person
from training.config import TrainConfig, load_config
from training.crossval import LeftOut
from training.datasets import LabelledSignal
from training.ec57.bootstrap import draw_patients
from training.mitigation.__main__ import BASE, main
from training.mitigation.arms import CONTROLS, PLAIN, all_arms, arms_named
from training.mitigation.figure import draw
from training.mitigation.page import page
from training.mitigation.paired import Told, change, group_rates, holm, p_value, tallies, worst_of
from training.mitigation.procedures import as_called
from training.mitigation.table import compare, groups_told
from training.subjects import Subject
from training.survey.arms import Arm
from training.survey.folds import Fold
from training.survey.outcome import Outcome, confusion
from training.survey.run import Plan, run

SERVED = {
    "none": {"M": 1.0, "F": 0.4},
    "reweight": {"M": 1.0, "F": 0.9},
    "resample": {"M": 0.5, "F": 0.4},
}
"""Share of V beats that each method finds in each sex."""


def judge(config: TrainConfig, fold: Fold, folder: Path) -> Outcome:
    """Find as many V beats of each sex as the method is said to; tell of leaks what is so."""
    scored = []
    for signal in fold.split.validation:
        right = SERVED[config.mitigation.method][signal.subject.sex]
        known = np.arange(len(signal.aami)) < right * len(signal.aami)
        v = ((signal.aami == V) & known).astype(np.float32)
        scored.append(LeftOut(signal.name, v, np.zeros_like(v), signal.aami))
    leaks = {f"leak/sex/{p}": 0.75 for p in fold.split.validation_patients}
    return Outcome(scored, 10, 1.0, further=leaks if config.mitigation.method == "none" else {})


ARMS = (
    Arm(PLAIN, "plain training", procedure=judge),
    Arm("helps", "one that helps", {"mitigation": {"method": "reweight"}}, judge),
    Arm("levels", "one that levels down", {"mitigation": {"method": "resample"}}, judge),
    Arm("held-back", "a control", {"mitigation": {"method": "reweight"}}, judge),
)


@pytest.fixture(scope="module")
def people() -> list[LabelledSignal]:
    """Seven men and six women of two age bands, and one of whom nothing is known."""
    known = [
        replace(
            person(f"{sex}{i}", sex, 10 * i + (sex == "F"), rare=False),
            subject=Subject(30 + 50 * (i % 2), sex),
        )
        for sex, n in (("M", 7), ("F", 6))
        for i in range(n)
    ]
    nobody = replace(person("x", "M", 99, rare=False), subject=Subject(None, "M"))
    return [*known, nobody]


@pytest.fixture(scope="module")
def found(people: list[LabelledSignal], tmp_path_factory: pytest.TempPathFactory) -> dict:
    out = tmp_path_factory.mktemp("runs")
    plan = Plan(tiny_config("beat"), ARMS, (0, 1), n_folds=2)
    run(plan, people, out, Console(quiet=True))
    return compare(plan, people, out)


def row(found: dict, name: str) -> dict:
    return next(arm for arm in found["arms"] if arm["name"] == name)


def test_a_method_that_helps_the_worst_group_is_said_to(found: dict) -> None:
    helps = row(found, "helps")
    assert "sex, veb" in helps["better"]
    assert not helps["harmed"]
    assert not helps["worse"]
    worst = helps["worst"]["sex"]["veb"]
    assert worst["group"] == "sex: F"
    assert worst["change"]["low"] > 0


def test_a_method_that_levels_down_is_seen_to_harm_who_was_served_well(found: dict) -> None:
    levels = row(found, "levels")
    assert any(told.startswith("sex: M, veb se") for told in levels["harmed"])
    assert not any(told.startswith("sex: F, veb se") for told in levels["harmed"])
    cell = levels["groups"]["sex: M"]["veb"]["se"]["change"]
    assert cell["value"] == pytest.approx(-50, abs=10)


def test_controls_are_shown_but_are_no_methods(found: dict) -> None:
    assert "p_holm" not in row(found, "held-back")["worst"]["sex"]["veb"]
    assert not row(found, "held-back")["better"]
    assert CONTROLS[0] == PLAIN


def test_small_groups_and_the_unknown_are_shown_and_decide_nothing(people, found: dict) -> None:
    groups = {group["key"]: group for group in found["groups"]}
    assert list(groups)[:3] == ["all", "sex: F", "sex: M"]
    assert list(groups)[3:] == ["age: under 40", "age: 65 and over", "age: unknown"]
    assert len(groups["age: unknown"]["patients"]) == 1
    assert not groups["age: unknown"]["decides"]["veb"]
    assert groups["sex: F"]["decides"] == {"veb": True, "sveb": False}  # nobody has S beats
    assert "age: unknown" in row(found, "helps")["groups"]
    assert row(found, "helps")["worst"]["sex"]["sveb"] is None
    assert sum(len(g.patients) for g in groups_told(people, (40, 65)) if g.attribute == "age") == 14


def test_the_page_says_what_came_out(found: dict, tmp_path: Path) -> None:
    text = page(json.loads(json.dumps(found)), "picture.png")
    assert "**1 of 2 methods beat plain training**" in text
    assert "- *one that levels down*: " in text
    assert "| age: unknown | 1 | 1 | 0 | no / no |" in text
    assert "75.0 [75.0, 75.0] (chance 50)" in text
    none = {**found, "arms": [arm for arm in found["arms"] if arm["name"] != "helps"]}
    assert "**None of the 1 methods beats plain training**" in page(none, "picture.png")
    assert draw(found, tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_done_so_far_can_be_told_and_is_said_to_be_that(
    people: list[LabelledSignal], tmp_path: Path
) -> None:
    plan = Plan(tiny_config("beat"), ARMS, (0,), n_folds=2)
    run(plan, people, tmp_path, Console(quiet=True))
    (tmp_path / "helps" / "seed0-fold1of2" / "result.json").unlink()
    whole = compare(plan, people, tmp_path)
    assert "helps" not in [arm["name"] for arm in whole["arms"]]
    assert "Not finished" not in page(whole, "picture.png")
    partly = compare(plan, people, tmp_path, partly=True)
    assert [arm["name"] for arm in partly["arms"]] == [arm.name for arm in ARMS]
    assert partly["folds_done"] == [0]
    assert len(partly["groups"][0]["patients"]) == 7
    assert "**Not finished**: 1 of 2 folds are done" in page(partly, "picture.png")


def test_without_plain_training_there_is_nothing_to_compare_with(
    people: list[LabelledSignal], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="plain training is not done yet"):
        compare(Plan(tiny_config("beat"), ARMS, (0,), 2), people, tmp_path)


def random_counts(seed: int, n: int = 12) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"p{i}": rng.integers(0, 60, (5, 5)) for i in range(n)}


def test_the_same_system_twice_changes_nothing_and_draws_are_pairs() -> None:
    counts = random_counts(0)
    patients = sorted(counts)
    once, again = (group_rates(counts, patients, "veb", seed=3) for _ in range(2))
    for rate in once:
        told = change(once[rate], again[rate])
        assert (told.value, told.low, told.high) == (0, 0, 0)
    assert p_value(once["se"][1] - again["se"][1]) == 1
    better = {p: c + np.diag([0, 0, 40, 0, 0]) for p, c in counts.items()}
    paired = change(once["se"], group_rates(better, patients, "veb", seed=3)["se"])
    apart = change(once["se"], group_rates(better, patients, "veb", seed=4)["se"])
    assert paired.low is not None
    assert apart.low is not None
    assert paired.low > apart.low  # pairs tell more than two draws of their own


def test_an_interval_is_that_of_patients_drawn_one_by_one() -> None:
    counts = random_counts(1)
    patients = sorted(counts)
    drawn = group_rates(counts, patients, "sveb", seed=5)["ppv"][1][:50]
    table = tallies(counts, patients, "sveb")
    for value, times in zip(drawn, draw_patients(len(patients), 10_000, 5), strict=False):
        found, _, false = table[np.repeat(np.arange(len(patients)), times)].sum(0)
        assert value == pytest.approx(100 * found / (found + false))


def test_the_worst_group_is_looked_up_anew_in_each_draw() -> None:
    one, other = (40.0, np.array([40.0, 60.0, np.nan])), (50.0, np.array([50.0, 30.0, 1.0]))
    value, draws = worst_of([one, other])
    assert value == 40
    np.testing.assert_array_equal(draws, [40, 30, np.nan])
    assert Told.of(value, draws).defined == pytest.approx(2 / 3)
    assert Told.of(np.nan, draws).value is None


def test_adjusted_p_values_are_those_of_statsmodels() -> None:
    p = np.random.default_rng(0).random(20) ** 3
    np.testing.assert_allclose(holm(list(p)), multipletests(p, method="holm")[1], rtol=1e-12)


def test_decisions_come_back_as_they_were() -> None:
    rng = np.random.default_rng(0)
    called, aami = rng.choice([N, S, V], 300), rng.integers(0, 5, 300).astype(np.int8)
    one = as_called("a", called, aami)
    np.testing.assert_array_equal(one.called(0.5, 0.5), called)
    assert confusion([one]).sum() == 300


def test_every_arm_is_a_run_that_is_allowed() -> None:
    base = load_config(BASE)
    names = [arm.name for arm in all_arms()]
    assert len(set(names)) == len(names)
    for arm in all_arms():
        config = arm.config(base, seed=1)
        assert config.data == base.data
        assert config.fit == base.with_seed(1).fit
        assert config.architecture == base.architecture
    assert {"reweight", "resample", "group-dro", "adversary"} <= {
        n.rpartition("-")[0] for n in names
    }


def test_methods_are_found_by_name_and_plain_is_always_there() -> None:
    assert [arm.name for arm in arms_named("adversary-sex")] == ["plain", "adversary-sex"]
    assert [a.name for a in arms_named("reweight, adapted")][1:4] == [
        "reweight-sex",
        "reweight-age",
        "reweight-patient",
    ]
    assert len(arms_named("")) == len(all_arms())
    with pytest.raises(InputError, match="no method magic; there are: plain, "):
        arms_named("magic")


def test_a_base_that_is_mitigated_already_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(BASE.read_text("utf-8") + 'method = "reweight"\n', "utf-8")
    with pytest.raises(
        InputError, match=r"mitigation\.method .reweight.; allowed here: task .beat."
    ):
        main([str(path)])
