"""Beat models each of which never saw some patients, to try adaptation on these.

``python -m training.adaptation.folds CONFIG --out DIR`` trains one model a fold of
the patients of the configuration and writes ``DIR/foldK.onnx``, the same as torch weights
in ``DIR/foldK.pt``, and ``DIR/folds.json``, which says whose records each may be tried on.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from ingest.errors import InputError
from training.architectures.beat import BeatClassifier
from training.beat_task import BeatTask
from training.config import load_config
from training.crossval import fold_tasks
from training.datasets import LabelledSignal, digest
from training.guard import Look
from training.sources import read_split

INDEX = "folds.json"
"""File that says which records each model has not seen."""


def write_folds(
    config: Path,
    data: Path,
    out: Path,
    n_folds: int,
    epochs: int | None = None,
    look: Look | None = None,
) -> Path:
    """Train the models of all folds.

    Parameters
    ----------
    config : Path
        TOML file of a beat model's run.
    data : Path
        Folder of the databases.
    out : Path
        Folder to write to.
    n_folds : int
        Folds.
    epochs : int, optional
        Epochs, if other than the configuration's.
    look : Look, optional
        Leave to learn from DS2, where the models serve the audit of all of mitdb and nothing else.

    Returns
    -------
    Path
        ``out/folds.json``.
    """
    run = load_config(config)
    if epochs is not None:
        run = run.model_copy(update={"fit": run.fit.model_copy(update={"epochs": epochs})})
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
    parser.add_argument("--why", help="why DS2 is learned from, where the configuration names it")
    arguments = parser.parse_args(argv)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    print(
        write_folds(
            arguments.config,
            arguments.data,
            arguments.out,
            arguments.folds,
            arguments.epochs,
            None if arguments.why is None else Look(arguments.why),
        )
    )


if __name__ == "__main__":
    main()
