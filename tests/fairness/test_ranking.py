"""AUROC and AUPRC: those of scikit-learn, whoever is left out or drawn twice."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from fairness.bootstrap import draw, drawn_auroc
from fairness.cohort import Units
from fairness.ranking import Ranked, auprc, auroc, auroc_of_wins, rank, wins_between

PATIENTS = 9


def units(seed: int, ties: int | None, size: int = 700) -> Units:
    rng = np.random.default_rng(seed)
    patient = np.sort(rng.integers(0, PATIENTS, size)).astype(np.int32)
    truth = rng.random(size) < 0.3
    raw = rng.normal(size=size) + truth + rng.normal(size=PATIENTS)[patient]
    score = 1 / (1 + np.exp(-raw))
    if ties:
        score = np.round(score * ties) / ties
    return Units("all", patient, truth, score > 0.5, score, None, np.zeros(PATIENTS, np.int64))


@pytest.fixture(params=[(0, None), (1, 10), (2, 3)], ids=["no ties", "ties", "many ties"])
def scored(request) -> Units:
    return units(*request.param)


def own(ranked: Ranked, truth: bool) -> np.ndarray:
    return np.bincount(ranked.patient[ranked.truth == truth], minlength=PATIENTS).astype(float)


def test_auroc_and_what_each_patient_takes_from_it_are_exact(scored) -> None:
    found = auroc(rank(scored), PATIENTS)
    area, influence = found.value, found.influence
    assert area == pytest.approx(roc_auc_score(scored.truth, scored.score), abs=1e-12)
    for patient in range(PATIENTS):
        left = scored.patient != patient
        without = roc_auc_score(scored.truth[left], scored.score[left])
        assert area - influence[patient] == pytest.approx(without, abs=1e-12)


def test_the_pairs_between_patients_give_the_same(scored) -> None:
    ranked = rank(scored)
    wins = wins_between(ranked, PATIENTS)
    members = np.arange(PATIENTS) % 2 == 0
    one = auroc_of_wins(wins, members * own(ranked, True), members * own(ranked, False))
    other = auroc(ranked.of(members), PATIENTS)
    assert one.value == pytest.approx(other.value, abs=1e-12)
    assert one.influence == pytest.approx(other.influence, abs=1e-12)
    assert one.between == pytest.approx(other.between, abs=1e-12)
    assert one.between_influence == pytest.approx(other.between_influence, abs=1e-12)


def test_between_patients_counts_no_pair_within_one(scored) -> None:
    ranked = rank(scored)
    wins = wins_between(ranked, PATIENTS)
    pairs = np.outer(own(ranked, True), own(ranked, False))
    apart = ~np.eye(PATIENTS, dtype=bool)
    found = auroc(ranked, PATIENTS)
    assert found.between == pytest.approx(wins[apart].sum() / pairs[apart].sum(), abs=1e-12)
    for patient in range(PATIENTS):
        left = apart & (np.arange(PATIENTS) != patient)
        left[patient] = False
        without = wins[left].sum() / pairs[left].sum()
        assert found.between - found.between_influence[patient] == pytest.approx(without, abs=1e-12)


def test_drawing_patients_is_repeating_their_rows(scored) -> None:
    ranked = rank(scored)
    often = draw(np.arange(PATIENTS) % 2, 20, np.random.default_rng(0))
    drawn = drawn_auroc(
        often, wins_between(ranked, PATIENTS), own(ranked, True), own(ranked, False)
    )
    for weights, area in zip(often, drawn, strict=True):
        expected = roc_auc_score(scored.truth, scored.score, sample_weight=weights[scored.patient])
        assert area == pytest.approx(expected, abs=1e-6)


def test_auprc_is_average_precision_and_its_influence_a_derivative(scored) -> None:
    area, influence = auprc(rank(scored), PATIENTS)
    assert area == pytest.approx(average_precision_score(scored.truth, scored.score), abs=1e-12)
    for patient in range(PATIENTS):
        weights = np.ones(PATIENTS)
        weights[patient] += 1e-5
        moved = average_precision_score(
            scored.truth, scored.score, sample_weight=weights[scored.patient]
        )
        slope = (moved - area) / 1e-5 * PATIENTS / (PATIENTS - 1)
        assert influence[patient] == pytest.approx(slope, abs=1e-5)


def test_many_negatives_are_counted_in_blocks_without_loss() -> None:
    many = units(4, 50, size=6000)
    ranked = rank(many)
    wins = wins_between(ranked, PATIENTS)
    pairs = own(ranked, True).sum() * own(ranked, False).sum()
    assert wins.sum() / pairs == pytest.approx(roc_auc_score(many.truth, many.score), abs=1e-12)


def test_without_pairs_there_is_no_area() -> None:
    one = units(5, None)
    ranked = rank(one)
    only = Ranked(ranked.patient, np.ones_like(ranked.truth), ranked.rank)
    assert np.isnan(auroc(only, PATIENTS).value)
    assert np.isnan(auroc_of_wins(np.zeros((2, 2)), np.ones(2), np.zeros(2)).value)
    none = Ranked(ranked.patient, np.zeros_like(ranked.truth), ranked.rank)
    assert np.isnan(auprc(none, PATIENTS)[0])


def test_a_condition_without_scores_cannot_be_ranked() -> None:
    one = units(6, None)
    bare = Units("all", one.patient, one.truth, one.prediction, None, None, one.excluded)
    with pytest.raises(ValueError, match="no scores"):
        rank(bare)
