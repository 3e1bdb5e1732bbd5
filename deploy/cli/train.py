"""``vigil train``: fit a model and export it as ONNX, or many in a sweep."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.progress import progress_bar
from deploy.cluster.executor import open_executor, require_place
from ingest.errors import InputError

if TYPE_CHECKING:
    from training.config import TrainConfig


def train(
    configs: Annotated[
        list[Path], typer.Argument(help="TOML files, such as training/configs/beat.toml.")
    ],
    data: Annotated[
        Path | None, typer.Option(help="Folder of the databases; VIGIL_DATA or ../shared/data.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; runs/NAME by default, runs/sweep of a sweep.")
    ] = None,
    install: Annotated[
        bool, typer.Option(help="Put the model among those that ship with Vigil.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(help="Of all that is drawn, in place of the file's fit.seed.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Sweep: so many seeds, from that one on.")] = 1,
    folds: Annotated[
        int, typer.Option(min=0, help="Sweep: leave each patient out once, in so many folds.")
    ] = 0,
    dataset: Annotated[
        Path | None, typer.Option(help="Records conditioned beforehand by vigil dataset.")
    ] = None,
    on: Annotated[
        str | None, typer.Option(help="Where a sweep runs: local processes, or a ray cluster.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Ray's HOST:PORT; else RAY_ADDRESS; else one is started here."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Processes of a sweep; as many as cores where not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run as one object.")] = False,
) -> None:
    """Fit a model and export it as ONNX, with its metadata and a parity check.

    The run folder holds the configuration, the metrics, learning curves as a
    picture and for TensorBoard, a checkpoint and the model. A run that was cut off goes on from its
    checkpoint. Needs the extra ``train``.

    Several configurations, --seeds, --folds or --on make a sweep: a folder a run below --out, and
    sweep.json; called again, it makes what is missing.

    Examples
    --------
    $ vigil train training/configs/beat.toml --out runs/beat
    $ vigil train training/configs/beat.toml --seed 1 --out runs/beat-1
    $ vigil train training/configs/beat*.toml --seeds 3 --folds 5 --on ray --out runs/beats
    $ tensorboard --logdir runs
    """
    try:
        from training.config import load_config
    except ModuleNotFoundError as error:
        raise _without(error) from error
    chosen = [load_config(path) for path in configs]
    if seed is not None:
        chosen = [config.with_seed(seed) for config in chosen]
    folder = data_folder(data)
    if len(chosen) == 1 and seeds == 1 and not folds and on is None:
        _one(chosen[0], folder, out, dataset, install=install, as_json=as_json)
        return
    if install:
        raise InputError("--install takes the model of one run, not of a sweep")
    place = on or "local"
    require_place(place, cluster)
    told = _sweep(chosen, folder, out, dataset, seeds, folds, place, cluster, jobs, as_json)
    if as_json:
        typer.echo(json.dumps(told))
    else:
        _show(told)


def data_folder(data: Path | None) -> Path:
    """Find the folder of the databases.

    Raises
    ------
    ingest.errors.InputError
        If there is none.
    """
    folder = data or Path(os.environ.get("VIGIL_DATA", "../shared/data"))
    if not folder.is_dir():
        raise InputError(f"no data folder {folder}: name it with --data or VIGIL_DATA")
    return folder


def _without(error: ModuleNotFoundError) -> InputError:
    return InputError(f"vigil train needs {error.name}: install vigil-ecg[train]")


def _one(
    config: TrainConfig,
    data: Path,
    out: Path | None,
    dataset: Path | None,
    *,
    install: bool,
    as_json: bool,
) -> None:
    """Make one run."""
    try:
        from training.fit import fit
    except ModuleNotFoundError as error:
        raise _without(error) from error
    folder = out or Path("runs") / config.name
    run = fit(config, data, folder, progress=not as_json, prepared=dataset)
    if install:
        from importlib.resources import files

        shutil.copy2(run.model, Path(str(files("inference"))) / "models" / run.model.name)
    if as_json:
        typer.echo(json.dumps({"folder": str(run.folder), "model": str(run.model), **run.summary}))
    else:
        typer.echo(f"{run.model}: {run.summary['parameters']} parameters, {run.folder}/curves.png")


def _sweep(
    chosen: list[TrainConfig],
    data: Path,
    out: Path | None,
    dataset: Path | None,
    seeds: int,
    folds: int,
    place: str,
    cluster: str | None,
    jobs: int | None,
    as_json: bool,
) -> dict[str, Any]:
    """Make all runs of a sweep."""
    try:
        from deploy.services.training_jobs import run_sweep
        from training.sweep import runs_of
    except ModuleNotFoundError as error:
        raise _without(error) from error
    runs = list(runs_of(chosen, seeds, folds, data))
    n_jobs = min(jobs or os.cpu_count() or 1, len(runs))
    with (
        open_executor(place, n_jobs, cluster) as executor,
        progress_bar("training", len(runs), quiet=as_json) as advance,
    ):
        return run_sweep(runs, data, out or Path("runs") / "sweep", dataset, executor, advance)


def _show(told: dict[str, Any]) -> None:
    """Print mean and spread of each score."""
    table = Table("configuration", "runs", "score", "mean", "sd")
    for row in told["summary"]:
        for name, score in row["scores"].items():
            spread = "" if score["sd"] is None else f"{score['sd']:.4f}"
            table.add_row(row["config"], str(row["runs"]), name, f"{score['mean']:.4f}", spread)
    Console().print(table)
