"""Many runs of one purpose: configurations, seeds, and folds that leave each patient out once.

Each run is made in a folder of its own that is moved to its place when it is whole. So a run that
was cut off, or that two workers made, leaves one run or none; a sweep that is called again goes on
with what is missing.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ingest.errors import InputError
from training.config import SourceConfig, TrainConfig
from training.fit import TASKS, fit
from training.prepared import Wanted
from training.sources import records_of, wanted_records
from training.splits import patient_of

SUMMARY = "sweep.json"
"""What a sweep found, in its folder."""


@dataclass(frozen=True, slots=True)
class SweepRun:
    """One run of a sweep."""

    name: str
    """Its folder's name."""
    config: TrainConfig
    """What is made, with its seed and its patients left out."""
    fold: int | None
    """Fold that is left out, from 0; None: none is."""


def runs_of(
    configs: Sequence[TrainConfig], seeds: int, folds: int, data: Path
) -> Iterator[SweepRun]:
    """List the runs of a sweep.

    Parameters
    ----------
    configs : sequence of TrainConfig
        Whose names all differ.
    seeds : int
        Seeds, from each configuration's own on.
    folds : int
        Folds; 0 leaves nobody out but whom a configuration names itself.
    data : Path
        Folder of the databases.

    Raises
    ------
    ingest.errors.InputError
        If two configurations have one name, or patients cannot be dealt out so.
    """
    names = [config.name for config in configs]
    if len(set(names)) < len(names):
        raise InputError(f"configurations of one name: {', '.join(sorted(names))}")
    for config in configs:
        for fold in range(folds) if folds else [None]:
            held = config if fold is None else without_fold(config, data, fold, folds)
            for seed in range(config.fit.seed, config.fit.seed + seeds):
                where = "" if fold is None else f"-fold{fold}"
                yield SweepRun(f"{config.name}{where}-seed{seed}", held.with_seed(seed), fold)


def without_fold(config: TrainConfig, data: Path, fold: int, n_folds: int) -> TrainConfig:
    """Leave the patients of a fold out of what is learned; they judge the run.

    Parameters
    ----------
    config : TrainConfig
        A run that names no patients to judge by itself.
    data : Path
        Folder of the databases.
    fold, n_folds : int
        Which of how many; patients are dealt out in the order of their names.

    Raises
    ------
    ingest.errors.InputError
        If it cannot be: a run that is judged by others, is taught by a model that may know those
        left out, learns no labelled beats, or has fewer patients than folds.
    """
    if config.task == "forecast" or config.distill or any(p.validation for p in config.data.parts):
        raise InputError(
            f"{config.name}: folds are for runs of labelled records without [distill] and without "
            "data.validation of their own"
        )
    labelled = [part for part in config.data.parts if part.labels in ("beats", "spans")]
    named = {id(part): records_of(part, data)[0] for part in labelled}
    patients = sorted({_patient(part, each) for part in labelled for each in named[id(part)]})
    if not 2 <= n_folds <= len(patients):
        raise InputError(f"--folds must be 2 to {len(patients)}, one a patient, not {n_folds}")
    out = set(patients[fold::n_folds])
    parts = []
    for part in config.data.parts:
        records = named.get(id(part))
        if records is None:
            parts.append(part)
            continue
        left = tuple(each for each in records if _patient(part, each) in out)
        parts.append(part.model_copy(update={"records": records, "validation": left}))
    table = config.data
    if table.sources:
        return config.model_copy(update={"data": table.model_copy(update={"sources": (*parts,)})})
    update = {"records": parts[0].records, "validation": parts[0].validation}
    return config.model_copy(update={"data": table.model_copy(update=update)})


def _patient(part: SourceConfig, record: str) -> str:
    return patient_of(Path(part.database).name, record)


def make_run(run: SweepRun, data: Path, out: Path, prepared: Path | None = None) -> dict[str, Any]:
    """Make one run in its place; one that is there already, of this very configuration, stays.

    Returns
    -------
    dict
        What stands in its ``run.json``.

    Raises
    ------
    ingest.errors.InputError
        As :func:`training.fit.fit`, or if another run is in its place.
    """
    place = out / run.name
    if (there := kept(run, out)) is not None:
        return there
    if place.exists():
        raise InputError(f"{place} holds another run: remove it, or name another --out")
    with tempfile.TemporaryDirectory(prefix=f".{run.name}-", dir=out) as beside:
        folder = Path(beside) / run.name
        summary = fit(run.config, data, folder, progress=False, prepared=prepared).summary
        try:
            folder.rename(place)
        except OSError:  # somebody else was done first, with the same
            if (there := kept(run, out)) is None:
                raise
            return there
    return summary


def kept(run: SweepRun, out: Path) -> dict[str, Any] | None:
    """Return what stands in ``run.json`` of a run that is there, of this configuration."""
    path = out / run.name / "run.json"
    if not path.is_file():
        return None
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return told if told["config"] == run.config.model_dump(mode="json") else None


def clear_unfinished(out: Path) -> None:
    """Remove what workers that were killed have left; for when no worker is at it."""
    for each in out.glob(".*-seed*-*"):
        shutil.rmtree(each, ignore_errors=True)


def records_wanted(configs: Sequence[TrainConfig], data: Path) -> dict[str, Wanted]:
    """List the records that runs want, by the name of their file; each once.

    Raises
    ------
    ingest.errors.InputError
        If a run forecasts, and so wants series, not labelled records.
    """
    found: dict[str, Wanted] = {}
    for config in configs:
        if config.task == "forecast":
            raise InputError(f"{config.name} forecasts: its series are read as they are")
        for _, *sides in wanted_records(config.data, data, TASKS[config.task].N_LEADS):
            found |= {each.file: each for side in sides for each in side}
    return found


def summary_of(
    runs: Sequence[SweepRun], found: Mapping[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Sum a sweep up by configuration: mean and spread of each score over its runs.

    Returns
    -------
    list of dict
        ``config``, ``runs``, and ``scores``: by name ``mean`` and ``sd`` (None of a single run).
    """
    rows = []
    for name in dict.fromkeys(run.config.name for run in runs):
        mine = [found[run.name]["scores"] for run in runs if run.config.name == name]
        scores = {}
        for score in sorted(set.intersection(*(set(each) for each in mine))):
            values = np.array([each[score] for each in mine])
            spread = float(values.std(ddof=1)) if len(values) > 1 else None
            scores[score] = {"mean": float(values.mean()), "sd": spread}
        rows.append({"config": name, "runs": len(mine), "scores": scores})
    return rows
