"""Where a plan's figures of one core come from: the benchmarks, and what goes over the wire."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import lz4.frame

from deploy.capacity.plan import Measured
from deploy.services.bench.workload import Engine, Ward
from ingest.errors import InputError
from ingest.recording import Recording

PATIENTS, STATE, SCORER = (
    "through Kafka, in transactions, by the clock",
    "memory a stream",
    "scorer memory",
)
"""Figures of ``vigil bench`` that a plan stands on."""
_STREAMS, _SECONDS, _WARM_S = 64, 600, 60


def measured(bench: Path, recordings: Sequence[Recording]) -> Measured:
    """Gather what a plan needs.

    Parameters
    ----------
    bench : Path
        Figures of ``vigil bench --report``, ``bench.json``.
    recordings : sequence of Recording
        Whose frames and alarms are counted, ten minutes of each of many places.

    Raises
    ------
    InputError
        If the figures cannot be read, or one of them is not there.
    """
    try:
        told = json.loads(bench.read_text("utf-8"))["figures"]
        figures = {figure["name"]: float(figure["value"]) for figure in told}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{bench} does not hold the figures of vigil bench: {error}") from error
    if missing := [name for name in (PATIENTS, STATE, SCORER) if name not in figures]:
        raise InputError(f"{bench} lacks {', '.join(missing)}: run vigil bench whole")
    frame_bytes, alarm_bytes, alarms_an_hour = over_the_wire(recordings)
    return Measured(
        patients_a_core=figures[PATIENTS],
        state_bytes=figures[STATE] * 1024,
        frame_bytes=frame_bytes,
        alarm_bytes=alarm_bytes,
        alarms_an_hour=alarms_an_hour,
        worker_bytes=figures[SCORER] * 2**20,
    )


def over_the_wire(recordings: Sequence[Recording]) -> tuple[float, float, float]:
    """Count what one patient sends.

    Returns
    -------
    tuple of float
        Bytes of a second of frames, compressed as Kafka's batches are; bytes of a change
        of an alarm; changes of alarms in an hour.
    """
    ward, engine = Ward(recordings, _STREAMS), Engine()
    n_bytes, alarms = 0, []
    for step in range(_SECONDS):
        messages = ward.messages(step)
        n_bytes += sum(len(lz4.frame.compress(message)) for message in messages)
        told = engine.take(messages)
        if step >= _WARM_S:
            alarms += told
    patient_s = _STREAMS * _SECONDS
    hours = _STREAMS * (_SECONDS - _WARM_S) / 3600
    alarm_bytes = sum(map(len, alarms)) / max(1, len(alarms))
    return n_bytes / patient_s, alarm_bytes, len(alarms) / hours
