"""How a beat stands in the last 32 intervals, however many of these are early or late.

The shipped memory takes spread and jitter from the median of 16 intervals. Where every
fourth beat comes early, half of the intervals are early or late, the rhythm looks irregular,
and an early beat in it like one of many. So the usual interval is sought where intervals
stand densest, and the spread is that of the densest third or half of them alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.architectures.recall import HAS_RR, RR, TYPICAL_S, log_ratio
from training.architectures.rhythm import FLOOR_S
from training.s_beats.seen import Seen

N_LONG = 32
"""Intervals remembered, those that begin or end at a V beat left out."""
PARTS = (10, 16)
"""Steps from the first to the last interval of the densest part."""
N_FEATURES = 5 * len(PARTS) + 11
"""Features that are made of them."""
LEAST_S = 0.2
"""Shorter intervals count as this, s."""


def long_memory(seen: Seen) -> Tensor:
    """Describe each beat by the intervals before it.

    Parameters
    ----------
    seen : Seen
        Sequences from their beginning.

    Returns
    -------
    Tensor of shape (n_beats, batch, N_FEATURES)
    """
    known = seen.features[..., HAS_RR : HAS_RR + 1]
    rr_s = known * (seen.features[..., RR : RR + 1] + TYPICAL_S)
    past, since_s = remembered(rr_s[..., 0], seen.v > 0)
    n_known = (past > 0).sum(-1, keepdim=True)
    mean_s = past.sum(-1, keepdim=True) / n_known.clamp(min=1)
    first = torch.where(rr_s > 0, rr_s + since_s, TYPICAL_S)
    past = torch.where(past > 0, past, torch.where(mean_s > 0, mean_s, first))
    ranked = past.sort(-1).values
    median = ranked[..., N_LONG // 2 : N_LONG // 2 + 1]
    here = torch.where(rr_s > 0, rr_s + since_s, median)
    told = []
    for steps in PARTS:
        told += _in_densest(ranked, past, median, here, steps)
    return torch.cat([*told, *_repeats(ranked, past, median, here), n_known / N_LONG], dim=-1)


def remembered(rr_s: Tensor, called: Tensor) -> tuple[Tensor, Tensor]:
    """Give what is remembered before each beat: intervals, and the time since one that was no V.

    Parameters
    ----------
    rr_s : Tensor of shape (n_beats, batch), s
        0 where unknown.
    called : Tensor of shape (n_beats, batch), bool
        Called V.

    Returns
    -------
    past : Tensor of shape (n_beats, batch, N_LONG), s
        Newest first, 0 where there was none.
    since_s : Tensor of shape (n_beats, batch, 1), s
    """
    n, batch = rr_s.shape
    past, since_s = rr_s.new_zeros(batch, N_LONG), rr_s.new_zeros(batch)
    last = torch.zeros(batch, dtype=torch.bool)
    pasts, since = [], []
    for i in range(n):
        pasts.append(past)
        since.append(since_s)
        plain = (rr_s[i] > 0) & ~called[i] & ~last
        shifted = torch.cat([rr_s[i][:, None], past[:, :-1]], dim=1)
        past = torch.where(plain[:, None], shifted, past)
        running = (rr_s[i] > 0) & called[i]
        since_s = torch.where(running, since_s + rr_s[i], 0.0).clamp(max=3.0)
        last = called[i]
    return torch.stack(pasts), torch.stack(since)[..., None]


def _in_densest(
    ranked: Tensor, past: Tensor, median: Tensor, here: Tensor, steps: int
) -> list[Tensor]:
    """Compare with the middle of the densest part, in units of its width."""
    widths = ranked[..., steps:] - ranked[..., :-steps]
    at = widths.argmin(-1, keepdim=True)
    width, usual = widths.gather(-1, at), ranked.gather(-1, at + steps // 2)
    usual = usual.clamp(min=LEAST_S)
    return [
        log_ratio(here.clamp(min=LEAST_S), usual),
        _bounded((here - usual) / (4 * width + FLOOR_S)),
        _bounded(10 * width / usual),
        log_ratio(past[..., :1].clamp(min=LEAST_S), usual),
        log_ratio(median.clamp(min=LEAST_S), usual),
    ]


def _repeats(ranked: Tensor, past: Tensor, median: Tensor, here: Tensor) -> list[Tensor]:
    """Tell shares of intervals like the usual one and like this one, and what comes by turns."""
    steps = PARTS[-1]
    widths = ranked[..., steps:] - ranked[..., :-steps]
    at = widths.argmin(-1, keepdim=True)
    usual = ranked.gather(-1, at + steps // 2)

    def share(of: Tensor) -> Tensor:
        return of.to(here.dtype).mean(-1, keepdim=True)

    late = past[..., :16]
    by_turns = [_middle((late[..., lag:] - late[..., :-lag]).abs()) for lag in (1, 2, 3)]
    floor = 0.01  # s
    return [
        share((past - usual).abs() < 0.08 * usual),
        share((past - here).abs() < 0.05 * here),
        share(past < 0.9 * usual),
        share(past > 1.1 * usual),
        *(_bounded(10 * each / median) for each in by_turns[1:]),
        *(log_ratio(each + floor, by_turns[0] + floor) for each in by_turns[1:]),
        log_ratio(here.clamp(min=LEAST_S), past[..., 2:3].clamp(min=LEAST_S)),
        log_ratio(past[..., :1].clamp(min=LEAST_S), past[..., 2:3].clamp(min=LEAST_S)),
    ]


def _middle(x: Tensor) -> Tensor:
    return x.topk(x.shape[-1] // 2, dim=-1).values[..., -1:]


def _bounded(x: Tensor) -> Tensor:
    return x / (1 + x.abs())
