"""Series as a forecaster learns from them: features of every step, and what came after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.architectures.normaliser import RELATIVE, Normaliser

RIDGE = 0.1
"""Penalty of the straight line, a row."""
MOST = 8.0
"""Largest move that it learns from, in spreads."""


@dataclass(frozen=True, slots=True, eq=False)
class Unrolled:
    """Series side by side, as long as the longest; shorter ones are missing at their end."""

    features: Tensor
    """Tensor of shape (n_steps, n_series, n_features)."""
    last: Tensor
    """Tensor of shape (n_steps, n_series, n_channels): last value at each step, own unit."""
    scale: Tensor
    """Tensor of shape (n_steps, n_series, n_channels): what forecasts are counted in."""
    heard: Tensor
    """Tensor of shape (n_steps, n_series, n_channels), bool: there was a value by then."""
    target: Tensor
    """Tensor of shape (n_steps, n_series, n_channels): what really was there; NaN if missing."""


def unroll(
    normaliser: Normaliser, heard: Sequence[Tensor], truth: Sequence[Tensor] | None = None
) -> Unrolled:
    """Run the normaliser over series.

    Parameters
    ----------
    normaliser : Normaliser
        What makes the features.
    heard : sequence of Tensor of shape (n_steps, n_channels)
        What the forecaster hears.
    truth : sequence of Tensor of those shapes, optional
        What there was; the same where not given.
    """
    values, target = side_by_side(heard), side_by_side(truth or heard)
    state = normaliser.initial_state(values.shape[1])
    parts: list[tuple[Tensor, ...]] = []
    with torch.no_grad():
        for now in values:
            features, scale, state = normaliser(now, state)
            parts.append((features, state[0], scale, state[-1] > 0))
    features, last, scale, known = (torch.stack(part) for part in zip(*parts, strict=True))
    return Unrolled(features, last, scale, known, target)


def side_by_side(series: Sequence[Tensor]) -> Tensor:
    """Stack series of several lengths, NaN behind the ends: (n_steps, n_series, n_channels)."""
    n = max(len(each) for each in series)
    out = torch.full((n, len(series), series[0].shape[1]), torch.nan)
    for place, each in enumerate(series):
        out[: len(each), place] = each
    return out


def ahead(target: Tensor, at: Tensor, series: Tensor, steps: int, stride: int) -> Tensor:
    """Look up what came after each of several places.

    Parameters
    ----------
    target : Tensor of shape (n_steps, n_series, n_channels)
    at, series : Tensor of shape (n_places,), int64
        Steps and series of the places.
    steps, stride : int
        How many, and how far from one to the next.

    Returns
    -------
    Tensor of shape (n_places, steps, n_channels)
        NaN where missing, or behind the end.

    Examples
    --------
    >>> line = torch.arange(5.0)[:, None, None]
    >>> ahead(line, torch.tensor([1]), torch.tensor([0]), 2, 2)[0, :, 0]
    tensor([3., nan])
    """
    wanted = at[:, None] + stride * torch.arange(1, steps + 1)
    inside = wanted < len(target)
    found = target[wanted.clamp(max=len(target) - 1), series[:, None]]
    return torch.where(inside[:, :, None], found, torch.nan)


def memory_at(states: Tensor, at: Tensor, series: Tensor, context: int) -> tuple[Tensor, Tensor]:
    """Look up the encoder's last states at each of several places, oldest first.

    Parameters
    ----------
    states : Tensor of shape (n_steps, n_series, hidden)
    at, series : Tensor of shape (n_places,), int64
    context : int
        How many.

    Returns
    -------
    past : Tensor of shape (n_places, context, hidden)
        0 before the begin.
    known : Tensor of shape (n_places, context)
        1 where there was one.
    """
    wanted = at[:, None] + torch.arange(1 - context, 1)
    known = (wanted >= 0).to(states.dtype)
    past = states[wanted.clamp(min=0), series[:, None]] * known[:, :, None]
    return past, known


def fit_line(data: Unrolled, steps: int, stride: int) -> Tensor:
    """Solve for the straight line from features to what came (ridge regression, closed form).

    Parameters
    ----------
    data : Unrolled
        Of training patients, nothing taken out.
    steps, stride : int
        How many steps ahead, and how far from one to the next.

    Returns
    -------
    Tensor of shape (n_features, steps * n_channels)
        Moves from one step ahead to the next, in spreads.
    """
    n_steps, n_series, n_channels = data.last.shape
    at = torch.arange(10, n_steps).repeat(n_series)
    of = torch.arange(n_series).repeat_interleave(n_steps - 10)
    came = ahead(data.target, at, of, steps, stride)
    moved = (came - data.last[at, of][:, None]) / data.scale[at, of][:, None]
    moved = torch.where(data.heard[at, of][:, None], moved, torch.nan).clamp(-MOST, MOST)
    features, found = data.features[at, of].clone(), []
    features[:, RELATIVE * n_channels :] = 0  # what is absolute tells patients apart, no more
    for channel in range(n_channels):
        kept = ~torch.isnan(moved[:, :, channel]).any(dim=1)
        x, y = features[kept].double(), moved[kept, :, channel].double()
        penalty = RIDGE * max(1, len(x)) * torch.eye(x.shape[1]).double()
        weights = torch.linalg.solve(x.T @ x + penalty, x.T @ y)
        found.append(torch.diff(weights, dim=1, prepend=torch.zeros_like(weights[:, :1])))
    return torch.stack(found, dim=2).flatten(1).float()
