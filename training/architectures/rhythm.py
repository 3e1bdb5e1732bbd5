"""What is remembered of a patient's rhythm, and how early a beat is in it.

An interval that begins or ends at a ventricular beat says nothing of the
atrial rhythm, so those are left out of it: a beat behind an interpolated
ventricular beat is early by its RR interval and yet on time. How early a beat
is, is told against the spread of the usual intervals too, as a tenth early is
much in a regular rhythm and nothing in a respiratory arrhythmia. Nothing here
is learned.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.architectures.recall import (
    FIT_ATRIAL,
    HAS_RR,
    RR,
    TYPICAL_S,
    log_ratio,
    log_ratios,
    total,
)

N_INTERVALS = 16
"""Intervals remembered."""
STATE = N_INTERVALS + 5
"""A stream's memory: intervals without V (s, newest first, 0 unknown), time since the last beat
that was no V (s), whether each of the last two beats was V, usual fit of what precedes the QRS,
usual change from interval to interval."""
N_RHYTHM = 26
"""Features."""
PACE = 1 / 12
"""Share of the way that the usual fit and the usual change go to those of each beat."""
LONGEST_S = 3.0
"""Where counting the time since the last beat ends, s."""
FLOOR_S = 0.02
"""Spread below which intervals count as all alike, s: a few samples."""

_HERE, _ALONE, _MEDIAN, _LAST, _BEFORE, _RANKED = range(6)
_TWO, _TWO_MEDIANS = _RANKED + N_INTERVALS, _RANKED + N_INTERVALS + 1
_LONGEST, _LONG, _SHORT, _SHORTEST = (_RANKED + i for i in (1, 3, 12, 14))
EARLY = (
    *((_HERE, i) for i in (_LONGEST, _LONG, _MEDIAN, _SHORT, _SHORTEST, _LAST, _BEFORE)),
    *((i, _MEDIAN) for i in (_ALONE, _LAST, _BEFORE)),
    (_TWO, _TWO_MEDIANS),
)
"""Intervals that are compared, by their places among what is seen of them."""
_ONE_HOT = torch.eye(_TWO_MEDIANS + 1)
BEYOND = _ONE_HOT[:, [_HERE] * 4] - _ONE_HOT[:, [_MEDIAN, _LONG, _MEDIAN, _LAST]]
"""Weights that give how far a beat lies from four of these."""
FOURFOLD = torch.tensor([[4.0, 4.0, 0.0, 0.0], [0.0, 0.0, 4.0, 4.0]])
"""Weights that put four times the spread, twice, before four times the jitter, twice."""
MIDDLE = torch.zeros(N_INTERVALS, 1).index_fill(0, torch.tensor([7, 8]), 0.5)
"""Weights that give the median of intervals in order."""
SHARE = torch.full((N_INTERVALS,), 1 / N_INTERVALS)
"""Weights that turn what is counted into a share."""


def follow(features: Tensor, ventricular: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Run the memory along sequences of beats.

    Parameters
    ----------
    features : Tensor of shape (n_beats, batch, N_FEATURES)
        From :func:`training.architectures.recall.recall`.
    ventricular : Tensor of shape (n_beats, batch)
        1 where a beat is called V, else 0.
    state : Tensor of shape (batch, STATE)

    Returns
    -------
    rhythm : Tensor of shape (n_beats, batch, N_RHYTHM)
    state : Tensor of shape (batch, STATE)
    """
    rr_s = features[..., HAS_RR : HAS_RR + 1] * (features[..., RR : RR + 1] + TYPICAL_S)
    fit, v = features[..., FIT_ATRIAL : FIT_ATRIAL + 1], ventricular[..., None]
    states = advance_all(rr_s, v, fit, state)
    return describe(rr_s, v, fit, states[:-1]), states[-1]


