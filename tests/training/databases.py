"""A small WFDB database of simulated patients, written for tests of training."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from inference.ticks import AAMI
from ingest.simulator import Ectopy, Script, SimulatedRecord, simulate, sinus, with_ectopy
from training.config import RHYTHM_TASKS, TrainConfig

NAMES = ("ada", "bea", "cat", "dot")
"""Records, one a patient."""
SYMBOLS = dict(zip(AAMI, "NAVFQ", strict=True))
"""WFDB symbol written for each class."""


def patient(seed: int, fs: float = 250.0, duration_s: float = 60.0) -> SimulatedRecord:
    """Simulate a patient with atrial and ventricular premature beats."""
    beats = Ectopy("S", probability=0.08), Ectopy("V", probability=0.12)
    segment = with_ectopy(sinus(60.0, 70.0 + 5 * seed), *beats)
    return simulate(Script(NAMES[seed], (segment,)), fs, duration_s, seed)


def write_database(folder: Path, n_records: int = 3, fs: float = 250.0) -> list[SimulatedRecord]:
    """Write records with two leads, the second upside down, and their ``atr`` annotations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import wfdb
    folder.mkdir(parents=True)
    records = [patient(seed, fs) for seed in range(n_records)]
    for record in records:
        wfdb.wrsamp(
            record.name,
            fs=fs,
            units=["mV", "mV"],
            sig_name=["II", "V1"],
            d_signal=np.stack([record.samples[0], -record.samples[0]], axis=1).astype(np.int64),
            fmt=["16", "16"],
            adc_gain=[200.0, 200.0],
            baseline=[0, 0],
            write_dir=str(folder),
        )
        symbols = [SYMBOLS[AAMI[code]] for code in record.truth.aami]
        wfdb.wrann(
            record.name,
            "atr",
            record.truth.r_peaks,
            symbols,
            fs=fs,
            write_dir=str(folder),
        )
    return records


def tiny_config(task: str, **tables: dict[str, Any]) -> TrainConfig:
    """Return a run over such a database that takes seconds; ``tables`` are laid over it."""
    small = {
        "qrs": {"fine": 2, "coarse": 4, "hidden": 4},
        "ctc": {"fine": 2, "coarse": 4, "hidden": 4},
        "atrial": {"hidden": 4},
        "rhythm": {"fine": 2, "coarse": 4, "tick": 4, "hidden": 4},
        "beat": {"channels": 4, "embedding": 4, "hidden_v": 4, "hidden_s": 4},
        "two-lead-beat": {"channels": 4, "embedding": 4, "hidden_v": 4, "hidden_s": 4},
    }
    small["gated-beat"] = small["meta-beat"] = small["beat"]
    plain: dict[str, Any] = {
        "data": {
            "database": "simdb",
            "records": NAMES[:2],
            "leads": (0, 1),
            "labels": "spans" if task in RHYTHM_TASKS else "beats",
        },
        "fit": {"epochs": 2, "steps": 3, "batch": 2, "length": 16},
        "architecture": small[task],
    }
    for name, table in tables.items():
        plain[name] = {**plain.get(name, {}), **table}
    return TrainConfig(task=task, name=f"tiny-{task}", version="0.1.0", **plain)  # type: ignore[arg-type]
