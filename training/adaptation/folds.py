"""Beat models each of which never saw some patients, to try adaptation on these.

``python -m training.adaptation.folds CONFIG --out DIR`` trains one model a fold of
the patients of the configuration and writes ``DIR/foldK.onnx``, the same as torch weights
in ``DIR/foldK.pt``, and ``DIR/folds.json``, which says whose records each may be tried on.
A distilled model is taught by fold models: ``--teachers DIR ...``, made like these, each of
whose folds leave the same patients out.
With ``--why`` DS1 stands for DS1 and DS2: so the audit leaves out all patients of mitdb in turn.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

import torch

from ingest.errors import InputError
from training.architectures.beat import BeatClassifier
from training.beat_task import BeatTask
from training.config import TrainConfig, load_config
from training.crossval import fold_tasks
from training.datasets import LabelledSignal, digest
from training.guard import Look, Split
from training.meta.learn import Method
from training.quiet import fitted
from training.sources import read_split
from training.splits import DS1, DS2

INDEX = "folds.json"
"""File that says which records each model has not seen."""


def write_folds(
    run: TrainConfig,
    data: Path,
    out: Path,
    n_folds: int,
    look: Look | None = None,
    teachers: Sequence[Path] = (),
) -> Path:
    """Train the models of all folds.

    Parameters
    ----------
    run : TrainConfig
        A beat model's run.
    data : Path
        Folder of the databases.
    out : Path
        Folder to write to.
    n_folds : int
        Folds.
    look : Look, optional
        Leave to learn from DS2 beside DS1, for the audit of all of mitdb and nothing else.
    teachers : sequence of Path
        Folders of fold models that teach a distilled one; their folds are taken.

    Returns
    -------
    Path
        ``out/folds.json``.
    """
    if look is not None:
        run = with_ds2(run)
    signals: Sequence[LabelledSignal] = read_split(run.data, data, look=look).training
    out.mkdir(parents=True, exist_ok=True)
    index: dict[str, list[str]] = {}
    tasks = fold_tasks(run, signals, n_folds, look=look)
    if teachers:
        tasks = taught_folds(run, signals, teachers)
    for fold, (task, split) in enumerate(tasks):
        name = f"fold{fold}.onnx"
        task.write(out / name, digest(split.training))
        weights = {"architecture": dict(run.architecture), "state": task.model.state_dict()}
        torch.save(weights, out / f"fold{fold}.pt")
        index[name] = sorted(signal.patient for signal in split.validation)
    path = out / INDEX
    path.write_text(json.dumps(index, indent=1) + "\n", "utf-8")
    return path


def taught_folds(
    run: TrainConfig, signals: Sequence[LabelledSignal], teachers: Sequence[Path]
) -> Iterator[tuple[BeatTask, Split]]:
    """Train a distilled model once a fold, taught by those that left the same patients out.

    Parameters
    ----------
    run : TrainConfig
        The run that every fold makes.
    signals : sequence of LabelledSignal
        All leads of all records.
    teachers : sequence of Path
        Folders of fold models over the same folds.

    Raises
    ------
    ingest.errors.InputError
        If the run is not distilled, or the folders leave out other patients.
    """
    if run.distill is None or run.task != "beat":
        raise InputError("--teachers is for a run of task 'beat' with a table [distill]")
    index = fold_index(teachers[0])
    for other in teachers[1:]:
        if fold_index(other) != index:
            raise InputError(f"{other} and {teachers[0]} leave out other patients")
    for name, patients in index.items():
        out = set(patients)
        split = Split(
            [signal for signal in signals if signal.patient not in out],
            [signal for signal in signals if signal.patient in out and signal.first],
        )
        taught_by = tuple(str(folder / name) for folder in teachers)
        distill = run.distill.model_copy(update={"teacher": taught_by})
        config = run.model_copy(update={"distill": distill})
        make = partial(BeatTask, config, split.training, split.validation)
        yield fitted(make, config.fit), split


def with_ds2(run: TrainConfig) -> TrainConfig:
    """Let a run learn from DS2 wherever it learns from DS1.

    Parameters
    ----------
    run : TrainConfig
        A run whose records of mitdb are ``ds1``; its parts all stand in ``data.sources``.
    """
    sources = tuple(
        part.model_copy(update={"records": (*DS1, *DS2)}) if part.records == "ds1" else part
        for part in run.data.parts
    )
    return run.model_copy(update={"data": run.data.model_copy(update={"sources": sources})})


def fold_index(folder: Path) -> dict[str, list[str]]:
    """Read whom each model of a folder has not seen.

    Raises
    ------
    ingest.errors.InputError
        If there are no folds.
    """
    try:
        index: dict[str, list[str]] = json.loads((folder / INDEX).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"no folds in {folder}: make them with python -m training.adaptation.folds"
        ) from error
    return index


def fold_of(patient: str, folder: Path) -> Path:
    """Find the model that has not seen a patient.

    Raises
    ------
    ingest.errors.InputError
        If there are no folds, or every model has seen the patient.
    """
    for name, patients in fold_index(folder).items():
        if patient in patients:
            return folder / name
    raise InputError(f"none of the models in {folder} has left patient {patient} out")


def open_fold(path: Path) -> BeatClassifier:
    """Open the torch weights of a fold, ``foldK.pt`` beside ``foldK.onnx``.

    Raises
    ------
    ingest.errors.InputError
        If they are not there.
    """
    path = path.with_suffix(".pt")
    if not path.is_file():
        raise InputError(f"no weights {path}: make them with python -m training.adaptation.folds")
    saved = torch.load(path)
    found = BeatTask.build(saved["architecture"])
    found.load_state_dict(saved["state"])
    return found.eval()


def main(argv: Sequence[str] | None = None) -> None:
    """Train fold models from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--epochs", type=int, help="other than the configuration's")
    parser.add_argument("--seed", type=int, help="other than the configuration's")
    parser.add_argument("--method", choices=get_args(Method), help="of meta-learning, likewise")
    parser.add_argument("--teachers", type=Path, nargs="+", default=[], help="of a distilled run")
    parser.add_argument("--why", help="learn from DS2 beside DS1, and why")
    arguments = parser.parse_args(argv)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    run = load_config(arguments.config)
    if arguments.epochs is not None:
        run = run.model_copy(
            update={"fit": run.fit.model_copy(update={"epochs": arguments.epochs})}
        )
    if arguments.seed is not None:
        run = run.with_seed(arguments.seed)
    if arguments.method is not None:
        run = run.model_copy(
            update={"meta": run.meta.model_copy(update={"method": arguments.method})}
        )
    look = None if arguments.why is None else Look(arguments.why)
    folds, teachers = arguments.folds, arguments.teachers
    print(write_folds(run, arguments.data, arguments.out, folds, look, teachers))


if __name__ == "__main__":
    main()
