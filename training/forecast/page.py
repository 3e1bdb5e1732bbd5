"""``docs/forecasting.md`` and the figures of the model's card, out of what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inference import model
from training.assessment.card import replace_figures
from training.forecast.channels import NAMES, UNITS
from training.forecast.planted import KINDS
from training.forecast.words import (
    ADAPTIVE,
    ANOMALIES,
    CARD,
    CONFORMAL,
    FEW_SHOT,
    HEAD,
    HOW,
    PLAIN,
    SCHEDULES,
    SKILL,
)

Kept = Mapping[str, Any]
CHANNELS = ("HR", "RESP", "SpO2", "PULSE")
LEADS = ("10", "30", "60")


def page(kept: Kept) -> str:
    """Write the page."""
    cohort = kept["cohort"]
    parts = [
        HEAD.format(**cohort, seeds=kept["errors"]["seeds"]),
        *_skill(kept["errors"], cohort["patients"]),
    ]
    if "ablation" in kept:
        parts += [
            SCHEDULES,
            ablation_table(kept["ablation"]),
            verdict_on_schedules(kept["ablation"]),
        ]
        parts += ["![Free-running loss by arm](figures/forecast-ablation.png)"]
    if "detection" in kept:
        detection = kept["detection"]
        parts += [ANOMALIES, precision_table(detection), event_table(detection)]
        parts += ["![Precision and recall by detector](figures/forecast-detection.png)"]
        parts += ["![A planted desaturation](figures/forecast-anomaly.png)"]
        parts += [
            CONFORMAL,
            alarm_table(detection),
            verdict_on_alarms(detection, cohort["patients"]),
        ]
    if "adaptive" in kept:
        parts += [ADAPTIVE, adaptive_table(kept["adaptive"])]
    if "few_shot" in kept:
        parts += [FEW_SHOT, few_shot_table(kept["few_shot"])]
    return "\n\n".join([*parts, HOW]) + "\n"


def write_card(kept: Kept) -> None:
    """Put the main figures into the card of the model that ships."""
    path = model.builtin("forecast")
    _, info = model.load(path)
    digests = f"SHA-256 `{info.digest[:16]}…`, training data `{info.data_digest[:16]}…`."
    text = [
        f"Model `{info.name}` {info.version}, {digests}",
        CARD.format(**kept["cohort"]),
        skill_table(kept["errors"], "absolute", ("forecaster",)),
    ]
    if "detection" in kept:
        text.append(alarm_table(kept["detection"], ("forecaster",)))
    replace_figures(path.with_suffix(".md"), "\n\n".join(text))


def _skill(errors: Kept, people: int) -> list[str]:
    return [
        SKILL,
        skill_table(errors, "absolute"),
        "![Skill against how far ahead](figures/forecast-skill.png)",
        verdict_on_skill(errors, people),
        verdict_on_simple(errors),
        PLAIN,
        plain_table(errors),
        "The same for squared errors (not rounded):",
        skill_table(errors, "squared"),
        "and for quantile loss (a point forecast is taken as all of its quantiles):",
        skill_table(errors, "quantile", ("linear", "forecaster")),
        "![Forecasts of one patient](figures/forecast-patient.png)",
    ]


def interval(told: Sequence[float], factor: float = 100.0, digits: int = 1) -> str:
    """Write a value with its interval.

    Examples
    --------
    >>> interval((0.123, -0.01, 0.2))
    '12.3 (-1.0 to 20.0)'
    """
    mid, low, high = (f"{factor * v:.{digits}f}" for v in told)
    return f"{mid} ({low} to {high})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table in Markdown."""
    lines = [" | ".join(head), " | ".join(["---", *["---:"] * (len(head) - 1)])]
    return "\n".join(f"| {line} |" for line in [*lines, *(" | ".join(row) for row in rows)])


def skill_table(errors: Kept, measure: str, names: Sequence[str] = ()) -> str:
    """Lay out skill by forecast, channel and lead."""
    names = names or list(errors["skill"])
    rows = [
        [NAMES[channel], f"{lead} s"]
        + [interval(errors["skill"][name][measure][channel][lead]) for name in names]
        for channel in CHANNELS
        for lead in LEADS
    ]
    return table(["channel", "ahead", *names], rows)


