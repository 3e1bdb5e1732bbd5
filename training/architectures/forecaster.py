"""Sequence-to-sequence forecaster: an encoder over the past, a decoder over the steps to come.

The encoder (LSTM or GRU) is stepped with each value; its last states are remembered, and the
decoder looks back at them by attention (Luong et al. 2015, "general"). The decoder gives
quantiles step by step and reads the median of the step before, or the truth while it learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ingest.errors import InputError
from training.architectures.cores.window import softmax
from training.architectures.normaliser import N_FEATURES, NORMALISATIONS, Normaliser

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""What is forecast of each channel and step."""
MEDIAN = 2
"""Place of the median."""
CELLS = ("lstm", "gru")
"""Cells that there are."""
CLIP = 20.0
"""Largest forecast, in the stream's own spread, that the decoder reads."""


@dataclass(frozen=True, slots=True)
class ForecasterSize:
    """How large a forecaster is."""

    cell: str = "lstm"
    """One of ``CELLS``."""
    hidden: int = 32
    """Units of encoder and decoder."""
    context: int = 32
    """Past states that the decoder looks at; 0: no attention. A multiple of 4 (ADR 0003)."""
    steps: int = 12
    """Steps that are forecast."""
    stride: int = 5
    """Steps of the input from one to the next of these."""
    dropout: float = 0.1
    """Dropout of what comes out of the decoder, while training."""
    normalisation: str = "running"
    """Against what is usual for this patient (``running``), or for patients at large
    (``population``)."""

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise InputError(f"architecture.cell is {self.cell!r}; allowed: {', '.join(CELLS)}")
        if self.normalisation not in NORMALISATIONS:
            raise InputError(
                f"architecture.normalisation is {self.normalisation!r}; "
                f"allowed: {', '.join(NORMALISATIONS)}"
            )
        if self.hidden < 4 or self.hidden % 4 or self.context % 4 or self.context < 0:
            raise InputError(
                f"architecture: hidden {self.hidden} and context {self.context}; "
                "allowed: multiples of 4, hidden at least 4"
            )
        if min(self.steps, self.stride) < 1:
            raise InputError("architecture: steps and stride are 1 or more")

    @property
    def n_states(self) -> int:
        """Tensors that a cell carries."""
        return 2 if self.cell == "lstm" else 1


