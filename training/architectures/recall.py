"""What is remembered of a patient's beats, and how a beat compares with it.

What the patient's usual beat looks like is kept in a template, how fast the
heart usually goes in RR intervals; both travel from beat to beat beside the
recurrent state. Nothing here is learned.
"""

from __future__ import annotations

from collections.abc import Sequence

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

PARTS = (QRS, ATRIAL, slice(0, LENGTH))
"""What is compared by itself: the QRS, what precedes it, the whole beat."""
PART_OF = torch.eye(3).repeat_interleave(torch.tensor([p.stop - p.start for p in PARTS]), dim=0)
"""Which part each sample of the three joined ones is of; shape (samples, 3)."""
MEAN_OF, SPREAD = PART_OF / PART_OF.sum(0), PART_OF.T.contiguous()
"""Weights that average each part, and that give each sample of a part the same."""
MEAN_CHANGE = torch.stack(
    [
        ((at := torch.arange(LENGTH)) >= p.start).logical_and(at < p.stop) / (p.stop - p.start)
        for p in PARTS[:2]
    ],
    dim=1,
)
"""Weights that average the first two parts of a beat; shape (LENGTH, 2)."""
_HERE, _USUAL, _LAST, _LONG_RUN = range(4)
RATIOS = ((_HERE, _USUAL), (_HERE, _LAST), (_LAST, _USUAL), (_HERE, _LONG_RUN), (_USUAL, _LONG_RUN))
"""Intervals that are compared, by their places side by side."""
FASTEST, SLOWEST = 0.25, 0.06
"""Share of the way the template goes to a beat that fits: at first, and in the long run."""


def centred(window: Tensor) -> Tensor:
    """Take away each window's median, the best guess of its isoelectric line."""
    return window - upper_median(window)


def upper_median(x: Tensor) -> Tensor:
    """Middle value over the last axis, the greater one of two, kept as an axis of one.

    The greatest half need not be in order for its least to be found, which halves the cost.
    """
    greatest = x.topk((int(x.shape[-1]) + 1) // 2, dim=-1, sorted=False).values
    return greatest.amin(-1, keepdim=True)


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
    template = torch.where(count > 0, template, beat)
    residual = beat - template
    fits, change, log_spans, span = _compared(beat, template, residual)
    usual, deviation, worst = _usual(rrs, rr_s)
    has_rr, had_rr = rr_s > 0, rrs[:, :1] > 0
    here = torch.where(has_rr, rr_s, usual).clamp(min=0.2)
    usual = usual.clamp(min=0.2)
    last = torch.where(had_rr, rrs[:, :1], usual).clamp(min=0.2)
    heard = long_run > 0
    long_run = torch.where(heard, long_run, here)
    intervals = torch.cat([here, usual, last, long_run], dim=1)
    early = log_ratios(intervals, RATIOS)
    features = torch.cat(
        [
            early,
            intervals[:, :_LAST] - TYPICAL_S,
            deviation,
            worst,
            has_rr.to(beat.dtype),
            fits,
            change,
            log_spans,
            span,
        ],
        dim=1,
    )
    pulled = torch.sigmoid(20 * (fits[:, :1] - 0.75))
    rate = (1 / (count + 1)).clamp(min=SLOWEST, max=FASTEST) * (0.1 + 0.9 * pulled)
    template = template + rate * residual
    rrs = torch.cat([rr_s, rrs[:, :-1]], dim=1)
    pace = (1 / count.clamp(min=1)).clamp(min=LONG_RUN)
    long_run = torch.where(
        has_rr, long_run + pace * (rr_s - long_run), heard.to(beat.dtype) * long_run
    )
    memory = torch.cat([template, (count + 1).clamp(max=1000.0), long_run, rrs], dim=1)
    return torch.stack([beat, residual], dim=1), features, memory


def _compared(
    beat: Tensor, template: Tensor, residual: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Compare beats with templates in the parts that matter, all parts in the same operations.

    Returns
    -------
    fits : Tensor of shape (batch, 3)
        Correlation in the QRS, in what precedes it, in all.
    change : Tensor of shape (batch, 2)
        Mean distance in the QRS, in what precedes it.
    log_spans : Tensor of shape (batch, 2)
        Log ratio of the peak-to-peak amplitudes there.
    span : Tensor of shape (batch, 1)
        Peak-to-peak amplitude of what precedes the QRS.
    """
    both = torch.cat([beat, template], dim=1).reshape(-1, 2, LENGTH)
    qrs, atrial = both[:, :, QRS], both[:, :, ATRIAL]
    parts = torch.cat([qrs, atrial, both], dim=2)
    part_of = PART_OF.to(both.device)
    parts = parts - (parts @ MEAN_OF.to(both.device)) @ SPREAD.to(both.device)
    power = (parts * parts) @ part_of
    agree = (parts[:, 0] * parts[:, 1]) @ part_of
    fits = agree / (power[:, 0] * power[:, 1]).clamp(min=1e-6).sqrt()
    change = residual.abs() @ MEAN_CHANGE.to(both.device)
    high = torch.cat([qrs.amax(2), atrial.amax(2)], dim=1)
    spans = high - torch.cat([qrs.amin(2), atrial.amin(2)], dim=1)  # beat, template; by part
    log_spans = log_ratios(spans + 0.05, ((0, 1), (2, 3)))
    return fits, change, log_spans, spans[:, 2:3]


def _usual(rrs: Tensor, rr_s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give the mean of the last RR intervals, and how far they lie from it.

    Returns
    -------
    usual, deviation, worst : Tensors of shape (batch, 1)
        Mean (s), mean and greatest deviation over the mean.
    """
    known = (rrs > 0).to(rrs.dtype)
    n_known = total(known).clamp(min=1)
    mean_s = total(rrs * known) / n_known
    usual = torch.where(mean_s > 0, mean_s, rr_s)
    deviation = (rrs - usual.clamp(min=0.2)).abs() * known / usual.clamp(min=0.2)
    return usual, total(deviation) / n_known, deviation.amax(dim=1, keepdim=True)


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


def log_ratios(x: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """Compare values that stand side by side, as :func:`log_ratio` does one by one.

    Differences and sums are one product by ones and noughts: as exact, and one operation
    instead of one for each value that is put in its place.

    Parameters
    ----------
    x : Tensor of shape (..., n)
        Finite values.
    pairs : sequence of tuple of int
        Places of what is compared, and of what with.

    Returns
    -------
    Tensor of shape (..., len(pairs))
    """
    above, below = torch.tensor(pairs).T
    one_hot = torch.eye(int(x.shape[-1]), device=x.device)
    a, b = one_hot[:, above], one_hot[:, below]
    twice, both = (x @ torch.cat([2 * (a - b), a + b], dim=1)).split(len(pairs), dim=-1)
    ratios: Tensor = twice / both
    return ratios
