"""The plan as a page and a picture."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.capacity.outage import Course
from deploy.capacity.plan import GIB, MIB, TIB, Assumed, Measured, Plan

PAGE, PICTURE, FIGURES = "capacity.md", "figures/capacity.png", "capacity.json"

_TEXT = """\
# What so many patients need

Made by `make capacity`: what was measured on one core ([benchmarks](benchmarks/README.md)), what a
site decides, and outages played out (`deploy/capacity/`). A plan on paper: nothing of this size was
run. One lead of ECG a patient; put your own figures in by the command's options.

## What it stands on

Measured; frames and alarms on {of}:

- {m.patients_a_core:,.0f} patients a core by the clock, through Kafka in transactions;
- {m.frame_bytes:,.0f} bytes a second of a patient, LZ4;
- {m.alarms_an_hour:.1f} changes of alarms an hour of a patient, of {m.alarm_bytes:,.0f} bytes
  (these records hold far more arrhythmia than a ward does);
- {state_kib:.1f} KiB of state a stream, taken for the size of its snapshot;
- {worker_mib:.0f} MiB of a worker without patients.

Decided, to be replaced by a site's own:

- {a.utilisation:.0%} of a core used in ordinary times; {a.zones} zones, {a.replication} copies;
- frames kept {a.retention_h:g} h; a snapshot of each stream every {a.snapshot_s:g} s;
  {a.streams_a_partition} streams a partition;
- a broker writes {broker_mib_s:.0f} MiB/s, holds {a.broker_partitions:,} partitions and
  {broker_tib:.0f} TiB, filled to three quarters;
- prices, for the order of magnitude only, in any currency: {a.core_hour:g} a core-hour,
  {a.broker_hour:g} a broker-hour, {a.gib_month:g} a GiB-month of disk, {a.gib_between_zones:g} a
  GiB between zones.

## The plan

{plans}

Brokers that are read from in one's own zone, and shorter retention, lower the largest items. A
million patients are better not one cluster: a cluster a region, each with a row of this table,
keeps an outage of one from being an outage of all.

## When workers are lost

Played with {workers:,} workers and {partitions:,} partitions. Alarms of the lost workers' patients
wait for the group to miss them (10 s), to deal their partitions out (5 s, assumed), and for the
workers that took them over to score again what came since the last snapshot, while these keep up
with their own patients.

{outages}

![How late the latest patient is]({picture})

A rolling restart hands partitions over with a snapshot and is not in this picture. A lost broker
costs the election of new leaders; one zone of three lost leaves two copies of every record, and
`min.insync.replicas` of 2 goes on writing.
"""


def write(
    folder: Path,
    plans: Sequence[Plan],
    measured: Measured,
    assumed: Assumed,
    courses: Mapping[str, Course],
    of: str,
) -> list[Path]:
    """Write the page, its picture and its figures; return their paths."""
    page, picture, figures = folder / PAGE, folder / PICTURE, folder / FIGURES
    picture.parent.mkdir(parents=True, exist_ok=True)
    outages = {
        name: {"worst_s": max(course.worst_s), "settled_s": course.settled_s}
        for name, course in courses.items()
    }
    told = {
        "measured": dataclasses.asdict(measured),
        "assumed": dataclasses.asdict(assumed),
        "plans": [dataclasses.asdict(each) for each in plans],
        "outages": outages,
    }
    figures.write_text(json.dumps(told, indent=1) + "\n")
    _draw(picture, courses)
    page.write_text(_page(plans, measured, assumed, courses, of))
    return [page, picture, figures]


def _page(
    plans: Sequence[Plan],
    measured: Measured,
    assumed: Assumed,
    courses: Mapping[str, Course],
    of: str,
) -> str:
    return _TEXT.format(
        of=of,
        picture=PICTURE,
        plans="\n".join(_plans(plans)),
        outages="\n".join(_outages(courses)),
        workers=plans[-1].workers,
        partitions=plans[-1].partitions,
        state_kib=measured.state_bytes / 1024,
        worker_mib=measured.worker_bytes / MIB,
        broker_mib_s=assumed.broker_bytes_s / MIB,
        broker_tib=assumed.broker_disk_bytes / TIB,
        m=measured,
        a=assumed,
    )


def _plans(plans: Sequence[Plan]) -> list[str]:
    rows: dict[str, Callable[[Plan], str]] = {
        "workers, one core each": lambda p: f"{p.workers:,}",
        "partitions": lambda p: f"{p.partitions:,}",
        "brokers": lambda p: f"{p.brokers:,}",
        "frames in, MiB/s": lambda p: f"{p.in_bytes_s / MIB:,.1f}",
        "snapshots, MiB/s": lambda p: f"{p.snapshot_bytes_s / MIB:,.1f}",
        "alarms, MiB/s": lambda p: f"{p.alarm_bytes_s / MIB:,.3f}",
        "written by brokers, copies included, MiB/s": lambda p: f"{p.written_bytes_s / MIB:,.1f}",
        "between zones, MiB/s": lambda p: f"{p.between_zones_bytes_s / MIB:,.1f}",
        "disk, copies included, TiB": lambda p: f"{p.disk_bytes / TIB:,.2f}",
        "memory of a worker with a lost zone's share, GiB": lambda p: f"{p.worker_bytes / GIB:.2f}",
        "price of a month": lambda p: f"{p.month:,.0f}",
        "price of a patient-month": lambda p: f"{p.month / p.patients:.3f}",
    }
    head = "| patients | " + " | ".join(f"{plan.patients:,}" for plan in plans) + " |"
    table = [head, "|---" * (len(plans) + 1) + "|"]
    for name, of in rows.items():
        table.append(f"| {name} | " + " | ".join(of(plan) for plan in plans) + " |")
    return table


def _outages(courses: Mapping[str, Course]) -> list[str]:
    rows = ["| lost | latest alarm, s | patients more than 10 s late | all in time after, s |"]
    rows.append("|---|---|---|---|")
    for name, course in courses.items():
        late, settled = course.late_share.max(), course.settled_s
        after = "never" if settled == float("inf") else f"{settled:.0f}"
        rows.append(f"| {name} | {course.worst_s.max():.0f} | {late:.1%} | {after} |")
    return rows


def _draw(path: Path, courses: Mapping[str, Course]) -> None:
    from matplotlib.figure import Figure

    picture = Figure(figsize=(7, 3.6), layout="constrained")
    axes = picture.subplots()
    for name, course in courses.items():
        axes.plot(course.time_s, course.worst_s, label=name)
    axes.set(
        xlabel="time since the loss, s",
        ylabel="latest patient, s behind",
        ylim=(0, None),
        xlim=(0, 150),
    )
    axes.legend()
    axes.grid(alpha=0.3)
    picture.savefig(path, dpi=110)
