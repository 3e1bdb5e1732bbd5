"""The command ``vigil evaluate``: EC57 tables of a folder of annotations."""

from __future__ import annotations

import csv
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from deploy.cli.claim import headline
from deploy.cli.evaluation_tables import show
from ingest.errors import InputError
from training.ec57 import (
    Evaluation,
    Protocol,
    bootstrap_gross,
    compare_records,
    mapping_named,
    record_names,
)
from training.ec57.export import to_dict, to_rows
from training.ec57.html import to_html


def evaluate(
    ref_dir: Annotated[
        Path,
        typer.Argument(help="Folder of the reference; with --alarms also a file of JSON lines."),
    ],
    test_dir: Annotated[Path, typer.Argument(help="Folder of what is to be judged.")],
    *,
    test: Annotated[str, typer.Option(help="Extension of the annotations to judge.")] = "vgl",
    ref: Annotated[str, typer.Option(help="Extension of the reference annotations.")] = "atr",
    records: Annotated[
        str, typer.Option(help="Names with commas, or ds1, ds2 (de Chazal 2004), all.")
    ] = "all",
    exclude: Annotated[str, typer.Option(help="Names to leave out, with commas.")] = "",
    runs: Annotated[
        bool, typer.Option("--runs", help="Also couplets and runs, as rxr does.")
    ] = False,
    episodes: Annotated[
        bool, typer.Option("--episodes", help="Also episodes of AF and VF, as epicmp does.")
    ] = False,
    window_ms: Annotated[float, typer.Option(help="Match window; EC57: 150.")] = 150.0,
    learning_s: Annotated[float, typer.Option(help="Start that does not count; EC57: 300.")] = 300,
    mapping: Annotated[
        str, typer.Option(help="AAMI classes: ec57 (e, j are S) or dechazal (e, j are N).")
    ] = "ec57",
    as_official: Annotated[
        bool, typer.Option("--as-official", help="Keep the official tools' known bugs.")
    ] = False,
    bootstrap: Annotated[
        int, typer.Option(help="Draws of patients for 95 % intervals; 0 for none.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the bootstrap's random numbers.")] = 0,
    claim: Annotated[
        Path | None,
        typer.Option(help="TOML: who made the model; prints a headline or says what leaks."),
    ] = None,
    alarms: Annotated[
        bool,
        typer.Option("--alarms", help="Judge TEST_DIR/NAME.alarms.jsonl instead of annotations."),
    ] = False,
    score: Annotated[
        bool, typer.Option("--score", help="With --alarms: score the records into TEST_DIR first.")
    ] = False,
    model: Annotated[
        list[str] | None, typer.Option(help="With --score: model, as in vigil score.")
    ] = None,
    within_s: Annotated[
        float, typer.Option(help="With --alarms: an alarm later than this is a miss, s.")
    ] = 10.0,
    least_s: Annotated[
        float, typer.Option(help="With --alarms: shorter episodes do not count, s.")
    ] = 0.0,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write a CSV table.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write an HTML page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare annotations with a reference by ANSI/AAMI EC57.

    QRS, ventricular (VEB) and supraventricular (SVEB) ectopic beats, record by
    record, gross and average, counted as the official WFDB tools bxb, rxr,
    epicmp and sumstats count.

    With --alarms: sensitivity, false alarms an hour and time to alarm against
    rhythm annotations; in a folder of the Challenge of 2015 (with its table
    ALARMS) its score, beside threshold rules and the bedside monitor.

    Examples
    --------
    $ vigil evaluate mitdb scored --test vgl --records ds2 --runs --html report.html
    $ vigil evaluate mitdb scored --records ds2 --mapping dechazal --claim claim.toml
    $ vigil evaluate challenge2015 scored --alarms --score
    """
    _check_numbers(
        window_ms=window_ms,
        learning_s=learning_s,
        bootstrap=bootstrap,
        within_s=within_s,
        least_s=least_s,
    )
    if alarms:
        models = tuple(model or ()) if score else None
        names, extension = record_names(records), ref.removeprefix(".")
        options = (extension, names, models, within_s, least_s, bootstrap, seed, as_json)
        _judge_alarms(ref_dir, test_dir, options)
        return

    def compare(extension: str) -> Evaluation:
        with _progress(quiet=as_json) as advance:
            return compare_records(
                ref_dir,
                test_dir,
                extension.removeprefix("."),
                record_names(records),
                ref_ext=ref.removeprefix("."),
                exclude=[name.strip() for name in exclude.split(",") if name.strip()],
                protocol=Protocol(window_ms / 1000, learning_s, as_official),
                mapping=mapping_named(mapping),
                runs=runs,
                episodes=episodes,
                progress=advance,
            )

    found = compare(test)
    lines = [] if claim is None else headline(claim, found, compare)
    intervals = (
        bootstrap_gross(found.records, resamples=bootstrap, seed=seed) if bootstrap else None
    )
    if csv_file is not None:
        _write_csv(csv_file, to_rows(found))
    if html_file is not None:
        title = f"{test_dir.resolve().name} .{test} against {ref_dir.resolve().name} .{ref}"
        _write(html_file, to_html(found, title, intervals))
    if as_json:
        told = to_dict(found, intervals) | ({"headline": lines} if lines else {})
        typer.echo(json.dumps(told))
    else:
        show(found, intervals)
        for line in lines:
            typer.echo(line)


def _check_numbers(**given: float) -> None:
    """Refuse what is below 0."""
    for name, value in given.items():
        if not value >= 0:
            raise InputError(f"--{name.replace('_', '-')} must be 0 or more, not {value:g}")


def _judge_alarms(ref_dir: Path, test_dir: Path, options: tuple[Any, ...]) -> None:
    """Judge alarms instead of annotations; loads what scoring needs only then."""
    from deploy.cli.alarm_evaluation import AlarmOptions, evaluate_alarms

    told = AlarmOptions(*options)
    found = evaluate_alarms(ref_dir, test_dir, told)
    if told.quiet:
        typer.echo(json.dumps(found))


def _progress(*, quiet: bool) -> Any:
    """Lend a progress bar on the terminal, told as `compare_records` tells."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        return nullcontext(None)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console,
        transient=True,
    )  # fmt: skip
    return _Bar(bar)


class _Bar:
    """A progress bar as a context manager that lends the function to call."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task = bar.add_task("comparing", total=None)

    def __enter__(self) -> Any:
        self.bar.start()
        return self.advance

    def __exit__(self, *raised: object) -> None:
        self.bar.stop()

    def advance(self, record: str, done: int, total: int) -> None:
        self.bar.update(self.task, description=record, completed=done, total=total)


def _write(path: Path, text: str) -> None:
    """Write a file, or say why not."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error


def _write_csv(path: Path, rows: list[dict[str, str | int | float | None]]) -> None:
    """Write rows as CSV; the first row names the columns."""
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
