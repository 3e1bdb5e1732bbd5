"""One training run: data in, a run folder with the model and all that explains it out."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from ingest.errors import InputError
from training.atrial_task import AtrialTask
from training.beat_task import BeatTask
from training.config import TrainConfig
from training.ctc_task import CtcTask
from training.curves import draw_curves, gather_metrics
from training.datasets import digest
from training.forecast.series import SeriesSplit, read_series_split, series_digest
from training.forecast.task import ForecastTask
from training.gated_task import GatedBeatTask
from training.guard import Split
from training.hardware import trainer_options
from training.meta.task import MetaBeatTask
from training.mitigation.serve import write_thresholds
from training.mitigation.settings import judge_of
from training.mitigation.task import MitigatedBeatTask
from training.noise_bank import NoiseSegment, load_noise
from training.qrs_task import QrsTask
from training.quiet import HARMLESS
from training.rhythm_task import RhythmTask
from training.sources import read_split, write_subjects
from training.task import Task
from training.two_lead_task import TwoLeadTask

TASKS: dict[str, type[Task]] = {
    "qrs": QrsTask,
    "beat": BeatTask,
    "gated-beat": GatedBeatTask,
    "two-lead-beat": TwoLeadTask,
    "meta-beat": MetaBeatTask,
    "ctc": CtcTask,
    "rhythm": RhythmTask,
    "atrial": AtrialTask,
    "forecast": ForecastTask,
}
"""What can be learned; one entry more is one task more."""


def task_kind(config: TrainConfig) -> type[Task]:
    """Find the task that a configuration asks for."""
    kind = TASKS[config.task]
    return MitigatedBeatTask if kind is BeatTask and config.mitigation.active else kind


@dataclass(frozen=True, slots=True)
class Run:
    """What a run made."""

    folder: Path
    """Holds ``config.json``, ``log`` (with TensorBoard's events), ``metrics.csv``, ``curves.png``,
    checkpoints, the model and, once the run has ended, ``run.json`` and ``subjects.csv``."""
    model: Path
    """The ONNX file."""
    summary: dict[str, object]
    """What stands in ``run.json``."""


def fit(
    config: TrainConfig,
    data: Path,
    folder: Path,
    *,
    progress: bool = True,
    prepared: Path | None = None,
) -> Run:
    """Fit a model and export it.

    Parameters
    ----------
    config : TrainConfig
        The run.
    data : Path
        Folder of the databases.
    folder : Path
        Run folder; made if it is not there. A run in it that was cut off is gone on with; one
        that has ended is made again from the start.
    progress : bool
        Show a progress bar.
    prepared : Path, optional
        Data set that holds the records, conditioned, as ``vigil dataset`` wrote it.

    Raises
    ------
    ingest.errors.InputError
        If records cannot be read, a patient stands on both sides of the split, the task knows
        a key not, or the folder holds a run of another kind that was cut off.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    _require_known(config)
    options = trainer_options(config.fit)
    noise = _read_noise(config, data)
    split, data_digest = _read(config, data, noise, prepared)
    last = _open_folder(folder, config, data_digest)
    torch.set_num_threads(1)  # how a sum is shared among threads shows in the weights
    lightning.seed_everything(config.fit.seed, workers=True, verbose=False)
    task = task_kind(config)(config, split.training, split.validation)
    task.noise = noise
    trainer = lightning.Trainer(
        **options,
        max_epochs=config.fit.epochs,
        logger=[
            CSVLogger(folder, name="log"),
            TensorBoardLogger(folder, name="log", version="tensorboard"),
        ],
        callbacks=_callbacks(config, folder, progress),
        limit_val_batches=None if split.validation else 0,
        num_sanity_val_steps=0,
        enable_progress_bar=progress,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    with warnings.catch_warnings():
        for harmless in HARMLESS:
            warnings.filterwarnings("ignore", harmless)
        trainer.fit(task, ckpt_path=last)
    task.to("cpu")
    if config.fit.patience:
        best = torch.load(folder / "best.ckpt", map_location="cpu")
        task.load_state_dict(best["state_dict"])
    task.finish()
    model = folder / f"{config.name}.onnx"
    difference = _export(task, split, model, data_digest)
    summary = {
        "config": config.model_dump(mode="json"),
        "data_digest": data_digest,
        "training_patients": split.training_patients,
        "validation_patients": split.validation_patients,
        "noise_patients": sorted({segment.patient for segment in noise}),
        "parameters": sum(p.numel() for p in task.model.parameters()),
        "epochs": torch.load(folder / "last.ckpt", map_location="cpu")["epoch"] + 1,
        "onnx_difference": difference,
        "revision": _revision(),
        "scores": {name: float(value) for name, value in trainer.callback_metrics.items()},
    }
    _write_summary(folder, config, split, summary)
    return Run(folder, model, summary)


def _read_noise(config: TrainConfig, data: Path) -> list[NoiseSegment]:
    """Read the noise that may be learned from, if the run asks for any."""
    if not config.enrichment.get("real_noise"):
        return []
    return load_noise(data, "training", config.data.fs)


def _read(
    config: TrainConfig, data: Path, noise: Sequence[NoiseSegment], prepared: Path | None
) -> tuple[Split | SeriesSplit, str]:
    """Read both sides of the split, and fingerprint what is learned from."""
    if config.task == "forecast":
        series = read_series_split(config, data)
        return series, series_digest(series.training)
    split = read_split(config.data, data, TASKS[config.task].N_LEADS, prepared=prepared)
    return split, digest(split.training, noise)


def _export(task: Task, split: Split | SeriesSplit, model: Path, data_digest: str) -> float:
    """Write the model, and thresholds of each group beside it where they were asked for."""
    difference = task.write(model, data_digest)
    if task.config.mitigation.thresholds is not None and isinstance(task, BeatTask):
        write_thresholds(task, task.validation_signals, model)
    return difference


def _write_summary(
    folder: Path, config: TrainConfig, split: Split | SeriesSplit, summary: dict[str, object]
) -> None:
    """Write what explains the run."""
    gather_metrics(folder / "log", folder / "metrics.csv")
    draw_curves(folder / "metrics.csv", folder / "curves.png", f"{config.name} {config.version}")
    write_subjects(folder / "subjects.csv", split)
    (folder / "run.json").write_text(json.dumps(summary, indent=2) + "\n", "utf-8")


def _require_known(config: TrainConfig) -> None:
    """Refuse a size that the task's model cannot have, and keys its enrichment does not have."""
    task = TASKS[config.task]
    task.build(config.architecture)
    known = [field.name for field in fields(task.ENRICHMENT)]
    if unknown := sorted(set(config.enrichment) - set(known)):
        raise InputError(f"enrichment: no key {', '.join(unknown)}; allowed: {', '.join(known)}")


def _open_folder(folder: Path, config: TrainConfig, data_digest: str) -> Path | None:
    """Make the run folder ready; return the checkpoint to go on from, if one is of this very run.

    Raises
    ------
    ingest.errors.InputError
        If another run was cut off there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told, last = folder / "config.json", folder / "last.ckpt"
    ours = {"config": config.model_dump(mode="json"), "data_digest": data_digest}
    if last.exists() and not (folder / "run.json").exists():
        if not told.exists() or json.loads(told.read_text("utf-8")) != ours:
            raise InputError(
                f"{folder} holds a run that was cut off, of another configuration or other data: "
                "remove it, or name another folder with --out"
            )
        return last
    for old in (last, folder / "best.ckpt", folder / "run.json"):
        old.unlink(missing_ok=True)
    shutil.rmtree(folder / "log", ignore_errors=True)
    told.write_text(json.dumps(ours, indent=2) + "\n", "utf-8")
    return None


def _callbacks(config: TrainConfig, folder: Path, progress: bool) -> list[Callback]:
    """Keep the last epoch; where patients judge the run, its best one too, and stop early."""
    keep = partial(ModelCheckpoint, folder, enable_version_counter=False)
    callbacks: list[Callback] = [keep("last"), *([RichProgressBar()] if progress else [])]
    if config.fit.patience:
        judge = judge_of(config.mitigation, TASKS[config.task].JUDGED_BY)
        callbacks.append(keep("best", monitor=judge, mode="max"))
        callbacks.append(EarlyStopping(judge, patience=config.fit.patience, mode="max"))
    return callbacks


def _revision() -> str:
    """Git revision of the code, with a mark where it was changed; empty outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return told.stdout.strip()
