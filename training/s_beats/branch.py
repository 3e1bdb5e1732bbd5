"""An S branch by itself, and how it is fitted to what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim.swa_utils import AveragedModel

from inference.ticks import N, S
from training.architectures.beat import ATRIAL_EMBEDDING, BeatClassifier, BeatSize
from training.architectures.cores import make_core
from training.architectures.recall import N_FEATURES
from training.architectures.rhythm import N_RHYTHM
from training.beat_task import SUPRAVENTRICULAR_WEIGHT
from training.s_beats.further import n_told
from training.s_beats.seen import Seen

RATE, DECAY = 3e-3, 2e-2
"""Largest learning rate and weight decay of the shipped model's training."""
AVERAGED = 0.25
"""Share of the updates, the last ones, whose weights are averaged."""
CONTEXT, HEADS = 32, 4
"""Beats that a core with attention looks at, and its heads."""
GEMINY = 0.1
"""Share of sequences with early beats by turns, where they are put in."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a branch is made of."""

    name: str
    """Name in the command line."""
    title: str
    """What stands in the table."""
    atrial: bool = True
    """It sees the shape of what precedes the QRS."""
    rhythm: bool = True
    """It has the shipped memory of the rhythm."""
    further: tuple[str, ...] = ()
    """What else it is told, of :data:`training.s_beats.further.SOURCES`."""
    core: str = "dense"
    """What runs over beats, one of ``CORES``."""
    geminy: float = 0.0
    """Share of sequences that it learns from with little early beats by turns."""
    hidden: int = 32
    """Units."""


FORMS: tuple[Form, ...] = (
    Form("shipped", "the shipped form, fitted anew"),
    Form("long", "and the densest part of 32 intervals", further=("long",)),
    Form("p", "and P waves, found as ludb teaches", further=("p",)),
    Form("af", "and whether atrial fibrillation is there", further=("af",)),
    Form("surprise", "and how surprising a beat is (self-supervised)", further=("surprise",)),
    Form("further", "and all these four", further=("long", "p", "af", "surprise")),
    Form("geminy", "and early beats by turns put in", geminy=GEMINY),
    Form("geminy-long", "these, and the 32 intervals", further=("long",), geminy=GEMINY),
    Form("attention", "RNN-Transformer over 32 beats in place of the layers", core="transformer"),
    Form(
        "attention-further",
        "the same, told all four",
        core="transformer",
        further=("long", "p", "af", "surprise"),
    ),
)
"""The forms that are tried; the first is what the others are compared with."""


class SBranch(nn.Module):
    """A core over what is seen of a beat, two layers as in the shipped model unless said otherwise.

    Parameters
    ----------
    form : Form
    """

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form
        n_in = N_FEATURES
        if form.atrial:
            self.encoder = BeatClassifier(BeatSize()).atrial
            n_in += ATRIAL_EMBEDDING
        n_in += N_RHYTHM * form.rhythm + n_told(form.further)
        self.core = make_core(form.core, n_in, form.hidden, CONTEXT, HEADS)
        self.head = nn.Linear(n_in + form.hidden, 1)

    def forward(self, seen: Seen, further: Tensor) -> Tensor:
        """Give logits of "supraventricular, if not ventricular", shape (n_beats, batch).

        Parameters
        ----------
        seen : Seen
        further : Tensor of shape (n_beats, batch, n_told(form.further))
            Told of the same beats.
        """
        n, batch = seen.v.shape
        told = [seen.features]
        if self.form.atrial:
            flat = seen.atrial.float().flatten(0, 1)
            told.append(self.encoder(flat).reshape(n, batch, -1))
        told += [seen.rhythm] * self.form.rhythm + [further]
        x = torch.cat(told, dim=2)
        out, _ = self.core(x, self.core.initial_state(batch))
        logits: Tensor = self.head(torch.cat([out, x], dim=2)).squeeze(2)
        return logits


def fitted(
    form: Form, pools: Sequence[tuple[Seen, Tensor]], *, steps: int, batch: int = 48, seed: int = 0
) -> SBranch:
    """Fit a branch to pools of sequences; F, Q and V beats teach it nothing.

    Parameters
    ----------
    form : Form
    pools : sequence of tuple
        What was seen, and what else is told of it.
    steps : int
        Updates.
    batch : int
        Sequences an update.
    seed : int
        Of weights and order.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    branch = SBranch(form)
    optimizer = torch.optim.AdamW(branch.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, total_steps=steps, pct_start=0.2
    )
    averaged, weight = AveragedModel(branch), torch.tensor(SUPRAVENTRICULAR_WEIGHT)
    branch.train()
    for step in range(steps):
        seen, further = pools[int(rng.integers(len(pools)))]
        which = torch.from_numpy(rng.choice(seen.v.shape[1], batch, replace=False))
        part = seen.columns(which)
        counts = ((part.aami == N) | (part.aami == S)).float()
        losses = binary_cross_entropy_with_logits(
            branch(part, further[:, which]),
            (part.aami == S).float(),
            reduction="none",
            pos_weight=weight,
        )
        optimizer.zero_grad()
        ((losses * counts).sum() / counts.sum().clamp(min=1)).backward()
        nn.utils.clip_grad_norm_(branch.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step >= (1 - AVERAGED) * steps:
            averaged.update_parameters(branch)
    branch.load_state_dict(averaged.module.state_dict())
    return branch.eval()
