"""What is known beforehand of the channels that bedside monitors tell."""

from __future__ import annotations

FLOORS = {"HR": 0.7, "PULSE": 0.7, "RESP": 0.7, "SpO2": 0.4}
"""Least spread of each channel, in its own unit: what rounding to whole numbers leaves."""
UNITS = {"HR": "bpm", "PULSE": "bpm", "RESP": "/min", "SpO2": "%"}
"""Unit of each channel, as people read it."""
NAMES = {"HR": "heart rate", "PULSE": "pulse rate", "RESP": "respiration", "SpO2": "SpO2"}
"""What each channel is."""
