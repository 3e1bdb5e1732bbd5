"""The page and the picture of the trial of a large ward."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deploy.services.bench.machine import describe

if TYPE_CHECKING:
    from deploy.trials.ward import Outcome

START_S = 90.0
"""Signal behind which nothing is left of what waited while workers started."""
SHARES = (0.5, 0.95, 0.99, 1.0)
"""Quantiles that are told."""
GOALS_S = {1.0: 1.0, 0.2: 0.3}
"""99th percentile wanted, by the length of a frame, s."""
SPAN_S = 10.0
"""What one point of the picture holds, s."""


def page(outcome: Outcome) -> str:
    """Write the page."""
    plan = outcome.plan
    goal_s = GOALS_S.get(plan.frame_s)
    goal = "" if goal_s is None else f" The goal for the 99th percentile is {goal_s:g} s."
    rows = (("all", outcome.told()), (f"behind {START_S:g} s", outcome.told(START_S)))
    late = "\n".join(
        f"| {name} | {n:,} | {' | '.join(f'{late_s:.3f} s' for late_s in quantiles)} |"
        for name, told in rows
        for n, *quantiles in [told.values()]
    )
    cores = "\n".join(
        f"| {role} | {cores:.2f} |" for role, cores in sorted(outcome.cpu_cores.items())
    )
    return f"""# A ward of {plan.streams:,} in real time, frames of {plan.frame_s:g} s

Made by `python -m deploy.trials.ward --streams {plan.streams} --workers {plan.workers}
--frame-s {plan.frame_s:g} --minutes {plan.minutes:g}`, never by hand. {plan.streams:,} streams
of one lead, cut from {outcome.data}, {plan.minutes:g} minutes, through one Kafka node to
{plan.workers} workers with states and transactions, batches gathered for {plan.gather_ms} ms;
sender, broker, workers and the reader of alarms share this machine: {describe()}

An alarm's lateness is from when its last sample was due in a frame to when a reader with
`read_committed` had it.{goal} In the first {START_S:g} s workers catch up with
what waited while they started: the second row leaves them out.

| due | alarms | p50 | p95 | p99 | most |
|---|---|---|---|---|---|
{late}

| what ran | cores busy in the mean |
|---|---|
{cores}

![lateness of alarms against time](ward-{plan.frame_s:g}s.png)
"""


def draw(outcome: Outcome, path: Path) -> None:
    """Draw median and 99th percentile of the lateness against time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    at_s, late_s = np.array(outcome.at_s), np.array(outcome.late_s)
    span = (at_s // SPAN_S).astype(int)
    figure, axis = pyplot.subplots(figsize=(8, 3.5))
    for share, label in ((0.99, "99th percentile"), (0.5, "median")):
        points = [(k * SPAN_S / 60, np.quantile(late_s[span == k], share)) for k in np.unique(span)]
        if points:
            axis.plot(*zip(*points, strict=True), lw=1.2, label=label)
    if goal_s := GOALS_S.get(outcome.plan.frame_s):
        axis.axhline(goal_s, color="0.5", ls="--", lw=1, label="goal for the 99th percentile")
    axis.set(xlabel="minutes", ylabel="lateness of alarms, s", ylim=(0, None))
    axis.grid(alpha=0.3)
    axis.legend(loc="upper right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
