"""What an S branch may be told besides: causal, learned once, and meaning what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from ingest.errors import InputError
from training.architectures.atrial import AtrialDetector
from training.architectures.recall import HAS_RR, RR, TYPICAL_S
from training.architectures.recall import N_FEATURES as N_RECALLED
from training.architectures.rhythm import N_RHYTHM
from training.s_beats import further
from training.s_beats.fibrillation import tell_fibrillation
from training.s_beats.further import SOURCES, Further, Source, n_told
from training.s_beats.long_memory import long_memory
from training.s_beats.p_waves import (
    NONE,
    WIDTH,
    Delineated,
    PFinder,
    fit_finder,
    pieces_of,
    tell_p_waves,
)
from training.s_beats.seen import Seen
from training.s_beats.surprise import EARLY, NextBeat, tell_surprise


def beats(n: int = 40, seed: int = 0) -> Seen:
    """Beats of two streams, nothing in them like another."""
    rng = np.random.default_rng(seed)
    rr = torch.from_numpy(rng.uniform(0.5, 1.1, (n, 2))).float()
    features = torch.from_numpy(rng.normal(0, 0.3, (n, 2, N_RECALLED))).float()
    features[..., RR], features[..., HAS_RR] = rr - TYPICAL_S, 1.0
    return Seen(
        torch.from_numpy(rng.normal(0, 0.1, (n, 2, 2, WIDTH))).half(),
        features,
        torch.zeros(n, 2, N_RHYTHM),
        torch.from_numpy(rng.choice([-5.0, 5.0], (n, 2), p=[0.8, 0.2])).float(),
        torch.zeros(n, 2, dtype=torch.int64),
    )


TELLERS: dict[str, Callable[[Seen], Tensor]] = {
    "long": long_memory,
    "p": lambda seen: tell_p_waves(PFinder().eval(), seen),
    "af": lambda seen: tell_fibrillation(AtrialDetector().eval(), seen),
    "surprise": lambda seen: tell_surprise(NextBeat().eval(), seen),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_beat_is_told_by_those_before_it_alone(name: str) -> None:
    seen = beats()
    torch.manual_seed(1)
    whole = TELLERS[name](seen)
    torch.manual_seed(1)
    begun = TELLERS[name](
        Seen(seen.atrial[:25], seen.features[:25], seen.rhythm[:25], seen.v[:25], seen.aami[:25])
    )
    assert whole.shape == (40, 2, SOURCES[name].n_told)
    assert torch.isfinite(whole).all()
    torch.testing.assert_close(whole[:25], begun)


def lead(rng: np.random.Generator, person: int, *, with_p: bool) -> Delineated:
    """A lead with a QRS each second, and a P wave 16 to 24 samples before it or none."""
    x = 0.01 * rng.standard_normal(1250)
    r = np.arange(1, 10) * 125
    p = r - rng.integers(16, 24, len(r))
    t = np.arange(len(x))
    for at in r:
        x += np.exp(-0.5 * ((t - at) / 1.5) ** 2)
    for at in p if with_p else ():
        x += 0.15 * np.exp(-0.5 * ((t - at) / 3) ** 2)
    return Delineated(str(person), x.astype(np.float32), r, p if with_p else p[:0])


def test_a_piece_tells_where_its_p_wave_peaks() -> None:
    one = lead(np.random.default_rng(0), 0, with_p=True)
    pieces, place = pieces_of(one, np.zeros(len(one.r), np.int64))
    assert (np.abs(pieces.argmax(1) - place) <= 2).all()
    none, nowhere = pieces_of(lead(np.random.default_rng(0), 0, with_p=False), one.r * 0)
    assert len(none) == len(one.r)
    assert (nowhere == NONE).all()


@pytest.mark.train
def test_the_finder_finds_p_waves_of_people_unseen() -> None:
    rng = np.random.default_rng(0)
    finder = fit_finder([lead(rng, i, with_p=i % 2 == 0) for i in range(24)], steps=150, batch=64)
    for with_p in (True, False):
        found = [pieces_of(lead(rng, 99, with_p=with_p), np.zeros(9, np.int64)) for _ in range(5)]
        pieces, place = (np.concatenate(part) for part in zip(*found, strict=True))
        with torch.no_grad():
            told = finder(torch.from_numpy(pieces)).argmax(1).numpy()
        assert (np.abs(told - place) <= 2).mean() > 0.9


@pytest.mark.train
def test_an_early_beat_surprises_a_model_of_a_regular_rhythm() -> None:
    torch.manual_seed(0)
    model = NextBeat()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    seen = beats(30)
    seen.features[:] = seen.features[:1, :1]
    seen.features[..., HAS_RR] = 1.0
    seen.features[..., EARLY] = 0.02 * torch.randn(30, 2)
    for _ in range(60):
        _, interval, _, _ = model(seen.atrial[:, :, 0].float(), seen.features)
        optimizer.zero_grad()
        interval.mean().backward()
        optimizer.step()
    usual = tell_surprise(model, seen)[20, 0]
    seen.features[20, :, EARLY] = -0.4
    early = tell_surprise(model, seen)[20, 0]
    assert early[1] < 0.02  # hardly any beat was expected earlier
    assert early[2] > usual[2] + 0.3


def test_what_is_learned_is_learned_once_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def fit(_: Path) -> torch.nn.Module:
        calls.append("fit")
        return torch.nn.Identity()

    def tell(_: object, seen: Seen) -> Tensor:
        calls.append("tell")
        return torch.ones(*seen.v.shape, 2)

    monkeypatch.setattr(further, "SOURCES", {"x": Source(2, tell, fit, torch.nn.Identity)})
    seen = beats()
    for _ in range(2):
        more = Further(tmp_path, tmp_path / "out")
        assert more.of(["x"], "a", seen).shape == (40, 2, 2)
        assert more.of(["x"], "a", seen).sum() == 160
    assert calls == ["fit", "tell", "tell"]
    with pytest.raises(InputError, match="no source long; there are: x"):
        n_told(["long"])
