"""Streams with pulse leads, made of known beats."""

from __future__ import annotations

import numpy as np

from inference.pulse_finder import N_PULSES, PulseFinder
from inference.pulse_leads import PulseKind, pulse_kind
from inference.pulse_signal import PULSE_FS, PulseSignal
from inference.pulses import LEAST_ADU, LEAST_MMHG
from inference.resample import rate_plan
from ingest.frames import Lead
from ingest.simulator.pulses import PLETH, pulse_signal


def samples(
    beats_s: np.ndarray, fs: float, seconds: float, lead: Lead = PLETH, seed: int = 0
) -> np.ndarray:
    """Samples of a pulse lead, adu, with a little noise."""
    n = round(seconds * fs)
    signal = pulse_signal(np.asarray(beats_s, float), fs, n, lead)
    noise = np.random.default_rng(seed).normal(0.0, 0.005 * np.ptp(signal), n)
    return np.clip(np.rint((signal + noise) * lead.adc_gain), -32767, 32767).astype(np.int16)


class Watched:
    """One lead of some streams, pushed as one likes."""

    def __init__(self, fs: float, first_adu: np.ndarray, lead: Lead = PLETH) -> None:
        self.fs, self.at = fs, 0
        self.signal, self.finder = PulseSignal(len(first_adu)), PulseFinder(len(first_adu))
        least = LEAST_MMHG if pulse_kind(lead) is PulseKind.PRESSURE else LEAST_ADU / lead.adc_gain
        for slot, adu in enumerate(first_adu.tolist()):
            self.signal.start(slot, fs=fs, first_sample=0, first_adu=adu, lead=lead)
            self.finder.start(slot, least)
        self.found: list[list[tuple[int, float]]] = [[] for _ in first_adu]

    def push(self, adu: np.ndarray) -> None:
        """Take samples of all streams, shape (n_rows, n_samples)."""
        self.at += adu.shape[1]
        slots = np.arange(len(adu))
        plan = rate_plan(self.fs, PULSE_FS)
        next_tick = self.signal.state["next_tick"][slots]
        end = np.full(len(slots), self.at)
        before = self.finder.state["n_found"].copy()
        until = next_tick + plan.whole_ticks(next_tick, end)
        for block in self.signal.push(slots, adu, self.fs, until):
            self.finder.push(block)
        for slot in slots.tolist():
            for k in range(before[slot], self.finder.state["n_found"][slot]):
                at = k % N_PULSES
                ms = int(self.finder.state["pulse_ms"][slot, at])
                self.found[slot].append((ms, float(self.finder.state["strength"][slot, at])))

    def times_s(self, slot: int = 0) -> np.ndarray:
        """Times of the pulses found, s."""
        return np.array([ms for ms, _ in self.found[slot]]) / 1000


def watch(adu: np.ndarray, fs: float, lead: Lead = PLETH, chunk_s: float = 10.0) -> Watched:
    """Push all samples in chunks of one length."""
    rows = np.atleast_2d(adu)
    watched = Watched(fs, rows[:, 0], lead)
    step = max(round(chunk_s * fs), 1)
    for first in range(0, rows.shape[1], step):
        watched.push(rows[:, first : first + step])
    return watched
