"""The root of the command line: global options, and what each outcome exits with."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer
from typer.core import TyperGroup

from deploy.cli.commands import LazyGroup
from deploy.logs import FORMATS, LEVELS, set_up_logging
from ingest.errors import InputError

NAME = "vigil"

OK, BAD_INPUT = 0, 2
"""Exit codes; 1 is a command's own negative verdict, and Python's for a bug."""


def show_version(wanted: bool) -> None:
    """Print the version and stop, if ``wanted``."""
    if wanted:
        typer.echo(f"{NAME} {version('vigil-ecg')}")
        raise typer.Exit(OK)


def root(
    *,
    log_level: Annotated[
        str,
        typer.Option(envvar="VIGIL_LOG_LEVEL", help=f"Least level: {', '.join(LEVELS)}."),
    ] = "warning",
    log_format: Annotated[
        str, typer.Option(envvar="VIGIL_LOG_FORMAT", help=f"Lines to stderr: {', '.join(FORMATS)}.")
    ] = "plain",
    show: Annotated[
        bool,
        typer.Option(
            "--version", callback=show_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
) -> None:
    """Monitor ECG streams: beats, arrhythmia episodes and alarms.

    Every command takes --help, which ends with an example.
    """
    set_up_logging(log_level, log_format)


def make_group() -> TyperGroup:
    """Return the group of all commands."""
    app = typer.Typer(cls=LazyGroup, add_completion=False, rich_markup_mode=None)
    app.callback()(root)
    return typer.main.get_group(app)


def tell(error: Exception, message: str, *, as_json: bool) -> int:
    """Say what was wrong: a line on stderr, for machines an object on stdout too."""
    print(f"vigil: {message}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": {"type": type(error).__name__, "message": message}}))
    return BAD_INPUT


def is_audit_error(error: ValueError) -> bool:
    """Tell whether an error is the audit's own; loads nothing of it, which would take a second."""
    audit = sys.modules.get("fairness.errors")
    return audit is not None and isinstance(error, audit.AuditError)


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code.

    A command returns None or 0 for done, another number for its verdict, or
    raises ``typer.Exit``. Bad use, :class:`InputError` and the audit's own error are told in one
    line and give 2; a keyboard interrupt gives 130; whatever else is a bug and
    propagates.
    """
    as_json = "--json" in argv
    try:
        code = make_group().main(list(argv) or ["--help"], prog_name=NAME, standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context else NAME
        message = f"{error.format_message()} See {path} --help."
        return tell(error, message, as_json=as_json)
    except InputError as error:
        return tell(error, str(error), as_json=as_json)
    except ValueError as error:
        if not is_audit_error(error):
            raise
        return tell(error, str(error), as_json=as_json)
    return code if isinstance(code, int) else OK


def main() -> None:
    """Run the command line of this process; the console script's entry."""
    # Read when numpy and ONNX Runtime are loaded, which no module above does. Products here are
    # small, and processes share the machine: a BLAS of several threads makes them many times
    # slower. ONNX Runtime would tell its maker of its use, under an id of this machine.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    sys.exit(run(sys.argv[1:]))
