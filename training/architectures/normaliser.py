"""What a forecaster sees of a stream: each value against what is usual for this very patient.

All is carried from step to step and started from what is usual for patients at large, so the
first minutes of a new patient adapt it without any training. A value that is missing changes
nothing but its age. Only operations that ADR 0003 allows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

N_FEATURES = 6
"""Features of one channel; none tells how high its level is, which would tell patients apart."""
RELATIVE = 3
"""Of these, the first: against the stream's own level, fast level and last value."""
TAU_STEPS = 120.0
"""Steps over which level and spread are followed."""
FAST_STEPS = 10.0
"""Steps over which the fast level is followed."""
PRIOR_STEPS = 30.0
"""Steps that the spread of patients at large counts for."""
CLIP = 8.0
"""Largest deviation that is seen, in spreads."""
AGE_HALF = 10.0
"""Steps since the last value at which its age counts for one half."""
NORMALISATIONS = ("running", "population")
"""Against what is usual for this patient, or for patients at large."""

NormaliserState = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
"""Last value, age (steps), level, fast level, spread over the prior, count; each of shape
(batch, n_channels)."""


class Normaliser(nn.Module):
    """Turns values into features, step by step; nothing in it is learned by gradients.

    Parameters
    ----------
    level, spread, floor : sequence of float
        Of each channel, in its own unit: usual level of patients, mean absolute deviation from a
        patient's own level, and the least spread.
    kind : str
        One of ``NORMALISATIONS``.
    """

    state_names = ("last", "age", "level", "fast", "spread", "count")
    prior_level: Tensor
    prior_spread: Tensor
    floor: Tensor

    def __init__(
        self,
        level: Sequence[float],
        spread: Sequence[float],
        floor: Sequence[float],
        kind: str = "running",
    ) -> None:
        super().__init__()
        self.kind = kind
        for name, values in (("prior_level", level), ("prior_spread", spread), ("floor", floor)):
            self.register_buffer(name, torch.tensor(list(values), dtype=torch.float32))

    @property
    def n_channels(self) -> int:
        """Channels."""
        return len(self.floor)

    def initial_state(self, batch: int) -> NormaliserState:
        """State of streams of which nothing was heard."""
        zeros = torch.zeros(batch, self.n_channels)
        return zeros, zeros, zeros, zeros, zeros, zeros

    def forward(
        self, values: Tensor, state: NormaliserState
    ) -> tuple[Tensor, Tensor, NormaliserState]:
        """Take one step.

        Parameters
        ----------
        values : Tensor of shape (batch, n_channels)
            In their own units; NaN where missing.
        state : NormaliserState

        Returns
        -------
        features : Tensor of shape (batch, n_channels * N_FEATURES)
        scale : Tensor of shape (batch, n_channels)
            What forecasts are counted in, in the channel's own unit.
        state : NormaliserState
        """
        last, age, level, fast, over_prior, count = state
        missing = torch.isnan(values)
        seen = (~missing).to(values.dtype)
        x = torch.where(missing, last, values)
        known = (count > 0).to(values.dtype)
        step = (x - last) * seen * known
        count = count + seen
        gain = seen / torch.clamp(count, 1.0, TAU_STEPS)
        away = torch.abs(x - level) * known
        level = level + gain * (x - level)
        fast = fast + seen / torch.clamp(count, 1.0, FAST_STEPS) * (x - fast)
        spread = self.prior_spread + over_prior
        spread = spread + seen / torch.clamp(count + PRIOR_STEPS, max=TAU_STEPS) * (away - spread)
        age = (age + 1) * (1 - seen)
        running = self.kind == "running"
        scale = torch.maximum(spread if running else self.prior_spread + 0 * spread, self.floor)
        centre = level if running else self.prior_level + 0 * level
        heard = (count > 0).to(values.dtype)
        features = [
            torch.clamp((x - centre) / scale, -CLIP, CLIP) * heard,
            torch.clamp((x - fast) / scale, -CLIP, CLIP) * heard,
            torch.clamp(step / scale, -CLIP, CLIP),
            seen,
            1 - heard / (1 + age / AGE_HALF),
            count / (count + PRIOR_STEPS),
        ]
        return torch.cat(features, dim=1), scale, (
            x, age, level, fast, spread - self.prior_spread, count,
        )  # fmt: skip
