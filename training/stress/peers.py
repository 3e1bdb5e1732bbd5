"""QRS detectors to compare with: gqrs and xqrs as the wfdb package has them, their finds cached."""

from __future__ import annotations

import hashlib
import importlib
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.recording import Recording

PEERS = ("gqrs", "xqrs")
"""Detectors by name."""


def find_qrs(name: str, recording: Recording, cache: Path | None = None) -> NDArray[np.int64]:
    """Find the QRS complexes of a recording's first lead.

    Parameters
    ----------
    name : str
        One of ``PEERS``.
    recording : Recording
        What to look through.
    cache : Path, optional
        Folder for what was found, by the signal's digest: these detectors take
        seconds a record.

    Returns
    -------
    array of shape (n_found,)
        Sample indices, in order.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, of numpy and pandas; nothing to mend here
        wfdb = importlib.import_module("wfdb")
        if cache is None:
            return _DETECTORS[name](recording)
        lead = recording.leads[0]
        key = f"{name} {wfdb.__version__} {recording.fs} {lead.adc_gain} {lead.baseline}".encode()
        digest = hashlib.sha256(key + recording.samples[0].tobytes()).hexdigest()
        file = cache / f"{name}-{digest[:24]}.npy"
        if not file.exists():
            found = _DETECTORS[name](recording)
            cache.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{recording.name}.part")
            with part.open("wb") as out:
                np.save(out, found)
            part.replace(file)  # never half a file, whoever stops when
        return np.asarray(np.load(file), np.int64)


def _gqrs(recording: Recording) -> NDArray[np.int64]:
    processing = importlib.import_module("wfdb.processing")
    lead = recording.leads[0]
    found = processing.gqrs_detect(
        d_sig=recording.samples[0].astype(np.int64),
        fs=recording.fs,
        adc_gain=lead.adc_gain,
        adc_zero=lead.baseline,
    )
    return _in_order(found)


def _xqrs(recording: Recording) -> NDArray[np.int64]:
    processing = importlib.import_module("wfdb.processing")
    lead = recording.leads[0]
    mv = (recording.samples[0].astype(np.float64) - lead.baseline) / lead.adc_gain
    return _in_order(processing.xqrs_detect(mv, recording.fs, verbose=False))


def _in_order(found: object) -> NDArray[np.int64]:
    return np.unique(np.asarray(found, np.int64).reshape(-1))


_DETECTORS: dict[str, Callable[[Recording], NDArray[np.int64]]] = {"gqrs": _gqrs, "xqrs": _xqrs}
