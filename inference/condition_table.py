"""The page that tells of every condition: what it is, for whom, how soon.

``python -m inference.condition_table`` writes ``docs/conditions.md`` from the tables that
serve, so that the page cannot say anything else than what is done.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from inference.conditions import CONDITIONS, OF_NUMERICS, OUTSIDE, Condition, Kind
from inference.limits import Limits
from inference.profiles import PRESETS, Profile, limits_of
from inference.time_to_alarm import time_to_alarm_s

PAGE = Path("docs/conditions.md")
"""Where the page stands in the repository."""
DECISION_DELAY_MS = 520
"""How late the shipped QRS model may decide a beat, ms."""
INTRO = """\
# Conditions: what each is, and how soon it is known

Made by `python -m inference.condition_table` from `inference/conditions.py`, `inference/limits.py`,
`inference/profiles.py` and `inference/time_to_alarm.py`; do not edit.

An earlier row comes first. *Time to alarm* is the most that it can take from the onset of the
evidence to the end of the tick that knows of it, on the stream's own clock, with the limits of
each profile; tests hold every condition to it however the signal is cut. Transport and batching
come on top, and some signals have an onset delay ([alarms](alarms.md)). A condition that another
hides is not raised while that one holds. Ectopy and irregularity are told once, for as long as they
go on, and never latch.
"""
RUNS = """\
## How runs of ventricular beats are called

| ventricular beats in a row | at a mean rate | condition | priority |
|---|---|---|---|
| 2, no more | any | `couplet` | low |
| 3 (a triplet) and more (`v_run_beats`) | any | `v_run` | medium |
| 3 and more | above `vt_bpm` | `non_sustained_ventricular_tachycardia`, which hides `v_run` | medium |
| 5 and more (`vt_beats`) | above `vt_bpm` | `ventricular_tachycardia`, which hides those above | high, latching |
| the same, for 30 s (`vt_sustained_s`) | | `sustained_ventricular_tachycardia`, which hides all of these | high, latching |

A slow run is an accelerated or plain ventricular rhythm. Beats further apart than `v_run_max_rr_s` are no
run. Tachycardia is also called of the waveform, where the complexes in it are even.
"""  # noqa: E501
LIMITS_INTRO = """\
## Limits

*One patient*: can be selected for each stream (`set_limits`, [alarms](alarms.md)); the others hold
for all streams of a worker. A set that contradicts itself is refused whole.
"""
PRESETS_INTRO = """\
## What the profiles change, and why
"""


def page() -> str:
    """Write the page.

    Examples
    --------
    >>> page().splitlines()[0]
    '# Conditions: what each is, and how soon it is known'
    """
    physiological = [c for c in CONDITIONS if c.kind is Kind.PHYSIOLOGICAL]
    technical = [c for c in CONDITIONS if c.kind is Kind.TECHNICAL]
    parts = [
        INTRO,
        "## Of the patient\n",
        *_conditions(physiological),
        "\n## Of the equipment\n",
        *_conditions(technical),
        "",
        RUNS,
        LIMITS_INTRO,
        *_limits(),
        "",
        PRESETS_INTRO,
        *_presets(),
    ]
    return "\n".join(parts) + "\n"


def _conditions(rows: Sequence[Condition]) -> Iterator[str]:
    """Write one table of conditions."""
    names = ", ".join(profile.value for profile in Profile)
    yield f"| condition | priority | definition | time to alarm, s ({names}) | source | hides |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        priority = f"{row.priority.value}, latching" if row.latching else row.priority.value
        hides = _in_words([CONDITIONS[code].name for code in row.hides])
        yield (
            f"| `{row.name}` | {priority} | {row.definition} | {_times(row)} | {row.source} "
            f"| {hides} |"
        )


def _times(row: Condition) -> str:
    """Give the bound for each profile, one number where they are alike."""
    if row.code in OUTSIDE:
        return f"{time_to_alarm_s(row.code, Limits(), 0):.1f}, by whoever listens"
    if row.code in OF_NUMERICS:
        bound_s = time_to_alarm_s(row.code, Limits(), 0)
        return f"{bound_s:.1f} from where the forecaster's score reaches its limit"
    times = [
        f"{time_to_alarm_s(row.code, limits_of(profile), DECISION_DELAY_MS):.1f}"
        for profile in Profile
    ]
    return times[0] if len(set(times)) == 1 else ", ".join(times)


def _in_words(names: Sequence[str]) -> str:
    """List names; all that are ectopy at once."""
    burden = ("supraventricular_run", "irregular_rhythm")
    if burden[0] in names and burden[1] in names:
        first, last = names.index(burden[0]), names.index(burden[1])
        names = [*names[:first], f"{burden[0]} … {burden[1]}", *names[last + 1 :]]
    return ", ".join(f"`{name}`" for name in names) or "–"


def _limits() -> Iterator[str]:
    """Write the table of limits."""
    yield "| limit | adult | allowed | one patient | conditions |"
    yield "|---|---|---|---|---|"
    for key in dataclasses.fields(Limits):
        low, high = key.metadata["low"], key.metadata["high"]
        used = _in_words([c.name for c in CONDITIONS if key.name in c.limit_keys])
        selectable = "yes" if key.metadata["by_patient"] else "no"
        yield (
            f"| `{key.name}` | {key.default:.4g} | {low:g} to {high:g} | {selectable} "
            f"| {used if used != '–' else 'all that rest on beats'} |"
        )


def _presets() -> Iterator[str]:
    """Write the table of presets."""
    yield "| profile | limit | value | adult | source |"
    yield "|---|---|---|---|---|"
    for profile, changed in PRESETS.items():
        for name, preset in changed.items():
            adult = getattr(Limits(), name)
            yield f"| {profile.value} | `{name}` | {preset.value:g} | {adult:g} | {preset.source} |"


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.parse_args(argv).out.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
