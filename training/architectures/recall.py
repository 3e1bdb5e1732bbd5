"""What is remembered of a patient's beats, and how a beat compares with it.

What the patient's usual beat looks like is kept in a template, how fast the
heart usually goes in RR intervals; both travel from beat to beat beside the
recurrent state. Nothing here is learned.
"""

from __future__ import annotations

import torch
from torch import Tensor

BEFORE, AFTER = 35, 50
"""Samples of the window before and after the R-peak: 280 and 400 ms at 125 Hz."""
LENGTH = BEFORE + AFTER
QRS = slice(BEFORE - 8, BEFORE + 10)
"""The QRS itself: 64 ms before to 80 ms behind the peak."""
ATRIAL = slice(2, BEFORE - 7)
"""Where a P wave lies: 264 to 56 ms before the peak."""
N_FEATURES = 18
RR, HAS_RR, FIT_QRS, FIT_ATRIAL = 5, 9, 10, 11
"""Places of features: RR interval less ``TYPICAL_S``, whether it is known, fit of the QRS, of the P
wave."""
TYPICAL_S = 0.8
"""An RR interval as any, s."""
N_RR = 8
"""RR intervals remembered."""
MEMORY = LENGTH + 2 + N_RR
"""A stream's memory: template, beats in it, long-run RR, last RRs (s, newest first, 0 unknown)."""
LONG_RUN = 1 / 40
"""Share of the way the long-run RR goes to each: a run of early beats does not become usual."""

FASTEST, SLOWEST = 0.25, 0.06
"""Share of the way the template goes to a beat that fits: at first, and in the long run."""


def centred(window: Tensor) -> Tensor:
    """Take away each window's median, the best guess of its isoelectric line."""
    return window - window.topk(window.shape[-1] // 2 + 1, dim=-1).values[..., -1:]


def recall(window: Tensor, rr_s: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Compare a beat with what is remembered, then remember it.

    Parameters
    ----------
    window : Tensor of shape (batch, LENGTH)
        Beat over its amplitude scale, R-peak at ``BEFORE``.
    rr_s : Tensor of shape (batch, 1), s
        RR interval before the beat, 0 where unknown.
    memory : Tensor of shape (batch, MEMORY)
        Zeros for a new stream.

    Returns
    -------
    shape : Tensor of shape (batch, 2, LENGTH)
        The beat, and its residual to the template.
    features : Tensor of shape (batch, N_FEATURES)
    memory : Tensor of shape (batch, MEMORY)
    """
    template, count, long_run, rrs = memory.split([LENGTH, 1, 1, N_RR], dim=1)
    beat = centred(window)
    started = (count > 0).to(beat.dtype)
    template = started * template + (1 - started) * beat
    residual = beat - template
    fit_qrs = correlation(beat[:, QRS], template[:, QRS])
    fit_atrial = correlation(beat[:, ATRIAL], template[:, ATRIAL])
    fit_all = correlation(beat, template)
    known = (rrs > 0).to(beat.dtype)
    n_known = total(known).clamp(min=1)
    usual = total(rrs * known) / n_known
    usual = torch.where(usual > 0, usual, rr_s)
    here = torch.where(rr_s > 0, rr_s, usual).clamp(min=0.2)
    usual = usual.clamp(min=0.2)
    last = torch.where(rrs[:, :1] > 0, rrs[:, :1], usual).clamp(min=0.2)
    heard = (long_run > 0).to(beat.dtype)
    long_run = torch.where(long_run > 0, long_run, here)
    deviation = (rrs - usual).abs() * known / usual
    features = torch.cat(
        [
            log_ratio(here, usual),
            log_ratio(here, last),
            log_ratio(last, usual),
            log_ratio(here, long_run),
            log_ratio(usual, long_run),
            here - TYPICAL_S,
            usual - TYPICAL_S,
            total(deviation) / n_known,
            deviation.max(dim=1, keepdim=True).values,
            (rr_s > 0).to(beat.dtype),
            fit_qrs,
            fit_atrial,
            fit_all,
            mean(residual[:, QRS].abs()),
            mean(residual[:, ATRIAL].abs()),
            span_ratio(beat[:, QRS], template[:, QRS]),
            span_ratio(beat[:, ATRIAL], template[:, ATRIAL]),
            (beat[:, ATRIAL].amax(1, keepdim=True) - beat[:, ATRIAL].amin(1, keepdim=True)),
        ],
        dim=1,
    )
    fits = torch.sigmoid(20 * (fit_qrs - 0.75))
    rate = (1 / (count + 1)).clamp(min=SLOWEST, max=FASTEST) * (0.1 + 0.9 * fits)
    template = template + rate * residual
    rrs = torch.cat([rr_s, rrs[:, :-1]], dim=1)
    pace = (1 / count.clamp(min=1)).clamp(min=LONG_RUN)
    long_run = torch.where(rr_s > 0, long_run + pace * (rr_s - long_run), heard * long_run)
    memory = torch.cat([template, (count + 1).clamp(max=1000.0), long_run, rrs], dim=1)
    return torch.stack([beat, residual], dim=1), features, memory


def total(x: Tensor) -> Tensor:
    """Sum over the last axis, kept as an axis of one.

    A matrix product, not ``sum``: ONNX Runtime adds up a row in an order that
    depends on its address, so on its place in the batch; its products by a
    constant do not. The width is made a plain number, else the ones would be
    computed in the graph and be no constant.
    """
    return x @ torch.ones(int(x.shape[-1]), 1, device=x.device)


def mean(x: Tensor) -> Tensor:
    """Mean over the last axis, kept as an axis of one."""
    return total(x) / x.shape[-1]


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Correlation over the last axis, kept as an axis of one."""
    a, b = a - mean(a), b - mean(b)
    return total(a * b) / (total(a * a) * total(b * b)).clamp(min=1e-6).sqrt()


def span_ratio(a: Tensor, b: Tensor) -> Tensor:
    """Log ratio of peak-to-peak amplitudes."""
    span_a = a.amax(1, keepdim=True) - a.amin(1, keepdim=True)
    span_b = b.amax(1, keepdim=True) - b.amin(1, keepdim=True)
    return log_ratio(span_a + 0.05, span_b + 0.05)


def log_ratio(a: Tensor, b: Tensor) -> Tensor:
    """Nearly log(a / b) for positive a and b, by the first Pade approximant.

    Not the logarithm itself: ONNX Runtime computes that by another routine for
    the last few rows of a batch, and scores would depend on batch-mates.
    """
    return 2 * (a - b) / (a + b)