def plain_table(errors: Kept) -> str:
    """Naive error and share inside, by channel and lead."""
    rows = [
        [NAMES[channel]]
        + [f"{errors['naive'][channel][lead]:.2f} {UNITS[channel]}" for lead in LEADS]
        + [f"{100 * errors['inside'][channel][lead]:.0f} %" for lead in LEADS]
        for channel in CHANNELS
    ]
    heads = [f"naive, {lead} s" for lead in LEADS] + [f"inside, {lead} s" for lead in LEADS]
    return table(["channel", *heads], rows)


def verdict_on_skill(errors: Kept, people: int) -> str:
    """Say for each channel whether the skill is above zero beyond noise."""
    told = []
    for channel in ("HR", "SpO2", "RESP"):
        skills = errors["skill"]["forecaster"]["absolute"][channel]
        sure = [f"{lead} s" for lead in LEADS if skills[lead][1] > 0]
        none = [f"{lead} s" for lead in LEADS if skills[lead][1] <= 0]
        told.append(
            f"{NAMES[channel]}: above zero beyond noise at {', '.join(sure) or 'no lead'}"
            + (f", not at {', '.join(none)}" if none else "")
        )
    text = "; ".join(told)
    return f"{text[0].upper()}{text[1:]}. {_possible(errors, people)}".rstrip()


def _possible(errors: Kept, people: int) -> str:
    """Say of skills that may be none how little there is to gain, and how many would tell."""
    told = []
    for channel in ("HR", "SpO2", "RESP"):
        for lead in LEADS:
            skill, low, high = errors["skill"]["forecaster"]["absolute"][channel][lead]
            if low > 0 or skill <= 0:
                continue
            needed = math.ceil(people * ((high - low) / 2 / skill) ** 2)
            told.append(
                f"{NAMES[channel]} at {lead} s, where the last value errs by "
                f"{errors['naive'][channel][lead]:.2f} on average, {needed}"
            )
    if not told:
        return ""
    return (
        "Sensors tell these in whole numbers, so little is left to gain so soon. As many persons "
        f"would be needed for an interval that leaves out zero, were the skill as it is: "
        f"{'; '.join(told)}."
    )


def verdict_on_simple(errors: Kept) -> str:
    """Count where a forecast without a net errs less than the forecaster."""
    told = []
    for name in ("EWMA", "linear"):
        ours, theirs = (errors["skill"][n]["absolute"] for n in ("forecaster", name))
        places = [(c, lead) for c in CHANNELS for lead in LEADS]
        better = sum(theirs[c][lead][0] > ours[c][lead][0] for c, lead in places)
        told.append(f"`{name}` at {better} of {len(places)}")
    return (
        f"The median errs more than what is simpler in places: {' and '.join(told)} channels and "
        "leads. What the net adds is how far a value may stray: its quantiles."
    )


def ablation_table(ablation: Kept) -> str:
    """Free-running losses of all arms."""
    rows = [
        [
            name,
            str(each["seeds"]),
            f"{each['absolute']:.3f}",
            f"{each['quantile']:.3f}",
            interval(each["absolute_gain"]),
            interval(each["quantile_gain"]),
            f"{100 * each['inside']:.0f} %",
        ]
        for name, each in ablation.items()
    ]
    head = ("arm", "seeds", "absolute error", "quantile loss", "less error, %", "less loss, %",
            "inside 90 %")  # fmt: skip
    return table(head, rows)


def verdict_on_schedules(ablation: Kept) -> str:
    """Say which schedules beat teacher forcing beyond noise."""
    schedules = ("linear", "exponential", "inverse sigmoid")
    better = [n for n in schedules if n in ablation and ablation[n]["quantile_gain"][1] > 0]
    error = [n for n in schedules if n in ablation and ablation[n]["absolute_gain"][1] > 0]
    return (
        "Against teacher forcing alone, beyond noise over persons: quantile loss is lower with "
        f"{', '.join(better) or 'no schedule'}; absolute error with {', '.join(error) or 'none'}."
    )


