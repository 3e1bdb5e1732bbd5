"""Costs of choices, estimates from logs, and what is learned of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import InputError
from training.alarm_policy.choices import CHOICES, DEFAULT, Choice
from training.alarm_policy.figure import draw
from training.alarm_policy.learn import best_fixed, fit_costs, proposed
from training.alarm_policy.logged import Log, draw_log
from training.alarm_policy.off_policy import by_weight, doubly_robust, estimate, truly
from training.alarm_policy.page import page
from training.alarm_policy.trial import compare, fold_of, left_out
from training.alarm_policy.trials import FEATURES, MISSED, STRETCH_S, Heard, costs, features
from training.alarm_scoring import ToldAlarm

QUICK, SLOW = CHOICES.index(Choice(0.0, "usual")), CHOICES.index(Choice(45.0, "usual"))


def alarm(condition: str, onset_s: float, told_s: float, over_s: float) -> ToldAlarm:
    return ToldAlarm("r", condition, "low", onset_s, told_s, over_s)


def heard(usual: list[ToldAlarm], reference: list[ToldAlarm], minutes: int = 10) -> Heard:
    n = minutes * 60
    told = {"usual": tuple(usual), "quieter": ()}
    beats = np.arange(n, dtype=float), np.zeros(n, np.int8)
    return Heard("db/r", "p", n, told, tuple(reference), *beats)


def test_a_delay_spares_a_nuisance_that_is_soon_over() -> None:
    cost, counts = costs(heard([alarm("couplet", 10, 11, 41)], []))

    assert cost[0, QUICK] == 1.0
    assert cost[0, SLOW] == 0.0
    assert counts[0, QUICK].tolist() == [1, 1, 0, 0]
    assert cost[1].sum() == 0


def test_what_is_worth_telling_costs_by_how_late_it_is_told() -> None:
    burden = alarm("frequent_vebs", 10, 12, 200)
    cost, counts = costs(heard([burden], [burden]))

    assert cost[0, QUICK] == 0.0
    assert cost[0, SLOW] == pytest.approx(MISSED * 45 / 120)
    missed = CHOICES.index(Choice(0.0, "quieter"))  # which tells nothing here
    assert cost[0, missed] == MISSED
    assert counts[0, missed].tolist() == [0, 0, 1, 1]


def test_what_may_not_be_decided_about_costs_nothing() -> None:
    deadly = [alarm("asystole", 10, 14, 100), alarm("v_run", 20, 22, 100)]
    assert costs(heard(deadly, []))[0].sum() == 0
    assert costs(heard([], deadly))[0].sum() == 0


def test_the_context_knows_nothing_of_its_own_stretch() -> None:
    record = heard([alarm("couplet", 310, 311, 341)], [])
    _, counts = costs(record)
    chosen = np.zeros(2, np.intp)
    found = features(record, chosen, counts)

    assert found[1, FEATURES.index("nuisances")] == 0
    assert found[0, :-1].tolist() == [0.0] * (len(FEATURES) - 1)
    assert found[1, 0] == pytest.approx(0.6)
    later = heard([alarm("couplet", 10, 11, 41)], [])
    assert features(later, chosen, costs(later)[1])[1, FEATURES.index("nuisances")] > 0


def simulated(n_patients: int, seed: int, stretches: int = 6) -> Log:
    """Half of the patients fare better with the default, half with the last choice."""
    rng = np.random.default_rng(seed)
    n = n_patients * stretches
    patient = np.repeat([f"p{i:03d}" for i in range(n_patients)], stretches)
    kind = np.repeat(np.arange(n_patients) % 2, stretches)
    x = np.zeros((n, len(FEATURES)))
    x[:, 0], x[:, -1] = kind, 1
    would = np.full((n, len(CHOICES)), 2.0) + rng.normal(0, 0.3, (n, 1))
    would[kind == 0, DEFAULT] -= 1
    would[kind == 1, -1] -= 1
    chosen = rng.integers(0, len(CHOICES), n)
    p = np.full(n, 1 / len(CHOICES))
    return Log(patient, x, chosen, p, would[np.arange(n), chosen], would)


def test_a_policy_learns_whom_a_choice_serves() -> None:
    log = simulated(120, 0)
    wanted, _ = left_out(log)

    right = np.where(log.features[:, 0] > 0, len(CHOICES) - 1, DEFAULT)
    assert (wanted["per patient"] == right).mean() > 0.95
    costs_of = {name: truly(log, each).mean() for name, each in wanted.items()}
    assert costs_of["per patient"] < costs_of["best fixed choice"] - 0.3


def test_nothing_is_proposed_where_nothing_is_gained() -> None:
    log = simulated(60, 1)
    flat = Log(log.patient, log.features, log.chosen, log.propensity, log.cost * 0 + 1, log.would)
    assert (proposed(fit_costs(flat), flat.features) == DEFAULT).all()


def test_what_other_choices_would_have_cost_is_not_learned_from() -> None:
    log = simulated(40, 2)
    blind = Log(log.patient, log.features, log.chosen, log.propensity, log.cost, log.would * 0)
    assert (fit_costs(log).weights == fit_costs(blind).weights).all()
    assert best_fixed(log) == best_fixed(blind)


@pytest.mark.parametrize("foretold", ["right", "wrong"])
def test_estimates_are_right_on_average_whatever_is_foretold(foretold: str) -> None:
    errors: dict[str, list[float]] = {"ips": [], "dr": []}
    for seed in range(60):
        log = simulated(40, seed)
        wanted = np.full(len(log.cost), DEFAULT)
        model = log.would if foretold == "right" else np.full_like(log.would, 5.0)
        true = truly(log, wanted).mean()
        errors["ips"].append(by_weight(log, wanted).mean() - true)
        errors["dr"].append(doubly_robust(log, wanted, model).mean() - true)

    for each in errors.values():
        assert abs(np.mean(each)) < 4 * np.std(each) / np.sqrt(len(each)) + 1e-9
    if foretold == "right":
        assert np.std(errors["dr"]) < 1e-9 < np.std(errors["ips"])


@given(st.lists(st.floats(-10, 10), min_size=6, max_size=30))
def test_patients_count_the_same_however_long_they_were_watched(values: list[float]) -> None:
    shares = np.array(values)
    patient = np.array(["a"] * 3 + ["b"] * (len(values) - 3))
    found = estimate(shares, patient)

    assert found.value == pytest.approx((shares[:3].mean() + shares[3:].mean()) / 2)
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9


def test_too_few_patients_are_refused() -> None:
    with pytest.raises(InputError, match="allowed: at least 5"):
        fold_of(np.array(["a", "b"]))


def ward() -> list[Heard]:
    """Ten patients, every other one with a nuisance in each stretch."""
    found = []
    for number in range(10):
        told = [
            alarm("couplet", s + 10, s + 11, s + 41)
            for s in range(0, 1800, int(STRETCH_S))
            if number % 2
        ]
        record = heard(told, [], minutes=30)
        found.append(
            Heard(
                f"db/{number}", f"p{number}", record.duration_s, record.told, (),
                record.r_s, record.aami,
            )
        )  # fmt: skip
    return found


def test_the_page_tells_what_was_measured(tmp_path: Path) -> None:
    records = ward()
    found = compare(records)
    text = page(found)

    assert found["patients"] == 10
    assert found["policies"]["default"]["true"]["value"] == pytest.approx(0.5)
    assert f"| default | {found['policies']['default']['ips']['value']:.2f}" in text
    assert "lethal conditions" in text
    assert ("nothing learned here is fit" in text) == (
        found["policies"]["per patient"]["true_gain"]["low"] <= 0
    )
    draw(found, tmp_path / "policy.png")
    assert (tmp_path / "policy.png").stat().st_size > 5000
    log = draw_log(records, 0)
    assert (log.propensity == 1 / len(CHOICES)).all()
    assert (log.cost == log.would[np.arange(len(log.cost)), log.chosen]).all()
