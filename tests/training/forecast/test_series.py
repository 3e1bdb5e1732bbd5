"""Series as they are read, dealt out, disturbed, planted and learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.numerics import averaged, channel_values
from ingest.errors import InputError
from ingest.frames import Lead
from tests.training.forecast.sensors import CHANNELS, cohort, patient
from training.forecast.baselines import LinearForecast, ewma, naive, seasonal
from training.forecast.disturbed import disturbed, undisturbed
from training.forecast.folds import deal, without
from training.forecast.holes import Holes, with_holes
from training.forecast.planted import KINDS, plant
from training.forecast.sampling import SCHEDULES, truth_share
from training.forecast.series import (
    SensorSeries,
    SeriesSplit,
    load_series,
    numerics_records,
    series_digest,
)
from training.forecast.unrolled import ahead


@pytest.mark.data
def test_records_of_one_person_are_of_one_patient(data_dir: Path) -> None:
    records = numerics_records(data_dir / "bidmc")
    series = load_series(data_dir / "bidmc", records, CHANNELS)
    by_name = {each.name: each.patient for each in series}

    assert len(series) == 53
    assert len(set(by_name.values())) == 46
    assert by_name["bidmc06n"] == by_name["bidmc09n"] != by_name["bidmc10n"]


@pytest.mark.data
def test_a_channel_without_a_gain_is_missing_and_the_rest_is_read(data_dir: Path) -> None:
    (series,) = load_series(data_dir / "bidmc", ["bidmc19n"], CHANNELS)

    assert np.isnan(series.values[:, 3]).all()
    assert 70 < np.nanmean(series.values[:, 0]) < 78
    assert series.subject.age_years == 85


def test_no_fold_shares_a_person():
    series = cohort(9)
    series[3] = SensorSeries("again", series[7].patient, CHANNELS, series[3].values)

    folds = deal(series, 4)

    assert sorted(s.name for fold in folds for s in fold) == sorted(s.name for s in series)
    for fold in folds:
        left = {s.patient for s in fold}
        assert not left & {s.patient for s in without(series, fold)}


def test_a_person_on_both_sides_is_refused():
    with pytest.raises(InputError, match="p01"):
        SeriesSplit(cohort(2), cohort(3)[1:])


def test_a_database_without_numerics_is_told(tmp_path):
    with pytest.raises(InputError, match="no record of numerics"):
        numerics_records(tmp_path)


def test_faster_records_are_averaged_and_slower_ones_refused():
    x = np.arange(6, dtype=np.float32)[:, None]
    assert averaged(x, 3.0, 1.0, "x")[:, 0].tolist() == [1.0, 4.0]
    with pytest.raises(InputError, match="multiple of 2 Hz"):
        averaged(x, 1.0, 2.0, "x")


def test_a_record_of_other_channels_is_refused_by_name():
    with pytest.raises(InputError, match="TEMP"):
        channel_values([Lead("TEMP", "C", 1.0, 0)], np.zeros((1, 2), np.int16), CHANNELS, "r")


def test_the_digest_tells_values_and_people_apart():
    a, b = cohort(2)
    assert series_digest([a, b]) != series_digest([b, a]) != series_digest([a])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_planted_is_there_alone_and_the_same_again(kind):
    own = patient(0)
    before = own.values.copy()

    one, again = plant(own, kind, 1), plant(own, kind, 1)

    assert (one.begin, one.end) == (again.begin, again.end)
    np.testing.assert_array_equal(one.series.values, again.series.values)
    np.testing.assert_array_equal(own.values, before)
    changed = (one.series.values != before).any(axis=1)
    assert changed.any()
    assert not changed[: one.begin].any()
    assert not changed[one.end :].any()
    assert one.begin >= 130
    assert one.end <= 340


def test_what_is_wrong_is_found_by_rule_and_its_wake_is_neither():
    own = patient(0)
    own.values[100:110, 1] += 30  # pulse parts from heart rate
    own.values[200:203, 2] = np.nan  # too short to count
    own.values[250:260, 3] -= 6

    wrong, clean = disturbed(own), undisturbed(own)

    assert np.flatnonzero(wrong).tolist() == [*range(100, 110), *range(250, 260)]
    assert not clean[:60].any()
    assert not clean[100:170].any()
    assert clean[175:245].all()


def test_holes_are_seeded_and_take_values_away_only():
    own = patient(1).values

    one = with_holes(own, Holes(), np.random.default_rng(3))
    again = with_holes(own, Holes(), np.random.default_rng(3))

    np.testing.assert_array_equal(one, again)
    kept = ~np.isnan(one)
    np.testing.assert_array_equal(one[kept], own[kept])
    assert 0.05 < 1 - kept.mean() < 0.9


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_never_rise_and_end_where_they_should(schedule):
    shares = [truth_share(schedule, p) for p in np.linspace(0, 1, 50)]

    assert all(0 <= s <= 1 for s in shares)
    assert (np.diff(shares) <= 0).all()
    if schedule not in ("teacher", "free"):
        assert shares[0] > 0.9
        assert shares[-1] < 0.05


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="inverse-sigmoid"):
        truth_share("sudden", 0.5)


def test_what_came_is_missing_behind_the_end():
    target = torch.arange(10.0)[:, None, None]
    told = ahead(target, torch.tensor([3, 8]), torch.tensor([0, 0]), 3, 2)

    assert told[0, :, 0].tolist() == [5.0, 7.0, 9.0]
    assert torch.isnan(told[1]).all()


def test_simple_forecasts_know_what_they_are_made_for():
    step = np.arange(300)
    swing = (80 + 5 * np.sin(2 * np.pi * step / 30))[:, None].astype(np.float32)
    own = SensorSeries("s", "s", ("HR",), swing)

    late = slice(150, 230)
    for lead in (7, 30, 45):
        said = seasonal(own, [lead])[late, 0, 0]
        assert np.abs(said - swing[150 + lead : 230 + lead, 0]).mean() < 0.3
    assert naive(own, [5])[10, 0, 0] == swing[10, 0]
    assert np.ptp(ewma(own, [5])[late]) < np.ptp(swing)


def test_the_linear_forecast_learns_a_swing():
    series = cohort(5, 300)
    model = LinearForecast()
    model.fit(series[:4], [15])
    said, own = model(series[4], [15])[:, 0, 0], series[4].values[:, 0]

    ours = np.abs(said[100:-15] - own[115:]).mean()

    assert ours < 0.8 * np.abs(own[100:-15] - own[115:]).mean()
