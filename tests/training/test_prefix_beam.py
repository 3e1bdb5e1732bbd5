"""Prefix beam search gives the likeliest string, by enumeration and by torch's CTC."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import ctc_loss

from inference.strings import BLANK, collapse
from ingest.errors import InputError
from training.prefix_beam import PrefixBeam, likeliest_string

WIDE = 10_000
"""No prefix of a short stretch is dropped."""


def frames(seed: int, n: int, n_symbols: int = 3, sharp: float = 2.0) -> NDArray[np.float64]:
    logits = sharp * np.random.default_rng(seed).standard_normal((n, n_symbols))
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))


def by_enumeration(log_probs: NDArray[np.float64]) -> dict[tuple[int, ...], float]:
    """Probability of every string: all alignments added up, one by one."""
    strings: dict[tuple[int, ...], float] = defaultdict(float)
    n_frames, n_symbols = log_probs.shape
    for path in itertools.product(range(n_symbols), repeat=n_frames):
        said = collapse(np.array([path]), np.array([BLANK])).classes
        strings[tuple(said.tolist())] += float(np.exp(log_probs[range(n_frames), path].sum()))
    return strings


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_the_likeliest_string_of_all(seed: int) -> None:
    log_probs = frames(seed, n=6)
    strings = by_enumeration(log_probs)
    classes, log_prob = likeliest_string(log_probs, WIDE)
    assert np.exp(log_prob) == pytest.approx(max(strings.values()))
    assert strings[tuple(classes.tolist())] == pytest.approx(max(strings.values()))


@pytest.mark.parametrize("seed", range(4))
def test_its_probability_is_that_of_the_ctc_loss(seed: int) -> None:
    log_probs = frames(seed, n=9, n_symbols=4)
    classes, log_prob = likeliest_string(log_probs, WIDE)
    loss = ctc_loss(
        torch.from_numpy(log_probs)[:, None],
        torch.from_numpy(classes)[None],
        torch.tensor([len(log_probs)]),
        torch.tensor([len(classes)]),
        BLANK,
        reduction="sum",
    )
    assert -log_prob == pytest.approx(float(loss), rel=1e-6)


def test_it_is_likelier_than_the_likeliest_alignment_says() -> None:
    better = 0
    for seed in range(16):
        log_probs = frames(seed, n=5, sharp=0.7)
        strings = by_enumeration(log_probs)
        greedy = collapse(log_probs.argmax(axis=1)[None], np.array([BLANK])).classes
        beam, _ = likeliest_string(log_probs, width=16)
        assert strings[tuple(beam.tolist())] >= strings[tuple(greedy.tolist())] - 1e-12
        better += tuple(beam.tolist()) != tuple(greedy.tolist())
    assert better >= 3


@pytest.mark.parametrize("cut", [1, 3, 7])
def test_chunks_do_not_matter(cut: int) -> None:
    log_probs = frames(5, n=21)
    beam = PrefixBeam(width=4)
    for begin in range(0, len(log_probs), cut):
        beam.step(log_probs[begin : begin + cut])
    classes, log_prob = beam.best()
    whole, whole_log_prob = likeliest_string(log_probs, width=4)
    assert classes.tolist() == whole.tolist()
    assert log_prob == whole_log_prob


def test_the_same_beat_twice_wants_a_blank_between() -> None:
    said = np.array([1, 1, BLANK, 1, 2])
    sure = np.where(np.arange(3) == said[:, None], 0.0, -np.inf)
    classes, log_prob = likeliest_string(sure)
    assert classes.tolist() == [1, 1, 2]
    assert log_prob == 0.0


def test_nothing_is_said_of_no_frames_and_a_beam_has_a_width() -> None:
    assert likeliest_string(np.zeros((0, 3)))[0].tolist() == []
    with pytest.raises(InputError, match="width of a beam is 0"):
        PrefixBeam(width=0)
