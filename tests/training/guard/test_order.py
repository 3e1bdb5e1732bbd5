"""Sequences in time order pass; grouped by label they do not."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.errors import InputError
from training.ec57 import make_annotations
from training.guard import require_not_grouped, require_time_order


def test_beats_must_come_after_one_another() -> None:
    require_time_order("a", [1, 2, 5])
    require_time_order("a", [])
    for wrong in ([1, 5, 2], [1, 1]):
        with pytest.raises(InputError, match="record a: beats are not in time order"):
            require_time_order("a", wrong)


@pytest.mark.parametrize(
    "beats",
    [
        "NNNNNNNNNNNNVVVVVVVV",  # a record that ends in a run of ventricular tachycardia
        "NNNNNNNNNNSV",
        "NNNNNVVVVVVNNNNNSSSSSSN",
        "NNNNNNNNNNN",
        "",
    ],
)
def test_what_can_happen_to_a_heart_passes(beats: str) -> None:
    require_not_grouped([("a", list(beats))])


def test_blocks_of_three_classes_are_no_chance() -> None:
    with pytest.raises(InputError, match="grouped by label in b: sequences must be in time"):
        require_not_grouped([("a", list("NNVNN")), ("b", list("N" * 9 + "S" * 6 + "V" * 5))])


def test_two_blocks_in_every_record_are_no_chance_either() -> None:
    block = list("N" * 20 + "V" * 8)
    mixed = list("NNNNVNNNNVVVNNNVV")
    require_not_grouped([("a", block), ("b", block)])
    require_not_grouped([("a", block), ("b", block), ("c", block), ("d", mixed)])
    with pytest.raises(InputError, match="grouped by label in a, b, c"):
        require_not_grouped([("a", block), ("b", block), ("c", block)])


def test_a_shuffle_of_the_same_beats_is_told_from_the_block() -> None:
    rng = np.random.default_rng(0)
    beats = np.repeat([0, 1, 2], [60, 30, 30])
    require_not_grouped([("a", rng.permutation(beats))])
    with pytest.raises(InputError, match="grouped"):
        require_not_grouped([("a", beats)])


def test_annotations_to_be_scored_must_be_in_time_order() -> None:
    with pytest.raises(InputError, match="not in time order: sample 460 is followed by 100"):
        make_annotations([460, 100], ["V", "N"], 360)
