"""Data sets built and sweeps run in parts, by whoever does parts; imports torch only in workers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.cluster.executor import Advance, Executor, Part
from ingest.errors import InputError

if TYPE_CHECKING:
    from training.config import TrainConfig
    from training.prepared import Wanted
    from training.sweep import SweepRun

GROUP = 8
"""Records of a data set that one part prepares, at most."""


def build_dataset(
    configs: Sequence[TrainConfig], data: Path, out: Path, executor: Executor, advance: Advance
) -> dict[str, Any]:
    """Prepare all records that runs want, a file each, and write the manifest.

    Parameters
    ----------
    configs : sequence of TrainConfig
        The runs.
    data : Path
        Folder of the databases.
    out : Path
        Folder of the data set; made where it does not exist.
    executor : Executor
        Who does it.
    advance : callable
        Is told how much was done, in records.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read, or the folder not be written.
    """
    from training.prepared import write_manifest
    from training.sweep import records_wanted

    wanted = list(records_wanted(configs, data).values())
    make_folder(out)
    size = max(1, min(GROUP, len(wanted) // max(1, executor.n_parts)))
    groups = [wanted[at : at + size] for at in range(0, len(wanted), size)]
    parts = [Part(group[0].record, (group, data, out), len(group)) for group in groups]
    entries: dict[str, dict[str, Any]] = {}
    for _, told in executor.run(prepare_group, parts, advance):
        entries |= {entry["file"]: entry for entry in told}
    manifest: dict[str, Any] = json.loads(write_manifest(out, entries).read_text("utf-8"))
    return manifest


def prepare_group(
    group: Sequence[Wanted], data: Path, out: Path, advance: Advance
) -> list[dict[str, Any]]:
    """Prepare some records: a part of :func:`build_dataset`."""
    from training.prepared import prepare

    entries = []
    for wanted in group:
        entries.append(prepare(wanted, data, out))
        advance(1)
    return entries


def run_sweep(
    runs: Sequence[SweepRun],
    data: Path,
    out: Path,
    prepared: Path | None,
    executor: Executor,
    advance: Advance,
) -> dict[str, Any]:
    """Make all runs of a sweep that are not there yet, and sum them up in ``sweep.json``.

    Parameters
    ----------
    runs : sequence of SweepRun
        The runs.
    data : Path
        Folder of the databases.
    out : Path
        Folder of the runs' folders; made where it does not exist.
    prepared : Path or None
        Data set that holds the records.
    executor : Executor
        Who does it.
    advance : callable
        Is told how much was done, in runs.

    Returns
    -------
    dict
        ``runs`` (name, model, parameters, scores) and ``summary``.

    Raises
    ------
    ingest.errors.InputError
        If a run is refused, or the folder cannot be written.
    """
    from training.sweep import SUMMARY, clear_unfinished, summary_of

    make_folder(out)
    clear_unfinished(out)
    parts = [Part(run.name, (run, data, out, prepared)) for run in runs]
    found = {runs[number].name: told for number, told in executor.run(sweep_run, parts, advance)}
    listed = [
        {
            "name": run.name,
            "model": str(out / run.name / f"{run.config.name}.onnx"),
            "parameters": found[run.name]["parameters"],
            "scores": found[run.name]["scores"],
        }
        for run in runs
    ]
    told = {"runs": listed, "summary": summary_of(runs, found)}
    part = out / f".{SUMMARY}.part"
    part.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    part.replace(out / SUMMARY)
    return told


def sweep_run(
    run: SweepRun, data: Path, out: Path, prepared: Path | None, advance: Advance
) -> dict[str, Any]:
    """Make one run: a part of :func:`run_sweep`."""
    from training.sweep import make_run

    summary = make_run(run, data, out, prepared)
    advance(1)
    return summary


def make_folder(out: Path) -> None:
    """Make a folder where there is none.

    Raises
    ------
    ingest.errors.InputError
        If it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make {out}: {error.strerror}") from error
