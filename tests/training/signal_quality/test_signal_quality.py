"""The quality index is fitted to what was marked, judged by patients left out, and shipped so."""

from __future__ import annotations

import json

import numpy as np
import pytest

from inference.quality_index import FEATURES, shipped
from training.signal_quality.auc import auc, by_patient
from training.signal_quality.fitting import Ticks, fit, left_out, weigh
from training.signal_quality.marked import Mark
from training.signal_quality.peers import _matches


def some_ticks(n: int = 4000, seed: int = 0) -> Ticks:
    """Ticks of two databases whose noise shows in the first feature alone."""
    rng = np.random.default_rng(seed)
    mark = rng.integers(0, 2, n).astype(np.int8)
    features = rng.gamma(2.0, 0.1, (n, len(FEATURES))).astype(np.float32)
    features[mark == Mark.NOISE, 0] *= 4
    patient = np.array([f"p{i}" for i in rng.integers(0, 12, n)])
    database = np.where(rng.random(n) < 0.2, "a", "b")
    ones = np.ones(n, np.float32)
    return Ticks(features, ones, ones, mark, patient, database)


def test_the_fit_finds_the_feature_that_tells_noise_and_its_sign():
    ticks = some_ticks()
    model = fit(ticks.features, ticks.noisy, weigh(ticks))

    assert model.weights[0] > 3
    assert np.abs(model.weights[1:]).max() < 1
    assert auc(model.index(ticks.features.T), ticks.noisy) > 0.85


def test_scores_of_a_patient_do_not_depend_on_how_that_patient_is_marked():
    ticks = some_ticks()
    score = left_out(ticks)
    own = ticks.patient == "p3"
    turned = Ticks(
        ticks.features,
        ticks.rough,
        ticks.moves,
        np.where(own, 1 - ticks.mark, ticks.mark).astype(np.int8),
        ticks.patient,
        ticks.database,
    )
    alike = ticks.fold == ticks.fold[own][0]

    np.testing.assert_allclose(left_out(turned)[own & alike], score[own & alike])
    assert not np.allclose(left_out(turned)[~alike], score[~alike], atol=2e-3)


def test_databases_and_both_kinds_count_alike_however_long_they_are():
    ticks = some_ticks()
    weights = weigh(ticks)
    sums = [
        weights[(ticks.database == database) & (ticks.noisy == noisy)].sum()
        for database in ("a", "b")
        for noisy in (True, False)
    ]

    np.testing.assert_allclose(sums, len(weights) / 4)


def test_areas_are_those_of_counting_pairs_and_leave_out_patients_of_one_kind():
    rng = np.random.default_rng(1)
    score, noisy = rng.integers(0, 9, 80) / 8, rng.random(80) < 0.4
    pairs = np.subtract.outer(score[~noisy], score[noisy])
    patient = np.repeat(["p", "q"], 40)

    assert auc(score, noisy) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    many, only_clean = np.tile(score, 10), np.tile(noisy & (patient == "p"), 10)
    assert set(by_patient(many, only_clean, np.tile(patient, 10))) == {"p"}


def test_detections_match_within_150_ms():
    assert _matches(np.array([1.0, 2.0, 3.0]), np.array([1.14, 2.2, 2.9])).tolist() == [1.0, 3.0]
    assert not len(_matches(np.array([1.0]), np.zeros(0)))


def test_the_weights_that_ship_are_those_of_the_figures():
    from training.assessment.kept import kept

    found, model = kept("signal_quality"), shipped()
    assert found is not None
    assert found["noisy_below"] == model.noisy_below
    assert list(found["weights"].values()) == pytest.approx(model.weights, abs=1e-3)
    assert json.dumps(found["areas"]["vigil"])
