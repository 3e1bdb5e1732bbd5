"""Simulated patients with known truth, by a dynamical-model ECG generator."""

from ingest.simulator.morphology import (
    Morphology,
    Wave,
    beat_waveform,
    draw_waves,
    make_morphology,
    random_morphology,
)
from ingest.simulator.numerics import numerics_beside
from ingest.simulator.record import Episode, SimulatedRecord, Truth, simulate
from ingest.simulator.script import (
    Ectopy,
    Noise,
    Rhythm,
    Script,
    Segment,
    asystole,
    atrial_fibrillation,
    bradycardia,
    lead_off,
    pause,
    sinus,
    tachycardia,
    ventricular_fibrillation,
    ventricular_tachycardia,
    with_ectopy,
    with_noise,
)
from ingest.simulator.ward import demo_scripts, demo_ward

__all__ = [
    "Ectopy",
    "Episode",
    "Morphology",
    "Noise",
    "Rhythm",
    "Script",
    "Segment",
    "SimulatedRecord",
    "Truth",
    "Wave",
    "asystole",
    "atrial_fibrillation",
    "beat_waveform",
    "bradycardia",
    "demo_scripts",
    "demo_ward",
    "draw_waves",
    "lead_off",
    "make_morphology",
    "numerics_beside",
    "pause",
    "random_morphology",
    "simulate",
    "sinus",
    "tachycardia",
    "ventricular_fibrillation",
    "ventricular_tachycardia",
    "with_ectopy",
    "with_noise",
]
