"""Recurrent cores over beats, one interface; a configuration names one by its key."""

from training.architectures.cores.attention import AttentionCore
from training.architectures.cores.base import Core, State
from training.architectures.cores.build import CORES, make_core
from training.architectures.cores.recurrent import GruCore, LstmCore, RnnCore
from training.architectures.cores.transformer import TransformerCore

__all__ = [
    "CORES",
    "AttentionCore",
    "Core",
    "GruCore",
    "LstmCore",
    "RnnCore",
    "State",
    "TransformerCore",
    "make_core",
]
