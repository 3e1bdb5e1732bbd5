"""The two models of a change: files, and the trained modules behind them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from inference import model
from inference.model import ModelInfo
from ingest.errors import InputError
from training.architectures.beat import BeatClassifier, BeatSize
from training.export import ExportSpec
from training.fit import Run


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A model, as far as it is known."""

    path: Path
    """ONNX file."""
    info: ModelInfo
    """Its metadata."""
    module: nn.Module | None
    """The trained module in evaluation mode; None where only the file is there."""
    patients: frozenset[str]
    """Whom it was made from, as far as is told."""
    run: dict[str, object] | None = None
    """``run.json`` of the run that made it."""


def open_model(path: Path) -> Known:
    """Open a model by its run folder or its file, or by the name of a shipped one.

    Raises
    ------
    ingest.errors.InputError
        If it cannot be read or is no beat model.
    """
    if path.is_dir():
        return _open_run(path)
    file = path if path.is_file() else model.find(path.name)
    _, info = model.load(file)
    if info.kind != "beat":
        raise InputError(f"model {file.name} is of kind {info.kind!r}; wanted here: 'beat'")
    return Known(file, info, None, frozenset())


def known_run(run: Run) -> Known:
    """Open what a run has just made."""
    return _open_run(run.folder)


def _open_run(folder: Path) -> Known:
    try:
        told = json.loads((folder / "run.json").read_text("utf-8"))
        config = told["config"]
        patients = frozenset([*told["training_patients"], *told["validation_patients"]])
        file = folder / f"{config['name']}.onnx"
    except OSError as error:
        raise InputError(f"{folder} holds no run that has ended: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}/run.json is not that of a run: {error}") from error
    _, info = model.load(file)
    if info.kind != "beat" or config["task"] != "beat":
        raise InputError(f"{folder} holds a run of task {config['task']!r}; wanted here: 'beat'")
    module = _module(folder, config)
    cool(module, told.get("temperature", 1.0))
    return Known(file, info, module, patients, told)


def _module(folder: Path, config: dict[str, object]) -> BeatClassifier:
    """Load the weights that were exported: the last ones, the best ones, or their average."""
    fit = config["fit"]
    if not isinstance(fit, dict):
        raise InputError(f"{folder}/run.json is not that of a run")
    name = "best.ckpt" if fit["patience"] else "last.ckpt"
    state = torch.load(folder / name, map_location="cpu", weights_only=False)["state_dict"]
    prefix = "averaged.module." if fit["average"] else "model."
    architecture = config["architecture"]
    made = BeatClassifier(BeatSize.of(architecture))  # type: ignore[arg-type]
    own = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    made.load_state_dict(own)
    return made.eval()


def cool(module: BeatClassifier, temperature: float) -> None:
    """Divide a model's V logits by a temperature."""
    with torch.no_grad():
        for part in module.head_v.parameters():
            part.div_(temperature)


def spec_of(info: ModelInfo) -> ExportSpec:
    """Return the metadata with which a model like this one is exported."""
    return ExportSpec(
        name=info.name,
        version=info.version,
        kind=info.kind,
        fs=info.fs,
        classes=tuple(info.classes),
        thresholds=info.thresholds,
        data_digest=info.data_digest,
        look_ahead_s=info.look_ahead_s,
        length=info.length,
        before=info.before,
        leads=tuple(info.leads),
    )
