"""The difference of champion and candidate as a page, with a strip for each alarm that differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from deploy.html_page import html_page, html_table
from deploy.shadow.compare import Comparison
from deploy.shadow.pairs import KINDS, Pair
from deploy.shadow.report import differs
from deploy.shadow.strip_picture import strip_picture
from fairness.report.svg import element

MOST_STRIPS = 100
"""Strips that are drawn at most, dealt out over conditions and kinds so that each is shown."""
WORDS = {
    "both": "both",
    "only_champion": "only the champion",
    "only_candidate": "only the candidate",
    "other_condition": "another condition",
}
"""Kinds of pairs in words."""
RANK = {"high": 0, "medium": 1, "low": 2}


def page(told: Mapping[str, Any], found: Comparison) -> str:
    """Write the page of a comparison and its report."""
    chosen = chosen_strips([pair for pair in found.pairs if differs(pair)])
    n_differ = len(told["differences"])
    return html_page(
        f"{told['candidate']['name']} beside {told['champion']['name']}",
        "Vigil: shadow",
        [
            _summary(told),
            element("h2", "Alarms an hour"),
            _rates(told),
            element("h2", "By condition"),
            _counts(told["conditions"], "condition", "Alarms by condition, each pair once."),
            element("h2", "By patient"),
            _counts(told["by_patient"], "stream_id", "Alarms by patient.", hours=True),
            element("h2", "By hour"),
            _counts(told["by_hour"], "hour", "Alarms by hour since the session began."),
            element("h2", "Alarm by alarm"),
            element(
                "p",
                f"{n_differ} alarms differ; {len(chosen)} are drawn, high priority first, all "
                "kinds and conditions among them. The letters above the trace are the beats that "
                "each set of models called: N, S, V.",
            ),
            *(_strip(i, pair, found) for i, pair in enumerate(chosen)),
        ],
    )


def chosen_strips(pairs: list[Pair]) -> list[Pair]:
    """Choose which differences are drawn: in turn of every kind and condition.

    High priority goes first, and what only one of them raised before what was shifted.
    """
    groups: dict[tuple[int, int, str], list[Pair]] = {}
    for pair in pairs:
        rank = RANK.get(pair.one.priority, len(RANK))
        groups.setdefault((rank, KINDS.index(pair.kind), pair.one.condition), []).append(pair)
    chosen: list[Pair] = []
    rows = [groups[key] for key in sorted(groups)]
    for nth in range(max(map(len, rows), default=0)):
        chosen += [row[nth] for row in rows if nth < len(row)]
    kept = chosen[:MOST_STRIPS]
    order = {id(pair): i for i, pair in enumerate(p for key in sorted(groups) for p in groups[key])}
    return sorted(kept, key=lambda pair: order[id(pair)])


def _summary(told: Mapping[str, Any]) -> Markup:
    """Say in a box what differs."""
    alarms, shift = told["alarms"], told["shift_s"]
    same = alarms["both"]
    words = [
        (
            f"{told['patients']} patients, {told['hours']:.1f} hours. Both raised {same} alarms; "
            f"{alarms['only_champion']} only the champion, {alarms['only_candidate']} only the "
            f"candidate; different conditions at the same time: {alarms['other_condition']}."
        ),
    ]
    if shift["n"]:
        words.append(
            f"Of those that both raised {shift['zero']} were decided at the same moment; the "
            f"candidate's came {shift['median']:+.1f} s at the median (5 % to 95 %: "
            f"{shift['p05']:+.1f} to {shift['p95']:+.1f} s)."
        )
    for change, n in told["priority_changes"].items():
        words.append(f"Priority {change}: {n}.")
    rows = [
        (side, told[side]["name"], ", ".join(told[side]["models"]), str(told[side]["alarms"]),
         str(told[side]["beats"]), f"{told[side]['cpu_s_per_signal_h']}")
        for side in ("champion", "candidate")
    ]  # fmt: skip
    heads = ("", "set", "models", "alarms", "beats", "CPU s an hour of signal")
    return element(
        "section",
        element("h2", "What differs"),
        *(element("p", each) for each in words),
        html_table("Both sets of models.", heads, rows, 3),
    )


def _rates(told: Mapping[str, Any]) -> Markup:
    rows = []
    for rate in told["rates"]:
        ends = rate["interval_per_h"]
        interval = "too few patients" if ends is None else f"{ends[0]:+.2f} to {ends[1]:+.2f}"
        rows.append(
            (rate["priority"], f"{rate['champion_per_h']:.2f}", f"{rate['candidate_per_h']:.2f}",
             f"{rate['difference_per_h']:+.2f}", interval)
        )  # fmt: skip
    heads = ("priority", "champion, 1/h", "candidate, 1/h", "difference, 1/h", "95 % interval")
    text = "Per patient-hour; intervals by drawing patients (bootstrap), since alarms cluster."
    return html_table(text, heads, rows)


def _counts(
    rows: list[Mapping[str, Any]], name: str, caption: str, *, hours: bool = False
) -> Markup:
    heads = [name.replace("_", " "), *(WORDS[kind] for kind in KINDS), *(["hours"] * hours)]
    told = [
        [str(row[name]), *(str(row[kind]) for kind in KINDS)]
        + ([f"{row['hours']:.2f}"] if hours else [])
        for row in rows
    ]
    return html_table(caption, heads, told)


def _strip(i: int, pair: Pair, found: Comparison) -> Markup:
    """Tell one difference, with its strip where one is there."""
    one = pair.one
    heading = f"{_words(one.condition)}, {one.priority}: {WORDS[pair.kind]}"
    if pair.kind == "other_condition" and pair.champion and pair.candidate:
        heading = (
            f"{_words(pair.champion.condition)} ({pair.champion.priority}) became "
            f"{_words(pair.candidate.condition)} ({pair.candidate.priority})"
        )
    words = f"{one.stream[0]}, {one.onset_s:.1f} s after the session's begin."
    if pair.shift_s:
        words += f" The candidate decided {pair.shift_s:+.1f} s later."
    marks = [
        (round(alarm.decided_s * 1000), f"{who} decides")
        for who, alarm in (("champion", pair.champion), ("candidate", pair.candidate))
        if alarm is not None
    ]
    if len(marks) > 1 and marks[0][0] == marks[1][0]:
        marks = [(marks[0][0], "both decide")]
    shown = [alarm.strip for alarm in (pair.candidate, pair.champion) if alarm and alarm.strip]
    drawn = element("p", "No strip.")
    if shown:
        said = {"champion": found.champion, "candidate": found.candidate}
        beats = {name: each.beats.get(one.stream, []) for name, each in said.items()}
        summary = "ten seconds of ECG before the decision, with the beats of both sets of models"
        picture = strip_picture(f"s{i}", shown[0], beats, marks, summary)
        drawn = element("figure", picture, class_="wide")
    return element("section", element("h3", heading), element("p", words), drawn)


def _words(condition: str) -> str:
    return condition.replace("_", " ")
