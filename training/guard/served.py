"""The pipeline that serves as a scorer, so that its look-ahead can be measured as it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inference.pipeline import Pipeline
from inference.ticks import AAMI
from ingest.frames import Lead
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource
from training.guard.causal import Scorer

CHUNK_S = 10.0


def pipeline_scorer(make: Callable[[], Pipeline], fs: float, lead: Lead) -> Scorer:
    """Give the beats that a pipeline finds in a signal: times, and class with confidence.

    Parameters
    ----------
    make : callable
        Makes a fresh pipeline.
    fs : float
        Sampling frequency of signals, Hz.
    lead : Lead
        Name and calibration of signals, which are in adu.

    Returns
    -------
    callable
        For :func:`training.guard.measure_look_ahead`; each row of its values is the class
        code and the confidence of a beat.
    """

    def score(adu: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        samples = np.clip(np.rint(adu), -32767, 32767).astype(np.int16)
        recording = Recording("signal", fs, (lead,), samples[None])
        source = ReplaySource({"signal": recording}, speed=None, chunk_s=CHUNK_S)
        pipeline, sequencer, ended = make(), Sequencer(), False
        found: list[tuple[float, int, float]] = []
        while not ended:
            batch = source.poll(0.0)
            ended = batch.end
            beats = pipeline.push(sequencer.push_all(batch.frames)[0]).beats()
            found += [(b.sample / fs, AAMI.index(b.aami), b.confidence) for b in beats]
        table = np.array(found, np.float64).reshape(-1, 3)
        return table[:, 0], table[:, 1:]

    return score
