"""How surprising a beat is to a model that learned, without labels, what beat comes next.

Self-supervised: a recurrent network hears beats of recordings in which nobody labelled a beat,
and learns to tell the next interval, as a mixture of Gaussians, and what then precedes the
QRS, given the interval. A premature atrial beat is one that comes when it was not to be expected,
or behind a P wave that was not. What it learns from are databases that nothing here is judged
on, whole: not DS1, so that no fold's patients are among them, nor svdb, nor DS2.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.architectures.recall import AFTER, ATRIAL, BEFORE, HAS_RR, N_FEATURES
from training.beat_sequences import UNTOLD, BeatSampler, Synthesis
from training.beat_task import recall_sequences
from training.datasets import LabelledSignal
from training.found_beats import load_found, unlabelled_records
from training.rhythm_labels import rhythm_records
from training.s_beats.seen import Seen

DATABASES = ("bidmc", "challenge2015", "cinc2017", "vfdb")
"""What is learned from."""
FS = 125
"""Sampling frequency, Hz."""
EARLY = 0
"""Place among the features of the log ratio of an interval to the usual one."""
WIDTH = ATRIAL.stop - ATRIAL.start
PARTS = 4
"""Gaussians of the mixture."""
HIDDEN = 32
"""Units."""
BEATS, BATCH, STEPS = 96, 32, 600
"""Beats of a sequence, sequences of an update, updates."""
POOL_USES = 8
"""Updates that learn from the sequences drawn together, half of them each."""
AS_IT_IS = Synthesis(
    premature_atrial=0.0, premature_ventricular=0.0, rhythm=0.0, inversion=0.3, tilt=0.5
)
"""Nothing is put in that is not there."""
N_TOLD = 5
"""Figures that are told of a beat."""


class NextBeat(nn.Module):
    """Tells the next beat from those before it."""

    def __init__(self) -> None:
        super().__init__()
        self.hear = nn.Linear(N_FEATURES + WIDTH, HIDDEN)
        self.core = nn.GRU(HIDDEN, HIDDEN)
        self.interval = nn.Linear(HIDDEN, 3 * PARTS)
        self.atrial = nn.Sequential(
            nn.Linear(HIDDEN + WIDTH + 1, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, WIDTH + 1)
        )

    def forward(self, atrial: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Compare each beat but the first with what was to be expected.

        Parameters
        ----------
        atrial : Tensor of shape (n_beats, batch, WIDTH)
        features : Tensor of shape (n_beats, batch, N_FEATURES)

        Returns
        -------
        below : Tensor of shape (n_beats - 1, batch)
            Probability of an earlier beat.
        interval, shape : Tensors of shape (n_beats - 1, batch)
            Negative log likelihoods of the interval, and of a sample of what precedes the QRS.
        spread : Tensor of shape (n_beats - 1, batch)
            Logarithm of the spread expected of the shape.
        """
        states, _ = self.core(torch.relu(self.hear(torch.cat([features, atrial], dim=2))))
        before, early = states[:-1], features[1:, :, EARLY]
        weight, centre, log_width = self.interval(before).unflatten(2, (3, PARTS)).unbind(2)
        width = log_width.clamp(-5, 2).exp()
        z = (early[..., None] - 0.3 * centre) / width
        log_part = torch.log_softmax(weight, -1) - 0.5 * z.square() - log_width.clamp(-5, 2)
        below = (torch.softmax(weight, -1) * 0.5 * (1 + torch.erf(z / 2**0.5))).sum(-1)
        asked = torch.cat([before, atrial[:-1], early[..., None]], dim=2)
        told = self.atrial(asked)
        spread = told[..., -1].clamp(-5, 2)
        away = (atrial[1:] - atrial[:-1] - told[..., :-1]).square().mean(-1)
        shape = 0.5 * away * (-2 * spread).exp() + spread
        return below, -log_part.logsumexp(-1), shape, spread


def read_unlabelled(data: Path) -> list[LabelledSignal]:
    """Read all records of the databases, each beat that the shipped detector finds.

    Parameters
    ----------
    data : Path
        Folder of the databases.
    """
    signals = []
    for database in DATABASES:
        folder = data / database
        records = unlabelled_records(folder)
        if database == "cinc2017":
            records = (*records, *rhythm_records(folder))
        signals += load_found(
            folder, records, lambda _, r_ms: np.full(len(r_ms), UNTOLD, np.int8), fs=FS
        )
    return signals


def fit_next_beat(
    signals: Sequence[LabelledSignal], *, steps: int = STEPS, seed: int = 0
) -> NextBeat:
    """Fit a model of the next beat.

    Parameters
    ----------
    signals : sequence of LabelledSignal
        Their labels are not looked at.
    steps : int
        Updates.
    seed : int
        Of weights and what is drawn.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sampler = BeatSampler(signals, BEFORE, AFTER, AS_IT_IS)
    model = NextBeat()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    shape, features = _pool(sampler, rng)
    for step in range(steps):
        if step and step % POOL_USES == 0:
            shape, features = _pool(sampler, rng)
        which = torch.from_numpy(rng.permutation(2 * BATCH)[:BATCH])
        atrial, heard = shape[:, which, 0, ATRIAL], features[:, which]
        _, interval, unlike, _ = model(atrial, heard)
        known = heard[1:, :, HAS_RR]
        loss = ((interval + unlike) * known).sum() / known.sum().clamp(min=1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()


def _pool(sampler: BeatSampler, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    drawn = sampler.draw(rng, 2 * BATCH, BEATS)
    return recall_sequences(torch.from_numpy(drawn.windows), torch.from_numpy(drawn.rr_s))


def tell_surprise(model: NextBeat, seen: Seen) -> Tensor:
    """Tell how early a beat is against what was expected, and how surprising it is.

    Returns
    -------
    Tensor of shape (n_beats, batch, N_TOLD)
    """
    with torch.no_grad():
        below, interval, shape, spread = model(seen.atrial[:, :, 0].float(), seen.features)
    sure = below.clamp(1e-4, 1 - 1e-4)
    told = torch.stack([torch.logit(sure) / 4, below, interval / 4, shape / 4, spread], dim=-1)
    told = torch.cat([torch.zeros_like(told[:1]), told * seen.features[1:, :, HAS_RR, None]])
    return told / (1 + 0.2 * told.abs())
