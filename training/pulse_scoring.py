"""How well pulses are found: the bidmc records, against their ECG and their bedside monitor.

Two references that have nothing to do with the finder: R-peaks of wfdb's ``xqrs`` on lead II, and
the pulse rate that the bedside monitor itself told once a second. A beat's pulse lies within
``MATCH_MS`` of the record's own delay. xqrs counts waves twice in a few records, so beside all of
them stand those in which its median rate is the monitor's.

    python -m training.pulse_scoring ../shared/data/bidmc --out docs/pulses.md
"""

from __future__ import annotations

import argparse
import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.pulse_finder import N_PULSES, PulseFinder
from inference.pulse_leads import PulseKind, choose_pulse_leads
from inference.pulse_signal import PULSE_FS, PulseSignal
from inference.pulses import kinds_of, least_rise
from inference.resample import rate_plan
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording

MATCH_MS = 150
"""How far a pulse may lie from where a beat's is expected, ms."""
DELAYS_MS = range(0, 900, 20)
"""Delays of the pulse behind the R-peak that a record may have, ms."""
FROM_MS = 10_000
"""What comes before is learning, ms."""
RATE_PULSES = 10
"""Intervals of which the median is the pulse rate; monitors average over about as many."""
CLOSE_BPM = 5.0
"""Rates that differ by no more agree, bpm."""


@dataclass(frozen=True, slots=True)
class LeadScore:
    """One pulse lead of one record."""

    record: str
    """Name."""
    kind: PulseKind
    """What lead."""
    found: int
    """Beats whose pulse was found."""
    beats: int
    """Beats by xqrs."""
    pulses: int
    """Pulses found."""
    is_agreed: bool
    """The median rates of xqrs and of the monitor agree."""
    seconds: int
    """Seconds in which the monitor and the finder tell a rate."""
    close: int
    """Of these, those in which both agree."""


def pulse_times_ms(recording: Recording, row: int, push_s: float = 20.0) -> NDArray[np.int64]:
    """Find the pulses of one lead, shape (n_pulses,), ms."""
    lead, fs, slots = recording.leads[row], recording.fs, np.array([0])
    signal, finder = PulseSignal(1), PulseFinder(1)
    adu = np.asarray(recording.samples[row])
    signal.start(0, fs=fs, first_sample=0, first_adu=int(adu[0]), lead=lead)
    finder.start(0, least_rise(lead))
    plan, step = rate_plan(fs, PULSE_FS), int(push_s * fs)
    found: list[int] = []
    for first in range(0, len(adu), step):
        part = adu[None, first : first + step]
        before = int(finder.state["n_found"][0])
        tick = signal.state["next_tick"][slots]
        until = tick + plan.whole_ticks(tick, np.array([first + part.shape[1]]))
        for block in signal.push(slots, part, fs, until):
            finder.push(block)
        new = np.arange(before, int(finder.state["n_found"][0])) % N_PULSES
        found += finder.state["pulse_ms"][0, new].tolist()
    return np.array(found, np.int64)


def matched(beats_ms: NDArray[Any], pulses_ms: NDArray[Any]) -> int:
    """Count beats that have a pulse of their own, by the delay that suits the record best.

    Examples
    --------
    >>> matched(np.array([0, 800, 1600]), np.array([310, 1100, 5000]))
    2
    """
    best = 0
    for delay_ms in DELAYS_MS:
        wanted, i, j, n = beats_ms + delay_ms, 0, 0, 0
        while i < len(wanted) and j < len(pulses_ms):
            behind = pulses_ms[j] - wanted[i]
            near = bool(abs(behind) <= MATCH_MS)
            n += near
            i, j = i + (near or behind > 0), j + (near or behind <= 0)
        best = max(best, n)
    return best


