"""Learn a policy from logged trials, evaluate it off-policy: ``python -m training.alarm_policy``.

Writes ``training/results/alarm_policy.json`` and ``docs/alarm-policy.md``; or proposes delay and
limits for one patient, learned from all others; or turns a proposal that a clinician approves into
the command that they give.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ingest.errors import InputError
from training.alarm_policy.choices import CHOICES, DEFAULT
from training.alarm_policy.figure import draw
from training.alarm_policy.learn import fit_costs, proposed
from training.alarm_policy.logged import draw_log
from training.alarm_policy.page import page
from training.alarm_policy.proposal import Proposal, approve
from training.alarm_policy.replays import hear, records_of
from training.alarm_policy.trial import compare
from training.alarm_policy.trials import Heard
from training.assessment.kept import keep, kept

PAGE = Path("docs/alarm-policy.md")
FIGURE = PAGE.parent / "figures" / "alarm-policy.png"
NAME = "alarm_policy"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = _parser().parse_args(argv)
    if options.approve is not None:
        command, delay_s = approve(options.approve, options.stream, options.who, options.why)
        if command is not None:
            print(json.dumps(command))
        print(f"onset delay of low priority: {delay_s:g} s", file=sys.stderr)
        return
    if options.page:
        found = kept(NAME)
        if found is None:
            raise InputError("nothing was measured yet")
        _write(found)
        return
    records = []
    for heard in hear(options.data, records_of(options.data)[: options.most], options.kept):
        records.append(heard)
        print(f"{heard.record}: heard", file=sys.stderr)
    if options.propose is not None:
        told = json.dumps(propose(records, options.propose).as_json(), indent=1)
        options.to.write_text(told + "\n", "utf-8")
        print(f"{options.to}: a proposal, approved by nobody")
        return
    keep(NAME, compare(records))
    _write(kept(NAME) or {})
    print(f"wrote {PAGE}")


def _write(found: Mapping[str, Any]) -> None:
    """Write the page and draw its picture."""
    draw(found, FIGURE)
    PAGE.write_text(page(found), "utf-8")


def propose(records: Sequence[Heard], record: str) -> Proposal:
    """Propose delay and limits for one patient by the logs of all others.

    Parameters
    ----------
    records : sequence of Heard
        All.
    record : str
        Database and record.

    Raises
    ------
    ingest.errors.InputError
        If there is no such record.
    """
    patient = {each.record: each.patient for each in records}.get(record)
    if patient is None:
        raise InputError(f"no record {record}; known are {', '.join(r.record for r in records)}")
    log = draw_log(records, 0)
    own = log.patient == patient
    model = fit_costs(log.of(~own))
    last = log.features[own][-1:]
    foretold = model(last)[0]
    choice = int(proposed(model, last)[0])
    usual = float(foretold[DEFAULT])
    trial = kept(NAME)
    gain = trial and trial["policies"]["per patient"]["true_gain"]
    return Proposal(
        record,
        CHOICES[choice],
        float(foretold[choice]),
        usual,
        int(np.sum(own)),
        (gain["value"], gain["low"], gain["high"]) if gain else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.alarm_policy", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--kept", type=Path, default=Path("runs/alarm_policy"), help="what was run")
    parser.add_argument("--most", type=int, help="records, the first of all (all of them)")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page")
    parser.add_argument("--propose", metavar="DATABASE/RECORD", help="propose for one patient")
    parser.add_argument("--to", type=Path, default=Path("proposal.json"))
    parser.add_argument("--approve", type=Path, metavar="PROPOSAL", help="print its command")
    parser.add_argument("--stream", default="", help="whose limits are to be changed")
    parser.add_argument("--who", default="", help="who approves, a role or pseudonym")
    parser.add_argument("--why", default="", help="for what reason")
    return parser


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"{error}")
