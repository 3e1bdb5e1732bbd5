"""A core without memory: what is seen of a beat alone, through two layers."""

from __future__ import annotations

from torch import Tensor, nn

from training.architectures.cores.base import Core, State


class DenseCore(Core):
    """Two layers over each beat by itself; parameters as :class:`Core`.

    Enough where the features themselves remember, as those of
    :mod:`training.architectures.rhythm` do, and it learns no patient's rhythm by heart.
    """

    state_names = ()

    def __init__(self, n_in: int, hidden: int) -> None:
        super().__init__(n_in, hidden)
        self.layers = nn.Sequential(
            nn.Linear(n_in, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take the next beats; see :meth:`Core.forward`."""
        out: Tensor = self.layers(x)
        return out, state
