"""The comparison as a page: ``docs/mitigation.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.assessment.tables import markdown
from training.mitigation.arms import CONTROLS, HELD_BACK, PLAIN, all_arms
from training.mitigation.paired import RESAMPLES
from training.mitigation.table import LEVEL, MIN_DECIDING, MIN_WITH_BEATS
from training.mitigation.words import HOW_TO, INTRO, LEAKAGE, LIMITS, READING, STARTS, WORST

KINDS = {"veb": "VEB", "sveb": "SVEB"}
RATES = {"se": "Se", "ppv": "+P"}

CELLS = """\
A cell: the figure with its interval; below it the change from plain training with its own.
**Bold**: an interval of the change that lies wholly below 0, a harm. –: not defined, since nobody
has such beats or nothing was called so. †: not defined in more than one draw of twenty."""

DEFINED = 0.95
"""Share of draws in which a figure must be defined to stand without a mark."""

Arm = Mapping[str, Any]


def page(found: Mapping[str, Any], figure: str) -> str:
    """Lay the figures out as Markdown.

    Parameters
    ----------
    found : mapping
        From :func:`training.mitigation.table.compare`.
    figure : str
        Name of the picture beside the page.
    """
    everybody = found["groups"][0]
    seeds = ", ".join(str(seed) for seed in found["seeds"])
    blocks = [
        INTRO,
        _unfinished(found),
        "## What came out",
        *_verdict(found["arms"]),
        f"![What each method changes for each group]({figure})",
        READING.format(
            n=len(everybody["patients"]),
            folds=found["folds"],
            seeds=seeds,
            sequences=found["sequences"],
            beats=found["beats"],
            resamples=RESAMPLES,
        ),
        "## Who was judged",
        _cohort(found["groups"]),
        WORST.format(least=MIN_DECIDING, with_beats=MIN_WITH_BEATS),
        _worst(found["arms"]),
        "## Every group, before and after",
        CELLS,
        *(part for group in found["groups"] for part in _group(group, found["arms"])),
        "## What the heads still tell of a patient",
        LEAKAGE,
        _leakage(found),
        "## Choice of epoch, and thresholds of each group",
        STARTS,
        _starts(found),
        *_chosen(found["further"]),
        "## What this cannot say",
        LIMITS,
        HOW_TO,
        "Made by code " + ", ".join(f"`{code}`" for code in found["codes"]) + f", signals "
        f"`{found['data']}`; CPU time of one fit's steps "
        + f"{min(found['training_s'].values()):.0f} to {max(found['training_s'].values()):.0f} s.",
    ]
    return "\n\n".join(block.strip("\n") for block in blocks if block) + "\n"


def _unfinished(found: Mapping[str, Any]) -> str:
    """Say what is not done, if anything."""
    done, told = len(found["folds_done"]), []
    if done < found["folds"]:
        told.append(
            f"**Not finished**: {done} of {found['folds']} folds are done, so that only their "
            f"{len(found['groups'][0]['patients'])} patients are told of."
        )
    shown = {arm["name"] for arm in found["arms"]}
    if missing := [arm.title for arm in all_arms() if arm.name not in shown]:
        told.append(f"Not run for all that is told of here: {'; '.join(missing)}.")
    return " ".join([*told, "`make mitigation` goes on."]) if told else ""


def _verdict(arms: Sequence[Arm]) -> list[str]:
    """Say plainly who beats plain training, who does worse, and who is harmed."""
    others = [arm for arm in arms if arm["name"] not in CONTROLS]
    better = [arm for arm in others if arm["better"]]
    lines = []
    if not better:
        lines.append(
            f"**None of the {len(others)} methods beats plain training**: in no case is the worst "
            f"group's F1 higher by more than chance explains (adjusted p below {LEVEL:g})."
        )
    else:
        told = "; ".join(f"*{arm['title']}* ({'; '.join(arm['better'])})" for arm in better)
        lines.append(
            f"**{len(better)} of {len(others)} methods beat plain training** in the worst group's "
            f"F1 (adjusted p below {LEVEL:g}): {told}."
        )
    worse = [arm for arm in others if arm["worse"]]
    if worse:
        told = "; ".join(f"*{arm['title']}* ({'; '.join(arm['worse'])})" for arm in worse)
        lines.append(f"Worse than plain training in the worst group, by the same measure: {told}.")
    harmed = [arm for arm in others if arm["harmed"]]
    if harmed:
        told = "\n".join(f"- *{arm['title']}*: {'; '.join(arm['harmed'])}" for arm in harmed)
        lines.append(
            "Groups that a method harms, Se or +P lower with an interval wholly below 0 (not "
            f"adjusted for how many were looked at, so that no harm is overlooked):\n\n{told}"
        )
    unharmed = [arm["title"] for arm in others if not arm["harmed"]]
    if unharmed:
        lines.append(f"No such harm was seen of: {', '.join(f'*{one}*' for one in unharmed)}.")
    return lines


def _cohort(groups: Sequence[Mapping[str, Any]]) -> str:
    head = ["group", "patients", "of them with V", "of them with S", "decides for VEB / SVEB"]
    rows = [
        [
            group["key"],
            str(len(group["patients"])),
            str(group["with_beats"]["veb"]),
            str(group["with_beats"]["sveb"]),
            " / ".join(
                "–" if not group["attribute"] else "yes" if group["decides"][kind] else "no"
                for kind in KINDS
            ),
        ]
        for group in groups
    ]
    return markdown(head, rows)


def _worst(arms: Sequence[Arm]) -> str:
    """Give the worst group's F1 and its change, by attribute and kind."""
    columns = [(attribute, kind) for attribute in arms[0]["worst"] for kind in KINDS]
    head = ["method", *(f"{KINDS[kind]}, by {attribute}" for attribute, kind in columns)]
    rows = []
    for arm in arms:
        cells = []
        for attribute, kind in columns:
            one = arm["worst"][attribute][kind]
            if one is None:
                cells.append("no group decides")
                continue
            told = f"{_told(one['value'])} ({one['group'].partition(': ')[2]})"
            if arm["name"] != PLAIN:
                p = "" if "p_holm" not in one else f", p {one['p_holm']:.2g}"
                told += f"<br>{_change(one['change'])}{p}"
            cells.append(told)
        rows.append([_title(arm), *cells])
    return markdown(head, rows)


