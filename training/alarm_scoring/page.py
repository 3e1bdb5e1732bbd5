"""The Challenge's scores as a page: what ``vigil evaluate --alarms --json`` said, as tables.

vigil evaluate challenge2015 scored --alarms --score --json > scores.json
python -m training.alarm_scoring.page scores.json --out docs/challenge2015.md
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest.errors import InputError

INTRODUCTION = """# Alarms of the Challenge of 2015

Written by `python -m training.alarm_scoring.page` from what
`vigil evaluate challenge2015 scored --alarms --score --json` printed. Each record ends with an
alarm of a bedside monitor; a system confirms it or not, by nothing behind it. The score is
(TP + TN) / (TP + TN + FP + 5 FN), percent; intervals are 95 %, records drawn. These are the
records that Vigil was developed with (bounds of pulses:
[ADR 0018](adr/0018-pulses-between-episodes-and-alarms.md)), public ones, and few.
"""
HEAD = ("| alarm | TP | FN | FP | TN | score | 95 % |", "|---|---|---|---|---|---|---|")
FALSE, TRUE = "false alarm let through", "true alarm missed"


def page(told: Mapping[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    told : Mapping
        What ``vigil evaluate --alarms --json`` printed for a folder of the Challenge.

    Raises
    ------
    InputError
        If it is not that.
    """
    try:
        tables = [_table(name, rows) for name, rows in told["systems"].items()]
        return "\n".join([INTRODUCTION, *tables, _wrong(told["records"])])
    except (KeyError, TypeError) as error:
        raise InputError(f"this is no score of the Challenge: {error!r}") from error


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the table of one system."""
    lines = [f"## {name}", "", *HEAD]
    for row in rows:
        interval = row["score_interval"]
        span = "–" if interval is None else f"{interval[0]:.0f} to {interval[1]:.0f}"
        counts = " | ".join(str(row[key]) for key in ("tp", "fn", "fp", "tn"))
        alarm = row["alarm"].replace("_", " ")
        lines.append(f"| {alarm} | {counts} | {row['score']:.1f} | {span} |")
    return "\n".join([*lines, ""])


def _wrong(records: Sequence[Mapping[str, Any]]) -> str:
    """List what Vigil judged otherwise than the experts."""
    lines = ["## Records that Vigil judges otherwise than the experts", ""]
    for each in records:
        if each["said_true"]["vigil"] != each["true"]:
            alarm = each["alarm"].replace("_", " ").lower()
            lines.append(f"- {each['record']}, {alarm}: {TRUE if each['true'] else FALSE}")
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the scores and write the page."""
    parser = argparse.ArgumentParser(description="Write the Challenge's scores as a page.")
    parser.add_argument("scores", type=Path, help="what --json printed")
    parser.add_argument("--out", type=Path, default=Path("docs/challenge2015.md"), help="page")
    told = parser.parse_args(arguments)
    told.out.write_text(page(json.loads(told.scores.read_text("utf-8"))), "utf-8")


if __name__ == "__main__":
    main()
