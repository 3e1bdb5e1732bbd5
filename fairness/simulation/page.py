"""The page on what simulations found: docs/fairness-validation.md and its figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from fairness.simulation.coverage import CASES, HARDER, Coverage
from fairness.simulation.metrics import PATIENTS, FalseDifference
from fairness.simulation.peers import Peer
from fairness.simulation.verdicts import Outcome, Promise

OURS, ROWS = "#0072B2", "#D55E00"
"""Colours that are told apart by everybody (Okabe and Ito)."""

HEAD = """# How far the bias audit can be believed

Made by `python -m fairness.simulation`, from `fairness-validation.json` beside this page; nothing
here was typed in. Patients are simulated whose true figures are known, audited as in
`vigil audit`, and what the audit says is held against the truth.

Simulated patients have a lognormal number of units (mean 100, log-sd 1: the largest of 50 has some
twenty times the median). A patient's own sensitivity is beta-distributed, so that two of his units
are correlated as the tables say; rates per hour are gamma-distributed with relative variance 0, 1
and 3 where the tables say 0, 0.1 and 0.3; scores have a part that all units of a patient share.
"""

AGREEMENT = """## Does it agree with others where they compute the same?

Tests hold it to them, to 1e-9: figures by group, largest gaps, ratios, and the differences called
equal opportunity, equalized odds and demographic parity to fairlearn and scikit-learn; Wilson's and
exact intervals to statsmodels and scipy; Holm's and Benjamini and Hochberg's corrections to
statsmodels; calibration intercept, slope and their sandwich variance to statsmodels (1e-8, 1e-6).

Where definitions differ: gaps and summary differences are over the known groups that have the
declared minimum of patients, while fairlearn takes every group; a figure without a denominator is
not estimable here, where scikit-learn gives 0 and a warning; `rest` is everybody else whose group
is known.
"""


def write(
    coverage: list[Coverage],
    outcomes: list[Outcome],
    promises: list[Promise],
    peers: list[Peer],
    false: list[FalseDifference],
    speed: dict[str, Any] | None,
    folder: Path,
) -> None:
    """Write the page and its figure.

    Parameters
    ----------
    coverage, outcomes, promises, peers, false
        What was found.
    speed
        What :func:`fairness.benchmark.measure` gave, if it was run.
    folder
        The docs' folder.
    """
    _draw([one for one in coverage if one.metric in CASES], folder / "figures")
    parts = [
        HEAD,
        _coverage(coverage, peers),
        _outcomes(outcomes),
        *([_false(false)] if false else []),
        _promises(promises),
        AGREEMENT,
        *([_speed(speed)] if speed else []),
    ]
    (folder / "fairness-validation.md").write_text("\n".join(parts), encoding="utf-8")


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _points(share: float) -> str:
    return f"{100 * share:g} {'point' if round(100 * share, 9) == 1 else 'points'}"


def _coverage(coverage: list[Coverage], peers: list[Peer]) -> str:
    worst = max((100 * one.error for one in coverage), default=0.0)
    lines = [
        "## Do 95 % intervals hold the truth in 95 of 100 cohorts?",
        "",
        "![Coverage of our intervals and of row intervals](figures/fairness-coverage.png)",
        "",
        (
            "Ours, and in brackets the interval that takes rows as independent (the bootstrap "
            f"of rows; of AUROC, DeLong's). Monte-Carlo error of ours: at most {worst:.2f} points."
        ),
        "",
    ]
    for name in (*CASES, *HARDER):
        rows = [one for one in coverage if one.metric == name]
        if rows:
            lines += [f"### {name[0].upper()}{name[1:]}", "", *_table(rows), ""]
    lines += [
        (
            "Above 97 % stand sensitivities near 1 with few patients: often all but one or two "
            "of them are perfect, and no interval can then be shorter without missing the truth "
            "when they are not. So do those that larger patients have more of: there the model "
            "expects more spread than there is, and the jackknife may only widen it. Below 93 % "
            "stand ten patients whose own log-odds are normal (with a spread of 0.6 and 1.8 in "
            "the columns 0.1 and 0.3): they have a longer tail of poor patients than the model."
        ),
        "",
    ]
    for one in peers:
        lines += [
            (
                f"fairlearn's `MetricFrame(n_boot=60)` on {one.patients} patients, sensitivity "
                f"0.95, correlation {one.correlation:g}: its 95 % interval held the truth in "
                f"{_percent(one.covered)} % of {one.trials} cohorts. It draws rows, and does not "
                "claim to do otherwise."
            ),
            "",
        ]
    return "\n".join(lines)


def _table(rows: list[Coverage]) -> list[str]:
    correlations = sorted({one.correlation for one in rows})
    head = " | ".join(f"correlation {one:g}" for one in correlations)
    lines = [f"| patients | {head} |", f"| --- |{' --- |' * len(correlations)}"]
    for patients in sorted({one.patients for one in rows}):
        cells = [
            f"{_percent(one.ours)} ({_percent(one.rows)})"
            for correlation in correlations
            for one in rows
            if one.patients == patients and one.correlation == correlation
        ]
        lines.append(f"| {patients} | {' | '.join(cells)} |")
    return lines


def _outcomes(outcomes: list[Outcome]) -> str:
    lines = [
        "## Are verdicts wrong more often than declared?",
        "",
        (
            "Alpha is 5 %. Where groups do not differ, or by just the margin, any `fail` is "
            "false; where "
            "they differ by the margin, so is any `pass`. Correlation within a patient 0.3, unless "
            "told otherwise."
        ),
        "",
        "| truth | patients a group | margin | any `fail` | `pass` | cohorts |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in outcomes:
        at = one.scenario
        lines.append(
            f"| {at.name} | {at.patients} | {_points(at.margin)} | {_percent(one.failed)} % "
            f"| {_percent(one.passed)} % | {one.trials} |"
        )
    return "\n".join([*lines, ""])


def _false(false: list[FalseDifference]) -> str:
    lines = [
        (
            f"{PATIENTS[0]} patients beside {PATIENTS[1]} who are alike in all, every metric "
            "tested for a difference of any size at 5 %: how often it was said to differ."
        ),
        "",
        "| metric | said to differ | cohorts |",
        "| --- | --- | --- |",
        *(f"| {one.metric} | {_percent(one.said)} % | {one.trials} |" for one in false),
        "",
    ]
    return "\n".join(lines)


def _promises(promises: list[Promise]) -> str:
    lines = [
        "## Does the number of patients that is named settle it?",
        "",
        (
            "From pilots of 40 patients a group the audit named the patients that would settle the "
            "comparison with a probability of 80 %; so many were then simulated."
        ),
        "",
        "| sensitivities | margin | correlation | patients named | settled | cohorts |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in promises:
        first, second = one.sensitivities
        lines.append(
            f"| {first:g} and {second:g} | {_points(one.margin)} | {one.icc:g} | "
            f"{one.patients} a group | {_percent(one.settled)} % | {one.trials} |"
        )
    return "\n".join([*lines, ""])


def _speed(found: dict[str, Any]) -> str:
    text = """## How long does it take?

