"""The terminal tables of ``vigil evaluate``; they fit 80 columns."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from training.ec57 import (
    Evaluation,
    Rates,
    average,
    gross,
    gross_episodes,
    gross_runs,
    rates,
    timing,
)
from training.ec57.counted import PEAKS, denominators, peaks
from training.ec57.export import Intervals, subsets
from training.ec57.html import NAMES, RUN_NAMES
from training.ec57.summary import BEAT_KINDS, BeatKind
from training.ec57.tally import Tally

DASH = "–"

EPISODES = {"af": "AF", "vf": "VF, VFL"}


def show(found: Evaluation, intervals: Intervals | None = None) -> None:
    """Print the tables, and by which rules they were counted."""
    console = Console(highlight=False)
    console.print(records_table(found))
    console.print(totals_table(found, intervals))
    if found.records[0].runs:
        console.print(runs_table(found))
    if found.records[0].episodes:
        console.print(episodes_table(found))
    near = timing(found.records)
    if near.median_ms is not None:
        console.print(
            f"Beat timing: median {near.median_ms:.1f} ms, 95th percentile {near.p95_ms:.1f} ms"
        )
    console.print(f"R-peaks: {PEAKS[peaks(found.records)]}")
    console.print(f"Counted: {denominators(found).describe()}")
    protocol = found.protocol
    kept = "; known bugs of the official tools kept" if protocol.official else ""
    console.print(
        f"EC57: match window {1000 * protocol.window_s:g} ms, "
        f"the first {protocol.learning_s:g} s do not count{kept}"
    )
    console.print(f"AAMI mapping [bold]{found.mapping.name}[/]: {found.mapping.describe()}")
    if found.without_test:
        console.print(f"[yellow]No test annotations[/]: {', '.join(found.without_test)}")


def records_table(found: Evaluation) -> Table:
    """Lay out a row a record: beats in the reference, Se and +P of each kind, RR error."""
    table = _table("Record by record", ["Record"], padding=0)
    for kind in BEAT_KINDS:
        table.add_column(NAMES[kind], justify="right", min_width=6)
        for head in ("Se", "+P"):
            table.add_column(head, justify="right", min_width=6)
    table.add_column("RR ms", justify="right", min_width=6)
    for record in found.records:
        cells: list[str] = []
        for kind in BEAT_KINDS:
            tally = record.tally(kind)
            cells += [str(tally.tp_se + tally.fn), _number(tally.se), _number(tally.ppv)]
        table.add_row(record.record, *cells, _number(record.beats.rr.rms_ms))
    return table


def totals_table(found: Evaluation, intervals: Intervals | None) -> Table:
    """Lay out gross rates, their intervals, averages, and gross without single records."""
    table = _table(
        f"All {len(found.records)} records", ["", "", "Beats", "False", "Se", "+P", "F1"]
    )
    total, means = gross(found.records), average(found.records)
    for kind in BEAT_KINDS:
        table.add_row(NAMES[kind], "gross", *_counts(total[kind]), *_rates(rates(total[kind])))
        if intervals is not None:
            table.add_row("", "95 %", "", "", *_spans(intervals, kind), style="dim")
        table.add_row("", "average", "", "", *_rates(means[kind]))
        for name, rest in subsets(found).items():
            tally = gross(rest)[kind]
            table.add_row("", f"without {name}", *_counts(tally), *_rates(rates(tally)))
    return table


def runs_table(found: Evaluation) -> Table:
    """Lay out the gross run-by-run comparison."""
    table = _table("Runs, gross", ["", "Reference", "Se", "Test", "+P"])
    for kind in found.records[0].runs:
        total = gross_runs(found.records, kind)
        for name, tally in (
            ("couplets", total.couplets),
            ("runs of 3 to 5", total.short),
            ("runs of 6 or more", total.long),
        ):
            table.add_row(f"{RUN_NAMES[kind]} {name}", *_events(tally))
    return table


def episodes_table(found: Evaluation) -> Table:
    """Lay out the gross episode comparison."""
    heads = ["", "Reference", "Se", "Test", "+P", "Duration Se", "Duration +P"]
    table = _table("Episodes, gross", heads)
    for kind in found.records[0].episodes:
        total = gross_episodes(found.records, kind)
        durations = (_number(total.duration_se), _number(total.duration_ppv))
        table.add_row(EPISODES[kind], *_events(total.episodes), *durations)
    return table


def _table(title: str, heads: list[str], padding: int = 1) -> Table:
    """Begin a table: the first column to the left, the others to the right."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, padding),
    )
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if head and i else "left", style="" if i else "bold")
    return table


def _counts(tally: Tally) -> list[str]:
    """Give the beats in the reference and the false detections."""
    return [str(tally.tp_se + tally.fn), str(tally.fp)]


def _events(tally: Tally) -> list[str]:
    """Give the number of reference events, Se, the number of test events, +P."""
    ref, test = tally.tp_se + tally.fn, tally.tp_ppv + tally.fp
    return [str(ref), _number(tally.se), str(test), _number(tally.ppv)]


def _rates(found: Rates) -> list[str]:
    """Write the three rates."""
    return [_number(value) for value in (found.se, found.ppv, found.f1)]


def _spans(intervals: Intervals, kind: BeatKind) -> list[str]:
    """Write the three intervals."""
    spans = [intervals[kind][name] for name in ("se", "ppv", "f1")]
    return [DASH if span is None else f"{span.low:.1f}–{span.high:.1f}" for span in spans]


def _number(value: float | None) -> str:
    """Write a rate with two digits, or a dash."""
    return DASH if value is None else f"{value:.2f}"
