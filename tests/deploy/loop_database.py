"""Simulated patients for the loop: slow and fast hearts, long enough for EC57's learning period."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from inference.ticks import AAMI
from ingest.simulator import Ectopy, Script, simulate, sinus, with_ectopy

SYMBOLS = dict(zip(AAMI, "NAVFQ", strict=True))
FS, DURATION_S = 125.0, 345.0


def write_patients(folder: Path, rates_bpm: dict[str, float], n_leads: int = 1) -> None:
    """Write a record a patient, with V beats, and its ``atr`` annotations.

    A second lead is the first one upside down.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import wfdb
    folder.mkdir(parents=True)
    for seed, (name, bpm) in enumerate(rates_bpm.items()):
        segment = with_ectopy(sinus(DURATION_S, bpm), Ectopy("V", probability=0.2))
        record = simulate(Script(name, (segment,)), FS, DURATION_S, seed)
        wfdb.wrsamp(
            name,
            fs=FS,
            units=["mV"] * n_leads,
            sig_name=["II", "V1"][:n_leads],
            d_signal=(record.samples[0][:, None] * [1, -1][:n_leads]).astype(np.int64),
            fmt=["16"] * n_leads,
            adc_gain=[200.0] * n_leads,
            baseline=[0] * n_leads,
            write_dir=str(folder),
        )
        symbols = [SYMBOLS[AAMI[code]] for code in record.truth.aami]
        wfdb.wrann(name, "atr", record.truth.r_peaks, symbols, fs=FS, write_dir=str(folder))
