"""The command ``vigil shadow``: a candidate beside the champion, alarm by alarm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.progress import progress_bar
from deploy.cli.times import to_ms
from ingest.errors import InputError

if TYPE_CHECKING:
    from deploy.shadow.compare import Side

ACTIONS = ("report",)
REPORT, PAGE = "shadow.json", "shadow.html"
"""Files of the folder."""


def shadow(
    action: Annotated[str, typer.Argument(help="report.")],
    sources: Annotated[
        list[str],
        typer.Argument(
            help="The stretch: records or their folder, kafka://HOST:PORT/TOPIC, archive:FOLDER."
        ),
    ],
    *,
    candidate: Annotated[
        list[str],
        typer.Option(help="Model or folder of models that may take over. May be repeated."),
    ],
    champion: Annotated[
        list[str] | None,
        typer.Option(help="The same of what is in use; the shipped models without it."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("shadow"),
    since: Annotated[
        str | None, typer.Option(help="Of a log or archive: from this time, ISO 8601.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="And before this one.")] = None,
    stream: Annotated[
        list[str] | None, typer.Option(help="Only this stream. May be repeated.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Whose alarm limits: adult, paediatric, neonatal.")
    ] = None,
    lead: Annotated[
        str | None, typer.Option(help="Lead to score, as in vigil score; else the best.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Run a candidate beside the champion over a past stretch, and tell what differs.

    Both score the very same frames. Alarms are paired by condition and overlap in time: what
    only one raised, what both raised earlier or later, what changed condition or priority; by
    patient and hour, with intervals by drawing patients. Writes OUT/shadow.json, and
    OUT/shadow.html with a strip for each difference, which is a patient's signal: keep it so.
    On a live stream: vigil monitor --shadow. Needs the extra audit.

    Examples
    --------
    $ vigil shadow report ward/ --candidate beat-two-lead --out compared
    $ vigil shadow report kafka://127.0.0.1:9092/ecg.frames --candidate new.onnx
      --since 2026-03-01T10:00:00Z --until 2026-03-01T11:00:00Z
    $ vigil shadow report archive:/srv/ecg --champion registry/7 --candidate registry/8
    """
    if action not in ACTIONS:
        raise InputError(f"{action!r} is unknown; known are {', '.join(ACTIONS)}")
    try:
        from deploy.shadow.compare import compare
        from deploy.shadow.page import page
        from deploy.shadow.report import report_object
        from deploy.shadow.stretch import Span, read_stretch
    except ModuleNotFoundError as error:
        raise InputError(f"vigil shadow needs {error.name}: install vigil-ecg[audit]") from error
    sides = [
        _side(names, profile, lead, without)
        for names, without in ((champion or [], "shipped models"), (candidate, ""))
    ]
    span = Span(to_ms(since), to_ms(until))
    with progress_bar("comparing", None, quiet=as_json) as advance:
        found = compare(sides[0], sides[1], read_stretch(sources, span, stream or []), advance)
    if not found.hours:
        raise InputError("the stretch has no frames")
    told = report_object(found)
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / REPORT).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        (out / PAGE).write_text(page(told, found), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror}") from error
    if as_json:
        typer.echo(json.dumps(told))
    else:
        show(told)
        typer.echo(f"{len(told['differences'])} alarms differ: {out / PAGE}")


def _side(names: list[str], profile: str | None, lead: str | None, without: str) -> Side:
    """Make one set of models ready."""
    from deploy.services.models import choose_models
    from deploy.shadow.candidate import models_of
    from deploy.shadow.compare import make_side
    from inference.limits import Limits
    from inference.profiles import limits_of, profile_named

    paths = [one for name in names for one in models_of(Path(name))]
    limits = Limits() if profile is None else limits_of(profile_named(profile))
    title = ", ".join(Path(name).name for name in names) or without
    return make_side(title, choose_models(paths), limits, lead)


def show(told: dict[str, Any]) -> None:
    """Print the counts as tables."""
    kinds = list(told["alarms"])
    table = Table("condition", *(kind.replace("_", " ") for kind in kinds))
    for row in told["conditions"]:
        table.add_row(row["condition"], *(str(row[kind]) for kind in kinds))
    table.add_section()
    table.add_row("all", *(str(told["alarms"][kind]) for kind in kinds))
    rates = Table("alarms an hour", "champion", "candidate", "difference", "95 % interval")
    for rate in told["rates"]:
        ends = rate["interval_per_h"]
        rates.add_row(
            rate["priority"],
            f"{rate['champion_per_h']:.2f}",
            f"{rate['candidate_per_h']:.2f}",
            f"{rate['difference_per_h']:+.2f}",
            "too few patients" if ends is None else f"{ends[0]:+.2f} to {ends[1]:+.2f}",
        )
    for made in (table, rates):
        made.columns[0].overflow = "fold"
        for column in made.columns[1:]:
            column.justify = "right"
        Console().print(made)
