"""``docs/alarm-policy.md``, of what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inference.conditions import CONDITIONS
from training.alarm_policy.choices import CHOICES, DECIDED, DEFAULT, STEPS
from training.alarm_policy.learn import MARGIN
from training.alarm_policy.trial import FOLDS, LOGS
from training.alarm_policy.trials import LATE_S, STRETCH_S, WORTH_RATE_S, WORTH_S

INTRO = """\
# Alarm delay and limits for one patient, from logged trials

Made by `python -m training.alarm_policy`; figures as JSON in `training/results/alarm_policy.json`.
Decision: [ADR 0030](adr/0030-policies-propose-and-persons-decide.md).

A ward could try delays and limits by chance, a choice for each five minutes, and log what came of
each. From such a log a policy is learned that proposes delay and limits for each patient, and the
log also says what that policy, or any other, would have cost: off-policy, without having been in
force. Nothing of it acts by itself. The outcome is a proposal that a clinician approves or does not.

**What it may decide about**: {decided}. **What it may not**, by code and test
(`training/alarm_policy/choices.py`): lethal conditions, any of high priority, what ventricular
tachycardia and asystole begin as (runs of ventricular beats, pauses), technical conditions, and
every limit that defines one of these.

**Choices**: {n_choices}, a delay of {delays} s before signals of low priority, with limits as usual
or one step quieter ({quieter}). The default is {default}.

**Cost** of a stretch of {stretch:g} s, in nuisances: 1 for a signal that touches nothing worth
telling; 3 for what is worth telling and is never told, and a share of it for telling it late (half
at {late:g} s). Worth telling is what the same rules say of the *reference's* beats with the usual
limits, going on for {worth:g} s (rates: {worth_rate:g} s). Costs, choices and the learner's penalty were
set before anything was measured; other costs of missing stand below.

**Trials**: {records} records ({patients} patients, {hours:.0f} h) of mitdb DS1 and svdb ({databases}) through the engine, once
with each step of limits; {stretches} stretches; in each the behaviour policy draws one of the {n_choices}
choices, each as probable. DS2 is not looked at. challenge2015 has no reference beats and does
not serve. The learner (ridge regression of costs on what was known before the stretch, a choice
proposed where it is foretold to beat the default by {margin:g}) and the best fixed choice learn from {folds}
folds of patients by the log alone, and are judged on the patients left out. Intervals: 95 %,
patients drawn.
"""  # noqa: E501
READING = """\
*IPS* and *doubly robust* know the log alone, as a ward would. *True* is known here because every
choice was run on every record; nothing learned from it.
"""
LIMITS = """\
## What this is not

- A trial on patients. Signals are replayed; nobody got used to fewer alarms or missed one.
- Records run with one step of limits from their beginning to their end: what switching limits within
  a record does to an episode that is open is not in it.
- Signals here are alarms whose onset delay has passed. Refractory times and end delays, which join
  signals further, are left out, for all choices alike.
- The engine's models learned from DS1: it errs less there than on new patients.
- mitdb and svdb were chosen for their arrhythmias: burdens are far above a ward's.

## How it is used

    python -m training.alarm_policy                                  # this page
    python -m training.alarm_policy --propose mitdb/207 --to proposal.json
    python -m training.alarm_policy --approve proposal.json --stream STREAM --who ROLE --why REASON

`--approve` prints the command `set_limits` with who and why, to be given as any other
([alarms](alarms.md)), and the onset delay of low priority as a setting of the ward
(`[annunciation]`). No service reads a proposal. `gain_on_others` in it is what the trial above found.
"""  # noqa: E501
NOTHING = """
**So nothing learned here is fit to be proposed**: from so few trials the learner does no good that can be
told from none, and where missing costs more it does harm (below). What is here is the way to find that
out before anybody is harmed; the defaults stay."""  # noqa: E501
STRAY = """
## How far the estimates stray