def score_record(folder: Path, name: str) -> list[LeadScore]:
    """Score the pulse leads of one record."""
    recording = open_recording(folder / name)
    monitor = _numerics(folder / f"{name}n")
    beats_ms = _r_peaks_ms(recording)
    end_ms = recording.n_samples * 1000 / recording.fs - 1000
    beats_ms = beats_ms[(beats_ms > FROM_MS) & (beats_ms < end_ms)]
    agreed = abs(60_000 / np.median(np.diff(beats_ms)) - np.nanmedian(monitor["HR"])) <= CLOSE_BPM
    rows = choose_pulse_leads(recording.leads)
    told = []
    for row, kind in zip(rows, kinds_of([recording.leads[r] for r in rows]), strict=True):
        pulses_ms = pulse_times_ms(recording, row)
        seconds, close = _agreement(pulses_ms, monitor["PULSE"])
        late_ms = pulses_ms[(pulses_ms > FROM_MS) & (pulses_ms < end_ms + 1000)]
        n_found = matched(beats_ms, late_ms)
        counts = (n_found, len(beats_ms), len(late_ms))
        told.append(LeadScore(name, kind, *counts, bool(agreed), seconds, close))
    return told


def page(scores: Sequence[LeadScore]) -> str:
    """Write the table as Markdown."""
    lines = [
        "# Pulses found\n",
        (
            "Written by `python -m training.pulse_scoring`; what is compared with what is said in "
            "`training/pulse_scoring.py`. No parameter was fitted to these records but the two "
            "bounds of the dicrotic wave.\n"
        ),
        (
            "| lead | records | beats | Se % | +P % | seconds | pulse rate within 5 bpm of the "
            "monitor's, % |"
        ),
        "|---|---|---|---|---|---|---|",
    ]
    for agreed, what in ((False, ""), (True, ", where xqrs agrees with the monitor")):
        for kind in PulseKind:
            of = [each for each in scores if each.kind is kind and (each.is_agreed or not agreed)]
            found, beats, pulses, seconds, close = (
                sum(getattr(each, name) for each in of)
                for name in ("found", "beats", "pulses", "seconds", "close")
            )
            figures = (100 * found / beats, 100 * found / pulses)
            lines.append(
                f"| {kind.value}{what} | {len(of)} | {beats} | {figures[0]:.2f} | "
                f"{figures[1]:.2f} | {seconds} | {100 * close / seconds:.1f} |"
            )
    return "\n".join(lines) + "\n"


def _agreement(pulses_ms: NDArray[np.int64], monitor_bpm: NDArray[np.float64]) -> tuple[int, int]:
    """Compare the rate of the last pulses with the monitor's, second by second."""
    at_ms = np.arange(len(monitor_bpm)) * 1000
    last = np.searchsorted(pulses_ms, at_ms, side="right") - 1
    told = (last >= RATE_PULSES) & np.isfinite(monitor_bpm) & (monitor_bpm > 0)
    last, monitor = last[told], monitor_bpm[told]
    intervals_ms = np.diff(pulses_ms)[last[:, None] - np.arange(1, RATE_PULSES + 1)]
    bpm = 60_000 / np.median(intervals_ms, axis=1)
    return len(bpm), int((np.abs(bpm - monitor) <= CLOSE_BPM).sum())


def _numerics(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read the monitor's numerics, one a second, by name."""
    record = importlib.import_module("wfdb").rdrecord(str(path))
    names = [name.strip(" ,") for name in record.sig_name]
    return {name: record.p_signal[:, i] for i, name in enumerate(names)}


def _r_peaks_ms(recording: Recording) -> NDArray[np.float64]:
    """Find R-peaks on lead II by xqrs, ms."""
    row = next(i for i, lead in enumerate(recording.leads) if lead.name == "II")
    lead = recording.leads[row]
    signal = (np.asarray(recording.samples[row], np.float64) - lead.baseline) / lead.adc_gain
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb 4.3 with pandas 3 and numpy 2
        detect = importlib.import_module("wfdb.processing").xqrs_detect
        found = detect(signal, fs=recording.fs, verbose=False)
    return np.asarray(found, np.float64) * 1000 / recording.fs


def main(arguments: Sequence[str] | None = None) -> None:
    """Score all records of a folder and write the page."""
    parser = argparse.ArgumentParser(description="Score the pulse finder on bidmc.")
    parser.add_argument("folder", type=Path, help="folder of the bidmc records")
    parser.add_argument("--out", type=Path, default=Path("docs/pulses.md"), help="page to write")
    told = parser.parse_args(arguments)
    names = sorted(path.stem for path in told.folder.glob("bidmc[0-9][0-9].hea"))
    scores = [each for name in names for each in score_record(told.folder, name)]
    told.out.write_text(page(scores), "utf-8")
    print(page(scores))


if __name__ == "__main__":
    main()
