"""Fold models side by side on DS1's patients, each asked about those alone that it never saw.

``python -m training.left_out DIR DIR ...`` takes folders of :mod:`training.adaptation.folds` whose
folds leave the same patients out. Reference R-peaks, first five minutes left out, thresholds of
the shipped model. Never DS2.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from inference.ticks import S, V
from ingest.errors import InputError
from training.adaptation.folds import fold_index, open_fold
from training.architectures.beat import BeatClassifier
from training.assessment import kept
from training.assessment.tables import markdown
from training.beat_task import recall_record
from training.crossval import LEARNING_MS, LeftOut
from training.datasets import LabelledSignal, load
from training.scores import f1
from training.splits import DS1, patient_of

THRESHOLDS = {"V": 0.4, "S": 0.5}
"""Of the shipped beat model."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """One record as several folders' models tell it."""

    name: str
    """Record name."""
    aami: NDArray[np.int8]
    """Array of shape (n_beats,): reference classes."""
    called: tuple[NDArray[np.int64], ...]
    """Classes called by each folder's model, arrays of shape (n_beats,)."""


def tell(models: Sequence[BeatClassifier], signal: LabelledSignal) -> Told:
    """Score one record's beats behind its first five minutes with several models.

    Parameters
    ----------
    models : sequence of BeatClassifier
        None of which has learned from the patient.
    signal : LabelledSignal
        The record's first lead.
    """
    shape, features = recall_record(signal)
    counted = signal.r_ms >= LEARNING_MS
    called = []
    for each in models:
        with torch.no_grad():
            v, s, _ = each.logits(shape, features, each.initial_state(1))
        p_v, p_s = (torch.sigmoid(logits[:, 0]).numpy()[counted] for logits in (v, s))
        one = LeftOut(signal.name, p_v, p_s, signal.aami[counted])
        called.append(one.called(THRESHOLDS["V"], THRESHOLDS["S"]))
    return Told(signal.name, signal.aami[counted], tuple(called))


def f1_of(told: Sequence[Told], which: int, code: int) -> float:
    """F1 of one class over records, beats of all pooled, percent."""
    aami = np.concatenate([one.aami for one in told])
    return 100 * f1(aami, np.concatenate([one.called[which] for one in told]), code)


def compare(folders: Sequence[Path], data: Path) -> list[Told]:
    """Score every record of DS1 with the models of each folder that left its patient out.

    Raises
    ------
    ingest.errors.InputError
        If there are no folds, or the folders leave out different patients.
    """
    index = fold_index(folders[0])
    for other in folders[1:]:
        if fold_index(other) != index:
            raise InputError(f"{other} and {folders[0]} leave out other patients")
    told = []
    for name, patients in index.items():
        records = [record for record in DS1 if patient_of("mitdb", record) in patients]
        models = [open_fold(folder / name) for folder in folders]
        told += [tell(models, signal) for signal in load(data / "mitdb", records, fs=125)]
    if len(told) < len(DS1):
        raise InputError(f"the folds of {folders[0]} leave out {len(told)} of DS1's {len(DS1)}")
    return sorted(told, key=lambda one: one.name)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m training.left_out")
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--results", type=Path, help="folder of the kept figures")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    told = compare(arguments.folders, arguments.data)
    rows = []
    for name, part in [("all", told), *((one.name, [one]) for one in told)]:
        cells = [
            f"{f1_of(part, i, V):.1f} / {f1_of(part, i, S):.1f}"
            for i in range(len(arguments.folders))
        ]
        n_v, n_s = (sum(int((one.aami == code).sum()) for one in part) for code in (V, S))
        rows.append([name, str(n_v), str(n_s), *cells])
    names = [folder.name for folder in arguments.folders]
    print(markdown(["record", "V beats", "S beats", *(f"{n}: V / S F1" for n in names)], rows))
    kept.keep("left-out", {"folders": names, "rows": rows}, arguments.results)


if __name__ == "__main__":
    main()
