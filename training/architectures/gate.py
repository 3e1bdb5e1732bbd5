"""A cheap look at each beat that decides whether the classifier has to look at it at all.

A beat is passed as N without the convolutions and the recurrent cores where everything about it
is usual: shape, timing, and the beats before it. Rules, not weights: each can be read, and what
they never pass can be proved. For a beat that is passed, what is remembered of the patient goes on
(template, RR intervals); the recurrent state stays as it is, in training as in serving.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.architectures.recall import ATRIAL, QRS, correlation, mean, recall, span_ratio, total
from training.config import GateConfig

N_RR = 8
"""RR intervals that must be known, alike and of an ordinary rate."""
STATE = 2 + N_RR
"""Calm beats in a row, beats heard, last RR intervals (s, newest first, 0 unknown)."""
WARM_UP = 16
"""Beats of a stream that are never passed: its template is still being made."""
MOST = 1000.0
"""Where counting ends."""
USUAL = {"rr": 0.10, "qrs": 0.05, "beat": 0.08, "qrs_uv": 0.07, "atrial_uv": 0.025, "span": 0.15}
"""Largest share by which an RR interval differs from the mean of the last ones; the lack of
correlation of the QRS and of the whole beat with the template; mean absolute residual in the QRS
and before it, over the amplitude scale; log ratio of the QRS's size to the template's. About the
third quartile of the N beats of DS1, on which they were chosen."""


class Gate(nn.Module):
    """Says which beats are passed; see the module's description.

    Parameters
    ----------
    rules : GateConfig
        Limits.
    confidence : float
        Probability of N that is told for a beat that is passed.
    """

    def __init__(self, rules: GateConfig, confidence: float = 1.0) -> None:
        super().__init__()
        self.rules, self.confidence = rules, confidence

    @staticmethod
    def initial_state(batch: int) -> Tensor:
        """State of streams of which nothing was heard, shape (batch, STATE)."""
        return torch.zeros(batch, STATE)

    def judge(
        self, shape: Tensor, rr_s: Tensor, state: Tensor, limit: Tensor | float
    ) -> tuple[Tensor, Tensor]:
        """Decide one beat a stream.

        Parameters
        ----------
        shape : Tensor of shape (batch, 2, LENGTH)
            The beat and its residual, as :func:`recall` gives them.
        rr_s : Tensor of shape (batch, 1), s
            RR interval before it, 0 where unknown.
        state : Tensor of shape (batch, STATE)
        limit : float or Tensor of shape (batch, 1)
            Largest strangeness that is passed; 0 passes nothing.

        Returns
        -------
        passed : Tensor of shape (batch, 1), 1 or 0
        state : Tensor of shape (batch, STATE)
        """
        calm, heard, rrs = state.split([1, 1, N_RR], dim=1)
        rrs = torch.cat([rr_s, rrs[:, :-1]], dim=1)
        odd = strangeness(shape, rrs)
        longest, shortest = 60 / self.rules.slowest_bpm, 60 / self.rules.fastest_bpm
        ordinary = total(((rrs >= shortest) & (rrs <= longest)).to(odd.dtype)) >= N_RR
        calm = torch.where(ordinary & (odd <= 2 * limit), calm + 1, 0 * calm).clamp(max=MOST)
        ready = (calm > self.rules.hold) & (heard >= WARM_UP)
        passed = (ready & (odd <= limit)).to(odd.dtype)
        return passed, torch.cat([calm, (heard + 1).clamp(max=MOST), rrs], dim=1)

    @staticmethod
    def disturb(state: Tensor, disturbed: Tensor) -> Tensor:
        """Begin to count calm beats anew, where a beat was called anything but N.

        Parameters
        ----------
        state : Tensor of shape (batch, STATE)
        disturbed : Tensor of shape (batch,), bool
        """
        return torch.cat([torch.where(disturbed[:, None], 0.0, state[:, :1]), state[:, 1:]], dim=1)

    def forward(
        self, signal: Tensor, rr_s: Tensor, memory: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Decide one beat a stream, as exported.

        Returns
        -------
        probs : Tensor of shape (batch, 1)
            Probability of N where the beat is passed, else 0.
        memory, state : Tensors
            As after the beat.
        """
        shape, _, memory = recall(signal[:, 0], rr_s, memory)
        passed, state = self.judge(shape, rr_s, state, self.rules.limit)
        return passed * self.confidence, memory, state


def strangeness(shape: Tensor, rrs: Tensor) -> Tensor:
    """How far a beat is from the usual, in units of ``USUAL``: the worst of all that is looked at.

    Parameters
    ----------
    shape : Tensor of shape (batch, 2, LENGTH)
        The beat and its residual.
    rrs : Tensor of shape (batch, N_RR), s
        RR intervals, its own among them.

    Returns
    -------
    Tensor of shape (batch, 1)
    """
    beat, residual = shape[:, 0], shape[:, 1]
    template = beat - residual
    rr = mean(rrs).clamp(min=0.2)
    found = {
        "rr": (rrs - rr).abs().amax(1, keepdim=True) / rr,
        "qrs": 1 - correlation(beat[:, QRS], template[:, QRS]),
        "beat": 1 - correlation(beat, template),
        "qrs_uv": mean(residual[:, QRS].abs()),
        "atrial_uv": mean(residual[:, ATRIAL].abs()),
        "span": span_ratio(beat[:, QRS], template[:, QRS]).abs(),
    }
    odd = torch.cat([found[name] / usual for name, usual in USUAL.items()], dim=1)
    return odd.amax(1, keepdim=True)
