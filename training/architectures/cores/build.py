"""Cores by the key that a configuration names."""

from __future__ import annotations

from ingest.errors import InputError
from training.architectures.cores.attention import AttentionCore
from training.architectures.cores.base import Core
from training.architectures.cores.dense import DenseCore
from training.architectures.cores.recurrent import GruCore, LstmCore, RnnCore
from training.architectures.cores.transformer import TransformerCore

CORES = ("rnn", "lstm", "gru", "attention", "transformer", "dense")
"""Keys that there are."""


def make_core(name: str, n_in: int, hidden: int, context: int, heads: int) -> Core:
    """Make a core.

    Parameters
    ----------
    name : str
        One of ``CORES``.
    n_in, hidden : int
        Width of what is seen of a beat, and of what comes out.
    context : int
        Beats that attention looks at; of no account to cores without.
    heads : int
        Heads of the Transformer.

    Raises
    ------
    ingest.errors.InputError
        If there is no such core, or its sizes do not go together.
    """
    if name in ("attention", "transformer") and context < 2:
        raise InputError(f"architecture.context is {context}; allowed: 2 beats or more")
    match name:
        case "rnn":
            return RnnCore(n_in, hidden)
        case "lstm":
            return LstmCore(n_in, hidden)
        case "gru":
            return GruCore(n_in, hidden)
        case "dense":
            return DenseCore(n_in, hidden)
        case "attention":
            return AttentionCore(n_in, hidden, context)
        case "transformer":
            if heads < 1 or hidden % heads:
                raise InputError(
                    f"architecture.heads is {heads}; allowed: a divisor of the {hidden} units"
                )
            return TransformerCore(n_in, hidden, context, heads)
    raise InputError(f"architecture.core is {name!r}; allowed: {', '.join(CORES)}")
