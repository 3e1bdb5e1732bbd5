"""What annotation symbols mean, and that training and scoring mean the same."""

from inference.ticks import AAMI
from training.ec57 import DE_CHAZAL
from training.labels import aami_codes


def test_escape_beats_are_normal() -> None:
    assert aami_codes(list("ejn")).tolist() == [0, 0, 0]


def test_what_is_no_beat_has_no_class() -> None:
    assert aami_codes(["+", "~", "[", "]", "!", "|", "x", ""]).tolist() == [-1] * 8


def test_models_learn_the_classes_by_which_they_are_scored() -> None:
    symbols, classes = zip(*DE_CHAZAL.classes.items(), strict=True)
    assert [AAMI[code] for code in aami_codes(symbols)] == list(classes)
