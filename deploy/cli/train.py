"""``vigil train``: fit a model and export it as ONNX."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[Path, typer.Argument(help="TOML file, such as training/configs/beat.toml.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of the databases; VIGIL_DATA or ../shared/data.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/NAME by default.")] = None,
    install: Annotated[
        bool, typer.Option(help="Put the model among those that ship with Vigil.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(help="Of all that is drawn, in place of the file's fit.seed.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run as one object.")] = False,
) -> None:
    """Fit a model and export it as ONNX, with its metadata and a parity check.

    The run folder holds the configuration, the metrics, learning curves as a
    picture and for TensorBoard, a checkpoint and the model. A run that was cut off goes on from its
    checkpoint. Needs the extra ``train``.

    Examples
    --------
    $ vigil train training/configs/beat.toml --out runs/beat
    $ vigil train training/configs/beat.toml --seed 1 --out runs/beat-1
    $ tensorboard --logdir runs
    """
    from ingest.errors import InputError

    try:
        from training.config import load_config
        from training.fit import fit
    except ModuleNotFoundError as error:
        raise InputError(f"vigil train needs {error.name}: install vigil-ecg[train]") from error
    chosen = load_config(config)
    if seed is not None:
        chosen = chosen.with_seed(seed)
    folder = data or Path(os.environ.get("VIGIL_DATA", "../shared/data"))
    if not folder.is_dir():
        raise InputError(f"no data folder {folder}: name it with --data or VIGIL_DATA")
    run = fit(chosen, folder, out or Path("runs") / chosen.name, progress=not as_json)
    if install:
        from importlib.resources import files

        shutil.copy2(run.model, Path(str(files("inference"))) / "models" / run.model.name)
    if as_json:
        typer.echo(json.dumps({"folder": str(run.folder), "model": str(run.model), **run.summary}))
    else:
        typer.echo(f"{run.model}: {run.summary['parameters']} parameters, {run.folder}/curves.png")
