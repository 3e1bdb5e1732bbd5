"""``vigil bench``: speed, latency and memory beside peers, in one run."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help="start, score, models, codec; all without.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Measure speed, latency and memory, each beside a peer in the same run.

    Machines are noisy: compare the ratios, not the seconds.

    Examples
    --------
    $ vigil bench start score
    """
    from rich.console import Console
    from rich.table import Table

    from deploy.services.benchmarks import BENCHMARKS, Figure, machine
    from ingest.errors import InputError

    for name in names or ():
        if name not in BENCHMARKS:
            raise InputError(f"no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
    figures: list[Figure] = []
    for name in names or BENCHMARKS:
        Console(stderr=True).print(f"measuring {name} ...", style="dim")
        figures += BENCHMARKS[name]()
    if as_json:
        found = [dataclasses.asdict(figure) for figure in figures]
        typer.echo(json.dumps({"machine": machine(), "figures": found}))
        return
    table = Table(title=machine())
    for heading in ("figure", "value", "beside", "ratio"):
        table.add_column(heading, justify="right" if heading == "ratio" else "left")
    for figure in figures:
        value = f"{figure.value:,.3g} {figure.unit}"
        table.add_row(figure.name, value, figure.peer, f"{figure.ratio:.3g}")
    Console().print(table)
