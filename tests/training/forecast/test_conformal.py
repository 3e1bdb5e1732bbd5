"""Limits that give as many false alarms as were asked for, patient-wise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.calibration import Calibration
from ingest.errors import InputError
from training.forecast.conformal import (
    LIMITS,
    alarm_rates,
    alarm_shares,
    calibrated,
    false_alarms,
    limit_for,
    onsets,
    scores_left_out,
    tables,
)


def people(n: int, seed: int) -> tuple[list[np.ndarray], list[np.ndarray], list[str]]:
    """Scores of patients whose noise differs, so that seconds of one hang together."""
    rng = np.random.default_rng(seed)
    scores = [rng.exponential(rng.uniform(0.3, 1.5), (900, 2)) for _ in range(n)]
    return scores, [np.arange(900) >= 60] * n, [f"p{i}" for i in range(n)]


def test_new_patients_have_the_share_of_time_that_was_asked_for():
    scores, clean, names = people(400, 0)
    rarity, reached = tables(scores[:200], clean[:200])
    calibration = Calibration(rarity, reached, {})
    joint = [calibration.score(each) for each in scores]

    limit = limit_for(alarm_shares(joint[:200], clean[:200], names[:200]), 0.05)
    got = np.mean([(s[m] >= limit).mean() for s, m in zip(joint[200:], clean[200:], strict=True)])

    assert 0.8 <= got / 0.05 <= 1.2


def test_new_patients_have_as_many_alarms_an_hour_as_were_asked_for():
    scores, clean, names = people(160, 1)
    calibration = calibrated(scores[:80], clean[:80], names[:80], [8.0])
    joint = [calibration.score(each) for each in scores[80:]]

    rates = alarm_rates(joint, clean[80:], names[80:])
    got = rates[:, np.searchsorted(LIMITS, calibration.limits["8"])].mean()

    assert 0.7 <= got / 8.0 <= 1.3


def test_few_calibration_patients_are_not_taken_for_those_to_come():
    got: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(30):
        scores, clean, names = people(40, seed)
        mine = scores[:8], clean[:8], names[:8]
        plain = Calibration(*tables(*mine[:2]), {})
        joint = [plain.score(each) for each in scores]
        for left_out, own in ((True, scores_left_out(*mine)), (False, joint[:8])):
            limit = limit_for(alarm_shares(own, *mine[1:]), 0.02)
            got[left_out].append(np.mean([(s[60:] >= limit).mean() for s in joint[8:]]) / 0.02)

    assert 0.8 <= np.mean(got[True]) <= 1.2
    assert abs(np.mean(got[True]) - 1) < abs(np.mean(got[False]) - 1)


def test_one_patient_is_too_few_for_limits():
    scores, clean, names = people(1, 0)
    with pytest.raises(InputError, match="2 patients or more, not 1"):
        scores_left_out(scores, clean, names)


def test_the_bound_makes_limits_higher_and_refuses_what_few_patients_cannot_give():
    scores, clean, names = people(20, 2)
    shares = alarm_shares([s[:, 0] for s in scores], clean, names)

    assert limit_for(shares, 0.2, bound=1.0) > limit_for(shares, 0.2)
    with pytest.raises(InputError, match="20 patients"):
        limit_for(shares, 0.01, bound=1.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_false_alarms_never_rise_with_the_limit(seed):
    score = np.random.default_rng(seed).exponential(1.0, 300)

    counts = false_alarms(score, np.ones(300, bool))

    assert (np.diff(counts) <= 0).all()


def test_an_anomaly_needs_three_seconds_and_ends_after_ten_quiet_ones():
    above = np.zeros(200, bool)
    above[[70, 71, 80, 81, 82, 85, 86, 95, 96, 97, 120, 121, 122]] = True

    began = np.flatnonzero(onsets(above[:, None])[:, 0])

    assert began.tolist() == [82, 122]


def test_nothing_begins_while_a_stream_warms_up():
    assert np.flatnonzero(onsets(np.ones((90, 1), bool))[:, 0]).tolist() == [62]


def test_a_component_says_nothing_where_it_is_missing():
    scores, clean, _ = people(5, 3)
    calibration = Calibration(*tables(scores, clean), {})

    assert calibration.score(np.array([[np.nan, np.nan]])).tolist() == [0.0]


def test_rarer_is_never_less():
    scores, clean, _ = people(5, 4)
    calibration = Calibration(*tables(scores, clean), {})
    rising = np.linspace(0, 50, 400)

    told = calibration.rarities(np.stack([rising, rising], axis=1))

    assert (np.diff(told, axis=0) >= 0).all()


def test_one_in_a_hundred_has_rarity_two():
    scores, clean, _ = people(60, 5)
    calibration = Calibration(*tables(scores, clean), {})
    pairs = zip(scores, clean, strict=True)
    told = np.concatenate([calibration.rarities(s)[m, 0] for s, m in pairs])

    assert abs((told >= 2).mean() - 0.01) < 0.001


def test_a_calibration_survives_its_metadata():
    scores, clean, names = people(8, 6)
    calibration = calibrated(scores, clean, names, [4.0])

    again = Calibration.of({"calibration": calibration.to_json()}, 2, "x")

    assert again.limits == calibration.limits
    np.testing.assert_allclose(again.score(scores[0]), calibration.score(scores[0]), atol=1e-3)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"rarity": [0, 1]}',
     '{"rarity": [0, 1], "reached": [[1, 0], [0, 1]], "limits": {"4": 1}}',
     '{"rarity": [0, 1], "reached": [[0, 1]], "limits": {"4": 1}}',
     '{"rarity": [0, 1], "reached": [[0, 1], [0, 1]], "limits": {}}'],
)  # fmt: skip
def test_metadata_that_is_no_calibration_is_refused(text):
    with pytest.raises(InputError, match="calibration"):
        Calibration.of({"calibration": text}, 2, "x")