class Cell(nn.Module):
    """An LSTM or GRU that runs over a sequence at once, or one step by plain products.

    Parameters
    ----------
    kind : str
        One of ``CELLS``.
    n_in, hidden : int
        Width of what comes in and out.
    """

    def __init__(self, kind: str, n_in: int, hidden: int) -> None:
        super().__init__()
        self.kind = kind
        self.net: nn.RNNBase = nn.LSTM(n_in, hidden) if kind == "lstm" else nn.GRU(n_in, hidden)

    def sequence(self, x: Tensor) -> Tensor:
        """Run over sequences from a fresh state: (n_steps, batch, n_in) to (…, hidden)."""
        return torch.as_tensor(self.net(x)[0])

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Take one step: ``x`` (batch, n_in), the state after it."""
        w, u, b, b_u = self.net.all_weights[0]
        if self.kind == "lstm":
            return _lstm(linear(x, w, b) + linear(state[0], u, b_u), state[1])
        (h,) = state
        r, z, n = linear(x, w, b).chunk(3, dim=1)
        r_h, z_h, n_h = linear(h, u, b_u).chunk(3, dim=1)
        keep = torch.sigmoid(z + z_h)
        return ((1 - keep) * torch.tanh(n + torch.sigmoid(r + r_h) * n_h) + keep * h,)


def _lstm(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = gates.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


class Forecaster(nn.Module):
    """Quantiles of each channel at each step to come.

    Parameters
    ----------
    normaliser : Normaliser
        Makes the features; tells the number of channels.
    size : ForecasterSize
        How large.
    line : Tensor of shape (n_features, steps * n_channels), optional
        What each feature moves each channel by from one step to the next, in spreads, as
        :func:`fit_line` makes it; the net corrects it. Zeros where not given.
    """

    line: Tensor

    def __init__(
        self, normaliser: Normaliser, size: ForecasterSize, line: Tensor | None = None
    ) -> None:
        super().__init__()
        self.normaliser, self.size = normaliser, size
        n = normaliser.n_channels
        shape = (n * N_FEATURES, size.steps * n)
        self.register_buffer("line", torch.zeros(shape) if line is None else line)
        self.encoder = Cell(size.cell, n * N_FEATURES, size.hidden)
        self.decoder = Cell(size.cell, n + 1, size.hidden)
        self.bridge = nn.Linear(size.hidden, size.n_states * size.hidden)
        self.drop = nn.Dropout(size.dropout)
        if size.context:
            self.score = nn.Linear(size.hidden, size.hidden, bias=False)
            self.join = nn.Linear(2 * size.hidden, size.hidden)
        self.head = nn.Linear(size.hidden, n * len(QUANTILES))
        nn.init.zeros_(self.head.weight)  # an untrained forecaster is the naive forecast
        with torch.no_grad():
            self.head.bias.view(n, -1).copy_(torch.tensor([-2.0, -2.0, 0.0, -2.0, -2.0]))

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of what is carried, in order."""
        cell = ("h", "c")[: self.size.n_states]
        memory = ("past", "known") if self.size.context else ()
        return (*self.normaliser.state_names, *cell, *memory)

    def initial_state(self, batch: int) -> tuple[Tensor, ...]:
        """State of streams of which nothing was heard."""
        s = self.size
        cell = tuple(torch.zeros(batch, s.hidden) for _ in range(s.n_states))
        memory: tuple[Tensor, ...] = ()
        if s.context:
            memory = (torch.zeros(batch, s.context, s.hidden), torch.zeros(batch, s.context))
        return (*self.normaliser.initial_state(batch), *cell, *memory)

    def decode(
        self,
        h: Tensor,
        features: Tensor,
        memory: tuple[Tensor, ...],
        truth: Tensor | None = None,
        told: Tensor | None = None,
    ) -> Tensor:
        """Forecast from what the encoder knows.

        Parameters
        ----------
        h : Tensor of shape (batch, hidden)
            The encoder's state.
        features : Tensor of shape (batch, n_features)
            What the encoder saw last; the straight line through it is what the net corrects.
        memory : tuple of Tensor
            Past states (batch, context, hidden) and 1 where there was one (batch, context);
            empty without attention.
        truth : Tensor of shape (batch, steps, n_channels), optional
            What came, over the last value, in spreads; NaN where missing.
        told : Tensor of shape (batch, steps), bool, optional
            Where the decoder reads the truth of a step, not its own median.

        Returns
        -------
        Tensor of shape (batch, steps, n_channels, n_quantiles)
            Over the last value, in spreads.
        """
        n, k_max = self.normaliser.n_channels, self.size.steps
        cell = torch.tanh(self.bridge(h)).chunk(self.size.n_states, dim=1)
        read = torch.zeros_like(h[:, :1]).expand(-1, n)
        line = (features @ self.line).view(-1, k_max, n)
        given = []
        for k in range(k_max):
            place = torch.zeros_like(read[:, :1]) + (k + 1) / k_max
            cell = self.decoder.step(torch.cat([read, place], dim=1), cell)
            out = self.head(self.drop(self.look_back(cell[0], memory)))
            step = spread_out(out.view(-1, n, len(QUANTILES)), read + line[:, k])
            given.append(step)
            read = torch.clamp(step[:, :, MEDIAN], -CLIP, CLIP)
            if truth is not None and told is not None:
                use = told[:, k, None] & ~torch.isnan(truth[:, k])
                read = torch.where(use, truth[:, k].nan_to_num().clamp(-CLIP, CLIP), read)
        return torch.stack(given, dim=1)

    def look_back(self, h: Tensor, memory: tuple[Tensor, ...]) -> Tensor:
        """Join a decoder's state with what it looks at of the past."""
        if not memory:
            return h
        past, known = memory
        scores = self.score(h)[:, None] @ past.transpose(1, 2) / self.size.hidden**0.5
        weights = softmax(scores, (known > 0)[:, None])
        return torch.tanh(self.join(torch.cat([(weights @ past)[:, 0], h], dim=1)))

    def forward(self, signal: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Take one step and forecast, as exported.

        Parameters
        ----------
        signal : Tensor of shape (batch, n_channels, 1)
            In the channels' own units; NaN where missing.
        *state : Tensor
            As ``state_names``.

        Returns
        -------
        tuple of Tensor
            Forecasts (batch, steps * n_channels * n_quantiles) in the channels' own units, then
            the state.
        """
        n_norm, n_cell = len(self.normaliser.state_names), self.size.n_states
        norm, cell, memory = (
            state[:n_norm],
            state[n_norm : n_norm + n_cell],
            state[n_norm + n_cell :],
        )
        features, scale, norm = self.normaliser(signal[:, :, 0], norm)
        cell = self.encoder.step(features, cell)
        if memory:
            past, known = memory
            memory = (
                torch.cat([past[:, 1:], cell[0][:, None]], dim=1),
                torch.cat([known[:, 1:], torch.ones_like(known[:, :1])], dim=1),
            )
        ahead = self.decode(cell[0], features, memory)
        own = norm[0][:, None, :, None] + ahead * scale[:, None, :, None]
        return own.flatten(1), *norm, *cell, *memory


def spread_out(out: Tensor, read: Tensor) -> Tensor:
    """Make quantiles that cannot cross: the median moves on from what was read.

    Parameters
    ----------
    out : Tensor of shape (batch, n_channels, n_quantiles)
        The median's move, and logarithms of the widths between neighbours.
    read : Tensor of shape (batch, n_channels)
        The value of the step before.
    """
    width = torch.exp(torch.clamp(out, -6.0, 3.0))
    median = read + out[:, :, MEDIAN]
    low = median - width[:, :, 1]
    high = median + width[:, :, 3]
    parts = [low - width[:, :, 0], low, median, high, high + width[:, :, 4]]
    return torch.stack(parts, dim=2)


def fit_normaliser(
    patients: Sequence[Tensor], floor: Sequence[float], kind: str = "running"
) -> Normaliser:
    """Make a normaliser of what is usual in these patients.

    Parameters
    ----------
    patients : sequence of Tensor of shape (n_steps, n_channels)
        NaN where missing.
    floor : sequence of float
        Least spread of each channel.
    kind : str
        One of ``NORMALISATIONS``.

    Raises
    ------
    ingest.errors.InputError
        If no patient has a channel.
    """
    levels = torch.stack([torch.nanmedian(values, dim=0).values for values in patients])
    pairs = zip(patients, levels, strict=True)
    away = torch.stack([torch.nanmean(torch.abs(v - level), dim=0) for v, level in pairs])
    level, spread = torch.nanmedian(levels, dim=0).values, torch.nanmean(away, dim=0)
    if torch.isnan(level).any():
        raise InputError("a channel is missing in every training patient")
    least = torch.maximum(spread, torch.tensor(list(floor)))
    return Normaliser(level.tolist(), least.tolist(), floor, kind)
