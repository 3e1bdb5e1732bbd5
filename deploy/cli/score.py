"""The command ``vigil score``: beats, episodes and alarms of records in files."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.progress import progress_bar
from deploy.cluster.executor import open_executor, require_place
from deploy.services.models import choose_models
from deploy.services.score_jobs import Outcome, score_to_folder
from deploy.services.scoring import Refusal, ScoreOptions
from inference.adaptive_limit import require_share
from inference.limits import Limits
from inference.profiles import limits_of, profile_named
from ingest.errors import InputError
from ingest.record_folders import records_in
from ingest.wfdb_replay import record_name


def score(
    records: Annotated[
        list[str],
        typer.Argument(
            help="WFDB records (with or without .hea), EDF or BDF files, or folders of them."
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to; made where it is not there.")],
    lead: Annotated[
        str | None,
        typer.Option(
            help="Lead to score, by name or index; else MLII, II, I, a first. A beat model of two "
            "leads takes another beside it; of --lead II it has that one alone, II,V1 names both."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Model, by name or path: replaces the shipped one of its kind (qrs, beat), "
            "or adds a windowed one. May be repeated."
        ),
    ] = None,
    chunk_s: Annotated[
        float, typer.Option(help="Signal taken at a time, s; changes speed, never the output.")
    ] = 20.0,
    jobs: Annotated[
        int | None, typer.Option(help="Processes; as many as cores where not given.")
    ] = None,
    on: Annotated[str, typer.Option(help="Where: local processes, or a ray cluster.")] = "local",
    cluster: Annotated[
        str | None,
        typer.Option(help="Ray's HOST:PORT; else RAY_ADDRESS; else one is started here."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="Whose alarm limits: adult (as without it), paediatric, neonatal."),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(help="Let alarms tell why their V beats were called so; needs such a model."),
    ] = False,
    strips: Annotated[
        bool,
        typer.Option(
            help="Draw the 10 s before each alarm in DIR/NAME.strips.html; alarms carry them, too."
        ),
    ] = False,
    anomaly_share: Annotated[
        float | None,
        typer.Option(
            help="Numerics: share of the time in which scores may reach a limit that follows "
            "each record (0.02); without it the model's own limit stands."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object a record.")] = False,
) -> None:
    """Find beats, episodes and alarms in records.

    Writes DIR/NAME.vgl, WFDB annotations of beats (N S V F Q) and rhythm changes
    ("+" with "(N", "(VT", ...), and DIR/NAME.alarms.jsonl, one alarm's change a line.
    With --strips DIR/NAME.strips.html shows the 10 s of signal before each alarm, and its beats.

    A record of numerics (HR, SpO2 ... at 1 Hz) is forecast instead: what does not come as
    forecast is written to DIR/NAME.anomalies.jsonl, one anomaly a line.

    A record that cannot be read is told, the others are still scored and written;
    the exit code is then 2. The alarms counted are those that were raised.

    Examples
    --------
    $ vigil score mitdb/100 mitdb/208 --out scored
    $ vigil score night.edf --lead II --model my_classifier.onnx --out scored --json
    $ vigil score mitdb/208 --model beat-two-lead --out scored
    $ vigil score mitdb/208 --model beat-explained.onnx --explain --out scored
    $ vigil score mitdb/208 --strips --out scored
    $ vigil score bidmc/bidmc19n --out scored --json
    $ vigil score archive/*.hea --out scored --on ray --cluster 10.0.0.5:6379
    """
    records = records_in(records)
    _refuse_clashes(records)
    if not (math.isfinite(chunk_s) and chunk_s > 0):
        raise InputError(f"--chunk-s must be above 0, not {chunk_s:g}")
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs must be 1 or more, not {jobs}")
    limits = Limits() if profile is None else limits_of(profile_named(profile))
    if anomaly_share is not None:
        require_share(anomaly_share)
    models = choose_models(model or [])
    options = ScoreOptions(
        models, lead, chunk_s, limits, profile, explain, anomaly_share=anomaly_share, strips=strips
    )
    options.pipeline()  # that models do not fit together is told before anything is read
    require_place(on, cluster)
    n_jobs = min(jobs or os.cpu_count() or 1, len(records))
    here = on == "local" and n_jobs == 1
    with (
        nullcontext() if here else open_executor(on, n_jobs, cluster) as executor,
        progress_bar("scoring", len(records), quiet=as_json) as advance,
    ):
        outcomes = score_to_folder(records, out, options, advance, executor)
    if as_json:
        for outcome in outcomes:
            if not isinstance(outcome, Refusal):
                typer.echo(json.dumps(outcome))
    else:
        _show(outcomes)
    _tell_refusals(outcomes)


def _refuse_clashes(records: Sequence[str]) -> None:
    """Refuse two records whose files would have one name."""
    counts = Counter(record_name(record) for record in records)
    for name, count in counts.items():
        if count > 1:
            paths = ", ".join(record for record in records if record_name(record) == name)
            raise InputError(
                f"records {paths} would all be written as {name!r}: "
                "score them into different folders"
            )


def _tell_refusals(outcomes: Sequence[Outcome]) -> None:
    """Raise if a record could not be scored."""
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    if len(outcomes) == 1 and refused:
        raise InputError(refused[0].reason)
    if refused:
        told = "; ".join(f"{each.record}: {each.reason}" for each in refused)
        raise InputError(f"{len(refused)} of {len(outcomes)} records were not scored: {told}")


def _show(outcomes: Sequence[Outcome]) -> None:
    """Print a table of what was found."""
    numerics = any("anomalies" in each for each in outcomes if not isinstance(each, Refusal))
    more = ["anomalies"] if numerics else []
    names = ("record", "minutes", "beats", "N", "S", "V", "F", "Q", "episodes", "alarms")
    table = Table(*names, *more)
    for column in table.columns[1:]:
        column.justify = "right"
    for outcome in outcomes:
        if isinstance(outcome, Refusal):
            continue
        found: dict[str, Any] = outcome
        table.add_row(
            found["record"],
            f"{found['duration_s'] / 60:.1f}",
            str(found["beats"]),
            *(str(found["beats_by_class"][letter]) for letter in "NSVFQ"),
            str(found["episodes"]),
            str(found["alarms"]),
            *(str(found.get(name, "")) for name in more),
        )
    if table.row_count:
        Console().print(table)
