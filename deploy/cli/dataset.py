"""``vigil dataset``: what configurations learn from, conditioned once for many runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.progress import progress_bar
from deploy.cli.train import data_folder
from deploy.cluster.executor import open_executor
from ingest.errors import InputError


def dataset(
    configs: Annotated[list[Path], typer.Argument(help="TOML files of runs that will use it.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to; made where it is not there.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of the databases; VIGIL_DATA or ../shared/data.")
    ] = None,
    folds: Annotated[
        int, typer.Option(help="Also for runs that leave patients out, in so many folds.")
    ] = 0,
    on: Annotated[str, typer.Option(help="Where: local processes, or a ray cluster.")] = "local",
    cluster: Annotated[
        str | None,
        typer.Option(help="Ray's HOST:PORT; else RAY_ADDRESS; else one is started here."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Processes; as many as cores where not given.")
    ] = None,
    verify: Annotated[
        bool, typer.Option(help="Make nothing: hold the files against the manifest.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False,
) -> None:
    """Read, condition and label the records of runs, a file each.

    Writes DIR/DATABASE-RECORD-DIGEST.npz and DIR/manifest.json, which holds the
    digest of every file: the same bytes wherever it was made. Needs the extra ``train``.

    Examples
    --------
    $ vigil dataset training/configs/beat.toml --out sets/beat
    $ vigil dataset training/configs/*.toml --out sets/all --on ray --cluster 10.0.0.5:6379
    $ vigil train training/configs/beat.toml --dataset sets/beat
    """
    try:
        from deploy.services.training_jobs import build_dataset
        from training.config import load_config
        from training.prepared import changed_files
        from training.sweep import records_wanted, runs_of
    except ModuleNotFoundError as error:
        raise InputError(f"vigil dataset needs {error.name}: install vigil-ecg[train]") from error
    if verify:
        if changed := list(changed_files(out)):
            raise InputError(f"{out}: not as its manifest says: {', '.join(changed)}")
        typer.echo(f"{out}: every file is as its manifest says")
        return
    folder = data_folder(data)
    chosen = [load_config(path) for path in configs]
    if folds:
        chosen += [run.config for run in runs_of(chosen, 1, folds, folder)]
    n_records = len(records_wanted(chosen, folder))
    with (
        open_executor(on, jobs or os.cpu_count() or 1, cluster) as executor,
        progress_bar("preparing", n_records, quiet=as_json) as advance,
    ):
        manifest = build_dataset(chosen, folder, out, executor, advance)
    if as_json:
        typer.echo(json.dumps(manifest))
        return
    hours = sum(each["duration_s"] for each in manifest["files"]) / 3600
    typer.echo(f"{out}: {len(manifest['files'])} files, {hours:.1f} h, {manifest['sha256'][:12]}")
