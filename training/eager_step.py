"""A step of a detector by torch, as it is or compiled, for comparison with what is served."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from training.architectures.qrs import QrsDetector, QrsSize


def qrs_step(
    signal: NDArray[np.float32], fine: int, coarse: int, hidden: int, *, compiled: bool = False
) -> Callable[[], object]:
    """Return a step of a QRS detector in torch; sets torch to one thread.

    Parameters
    ----------
    signal : array of shape (batch, 1, n_samples)
        What is scored each time.
    fine, coarse, hidden : int
        As :class:`~training.architectures.qrs.QrsSize`.
    compiled : bool
        Let ``torch.compile`` make machine code of it, which needs a C++ compiler; else eager mode.
    """
    torch.set_num_threads(1)
    net = QrsDetector(QrsSize(fine, coarse, hidden)).eval()
    logits = torch.compile(net.logits) if compiled else net.logits
    state, given = net.initial_state(len(signal)), torch.from_numpy(signal)

    def step() -> object:
        with torch.no_grad():
            return logits(given, state)

    return step
