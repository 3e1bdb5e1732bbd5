"""F1 of one class, as EC57 counts it."""

import numpy as np

from inference.ticks import F, N, Q, S, V
from training.scores import f1


def score(aami: list[int], called: list[int], positive: int = V) -> float:
    return f1(np.array(aami, np.int8), np.array(called), positive)


def test_fusion_and_unknown_beats_called_v_are_not_held_against_it() -> None:
    assert score([V, F, Q], [V, V, V]) == 1.0


def test_other_beats_called_v_are() -> None:
    assert score([V, N, S], [V, V, V]) == 0.5


def test_missed_beats_count() -> None:
    assert score([S, S, S, N], [S, N, V, N], S) == 0.5


def test_nothing_to_find_and_nothing_found_is_0_not_an_error() -> None:
    assert score([N, N], [N, N]) == 0.0
