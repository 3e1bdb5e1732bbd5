"""Small WFDB records for tests, of simulated patients, and the command line as a function."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np

from ingest.simulator import demo_ward

ROOT = Path(__file__).parents[1]


def write_record(
    folder: Path,
    name: str,
    samples: np.ndarray,
    fs: float = 250.0,
    lead: str = "II",
    unit: str = "mV",
) -> str:
    """Write one lead, shape (n_samples,), adu at 200 adu a unit; return the record's path."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import wfdb
    wfdb.wrsamp(
        name,
        fs=fs,
        units=[unit],
        sig_name=[lead],
        d_signal=samples.reshape(-1, 1).astype(np.int64),
        fmt=["16"],
        adc_gain=[200.0],
        baseline=[0],
        write_dir=str(folder),
    )
    return str(folder / name)


def write_ward(folder: Path, n_patients: int, duration_s: float = 60.0) -> list[str]:
    """Write records of simulated patients, each ill in its own way; return their paths."""
    ward = demo_ward(n_patients, seed=3, duration_s=duration_s)
    return [write_record(folder, p.name, p.samples[0], p.fs) for p in ward]


def vigil(*argv: object, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        command(*argv),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env=one_core(),
    )


def command(*argv: object) -> list[str]:
    """Return the argument list of a command line."""
    code = "from deploy.cli.main import main; main()"
    return [sys.executable, "-c", code, *map(str, argv)]


def one_core() -> dict[str, str]:
    """Return the environment, with one thread a process."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}