def _group(group: Mapping[str, Any], arms: Sequence[Arm]) -> list[str]:
    """Tabulate one group."""
    columns = [(kind, rate) for kind in KINDS for rate in RATES]
    head = ["method", *(f"{KINDS[kind]} {RATES[rate]}" for kind, rate in columns)]
    rows = []
    for arm in arms:
        cells = []
        for kind, rate in columns:
            cell = arm["groups"][group["key"]][kind][rate]
            change = "" if arm["name"] == PLAIN else f"<br>{_change(cell['change'])}"
            cells.append(_told(cell["value"]) + change)
        rows.append([_title(arm), *cells])
    n = len(group["patients"])
    return [f"### {group['key']}: {n} patients", markdown(head, rows)]


def _leakage(found: Mapping[str, Any]) -> str:
    titles = {arm["name"]: _title(arm) for arm in found["arms"]}
    rows = []
    for name, told in found["leakage"].items():
        cells = [titles[name]]
        for attribute in ("sex", "age"):
            one = told.get(attribute)
            change = ""
            if one is not None and name != PLAIN:
                change = f"<br>{_change(one['change'])}".replace("**", "")  # less is no harm here
            cells.append(
                "–"
                if one is None
                else f"{_told(one['accuracy'])}{change} (chance {one['chance']:.0f})"
            )
        rows.append(cells)
    return markdown(["method", "sex", "age band"], rows)


def _starts(found: Mapping[str, Any]) -> str:
    """Tabulate arms that start from fewer patients against what they start from."""
    everybody = found["groups"][0]["key"]
    keys = [everybody, *(g["key"] for g in found["groups"] if g["attribute"] == "sex")]
    head = ["method", "beats", *keys]
    rows = []
    for arm in found["arms"]:
        if (
            arm["name"] == HELD_BACK
            or "change_held_back" not in arm["groups"][everybody]["veb"]["se"]
        ):
            continue
        for kind, name in KINDS.items():
            cells = [
                "<br>".join(
                    f"{RATES[rate]} {_change(arm['groups'][key][kind][rate]['change_held_back'])}"
                    for rate in RATES
                )
                for key in keys
            ]
            rows.append([_title(arm), name, *cells])
    return markdown(head, rows)


def _chosen(further: Mapping[str, Mapping[str, Sequence[float]]]) -> list[str]:
    """Tell the epochs and thresholds that were chosen."""
    lines = []
    for arm, told in further.items():
        for name, values in told.items():
            given = ", ".join(f"{value:.2f}".rstrip("0").rstrip(".") for value in values)
            lines.append(f"- `{arm}`: {name.replace('/', ' ')}, fold by fold: {given}")
    return ["\n".join(lines)] if lines else []


def _title(arm: Arm) -> str:
    return str(arm["title"])


def _told(one: Mapping[str, float | None]) -> str:
    if one["value"] is None:
        return "–"
    mark = "" if (one["defined"] or 0) >= DEFINED else " †"
    return f"{one['value']:.1f} [{one['low']:.1f}, {one['high']:.1f}]{mark}"


def _change(one: Mapping[str, float | None]) -> str:
    """Write a change with its interval, bold where it is a harm."""
    value, low, high = one["value"], one["low"], one["high"]
    if value is None or low is None or high is None:
        return "–"
    told = f"{value:+.1f} [{low:+.1f}, {high:+.1f}]".replace("-", "−")
    return f"**{told}**" if high < 0 else told
