"""The survey as a page: ``docs/survey.md``."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from training.survey.outcome import THRESHOLD
from training.survey.table import N_STREAMS, Row, Spread, Survey

HEAD = (
    "system",
    "V F1",
    "S F1",
    "parameters",
    "MAC a beat",
    "MAC a patient-second",
    "time a patient-second",
    "of the first's time",
    "training",
)


INTRO = """\
# The systems side by side

Written by `make survey` (`python -m training.survey`); do not edit.

Each system is fitted on the same patients, from the same sequences and equally many, and judged on
the same patients left out: {n_records} records of {n_patients} patients of DS1 of MIT-BIH in
{n_folds} folds by patient, seeds {seeds}. DS2 was not looked at. A fit sees {n_sequences:,}
sequences of {n_beats} beats, a small part of what the shipped model was fitted on: the table
compares systems, it does not say how good one can become. F1 is gross over all patients, in
percent, beat by beat at reference R-peaks, first five minutes left out, mapping of de Chazal 2004,
threshold {threshold} for every system; mean over seeds, least and most in brackets.

Multiply-adds are counted in the exported graph, a patient-second at {beats_per_s:.2f} beats a
second, the mean of these records. Time is CPU time of the exported model, state carried, with
{n_streams} streams together and all systems in turn, told beside the first. Training is CPU time of
the steps of one fit, without what draws the sequences.
"""


def page(survey: Survey) -> str:
    """Lay the figures out as Markdown."""
    intro = INTRO.format(
        n_records=survey.n_records,
        n_patients=survey.n_patients,
        n_folds=survey.n_folds,
        seeds=", ".join(str(seed) for seed in survey.seeds),
        n_sequences=survey.n_sequences,
        n_beats=survey.n_beats,
        threshold=THRESHOLD,
        beats_per_s=survey.beats_per_s,
        n_streams=N_STREAMS,
    )
    lines = [
        intro,
        "| " + " | ".join(HEAD) + " |",
        "|---" + "|---:" * (len(HEAD) - 1) + "|",
        *(_row(row, survey.beats_per_s) for row in survey.rows),
        "",
        *_yardstick(survey.rows),
        *_notes(survey.rows),
        "Every system is `training/configs/survey.toml` with",
        "",
        *(_keys(row) for row in survey.rows),
        "",
        "Made by code " + ", ".join(f"`{code}`" for code in survey.codes) + ".",
    ]
    return "\n".join(lines) + "\n"


def _row(row: Row, beats_per_s: float) -> str:
    us = None if row.us_a_beat is None else row.us_a_beat * beats_per_s
    cost = None if row.macs_a_beat is None else row.macs_a_beat * beats_per_s
    cells = (
        row.title + (r" \*" if row.note or row.further else ""),
        _spread(row.v_f1),
        _spread(row.s_f1),
        f"{row.n_parameters:,.0f}",
        "–" if row.macs_a_beat is None else f"{row.macs_a_beat:,.0f}",
        "–" if cost is None else f"{cost:,.0f}",
        "–" if us is None else f"{us:.1f} µs",
        "–" if row.time_ratio is None else f"{row.time_ratio:.2f}",
        f"{row.training_s:.0f} s",
    )
    return "| " + " | ".join(cells) + " |"


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    return f"{spread.mean:.1f} [{spread.least:.1f}, {spread.most:.1f}]"


def _keys(row: Row) -> str:
    """Tell how a configuration selects a system."""
    return f"- *{row.title}*: " + (", ".join(f"`{key}`" for key in row.keys) or "no key more")


def _yardstick(rows: Sequence[Row]) -> list[str]:
    """Say how far apart seeds alone are, of the systems with more than one."""
    several = [row for row in rows if row.n_seeds > 1]
    spreads = {
        "V": [row.v_f1.most - row.v_f1.least for row in several if row.v_f1],
        "S": [row.s_f1.most - row.s_f1.least for row in several if row.s_f1],
    }
    if not spreads["V"]:
        return []
    told = [
        f"{statistics.median(values):.1f} points for {name}" for name, values in spreads.items()
    ]
    text = (
        "From the least to the most seed of one system lie, in the median over systems, "
        f"{' and '.join(told)}: smaller differences between systems tell little."
    )
    return [text, ""]


def _notes(rows: Sequence[Row]) -> list[str]:
    """Tell what else there is of a system, below the table."""
    lines = []
    for row in rows:
        figures = [f"{name} {value:.3g}" for name, value in row.further.items()]
        if row.note or row.further:
            told = "; ".join([*filter(None, [row.note]), *figures])
            lines.append(f"- \\* *{row.title}*: {told}")
    return [*lines, ""] if lines else []
