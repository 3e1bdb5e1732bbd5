"""Cores by the key that a configuration names."""

from __future__ import annotations

from collections.abc import Callable

from training.architectures.cores.base import Core
from training.architectures.cores.recurrent import LstmCore

CORES: dict[str, Callable[[int, int], Core]] = {"lstm": LstmCore}
"""What there is."""


def make_core(name: str, n_in: int, hidden: int) -> Core:
    """Make a core for beats of ``n_in`` values."""
    return CORES[name](n_in, hidden)
