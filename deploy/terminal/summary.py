"""The table at the end: what was found with whom, and how fast."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy.terminal import theme
from deploy.terminal.line import clean, known
from deploy.terminal.patient import minutes
from deploy.terminal.view import PatientRow, WardStats, WardView
from inference.conditions import Priority


def summary(view: WardView) -> RenderableType:
    """Return the final table of a ward.

    Parameters
    ----------
    view : WardView
        The last view; its rows' tallies and its stats are shown.

    Returns
    -------
    RenderableType
        To be printed by a console.
    """
    table = Table(box=None, pad_edge=False, header_style="bright_black", padding=(0, 2, 0, 0))
    table.add_column("bed", justify="right")
    table.add_column("patient", no_wrap=True)
    for heading in ("beats", "V", "S"):
        table.add_column(heading, justify="right")
    for priority in theme.URGENCY:
        name = f"{theme.SYMBOL[priority]} {priority.value}"
        table.add_column(Text(name, theme.COLOUR[priority]), justify="right", no_wrap=True)
    table.add_column("alarms about", overflow="fold")
    for row in view.rows:
        table.add_row(*_cells(row))
    return Group(table, Text(), _footing(view.stats, len(view.rows)))


def _cells(row: PatientRow) -> list[Text]:
    tally = row.tally
    counts = (tally.n_beats, tally.n_ventricular, tally.n_supraventricular)
    raised = (
        (Priority.HIGH, tally.n_high), (Priority.MEDIUM, tally.n_medium),
        (Priority.LOW, tally.n_low),
    )  # fmt: skip
    about = ", ".join(condition.replace("_", " ") for condition in tally.conditions)
    return [
        Text(clean(row.bed)),
        Text(clean(row.patient), "bold"),
        *(Text(f"{n:,}" if n else "0", "" if n else "bright_black") for n in counts),
        *(Text(str(n), f"bold {theme.COLOUR[p]}" if n else "bright_black") for p, n in raised),
        Text(clean(about)),
    ]


def _footing(stats: WardStats, n_patients: int) -> Text:
    """Return the figures of the whole run as one paragraph."""
    text = Text()
    parts = [
        f"{n_patients} patients",
        f"{minutes(stats.signal_s)} of signal in {minutes(stats.elapsed_s)}",
        f"{stats.n_beats:,} beats",
        f"{stats.n_alarms:,} alarms",
        f"{stats.samples_per_s:,.0f} samples/s",
    ]
    p50, p99 = known(stats.latency_p50_ms), known(stats.latency_p99_ms)
    if p50 is not None and p99 is not None:
        parts.append(f"latency p50 {p50:.3g} ms, p99 {p99:.3g} ms")
    return text.append("; ".join(parts))
