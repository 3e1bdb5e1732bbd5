"""Transforms and scorers that look ahead are caught; those that serve are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.signal

from inference.conditioning import Conditioning
from inference.pipeline import Pipeline
from inference.ticks import TICK_MS
from ingest.errors import InputError
from ingest.frames import Lead
from ingest.recording import Recording
from tests.training.databases import patient
from training.datasets import condition
from training.guard import (
    Fitted,
    measure_look_ahead,
    require_causal,
    require_look_ahead,
)
from training.guard.served import pipeline_scorer

FS = 250
X = patient(0, duration_s=24.0).samples[0].astype(np.float32)
LOW_PASS = scipy.signal.butter(2, 0.3)


@pytest.mark.parametrize(
    ("name", "transform"),
    [
        ("filtfilt", lambda x: scipy.signal.filtfilt(*LOW_PASS, x)),
        ("whole-record z-score", lambda x: (x - x.mean()) / x.std()),
        ("whole-record range", lambda x: x / np.abs(x).max()),
        ("centred mean", lambda x: np.convolve(x, np.ones(9) / 9, "same")),
        ("the whole, reversed", lambda x: x[::-1]),
        ("one sample ahead", lambda x: np.append(x[1:], 0)),
    ],
)
def test_a_transform_that_knows_the_future_is_refused(
    name: str, transform: Callable[[np.ndarray], np.ndarray]
) -> None:
    with pytest.raises(InputError, match=f"{name} is not causal"):
        require_causal(name, transform, X)


@pytest.mark.parametrize(
    ("transform", "look_ahead", "stride"),
    [
        (lambda x: scipy.signal.lfilter(*LOW_PASS, x), 0, 1),
        (lambda x: np.maximum.accumulate(x), 0, 1),
        (lambda x: np.convolve(x, np.ones(9) / 9, "same"), 4, 1),
        (lambda x: x[: len(x) // 5 * 5].reshape(-1, 5).max(axis=1), 0, 5),
    ],
)
def test_a_causal_transform_passes(
    transform: Callable[[np.ndarray], np.ndarray], look_ahead: int, stride: int
) -> None:
    require_causal("it", transform, X.astype(np.float64), look_ahead=look_ahead, stride=stride)


def test_a_centred_window_needs_its_whole_look_ahead() -> None:
    def centred(x: np.ndarray) -> np.ndarray:
        return np.convolve(x, np.ones(9) / 9, "same")

    with pytest.raises(InputError, match="more than 3 samples before"):
        require_causal("centred mean", centred, X, look_ahead=3)


def test_a_transform_that_waits_longer_than_it_says_is_refused() -> None:
    with pytest.raises(InputError, match="waits for more than the 10 samples"):
        require_causal("late", lambda x: x[: len(x) - 50], X, look_ahead=10)


def conditioned(x: np.ndarray) -> np.ndarray:
    lead = Lead("II", "mV", 200.0, 0)
    signal, scale = condition(Recording("a", FS, (lead,), x.astype(np.int16)[None]), 0, 125)
    return signal / np.repeat(scale, 125 * TICK_MS // 1000)


def test_the_conditioning_that_trains_and_serves_is_causal() -> None:
    tick = FS * TICK_MS // 1000
    assert Conditioning(125, 1).model_fs == 125
    require_causal("conditioning", conditioned, X, look_ahead=2 * tick, stride=2)


def beats_at(look_s: float) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Score the mean of what follows each second, up to ``look_s`` of it."""

    def score(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        at = np.arange(0, len(x) - int(look_s * FS), FS // 5)
        return at / FS, np.array([x[i : i + int(look_s * FS)].sum() for i in at])

    return score


@pytest.mark.parametrize("look_s", [0.3, 0.8, 2.0])
def test_look_ahead_is_measured_as_it_is(look_s: float) -> None:
    measured_s = measure_look_ahead(beats_at(look_s), X, FS)
    assert look_s - 0.2 < measured_s <= look_s


def test_look_ahead_must_be_declared_and_short() -> None:
    require_look_ahead("honest", beats_at(0.8), X, FS, 0.8)
    with pytest.raises(InputError, match=r"looks at least 0\.\d+ s ahead, but declares 0.3 s"):
        require_look_ahead("modest", beats_at(0.8), X, FS, 0.3)
    with pytest.raises(InputError, match="looks 2 s ahead; at most 1 s"):
        require_look_ahead("far-sighted", beats_at(2.0), X, FS, 2.0)


def test_a_whole_record_statistic_in_a_scorer_shows_as_look_ahead() -> None:
    def score(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        at = np.arange(0, len(x), FS)
        return at / FS, x[at] / x.std()

    assert measure_look_ahead(score, X, FS) > 20


def test_the_pipeline_that_serves_looks_less_than_a_second_ahead() -> None:
    scorer = pipeline_scorer(Pipeline, FS, Lead("II", "mV", 200.0, 0))
    assert len(scorer(X)[0]) > 20
    measured_s = require_look_ahead("vigil", scorer, X, FS, 0.75)
    assert measured_s > 0.2, "a beat is not known before its T wave begins"


def test_statistics_of_test_patients_are_refused() -> None:
    train = {"simdb/ada": X[:1000], "simdb/bea": X[1000:2000]}
    spread = Fitted("z-score", float(np.std([*train.values()])), frozenset(train))
    assert spread.for_evaluation({"simdb/cat"}) == spread.value
    with pytest.raises(InputError, match="z-score was fitted on simdb/bea, who is evaluated"):
        spread.for_evaluation({"simdb/cat", "simdb/bea"})
    assert spread.for_evaluation({"simdb/bea"}, declared={"simdb/bea"}) == spread.value
    with pytest.raises(InputError, match="must name the patients"):
        Fitted("z-score", 1.0, frozenset())
