"""Beat strings: repeats and blanks go, whatever the chunks and the neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from inference.strings import collapse


def naive(best: list[int], last: int) -> list[int]:
    said = []
    for symbol in best:
        if symbol not in (0, last):
            said.append(symbol)
        last = symbol
    return said


@pytest.mark.parametrize("seed", range(5))
def test_collapse_says_what_a_loop_over_frames_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    best, last = rng.integers(0, 4, (6, 40)), rng.integers(0, 4, 6)
    symbols = collapse(best, last)
    for row in range(6):
        assert symbols.classes[symbols.rows == row].tolist() == naive(best[row].tolist(), last[row])
    np.testing.assert_array_equal(best[symbols.rows, symbols.frames], symbols.classes)


def test_only_a_blank_parts_two_beats_of_a_class() -> None:
    both = collapse(np.array([[2, 0, 2], [2, 2, 2]]), np.zeros(2, np.int64))
    assert both.rows.tolist() == [0, 0, 1]


def test_the_first_frame_goes_on_from_the_frame_before() -> None:
    assert collapse(np.array([[1]]), np.array([1])).classes.tolist() == []
    assert collapse(np.array([[1]]), np.array([2])).classes.tolist() == [1]
