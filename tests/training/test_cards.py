"""Every model that ships has a card whose figures are of that very file."""

import re

import pytest

from inference import model
from training.assessment.card import BEGIN, END


@pytest.mark.parametrize("name", model.builtin_names())
def test_a_card_speaks_of_the_file_beside_it(name: str) -> None:
    path = model.builtin(name)
    text = path.with_suffix(".md").read_text("utf-8")
    _, info = model.load(path)

    figures = text.partition(BEGIN)[2].partition(END)[0]
    digests = re.findall(r"SHA-256 `([0-9a-f]{12,})…`, training data `([0-9a-f]{12,})…`", figures)

    assert len(digests) == 1, "no figures: make assess writes them"
    assert info.digest.startswith(digests[0][0]), "the figures are of another file: make assess"
    assert info.data_digest.startswith(digests[0][1])
    assert f"Model `{info.name}` {info.version}" in figures
    assert ("bidmc" if info.kind == "forecast" else "mitdb DS2") in figures
