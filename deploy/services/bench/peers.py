"""Other ways to the same or to less: detectors, a naive pipeline, the official C program."""

from __future__ import annotations

import importlib
import importlib.util
import json
import resource
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deploy.services.bench.figure import Figure, Sample, beside, cpu_s, sampled
from inference.model import builtin
from inference.session import StreamSession
from ingest.recording import Recording

N_RECORDS = 3
"""Recordings that a peer is given."""
REPEATS = 3
"""Repetitions."""
UNIT = "patients in real time a core"
WINDOW_S = 10
"""What a naive pipeline scores again each second, s."""
ABSENT = {
    "neurokit2": "NeuroKit2",
    "biosppy": "BioSPPy",
    "openvino": "OpenVINO",
    "confluent_kafka": "confluent-kafka",
    "aiokafka": "aiokafka",
}
"""Peers that come with the extra ``bench`` only, by the module that they are."""


def not_there() -> list[str]:
    """Names of peers that are not installed here, and the official gqrs where it is not."""
    gone = [name for module, name in ABSENT.items() if importlib.util.find_spec(module) is None]
    return gone if shutil.which("gqrs") else [*gone, "the official gqrs"]


def millivolts(recording: Recording) -> np.ndarray:
    """Return the first lead in mV, shape (n_samples,)."""
    lead = recording.leads[0]
    adu = recording.samples[0].astype(np.float64)
    return np.asarray((adu - lead.baseline) / lead.adc_gain)


def detector_rate(recordings: Sequence[Recording], detect: Callable[..., Any]) -> Sample:
    """Seconds of signal that a detector gets through in a second of one core."""
    chosen = recordings[:N_RECORDS]
    signals = [(millivolts(one)[: round(60 * one.fs)], one.fs) for one in chosen]
    signal_s = sum(len(signal) / fs for signal, fs in signals)

    def once() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return signal_s / cpu_s(lambda: [detect(signal, fs) for signal, fs in signals])

    return sampled(REPEATS, once)


def xqrs(signal_mv: np.ndarray, fs: float) -> object:
    """Find R-peaks by wfdb's xqrs."""
    from wfdb.processing import XQRS

    return XQRS(signal_mv, fs).detect(verbose=False)


def gqrs(signal_mv: np.ndarray, fs: float) -> object:
    """Find R-peaks by wfdb's gqrs, the Python form of the official one."""
    from wfdb.processing import gqrs_detect

    return gqrs_detect(signal_mv, fs)


def detectors() -> dict[str, Callable[..., Any]]:
    """Return the detectors that are installed, by what to call them."""
    found: dict[str, Callable[..., Any]] = {"wfdb's xqrs": xqrs, "wfdb's gqrs": gqrs}
    if importlib.util.find_spec("sleepecg"):
        sleepecg = importlib.import_module("sleepecg")
        found["sleepecg's detect_heartbeats (C)"] = sleepecg.detect_heartbeats
    if importlib.util.find_spec("neurokit2"):
        neurokit = importlib.import_module("neurokit2")
        found["NeuroKit2's ecg_peaks"] = lambda mv, fs: neurokit.ecg_peaks(mv, sampling_rate=fs)
    if importlib.util.find_spec("biosppy"):
        biosppy = importlib.import_module("biosppy.signals.ecg")
        found["BioSPPy's hamilton_segmenter"] = biosppy.hamilton_segmenter
    return found


class Naive:
    """What one writes first: a patient at a time, JSON, whole windows scored again each second."""

    def __init__(self) -> None:
        self._qrs = StreamSession(builtin("qrs"), "qrs", 1)
        self._beat = StreamSession(builtin("beat"), "beat", 1)
        self._fs = self._qrs.info.fs
        self._window = np.zeros(0)

    def take(self, message: str) -> str:
        """Take one second as JSON; return what was found in the last ten as JSON."""
        from scipy.signal import butter, find_peaks, resample, sosfiltfilt

        frame = json.loads(message)
        adu = np.array(frame["samples"], np.float64)
        self._window = np.concatenate([self._window, adu])[-round(WINDOW_S * frame["fs"]) :]
        seconds = len(self._window) / frame["fs"]
        signal = resample(self._window, round(seconds * self._fs))
        signal = sosfiltfilt(butter(2, [0.5, 40], "band", fs=self._fs, output="sos"), signal)
        signal = (signal / max(np.ptp(signal), 1e-6)).astype(np.float32)
        whole = len(signal) // self._qrs.info.stride * self._qrs.info.stride
        slot = np.array([0])
        self._qrs.reset(slot)
        probs = self._qrs.step(slot, signal[None, None, :whole])[0]
        peaks = find_peaks(probs, height=0.3, distance=5)[0] * self._qrs.info.stride
        info, beats = self._beat.info, []
        self._beat.reset(slot)
        for before, at in zip([0, *peaks[:-1]], peaks, strict=False):
            cut = signal[max(at - info.before, 0) :][: info.length]
            padded = np.pad(cut, (0, info.length - len(cut)))[None, None]
            rr_s = np.array([[(at - before) / self._fs]], np.float32)
            beats.append(int(self._beat.step(slot, padded, rr_s)[0].argmax()))
        return json.dumps({"stream": frame["stream"], "r": peaks.tolist(), "beats": beats})


def naive_rate(recordings: Sequence[Recording]) -> Sample:
    """Patients that a naive pipeline follows on one core."""
    recording, n_s = recordings[0], 30
    n = round(recording.fs)
    messages = [
        json.dumps(
            {
                "stream": "p",
                "fs": recording.fs,
                "samples": recording.samples[0, at * n :][:n].tolist(),
            }
        )
        for at in range(n_s)
    ]

    def once() -> float:
        pipeline = Naive()
        for message in messages[:10]:
            pipeline.take(message)
        return (n_s - 10) / cpu_s(lambda: [pipeline.take(one) for one in messages[10:]])

    return sampled(REPEATS, once)


def official_gqrs(recordings: Sequence[Recording]) -> Sample | None:
    """Seconds of signal a second of the C program on PATH; None where there is none."""
    if shutil.which("gqrs") is None:
        return None
    import wfdb

    chosen = recordings[:N_RECORDS]
    with tempfile.TemporaryDirectory() as folder:
        for i, one in enumerate(chosen):
            samples = one.samples[:1].T.astype(np.int64)
            lead = one.leads[0]
            wfdb.wrsamp(
                f"r{i}", one.fs, [lead.unit], [lead.name], d_signal=samples, fmt=["16"],
                adc_gain=[lead.adc_gain], baseline=[lead.baseline], write_dir=folder,
            )  # fmt: skip

        def once() -> float:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            for i in range(len(chosen)):
                subprocess.run(["gqrs", "-r", f"r{i}"], cwd=Path(folder), check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            return sum(one.n_samples / one.fs for one in chosen) / took_s

        return sampled(REPEATS, once)


def peers(recordings: Sequence[Recording], own: Sample) -> Iterator[Figure]:
    """Run every peer that is here, beside the engine on the same recordings."""
    ours = "messages to alarms, 1,024 streams"
    samples = {
        f"{name}: QRS only": detector_rate(recordings, detect)
        for name, detect in detectors().items()
    }
    samples["a naive pipeline: JSON, windows of 10 s"] = naive_rate(recordings)
    if (official := official_gqrs(recordings)) is not None:
        samples["the official gqrs in C: QRS only"] = official
    for name, sample in samples.items():
        yield beside(f"peer: {name}", sample, UNIT, ours, own)
