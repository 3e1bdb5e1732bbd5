"""The page of the loop's trial, written by its command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deploy.services.bench.machine import describe

if TYPE_CHECKING:
    from deploy.services.retraining import Change
    from deploy.trials.loop import Outcome

TEXT = """\
# The whole loop, tried

Made by `{command}`, never by hand: {verdict}. A champion learned from eight patients
of DS1; it monitored {ward} streams of others, of mitdb and svdb; clinicians, **simulated from the
reference** with the errors of [the table of trust](retraining.md#trust), judged its alarms and
relabelled beats; a candidate learned from these too and was judged by {locked} locked patients;
what passed was promoted, taken back and promoted again. Nobody of DS2 took part. The budgets are
small ({updates} updates a model, {part}): the figures say that the loop works, not
how good a model can be.

## Feedback
| | |
|---|---|
{feedback}

## The candidate: {good_outcome}
{good}

## Candidates that must be stopped
Each is the good candidate with one fault planted, but for the first, which asks to be trained on
the locked patients' records under another hospital's name.

| fault | gate meant for it | stopped by | why |
|---|---|---|---|
{bad}

The locked set is not looked at where a gate before it stops a candidate: {looks} looks were logged
for these {n} candidates.

## In use
| version | stage | SHA-256 | after |
|---|---|---|---|
{history}

The audit log has {audit_lines} lines and is whole. {took} {cpu:.0f} s of the processor,
{wall:.0f} s on the wall, while other work shared the machine: {machine}.
"""


def page(outcome: Outcome) -> str:
    """Write the page.

    Parameters
    ----------
    outcome : Outcome
        What came of the trial.
    """
    from deploy.trials.loop import STOPPED_BY

    record = outcome.good.record
    changes = [outcome.good, *outcome.bad.values()]
    option = "" if outcome.minutes is None else f" --minutes {outcome.minutes:g}"
    fit = record["modification_protocol"]["retraining"]["fit"]
    return TEXT.format(
        verdict="it held" if outcome.held else "**it did not hold**",
        command=f"python -m deploy.trials.loop{option}",
        part="whole records" if not option else f"the first {outcome.minutes:g} min of each record",
        ward=outcome.feedback["streams"],
        locked=record["description_of_modifications"]["data"]["locked_patients"],
        updates=fit["epochs"] * fit["steps"],
        feedback=_feedback(outcome),
        good_outcome=record["outcome"],
        good=_gates(record),
        bad="\n".join(_row(fault, STOPPED_BY[fault], c) for fault, c in outcome.bad.items()),
        looks=sum(c.record["modification_protocol"]["look"] is not None for c in changes),
        n=len(changes),
        history="\n".join(
            f"| {one['number']} ({one['version']}) | {one['stage']} | {one['sha256'][:16]} | "
            f"{one['before'] or ''} |"
            for one in outcome.history
        ),
        audit_lines=outcome.audit_lines,
        took="The trial was cut off and gone on with; its last part took"
        if outcome.resumed
        else "The trial took",
        cpu=outcome.cpu_s,
        wall=outcome.wall_s,
        machine=describe(),
    )


def _feedback(outcome: Outcome) -> str:
    told = outcome.feedback
    rows = {
        "verdicts": f"{told['verdicts']} by {told['people']} people, {told['disputes']} disputes",
        "alarms and beats judged": _pairs(told["targets"]),
        "agreement of two on the same thing": "; ".join(
            f"{who}: {100 * each['agree']:.0f} % of {each['pairs']}"
            for who, each in told["agreement"].items()
        ),
        "beats of these streams, by what their labels rest on": _pairs(outcome.labels),
    }
    return "\n".join(f"| {name} | {value} |" for name, value in rows.items())


def _gates(record: Mapping[str, Any]) -> str:
    rows = ["| gate | asked | measured | outcome |", "|---|---|---|---|"]
    rows += [
        f"| {gate['name']} | {gate['limit']} | {gate['reason']} | {gate['decision']} |"
        for gate in record["impact_assessment"]["gates"]
    ]
    return "\n".join(rows)


def _row(fault: str, meant: str, change: Change) -> str:
    record = change.record
    reasons = [g["reason"] for g in record["impact_assessment"]["gates"] if g["name"] == meant]
    stopped = ", ".join(record["stopped_by"]) or "**nothing**"
    return f"| {fault} | {meant} | {stopped} | {'; '.join(reasons)} |"


def _pairs(told: Mapping[str, Any]) -> str:
    return ", ".join(f"{value} {name}" for name, value in told.items())