def precision_table(detection: Kept) -> str:
    """Area under precision and recall, by detector and kind."""
    kinds = list(KINDS)
    rows = [
        [name] + [_area(each["planted"][kind]) for kind in kinds] + [_area(each["real"])]
        for name, each in detection.items()
    ]
    first = next(iter(detection.values()))
    shares = [first["planted"][kind]["share"] for kind in kinds] + [first["real"]["share"]]
    rows.append(["*at random*", *(f"*{share:.2f}*" for share in shares)])
    return table(["AUPRC", *kinds, "real"], rows)


def _area(told: Kept) -> str:
    return f"{told['auprc']:.2f} ({told['low']:.2f} to {told['high']:.2f})"


def event_table(detection: Kept) -> str:
    """Share of planted events found at four false alarms an hour, and the delay."""
    rows = []
    for name, each in detection.items():
        cells = []
        for kind in KINDS:
            told = each["planted"][kind]
            late = "" if told["delay_s"] != told["delay_s"] else f", {told['delay_s']:.0f} s"
            cells.append(f"{100 * told['found']:.0f} %{late}")
        got = next(row for row in each["false_alarms"] if row["asked"] == "4/h")
        rows.append([name, *cells, f"{got['got']:.1f}"])
    return table(["found, median delay", *KINDS, "false alarms an hour"], rows)


def alarm_table(detection: Kept, names: Sequence[str] = ()) -> str:
    """Lay out false alarms asked for and got."""
    names = names or list(detection)
    rows = []
    for name in names:
        for row in detection[name]["false_alarms"]:
            share = row["asked"].endswith("%")
            factor = 100.0 if share else 1.0
            rows.append(
                [name, row["asked"] + (" of the time" if share else ""),
                 interval((row["got"], row["low"], row["high"]), factor, 2),
                 f"{row['ratio']:.2f}", "yes" if 0.8 <= row["ratio"] <= 1.2 else "no"]
            )  # fmt: skip
    return table(
        ["detector", "asked", "got (95 % interval)", "got over asked", "within 20 %"], rows
    )


def verdict_on_alarms(detection: Kept, people: int) -> str:
    """Count how often the false alarms got are within 20 % of those asked for."""
    rows = detection["forecaster"]["false_alarms"]
    near = sum(0.8 <= row["ratio"] <= 1.2 for row in rows)
    known = sum(row["low"] <= row["got"] / row["ratio"] <= row["high"] for row in rows)
    return (
        f"Of the forecaster's {len(rows)} limits {near} give a rate within 20 % of the one asked "
        f"for; in {known} of them what was asked lies in the interval. {_needed(rows, people)}"
    )


def _needed(rows: Sequence[Kept], people: int) -> str:
    """Say how far so few persons can tell at all, and how many it would take."""
    wide = sorted((row["high"] - row["low"]) / 2 / (row["got"] / row["ratio"]) for row in rows)
    middle = wide[len(wide) // 2]
    needed = math.ceil(people * (middle / 0.2) ** 2)
    return (
        f"The measurement itself is wider than that: half an interval is {100 * wide[0]:.0f} to "
        f"{100 * wide[-1]:.0f} % of what was asked, in the middle {100 * middle:.0f} %. Persons "
        f"differ that much; some {needed} would be needed for intervals of 20 %, so {people} "
        f"neither prove a way of calibrating nor refute it."
    )


def adaptive_table(adaptive: Kept) -> str:
    """Lay out shares of all time at or above a limit that stands, and one that follows."""
    rows = [
        [name, f"{100 * row['asked']:g}% of the time", "follows" if row["follows"] else "stands",
         interval((row["got"], row["low"], row["high"]), 100, 2), f"{row['ratio']:.2f}",
         f"{100 * row['within']:.0f} %", f"{100 * row['worst']:.1f} %"]
        for name, each in adaptive.items()
        for row in each
    ]  # fmt: skip
    heads = ["detector", "asked", "limit", "got (95 % interval), %", "got over asked"]
    return table([*heads, "persons within 20 %", "worst person"], rows)


def few_shot_table(few_shot: Kept) -> str:
    """Quantile loss after the first three minutes, by how the new patient was adapted to."""
    rows = [
        [name, f"{each['quantile']:.3f}", interval(each["gain"])] for name, each in few_shot.items()
    ]
    return table(["start", "quantile loss", "less than without adapting, %"], rows)
