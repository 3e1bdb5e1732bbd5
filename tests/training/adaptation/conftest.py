"""One simulated patient whose labelled start is adapted to."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference import model
from inference.ticks import AAMI
from ingest.frames import Lead
from ingest.recording import Recording
from ingest.simulator import SimulatedRecord
from tests.training.databases import SYMBOLS, patient
from training.adaptation.labelled_start import LabelledStart, ServedBeats, labelled_start, listen
from training.ec57 import Annotations, make_annotations

START_S = 75
"""Labelled start of the recording of 120 s."""
FS = 250.0


@pytest.fixture(scope="session")
def base() -> Path:
    """Return the shipped beat model."""
    return model.builtin("beat")


@pytest.fixture(scope="session")
def simulated() -> SimulatedRecord:
    return patient(1, FS, 120.0)


@pytest.fixture(scope="session")
def recording(simulated: SimulatedRecord) -> Recording:
    return Recording("ada", FS, (Lead("II", "mV", 200.0),), simulated.samples[:1])


@pytest.fixture(scope="session")
def reference(simulated: SimulatedRecord) -> Annotations:
    symbols = [SYMBOLS[AAMI[code]] for code in simulated.truth.aami]
    return make_annotations(simulated.truth.r_peaks, symbols, FS)


@pytest.fixture(scope="session")
def served(recording: Recording, base: Path) -> ServedBeats:
    return listen({"ada": recording}, base)["ada"]


@pytest.fixture(scope="session")
def start(served: ServedBeats, reference: Annotations) -> LabelledStart:
    return labelled_start("ada", served, reference, round(START_S * reference.fs))
