"""How VT and VF are counted: stretches of 4 s, and when long episodes are called."""

from __future__ import annotations

import itertools

import numpy as np

from training.shockable import LeftOut, figures, in_words, long_episodes, stretches

TICK_S = 0.2


def left(record: str, p: np.ndarray, truth: np.ndarray, lead: int = 0) -> LeftOut:
    """Make a record of which VF has the probability ``p``, its stretches those of ``truth``."""
    probs = np.zeros((len(p), 4), np.float32)
    probs[:, 0], probs[:, 2] = 1 - p, p
    edges = np.flatnonzero(np.diff(truth, prepend=truth[0] - 1, append=-9))
    spans = [(int(a * 200), int(b * 200), int(truth[a])) for a, b in itertools.pairwise(edges)]
    scale_uv = np.full(len(p), 800, np.float32)
    return LeftOut(record, lead, probs, scale_uv, truth.astype(np.int8), np.array(spans))


def test_only_stretches_that_are_all_alike_count_each_on_its_side() -> None:
    truth = np.repeat([0, 2, -1, 0], [30, 70, 20, 40])  # 6 s, 14 s, 4 s of noise, 8 s
    p = np.repeat([0.0, 1.0, 1.0, 0.0], [30, 70, 20, 40])
    counts = stretches(left("a", p, truth), 0.5)
    assert (counts.shocked, counts.missed) == (3, 0)  # the stretch from 4 s on is of two kinds
    assert (counts.false, counts.left) == (0, 3)
    assert in_words([counts]) == "Se 100.00 of 3, Sp 100.00 of 3"


def test_asystole_is_to_be_left_alone_and_small_waves_are_not_called() -> None:
    truth = np.full(100, 3)
    loud = left("a", np.ones(100), truth)
    assert stretches(loud, 0.5).false == 5
    loud.scale_uv[:] = 150
    assert stretches(loud, 0.5).false == 0


def test_long_episodes_are_timed_from_their_onset() -> None:
    truth = np.repeat([0, 2, 0, 2, 0], [50, 60, 50, 40, 50])  # 12 s, then 8 s: too short to count
    p = np.repeat([0.0, 0.1, 1.0, 0.0], [50, 20, 40, 140])
    (told,) = long_episodes(left("a", p, truth), 0.5)
    assert (told.rhythm, told.onset_s, told.duration_s) == ("VF", 10.0, 12.0)
    assert told.delay_s is not None
    # Silent for 4 s, then certain: half of the 4 s that are averaged have to be.
    np.testing.assert_allclose(told.delay_s, 5.8)
    (missed,) = long_episodes(left("a", 0 * p, truth), 0.5)
    assert missed.delay_s is None


def test_figures_tell_records_all_of_them_and_what_was_late() -> None:
    truth, p = np.repeat([0, 2], [100, 100]), np.repeat([0.0, 1.0], [100, 100])
    both = [left("a", p, truth), left("a", 0 * p, truth, lead=1)]
    found = figures(both, 0.5)
    assert found["rows"][0] == {
        "record": "a", "cells": ["100.0 of 5", "100.0 of 5", "0.0 of 5", "100.0 of 5"],
    }  # fmt: skip
    assert found["rows"][1]["cells"][0] == "100.0 of 5 [100.0, 100.0]"
    assert (found["n_episodes"], found["n_in_time"]) == (2, 1)
    assert found["late"] == ["VF in a lead 1 at 20 s, 20 s long, missed"]