{units:,} units of {patients:,} patients in {groups} groups, {rounds:,} draws and permutations, one
thread: all {metrics} metrics in {processor_s} s of processor time ({wall_s} s by the clock, on a
machine that did other work beside it), at most {peak_mib} MiB. `python -m fairness.benchmark`
measures it.

The 8 metrics that fairlearn has too took {labels_processor_s} s. One round of fairlearn's bootstrap
on {fairlearn_units:,} of the units took {fairlearn_round_s} s for the same 8; scaled up to all
units and rounds that is {fairlearn_scaled_s:,} s, {ratio:,} times as long. It computes each metric
anew from the drawn rows, whatever the metric is; ours are sums over patients.
"""
    return text.format(**found)


def _draw(coverage: list[Coverage], folder: Path) -> None:
    names = [name for name in CASES if any(one.metric == name for one in coverage)]
    if not names:
        return
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11, 3.6), layout="constrained")
        axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for axis, name in zip(axes, names, strict=True):
            axis.axhspan(93, 97, color="0.9", zorder=0)
            for one in (one for one in coverage if one.metric == name):
                at = one.patients * (1 + 0.12 * (one.correlation * 10 - 1.5))
                size = 22 + 120 * one.correlation
                axis.scatter(at, 100 * one.ours, s=size, color=OURS, marker="o", zorder=3)
                axis.scatter(at, 100 * one.rows, s=size, color=ROWS, marker="x", zorder=2)
            axis.set(xscale="log", xlabel="patients")
            axis.set_title(name, fontsize=9)
            axis.set_xticks([10, 20, 50, 100, 200], ["10", "20", "50", "100", "200"])
            axis.minorticks_off()
        axes[0].set(ylim=(0, 102), ylabel="intervals that hold the truth, %")
        axes[0].scatter([], [], color=OURS, marker="o", label="ours, over patients")
        axes[0].scatter([], [], color=ROWS, marker="x", label="rows as independent")
        axes[0].legend(loc="center left", frameon=False, title="larger: correlation 0.3")
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "fairness-coverage.png", dpi=130)
