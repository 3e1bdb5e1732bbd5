"""Beat models each of which never saw some patients, to try adaptation on these.

``python -m training.adaptation.folds CONFIG --out DIR`` trains one model a fold of
the patients of the configuration and writes ``DIR/foldK.onnx``, the same as torch weights
in ``DIR/foldK.pt``, and ``DIR/folds.json``, which says whose records each may be tried on.
With ``--why`` DS1 stands for DS1 and DS2: so the audit leaves out all patients of mitdb in turn.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import torch

from ingest.errors import InputError
from training.architectures.beat import BeatClassifier
from training.beat_task import BeatTask
from training.config import TrainConfig, load_config
from training.crossval import fold_tasks
from training.datasets import LabelledSignal, digest
from training.guard import Look
from training.meta.learn import Method
from training.sources import read_split
from training.splits import DS1, DS2

INDEX = "folds.json"
"""File that says which records each model has not seen."""


def write_folds(
    run: TrainConfig, data: Path, out: Path, n_folds: int, look: Look | None = None
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
    for fold, (task, split) in enumerate(fold_tasks(run, signals, n_folds, look=look)):
        name = f"fold{fold}.onnx"
        task.write(out / name, digest(split.training))
        weights = {"architecture": dict(run.architecture), "state": task.model.state_dict()}
        torch.save(weights, out / f"fold{fold}.pt")
        index[name] = sorted(signal.patient for signal in split.validation)
    path = out / INDEX
    path.write_text(json.dumps(index, indent=1) + "\n", "utf-8")
    return path


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


def fold_of(patient: str, folder: Path) -> Path:
    """Find the model that has not seen a patient.

    Raises
    ------
    ingest.errors.InputError
        If there are no folds, or every model has seen the patient.
    """
    try:
        index = json.loads((folder / INDEX).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"no folds in {folder}: make them with python -m training.adaptation.folds"
        ) from error
    for name, patients in index.items():
        if patient in patients:
            return folder / str(name)
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
    print(write_folds(run, arguments.data, arguments.out, arguments.folds, look))


if __name__ == "__main__":
    main()
