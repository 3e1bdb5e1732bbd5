"""The two models of a change: files, and the trained modules behind them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inference import model
from inference.model import ModelInfo
from ingest.errors import InputError
from training.architectures.beat import BeatClassifier, BeatSize
from training.architectures.size import Values
from training.architectures.two_lead import N_LEADS, Fusion, TwoLeadClassifier, TwoLeadSize
from training.config import TrainConfig
from training.export import ExportSpec
from training.fit import Run

TASKS: dict[str, Callable[[Values], BeatClassifier | TwoLeadClassifier]] = {
    "beat": lambda values: BeatClassifier(BeatSize.of(values)),
    "two-lead-beat": lambda values: TwoLeadClassifier(TwoLeadSize.of(values)),
}
"""Tasks whose models are retrained, and how their modules are made."""


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
    run: dict[str, Any] | None = None
    """``run.json`` of the run that made it."""

    @property
    def n_leads(self) -> int:
        """Leads that it looks at."""
        return len(self.info.leads)


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
        raise InputError(
            f"model {file.name} is of kind {info.kind!r}; retrained so are beat models alone, such "
            "as beat, beat-two-lead and beat-edge"
        )
    return Known(file, info, None, frozenset())


def require_same_kind(champion: Known, candidate: TrainConfig | Known) -> None:
    """Refuse a candidate that could not take its champion's place.

    Raises
    ------
    ingest.errors.InputError
        Naming what is other than the champion's.
    """
    if isinstance(candidate, Known):
        name, n_leads = candidate.info.name, candidate.n_leads
    else:
        name = candidate.name
        n_leads = N_LEADS if candidate.task == "two-lead-beat" else 1
    if name != champion.info.name:
        raise InputError(
            f"the candidate's name is {name!r}; allowed: {champion.info.name!r}, whose place it "
            "would take"
        )
    if n_leads != champion.n_leads:
        raise InputError(
            f"the candidate looks at {n_leads} leads; allowed: {champion.n_leads}, as the champion "
            f"{champion.info.name!r} does"
        )


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
    if config["task"] not in TASKS:
        raise InputError(
            f"{folder} holds a run of task {config['task']!r}; allowed here: {', '.join(TASKS)}"
        )
    module = _module(folder, config)
    cool(module, told.get("temperature", 1.0))
    return Known(file, info, module, patients, told)


def _module(folder: Path, config: dict[str, Any]) -> BeatClassifier | TwoLeadClassifier:
    """Load the weights that were exported: the last ones, the best ones, or their average."""
    fit = config["fit"]
    name = "best.ckpt" if fit["patience"] else "last.ckpt"
    state = torch.load(folder / name, map_location="cpu", weights_only=False)["state_dict"]
    prefix = "averaged.module." if fit["average"] else "model."
    made = TASKS[config["task"]](config["architecture"])
    own = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    made.load_state_dict(own)
    return made.eval()


class CooledFusion(nn.Module):
    """A fusion whose V logits are divided by a temperature.

    What goes into it stays as it was: how sure each lead is weighs there.

    Parameters
    ----------
    inner : Fusion
        The fusion as it was trained.
    temperature : float
        What V logits are divided by.
    """

    def __init__(self, inner: Fusion, temperature: float) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("scale", torch.tensor([1 / temperature, 1.0]))

    def forward(self, logits: Tensor, evidence: Tensor, heard: Tensor) -> Tensor:
        """Join two leads; parameters as :meth:`Fusion.forward`."""
        joined: Tensor = self.inner(logits, evidence, heard) * self.scale
        return joined


def cool(module: BeatClassifier | TwoLeadClassifier, temperature: float) -> None:
    """Divide a model's V logits by a temperature."""
    if isinstance(module, TwoLeadClassifier):
        if temperature != 1:
            module.fusion = CooledFusion(module.fusion, temperature)  # type: ignore[assignment]
        return
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
