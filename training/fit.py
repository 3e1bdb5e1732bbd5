"""One training run: data in, a run folder with the model and all that explains it out."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import lightning
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger

from training.beat_task import BeatTask
from training.config import TrainConfig
from training.curves import draw_curves
from training.datasets import LabelledSignal, digest, load
from training.qrs_task import QrsTask
from training.splits import patient_of, require_disjoint

TASKS: dict[str, type[QrsTask] | type[BeatTask]] = {"qrs": QrsTask, "beat": BeatTask}
"""What can be learned; one entry more is one task more."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run made."""

    folder: Path
    """Run folder: ``config.json``, ``metrics.csv``, ``curves.png``, ``run.json``, the model."""
    model: Path
    """The ONNX file."""
    summary: dict[str, object]
    """What stands in ``run.json``."""


def fit(config: TrainConfig, data: Path, folder: Path, *, progress: bool = True) -> Run:
    """Fit a model and export it.

    Parameters
    ----------
    config : TrainConfig
        The run.
    data : Path
        Folder of the databases.
    folder : Path
        Run folder; made if it is not there. A checkpoint in it is gone on from.
    progress : bool
        Show a progress bar.

    Raises
    ------
    ingest.errors.InputError
        If records cannot be read, or a patient stands on both sides of the split.
    """
    folder.mkdir(parents=True, exist_ok=True)
    training, validation = _signals(config, data)
    lightning.seed_everything(config.fit.seed, workers=True, verbose=False)
    task = TASKS[config.task](config, training, validation)
    logger = CSVLogger(folder, name="", version="")
    checkpoint = ModelCheckpoint(folder, "last", save_last=True, enable_version_counter=False)
    trainer = lightning.Trainer(
        max_epochs=config.fit.epochs,
        gradient_clip_val=config.fit.clip_norm,
        logger=logger,
        callbacks=[checkpoint, *_callbacks(config, progress)],
        limit_val_batches=None if validation else 0,
        num_sanity_val_steps=0,
        enable_progress_bar=progress,
        enable_model_summary=False,
        log_every_n_steps=1,
        deterministic=True,
    )
    last = folder / "last.ckpt"
    trainer.fit(task, ckpt_path=str(last) if last.exists() else None)
    data_digest = digest(training)
    model = folder / f"{config.name}.onnx"
    difference = task.write(model, data_digest)
    summary = {
        "config": config.model_dump(mode="json"),
        "data_digest": data_digest,
        "training_patients": sorted({s.patient for s in training}),
        "validation_patients": sorted({s.patient for s in validation}),
        "parameters": sum(p.numel() for p in task.model.parameters()),
        "epochs": trainer.current_epoch,
        "onnx_difference": difference,
        "revision": _revision(),
        "scores": {name: float(value) for name, value in trainer.callback_metrics.items()},
    }
    (folder / "run.json").write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    draw_curves(folder / "metrics.csv", folder / "curves.png", f"{config.name} {config.version}")
    return Run(folder, model, summary)


def _signals(config: TrainConfig, data: Path) -> tuple[list[LabelledSignal], list[LabelledSignal]]:
    """Read both sides of the split, and refuse an overlap of patients."""
    chosen = config.data
    database = data / chosen.database
    sides = {"training": chosen.training_records(), "validation": chosen.validation}
    require_disjoint(
        {side: [patient_of(database.name, r) for r in records] for side, records in sides.items()}
    )
    training = load(database, sides["training"], fs=chosen.fs, leads=chosen.leads)
    validation = load(database, sides["validation"], fs=chosen.fs, leads=chosen.leads[:1])
    return training, validation


def _callbacks(config: TrainConfig, progress: bool) -> list[Callback]:
    callbacks: list[Callback] = [RichProgressBar()] if progress else []
    if config.fit.patience and config.data.validation:
        callbacks.append(EarlyStopping("val_f1", patience=config.fit.patience, mode="max"))
    return callbacks


def _revision() -> str:
    """Git revision of the code, with a mark where it was changed; empty outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip()
