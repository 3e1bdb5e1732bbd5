"""Recurrent cores over beats, one interface; a configuration names one by its key."""

from training.architectures.cores.base import Core, State
from training.architectures.cores.build import CORES, make_core
from training.architectures.cores.recurrent import LstmCore

__all__ = ["CORES", "Core", "LstmCore", "State", "make_core"]
