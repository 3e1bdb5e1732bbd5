"""The command ``vigil audit``: how groups of patients fare, with a verdict and a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.progress import progress_bar
from ingest.errors import InputError

if TYPE_CHECKING:
    from deploy.services.audit import Tables
    from fairness.result import AuditResult


def audit(
    predictions: Annotated[
        Path | None,
        typer.Argument(help="Predictions, CSV or Parquet; or an audit.json to be drawn again."),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Folder of the report; made where it is not there.")],
    subjects: Annotated[
        Path | None, typer.Option(help="Subjects, CSV or Parquet: a row a patient.")
    ] = None,
    declaration: Annotated[
        Path | None,
        typer.Option(help="TOML: metrics, groups, margins, declared beforehand; or beats."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Model: the one behind the predictions, in words or by file; with --database "
            "those that score, as in vigil score."
        ),
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option(help="Make the predictions: folder of a WFDB database, LUDB or Lead-I."),
    ] = None,
    records: Annotated[
        str, typer.Option(help="Of the database: names with commas, or ds1, ds2, all.")
    ] = "all",
    annotator: Annotated[
        str | None, typer.Option(help="Extension of the reference; else atr, of LUDB ii.")
    ] = None,
    lead: Annotated[
        str | None, typer.Option(help="Lead to score; else the best, of LUDB II.")
    ] = None,
    learning_s: Annotated[
        float | None, typer.Option(help="Start of a record that does not count; else EC57's 300.")
    ] = None,
    folds: Annotated[
        Path | None,
        typer.Option(help="Beat models that left patients out (training.adaptation.folds)."),
    ] = None,
    why: Annotated[
        str | None, typer.Option(help="Why DS2 of mitdb is looked at; it is logged.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Folder to keep the tables in that were made.")
    ] = None,
    no_pdf: Annotated[bool, typer.Option("--no-pdf", help="Write no PDF; it needs Pango.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Audit how groups of patients fare, and write a report.

    Takes a table of predictions and one of subjects, or makes both from a database and the
    shipped models. Metrics, groups and margins are declared beforehand in a TOML file; docs/
    fairness.md names its keys. The exit code is the verdict: 0 pass, 1 fail, 3 insufficient
    evidence; 2 is bad input. Needs the extra audit.

    Examples
    --------
    $ vigil audit predictions.parquet --subjects people.csv --declaration audit.toml --out report
    $ vigil audit --database ludb --declaration docs/audits/ludb/declaration.toml --out report
    $ vigil audit report/audit.json --out drawn-again
    """
    try:
        from deploy.services.audit import run_audit
        from deploy.services.audit_database import DatabaseOptions, make_tables, write_tables
        from fairness.report.document import load_result
        from fairness.report.write import write_report
        from fairness.starting import find_declaration, starting_declarations
    except ModuleNotFoundError as error:
        raise InputError(f"vigil audit needs {error.name}: install vigil-ecg[audit]") from error
    if predictions is not None and predictions.suffix == ".json":
        if subjects is not None or declaration is not None or database is not None:
            raise InputError("an audit.json is only drawn again: give it and --out alone")
        result = load_result(predictions)
        files = write_report(result, out, pdf=not no_pdf)
        return _tell(result, files, as_json=as_json)
    if declaration is None:
        raise InputError(
            "--declaration is missing: metrics, groups and margins come first; "
            f"{' or '.join(starting_declarations())} ships to begin with"
        )
    declaration = find_declaration(declaration)
    if database is not None:
        if predictions is not None or subjects is not None:
            raise InputError("--database makes the predictions and subjects: give it alone")
        options = DatabaseOptions(
            database, records, annotator, lead, learning_s, model or [], folds, why
        )
        with progress_bar("scoring", 1.0, quiet=as_json) as advance:
            tables = make_tables(options, advance)
        if keep is not None:
            write_tables(tables, keep)
    else:
        given = (annotator, lead, learning_s, folds, why, keep)
        tables = _from_files(predictions, subjects, model or [], given)
    with progress_bar("auditing", 1.0, quiet=as_json) as advance:
        result, files = run_audit(tables, declaration, out, pdf=not no_pdf, advance=advance)
    return _tell(result, files, as_json=as_json)


def _from_files(
    predictions: Path | None, subjects: Path | None, model: list[str], given: tuple[object, ...]
) -> Tables:
    """Read the tables, where no option is given that needs a database."""
    from deploy.services.audit import read_tables

    if predictions is None or subjects is None:
        raise InputError("give PREDICTIONS and --subjects, or --database")
    if any(value is not None for value in given):
        raise InputError(
            "--annotator, --lead, --learning-s, --folds, --why and --keep go with --database"
        )
    return read_tables(predictions, subjects, ", ".join(model) or None)


def _tell(result: AuditResult, files: list[Path], *, as_json: bool) -> int:
    """Print the verdict and give its exit code."""
    from deploy.services.audit import summary
    from deploy.services.audit_verdicts import EXIT

    if as_json:
        typer.echo(json.dumps(summary(result, files)))
    else:
        typer.echo(f"{result.title}: {result.verdict.value}")
        for reason in result.reasons:
            typer.echo(f"  {reason}")
        typer.echo(f"report: {', '.join(str(path) for path in files)}")
    return EXIT[result.verdict]