def follow_one(features: Tensor, ventricular: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Run the memory over one beat a stream, as exported.

    Parameters
    ----------
    features : Tensor of shape (batch, N_FEATURES)
    ventricular : Tensor of shape (batch, 1)
        1 where the beat is called V, else 0.
    state : Tensor of shape (batch, STATE)

    Returns
    -------
    rhythm : Tensor of shape (batch, N_RHYTHM)
    state : Tensor of shape (batch, STATE)
    """
    rr_s = features[:, HAS_RR : HAS_RR + 1] * (features[:, RR : RR + 1] + TYPICAL_S)
    fit = features[:, FIT_ATRIAL : FIT_ATRIAL + 1]
    return describe(rr_s, ventricular, fit, state), advance(rr_s, ventricular, fit, state)


def advance_all(rr_s: Tensor, ventricular: Tensor, fit: Tensor, state: Tensor) -> Tensor:
    """Remember the beats of whole sequences, as :func:`advance` one by one but many times faster.

    Returns
    -------
    Tensor of shape (n_beats + 1, batch, STATE)
        As before each beat, and behind the last.
    """
    n, batch, _ = rr_s.shape
    rr, v, heard = rr_s[..., 0], ventricular[..., 0], rr_s[..., 0] > 0
    called = torch.cat([state[:, N_INTERVALS + 1 : N_INTERVALS + 3].T.flip(0), v])
    plain = heard & (v + called[1:-1] < 1)
    n_plain = torch.cat(
        [torch.zeros(1, batch, dtype=torch.int64, device=rr.device), plain.cumsum(0)]
    )
    line = torch.cat([state[:, :N_INTERVALS].T.flip(0), torch.zeros_like(rr), rr[:1]])
    place = torch.where(plain, N_INTERVALS + n_plain[1:] - 1, N_INTERVALS + n)  # the last is lost
    line = line.scatter(0, place, rr)
    back = N_INTERVALS - 1 - torch.arange(N_INTERVALS, device=rr.device)
    past = line.gather(0, (n_plain[..., None] + back).permute(0, 2, 1).reshape(-1, batch))
    past = past.reshape(n + 1, N_INTERVALS, batch).transpose(1, 2)
    follows = (plain & (past[:-1, :, 0] > 0)).to(rr.dtype) * PACE
    step = log_ratio(rr.clamp(min=0.2), past[:-1, :, 0].clamp(min=0.2)).abs()
    runs, pace = heard.to(rr.dtype) * v, PACE * (1 - v)
    slow = [state[:, [N_INTERVALS, N_INTERVALS + 3, N_INTERVALS + 4]].T]
    for i in range(n):
        since_s, usual_fit, change = slow[-1]
        since_s = runs[i] * (since_s + rr[i]).clamp(max=LONGEST_S)
        usual_fit = usual_fit + pace[i] * (fit[i, :, 0] - usual_fit)
        slow.append(torch.stack([since_s, usual_fit, change + follows[i] * (step[i] - change)]))
    since_s, usual_fit, change = torch.stack(slow).unbind(1)
    rest = [since_s, called[1:], called[:-1], usual_fit, change]
    return torch.cat([past, torch.stack(rest, dim=-1)], dim=-1)


def advance(rr_s: Tensor, ventricular: Tensor, fit: Tensor, state: Tensor) -> Tensor:
    """Remember a beat.

    Parameters
    ----------
    rr_s : Tensor of shape (batch, 1), s
        RR interval before the beat, 0 where unknown.
    ventricular : Tensor of shape (batch, 1)
        1 where the beat is called V, else 0.
    fit : Tensor of shape (batch, 1)
        Correlation of what precedes the QRS with the template.
    state : Tensor of shape (batch, STATE)
        Zeros for a new stream.

    Returns
    -------
    Tensor of shape (batch, STATE)
    """
    past, since_s, last_v, _, usual_fit, change = state.split([N_INTERVALS, 1, 1, 1, 1, 1], dim=-1)
    heard = rr_s > 0
    plain = heard & (ventricular + last_v < 1)
    follows = (plain & (past[..., :1] > 0)).to(rr_s.dtype)
    step = log_ratio(rr_s.clamp(min=0.2), past[..., :1].clamp(min=0.2)).abs()
    change = change + follows * PACE * (step - change)
    past = torch.where(plain, torch.cat([rr_s, past[..., :-1]], dim=-1), past)
    usual_fit = usual_fit + (1 - ventricular) * PACE * (fit - usual_fit)
    running = heard.to(rr_s.dtype) * ventricular
    since_s = running * (since_s + rr_s).clamp(max=LONGEST_S)
    return torch.cat([past, since_s, ventricular, last_v, usual_fit, change], dim=-1)


def describe(rr_s: Tensor, ventricular: Tensor, fit: Tensor, state: Tensor) -> Tensor:
    """Say how a beat stands in the rhythm before it.

    Parameters
    ----------
    rr_s, ventricular, fit : Tensors of shape (..., 1)
        As :func:`advance` takes them.
    state : Tensor of shape (..., STATE)
        As before the beat.

    Returns
    -------
    Tensor of shape (..., N_RHYTHM)
    """
    past, since_s, last_v, earlier_v, usual_fit, change = state.split(
        [N_INTERVALS, 1, 1, 1, 1, 1], dim=-1
    )
    known = (past > 0).to(rr_s.dtype)
    mean_s = total(past * known) / total(known).clamp(min=1)
    heard, since = rr_s > 0, rr_s + since_s
    first = torch.where(heard, since, TYPICAL_S)
    mean_s = torch.where(mean_s > 0, mean_s, first)
    past = torch.where(past > 0, past, mean_s)
    ranked = past.topk(N_INTERVALS, dim=-1).values
    median = ranked @ MIDDLE.to(ranked.device)
    spread = _middle((past - median).abs())
    jitter = _middle((past[..., 1:] - past[..., :-1]).abs())
    here = torch.where(heard, since, median)
    twice = torch.cat([here + past[..., :1], 2 * median], dim=-1)
    seen = torch.cat(
        [here, torch.where(heard, rr_s, median), median, past[..., :2], ranked, twice], dim=-1
    )
    early = log_ratios(seen, EARLY)
    apart = torch.cat([spread, jitter], dim=-1)
    bounded = _bounded(
        torch.cat(
            [
                (seen @ BEYOND.to(seen.device)) / (apart @ FOURFOLD.to(seen.device) + FLOOR_S),
                10 * apart / median,
                5 * change,
            ],
            dim=-1,
        )
    )
    limits = here[..., None] * torch.tensor([[0.97], [1.03]], device=here.device)
    shorter = (past[..., None, :] < limits).to(rr_s.dtype) @ SHARE.to(here.device)
    called = [ventricular, last_v, earlier_v, usual_fit, fit - usual_fit]
    features = [early, bounded[..., :6], *called, bounded[..., 6:], shorter, median - TYPICAL_S]
    return torch.cat(features, dim=-1)


def _middle(x: Tensor) -> Tensor:
    """Middle value over the last axis, of an odd number the greater neighbour, kept as one."""
    return x.topk(int(x.shape[-1]) // 2, dim=-1, sorted=False).values.amin(-1, keepdim=True)


def _bounded(x: Tensor) -> Tensor:
    return x / (1 + x.abs())
