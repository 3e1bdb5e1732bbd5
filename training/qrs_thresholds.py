"""QRS detection over thresholds: the curve that the shipped threshold is chosen on.

``python -m training.qrs_thresholds`` runs the QRS model once over DS1, or another
set that is not held out, and picks peaks at many thresholds from the same
probabilities. With ``--snr-db`` real noise is added first, of the part that may
be learned from.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.peaks import PeakPicker, Peaks
from inference.pipeline import Pipeline
from inference.slots import Slots
from ingest.errors import InputError
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource, open_recording
from training.assessment.scoring import CHUNK_S, FoundBeats, compare_found, scored_row
from training.assessment.tables import markdown
from training.ec57 import RecordComparison, gross, rates, read_annotations, record_names
from training.noise_bank import NoiseSegment, load_noise, noise_track
from training.splits import DS1, DS2
from training.stress.mix import with_noise

THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7)
"""What is tried."""


class PickerFan(PeakPicker):
    """Picks peaks at several thresholds, and remembers them by stream.

    Parameters
    ----------
    pipeline : Pipeline
        Whose peak picker it takes the place of; at its end it gives that one's peaks.
    thresholds : sequence of float
        What is tried.
    """

    def __init__(self, pipeline: Pipeline, thresholds: Sequence[float]) -> None:
        self._own, self._streams = pipeline.beats.picker, pipeline.streams
        info, beat = pipeline.beats.qrs.info, pipeline.beats.beat.info
        after_ms = -(-(beat.length - beat.before) * 1000 // beat.fs)
        super().__init__(info, after_ms)
        self._pickers = {
            threshold: PeakPicker(
                dataclasses.replace(info, thresholds={info.classes[0]: threshold}), after_ms
            )
            for threshold in thresholds
        }
        self.peaks_ms: dict[float, dict[str, list[int]]] = {t: {} for t in thresholds}

    def resize(self, n_slots: int) -> None:
        """Grow, as all its pickers do."""
        super().resize(n_slots)
        for picker in (self._own, *self._pickers.values()):
            picker.resize(n_slots)

    def reset(self, slots: Slots) -> None:
        """Make the slots of all its pickers fresh."""
        super().reset(slots)
        for picker in (self._own, *self._pickers.values()):
            picker.reset(slots)

    def pick(
        self,
        slots: Slots,
        first_ms: NDArray[np.int64],
        probs: NDArray[np.float32],
        allowed: NDArray[np.bool_],
    ) -> Peaks:
        """Pick at every threshold; see :class:`PeakPicker`."""
        names = [self._streams.info(slot).stream_id for slot in slots.tolist()]
        for threshold, picker in self._pickers.items():
            found = picker.pick(slots, first_ms, probs, allowed)
            for row, r_ms in zip(found.row.tolist(), found.r_ms.tolist(), strict=True):
                self.peaks_ms[threshold].setdefault(names[row], []).append(r_ms)
        return self._own.pick(slots, first_ms, probs, allowed)


def find_at(
    recordings: Mapping[str, Recording], thresholds: Sequence[float], qrs: Path | None = None
) -> dict[float, dict[str, list[int]]]:
    """Find R-peaks at several thresholds, ms, by threshold and record.

    Parameters
    ----------
    recordings : mapping of str to Recording
        Records by name.
    thresholds : sequence of float
        What is tried.
    qrs : Path, optional
        QRS model; the shipped one by default.
    """
    pipeline, sequencer = Pipeline(qrs), Sequencer()
    fan = PickerFan(pipeline, thresholds)
    pipeline.beats.take_peaks_of(fan)
    source = ReplaySource(recordings, speed=None, chunk_s=CHUNK_S)
    ended = False
    while not ended:
        batch = source.poll(0.0)
        ended = batch.end
        pipeline.push(sequencer.push_all(batch.frames)[0])
    return fan.peaks_ms


def compare_at(
    folder: Path,
    recordings: Mapping[str, Recording],
    thresholds: Sequence[float],
    qrs: Path | None = None,
) -> dict[float, list[RecordComparison]]:
    """Compare what each threshold finds with the reference, by EC57."""
    found = find_at(recordings, thresholds, qrs)
    compared: dict[float, list[RecordComparison]] = {t: [] for t in thresholds}
    for record, recording in recordings.items():
        reference = read_annotations(folder, record, "atr")
        for threshold in thresholds:
            peaks = np.array(found[threshold].get(record, []), np.float64)
            sample = np.rint(peaks * recording.fs / 1000).astype(np.int64).tolist()
            beats = FoundBeats(sample, ["N"] * len(sample))
            compared[threshold].append(compare_found(record, beats, reference, recording))
    return compared


def main(argv: Sequence[str] | None = None) -> None:
    """Print the curve from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--database", default="mitdb")
    parser.add_argument("--records", default="", help="names with commas; DS1, or all of svdb")
    parser.add_argument("--qrs", type=Path, help="the QRS model; the shipped one by default")
    parser.add_argument("--snr-db", type=float, help="add real noise at this level")
    arguments = parser.parse_args(argv)
    folder = arguments.data / arguments.database
    mitdb = arguments.database == "mitdb"
    named = record_names(arguments.records) if arguments.records else (DS1 if mitdb else None)
    records = named or tuple(sorted(path.stem for path in folder.glob("*.hea")))
    if mitdb and (named is None or {*records} & {*DS2}):
        raise InputError("no threshold is chosen on DS2: name records of DS1, or another database")
    recordings = {record: open_recording(folder / record) for record in records}
    if arguments.snr_db is not None:
        fs = round(next(iter(recordings.values())).fs)
        segments = load_noise(arguments.data, "training", fs)
        recordings = {
            name: _noisy(segments, folder, one, arguments.snr_db)
            for name, one in recordings.items()
        }
    compared = compare_at(folder, recordings, THRESHOLDS, arguments.qrs)
    body = []
    for threshold, comparisons in compared.items():
        tally = gross(comparisons)["qrs"]
        rate = rates(tally)
        cells = [f"{value or 0:.3f}" for value in (rate.se, rate.ppv, rate.f1)]
        body.append([f"{threshold:g}", *cells, str(tally.fn), str(tally.fp)])
    print(markdown(["threshold", "Se", "+P", "F1", "missed", "false"], body))


def _noisy(
    segments: Sequence[NoiseSegment], folder: Path, recording: Recording, snr_db: float
) -> Recording:
    """Add noise that may be learned from to the lead that is scored."""
    rng = np.random.default_rng([*recording.name.encode()])
    track = noise_track(segments, recording.n_samples, round(recording.fs), rng)
    marks = read_annotations(folder, recording.name, "atr", recording.fs)
    return with_noise(recording, scored_row(recording), marks, track, snr_db)


if __name__ == "__main__":
    main()
