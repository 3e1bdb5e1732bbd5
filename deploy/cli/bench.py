"""``vigil bench``: speed, latency and memory beside peers, in one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.services.bench.figure import Figure

WORSE = 1
"""Exit code where a ratio is worse than it was."""


def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="start, codec, models, score, stages, batch, census, together, latency, patient, "
            "turns, peers, kafka; all these without. faults, alone, tries what breaks."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
    records: Annotated[
        Path | None,
        typer.Option(
            help="Folder of WFDB records to score, of MIT-BIH the training half; else simulated."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for a page, its pictures and the figures as JSON.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="Figures of an earlier run; exit 1 where a ratio is worse by a third."),
    ] = None,
) -> int:
    """Measure speed, latency and memory, each beside a peer in the same run.

    Machines are noisy: compare the ratios, not the seconds. Numerical libraries
    run one thread, as in a worker.

    Examples
    --------
    $ vigil bench start score
    $ vigil bench --records mitdb --report docs/benchmarks
    $ vigil bench score --against docs/benchmarks/bench.json
    $ vigil bench faults --records ../shared/data/mitdb --report docs
    """
    from rich.console import Console

    if names == ["faults"]:
        return _try_faults(records, report)
    from deploy.services.bench import report as reports
    from deploy.services.bench.guard import compare
    from deploy.services.bench.machine import describe
    from deploy.services.bench.peers import not_there
    from deploy.services.bench.workload import from_folder
    from deploy.services.benchmarks import BENCHMARKS, Bench
    from ingest.errors import InputError

    for name in names or ():
        if name not in BENCHMARKS:
            raise InputError(f"no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
    console = Console(stderr=True)
    run = Bench(folder=report) if records is None else Bench(from_folder(records), report)
    if report is not None:
        report.mkdir(parents=True, exist_ok=True)
    if not run.calibration.is_idle:
        busy = f"{run.calibration.busy_share:.0%}"
        console.print(f"others take {busy} of the processors' time: trust ratios only")
    figures: list[Figure] = []
    for name in names or BENCHMARKS:
        console.print(f"measuring {name} ...", style="dim")
        figures += BENCHMARKS[name](run)
    if report is not None:
        of = "a simulated ward" if records is None else f"the records of {records.name}"
        made = reports.write(report, describe(), figures, run.calibration, not_there(), of)
        console.print("wrote " + ", ".join(str(path) for path in made))
    if as_json:
        typer.echo(json.dumps(reports.as_object(describe(), figures, run.calibration)))
    else:
        _show(describe(), figures)
    worse = [] if against is None else compare(figures, against)
    for one in worse:
        console.print(f"worse: {one.name}, beside {one.peer}: {one.before:.3g} -> {one.now:.3g}")
    return WORSE if worse else 0


def _try_faults(records: Path | None, report: Path | None) -> int:
    """Run the trial of faults as it stands; its own command takes further options."""
    from deploy.trials import faults

    options = {"--records": records, "--report": report}
    return faults.main([str(w) for item in options.items() if item[1] is not None for w in item])


def _show(machine: str, figures: Sequence[Figure]) -> None:
    """Print a table for people."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=machine)
    for heading in ("figure", "value", "spread", "beside", "ratio"):
        right = heading in ("ratio", "spread")
        table.add_column(heading, justify="right" if right else "left")
    for figure in figures:
        value = f"{figure.value:,.3g} {figure.unit}"
        spread = f"{figure.spread:.0%}"
        table.add_row(figure.name, value, spread, figure.peer, f"{figure.ratio:.3g}")
    Console(width=None).print(table)
