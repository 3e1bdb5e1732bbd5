"""The command ``vigil drift``: whether signal, scores and alarms are still what they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.progress import progress_bar
from deploy.cli.until_stopped import stopped_by_signals
from ingest.errors import InputError

if TYPE_CHECKING:
    from deploy.drift.declaration import DriftDeclaration
    from deploy.drift.places import Place
    from deploy.drift.watch import Cell
    from deploy.services.drift import DriftPaths

ACTIONS = ("watch", "report")
FOUND = 1
"""Exit code of a report that found a drift."""


def drift(
    action: Annotated[str, typer.Argument(help="watch or report.")],
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="report: records, kafka://, archive: or a patients.jsonl."),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Folder of figures, reading and page.")],
    declaration: Annotated[
        Path | None, typer.Option(help="TOML: window, reference, alpha, declared beforehand.")
    ] = None,
    places: Annotated[
        Path | None, typer.Option(help="CSV: stream_id, site, device; else all are one.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="report: as in vigil score. May be repeated.")
    ] = None,
    frames: Annotated[
        str | None, typer.Option(help="watch: topic of frames, kafka://HOST:PORT/TOPIC.")
    ] = None,
    beats: Annotated[
        str | None, typer.Option(help="watch: beats, a topic or a file of JSON lines.")
    ] = None,
    alarms: Annotated[str | None, typer.Option(help="watch: alarms, the same way.")] = None,
    verdicts: Annotated[str | None, typer.Option(help="watch: verdicts, the same way.")] = None,
    group: Annotated[
        str, typer.Option(help="watch: consumer group of the frames.")
    ] = "vigil-drift",
    http_port: Annotated[
        int, typer.Option(help="watch: port of /metrics and /healthz; 0 takes a free one.")
    ] = 9468,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Watch whether signal, scores, alarms and calibration drift, in all and by group.

    A patient counts once, by the first part of the stay. Later patients are compared with the
    first ones: all, and by site, device and lead. The chance of any false alert, however long
    the watch goes on, is at most alpha, if patients come in no particular order. watch follows
    Kafka until SIGTERM or Ctrl-C and serves metrics; report takes records, or the patients.jsonl
    of a watch, and its exit code is 1 where a drift was found. Both write OUT/drift.json and
    OUT/drift.html. Needs the extra audit.

    Examples
    --------
    $ vigil drift watch --frames kafka://127.0.0.1:9092/ecg.frames --out drift
      --beats kafka://127.0.0.1:9092/ecg.beats --alarms kafka://127.0.0.1:9092/ecg.alarms
    $ vigil drift report drift/patients.jsonl --out again
    $ vigil drift report ward/*.hea --declaration five-minutes.toml --out drift
    $ vigil drift report archive:/srv/ecg --places beds.csv --out drift
    """
    if action not in ACTIONS:
        raise InputError(f"{action!r} is unknown; known are {', '.join(ACTIONS)}")
    try:
        from deploy.drift.declaration import load_declaration
        from deploy.drift.places import read_places
        from deploy.services.drift import DriftPaths
    except ModuleNotFoundError as error:
        raise InputError(f"vigil drift needs {error.name}: install vigil-ecg[audit]") from error
    declared, placed = load_declaration(declaration), read_places(places)
    if action == "report":
        return _report(sources or [], out, declared, placed, model or [], as_json=as_json)
    if sources or model:
        raise InputError("watch takes its frames from --frames, and scores nothing")
    if frames is None:
        raise InputError("watch needs --frames kafka://HOST:PORT/TOPIC")
    paths = DriftPaths(frames, beats, alarms, verdicts, out)
    return _watch(paths, declared, placed, http_port, group, as_json=as_json)


def _watch(
    paths: DriftPaths,
    declared: DriftDeclaration,
    placed: dict[str, Place],
    http_port: int,
    group: str,
    *,
    as_json: bool,
) -> int:
    """Follow Kafka until a signal."""
    from deploy.drift.reading import alert_object, in_words
    from deploy.services.drift import DriftService

    def tell(cell: Cell) -> None:
        typer.echo(json.dumps(alert_object(cell)) if as_json else in_words(cell))

    service = DriftService(paths, declared, placed, tell, http_port, group=group)
    typer.echo(f"serving /metrics on port {service.http_port}", err=True)
    with stopped_by_signals(service.stop):
        service.run()
    return 0


def _report(
    sources: list[str],
    out: Path,
    declared: DriftDeclaration,
    placed: dict[str, Place],
    models: list[str],
    *,
    as_json: bool,
) -> int:
    """Look at what is there, and exit with what was found."""
    from deploy.drift.reading import in_words
    from deploy.drift.records import figures_of_records, figures_of_stretch
    from deploy.drift.watch import DriftWatch
    from deploy.services.drift import PATIENTS, open_watch, write_reading
    from deploy.services.models import choose_models
    from deploy.services.scoring import ScoreOptions
    from deploy.shadow.stretch import ARCHIVE, KAFKA, read_stretch

    if not sources:
        raise InputError("report needs records, or a file of patients' figures")
    if len(sources) == 1 and sources[0].endswith(".jsonl"):
        if not Path(sources[0]).is_file():
            raise InputError(f"there is no {sources[0]}")
        watch, _ = open_watch(declared, Path(sources[0]))
    else:
        watch = DriftWatch(declared)
        options = ScoreOptions(choose_models(models))
        out.mkdir(parents=True, exist_ok=True)
        with (
            progress_bar("scoring", len(sources), quiet=as_json) as advance,
            (out / PATIENTS).open("w", encoding="utf-8") as kept,
        ):
            if sources[0].startswith((KAFKA, ARCHIVE)):
                found = figures_of_stretch(read_stretch(sources), options, declared, placed)
            else:
                found = figures_of_records(sources, options, declared, placed, advance)
            for patient in found:
                kept.write(patient.line() + "\n")
                watch.add(patient)
    told = write_reading(watch, out)
    if as_json:
        typer.echo(json.dumps(told))
    else:
        for cell in watch.alerts:
            typer.echo(in_words(cell))
        typer.echo(f"{watch.patients} patients, {len(watch.alerts)} drifts: {out / 'drift.html'}")
    return FOUND if watch.alerts else 0