The policy per patient, {logs} logs drawn anew: error of its estimated cost against what was true,
and how often the 95 % interval held the true one.
"""

Found = Mapping[str, Any]


def page(found: Found) -> str:
    """Lay the figures out as Markdown."""
    quieter = ", ".join(f"`{key}` {value:g}" for key, value in STEPS["quieter"].items())
    delays = sorted({choice.delay_s for choice in CHOICES})
    intro = INTRO.format(
        decided=", ".join(CONDITIONS[code].name for code in DECIDED),
        n_choices=len(CHOICES),
        delays=", ".join(f"{delay:g}" for delay in delays),
        quieter=quieter,
        default=CHOICES[DEFAULT],
        stretch=STRETCH_S,
        late=LATE_S,
        worth=WORTH_S,
        worth_rate=WORTH_RATE_S,
        margin=MARGIN,
        databases=", ".join(f"{name} {n}" for name, n in found["by_database"].items()),
        folds=FOLDS,
        **{key: found[key] for key in ("records", "patients", "hours", "stretches")},
    )
    parts = [
        intro,
        "## Cost of a stretch on patients left out\n",
        *_policies(found["policies"]),
        "",
        READING,
        _verdict(found["policies"]),
        "\n## What each fixed choice costs\n",
        *_choices(found["choices"]),
        "\n![What is spared against what is missed](figures/alarm-policy.png)",
        "\n## Where missing costs less, or more\n",
        *_by_cost(found["by_cost"]),
        STRAY.format(logs=LOGS),
        *_estimators(found["estimators"]),
        "",
        LIMITS,
    ]
    return "\n".join(parts)


def _interval(found: Found) -> str:
    """Write a figure with its interval.

    Examples
    --------
    >>> _interval({"value": 1.0, "low": 0.5, "high": 1.5})
    '1.00 (0.50 to 1.50)'
    """
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def _policies(rows: Found) -> Iterator[str]:
    yield "| policy | IPS | doubly robust | true | less than the default, doubly robust | truly |"
    yield "|---|---|---|---|---|---|"
    for name, row in rows.items():
        cells = [_interval(row[key]) for key in ("ips", "dr", "true", "dr_gain", "true_gain")]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""
    yield "| policy | nuisances an hour | signals an hour | missed of what is worth it | chosen |"
    yield "|---|---:|---:|---:|---|"
    for name, row in rows.items():
        chosen = "; ".join(f"{choice}: {n}" for choice, n in row["choices"].items())
        yield f"| {name} | {_counts(row)} | {chosen} |"


def _counts(row: Found) -> str:
    return (
        f"{row['nuisances_per_h']:.1f} | {row['signals_per_h']:.1f} | "
        f"{row['missed_percent']:.1f} % of {row['worth']:.0f}"
    )


def _verdict(rows: Found) -> str:
    """Say what the intervals say."""
    said = []
    for name in ("best fixed choice", "per patient"):
        gain = rows[name]["true_gain"]
        if gain["low"] > 0:
            word = "costs less than the default"
        elif gain["high"] < 0:
            word = "costs more than the default"
        else:
            word = "cannot be told from the default"
        said.append(f"the {name if name != 'per patient' else 'policy per patient'} {word}")
    fixed, own = rows["best fixed choice"]["true"], rows["per patient"]["true"]
    beside = "below" if own["value"] < fixed["value"] else "not below"
    return (
        f"Beyond noise over patients: {'; '.join(said)}. The policy per patient costs "
        f"{own['value']:.2f} a stretch, {beside} the best fixed choice's {fixed['value']:.2f}."
        + ("" if rows["per patient"]["true_gain"]["low"] > 0 else NOTHING)
    )


def _choices(rows: Found) -> Iterator[str]:
    yield "| choice | true cost | nuisances an hour | signals an hour | missed |"
    yield "|---|---|---:|---:|---:|"
    for name, row in rows.items():
        yield f"| {name} | {_interval(row['true'])} | {_counts(row)} |"


def _by_cost(rows: Found) -> Iterator[str]:
    yield "| missing costs | default | best fixed choice, less | per patient, less |"
    yield "|---:|---|---|---|"
    for cost, row in rows.items():
        cells = [_interval(row[key]) for key in ("default", "best fixed choice", "per patient")]
        yield f"| {cost} | {' | '.join(cells)} |"


def _estimators(rows: Found) -> Iterator[str]:
    yield "| estimator | mean error | its standard deviation | true value inside |"
    yield "|---|---:|---:|---:|"
    names = {"ips": "inverse propensity", "dr": "doubly robust"}
    for name, row in rows.items():
        yield (
            f"| {names[name]} | {row['bias']:+.3f} | {row['sd']:.3f} | "
            f"{row['inside_percent']:.0f} % |"
        )
