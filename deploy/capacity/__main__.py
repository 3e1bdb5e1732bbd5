"""``python -m deploy.capacity``: the plan's page, from measured figures and a site's own."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from deploy.capacity import page
from deploy.capacity.measured import measured
from deploy.capacity.outage import Outage, play
from deploy.capacity.plan import Assumed, Plan, plan
from deploy.services.bench.workload import from_folder, simulated
from ingest.errors import InputError


def main() -> int:
    """Read options, work the plan out, play outages, write the page."""
    parser = argparse.ArgumentParser(prog="python -m deploy.capacity", description=__doc__)
    parser.add_argument("--patients", type=int, nargs="+", default=[1_000, 30_000, 1_000_000])
    parser.add_argument("--bench", type=Path, default=Path("docs/benchmarks/bench.json"))
    parser.add_argument("--records", type=Path, help="folder of WFDB records; else simulated")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    for field in dataclasses.fields(Assumed):
        flag = "--" + field.name.replace("_", "-")
        parser.add_argument(flag, type=type(field.default), default=field.default)
    told = parser.parse_args()
    assumed = Assumed(**{f.name: getattr(told, f.name) for f in dataclasses.fields(Assumed)})
    recordings = simulated() if told.records is None else from_folder(told.records)
    of = "a simulated ward" if told.records is None else f"records of {told.records.name}"
    try:
        figures = measured(told.bench, recordings)
        plans = [plan(n, figures, assumed) for n in sorted(told.patients)]
    except InputError as error:
        print(f"capacity: {error}", file=sys.stderr)
        return 2
    courses = {name: play(outage) for name, outage in outages(plans[-1], assumed).items()}
    for path in page.write(told.out, plans, figures, assumed, courses, of):
        print(path)
    return 0


def outages(of: Plan, assumed: Assumed) -> dict[str, Outage]:
    """Return the outages that are played for a plan: a worker, a tenth, a zone."""
    lost = {
        "one worker": 1,
        "a tenth of the workers": max(1, of.workers // 10),
        f"one zone of {assumed.zones}": of.workers // assumed.zones,
    }
    return {
        name: Outage(
            workers=of.workers,
            partitions=of.partitions,
            utilisation=assumed.utilisation,
            lost=n,
            snapshot_s=assumed.snapshot_s,
        )
        for name, n in lost.items()
    }


if __name__ == "__main__":
    sys.exit(main())
