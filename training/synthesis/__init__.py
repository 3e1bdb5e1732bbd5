"""Synthetic rhythm for training sequences of beats."""

from training.synthesis.atrial import add_premature_atrial
from training.synthesis.geminy import add_geminy
from training.synthesis.rhythms import change_rhythm
from training.synthesis.sequence import Beats
from training.synthesis.shapes import wide_beat
from training.synthesis.ventricular import add_premature_ventricular

__all__ = [
    "Beats",
    "add_geminy",
    "add_premature_atrial",
    "add_premature_ventricular",
    "change_rhythm",
    "wide_beat",
]
