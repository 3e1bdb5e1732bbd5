"""The page of the faults' trial, written by its command."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from deploy.services.bench.machine import describe

TEXT = """\
# The trial of faults

Made by `python -m deploy.trials.faults`, never by hand. {streams} streams cut from {of},
{minutes:g} minutes at {speed:g} times their pace, through Apache Kafka of {nodes} nodes
({partitions} partitions, replicated) to {workers} workers, each a process of its own behind a TCP
proxy, while what the table tells happened, a fault every {every_s:g} s in the mean, several at a
time. Then the alarm topic, read with `read_committed`, was laid beside the alarms of one worker to
which nothing happens, stream by stream, byte for byte.

| | |
|---|---|
| verdict | {verdict} |
| messages of alarms, undisturbed / in the topic | {alarms:,} / {read:,} |
| streams that differ | {n_wrong} of {streams} |
| alarms lost / doubled / other | {lost} / {doubled} / {other} |
| messages that cannot be read, sent / dead letters | {junk} / {dead} |
| dead letters lost / doubled / other | {dead_wrong} |
| logs of alarm signals / of these not to be replayed to the end | {logs} / {logs_broken} |
| from the deciding sample being durable to the alarm being readable | {delay} |
| of this, behind the end of the last fault; declared bound {bound:g} s | {beyond} |
| until all that stood in the log at a fault was settled | {recovery} |
| workers started / partitions taken over with their states | {starts} / {taken_over} |
| states that could not be gone on from | {broken_states} |
| workers' ends by exit code | {exits} |
| connections that the proxy cut / steps sent again | {cut} / {sends_again} |
| whole trial | {wall_s:.0f} s on {machine} |

| fault | times | until settled, median | worst |
|---|---|---|---|
{rows}

Recoveries overlap where faults do: the time behind a fault holds that of those that came
meanwhile, and a look at the offsets every half second. Kill: SIGKILL at any moment. Freeze: SIGSTOP
for 11 to 16 s, beyond the session of 10 s, then SIGCONT. Restart: SIGTERM, started again. Join: a
worker leaves for 6 to 12 s and comes back. Broker: SIGKILL of a node, started again 1 to 6 s later.
Cut, delay, stall: all connections closed; 50 to 500 ms on each block; one node's line held up for 2
to 8 s. Disk: no file of a worker may grow for 2 to 8 s (the log of alarm signals is the only one).
Full: no file of a broker may grow for 2 to 8 s, it gives up, and is started again.
An exit of 1 is a worker that stops because Kafka failed it, without committing; who looks after it
starts it again.
"""


def page(told: Mapping[str, Any], of: str, bound_s: float) -> str:
    """Write the page.

    Parameters
    ----------
    told : mapping
        The outcome, as :func:`deploy.trials.faults.as_object` gives it.
    of : str
        What the streams were cut from.
    bound_s : float
        Declared bound of an alarm's delay, s.
    """
    wrong = list(told["streams_wrong"].values())
    lost, doubled, other = (sum(each[i] for each in wrong) for i in range(3))
    recovery = told.get("recovery_all_s", {"median": 0.0, "worst": 0.0})
    rows = [
        f"| {kind} | {n} | {_median(told['recovery_s'].get(kind, []))} |"
        f" {_worst(told['recovery_s'].get(kind, []))} |"
        for kind, n in sorted(told["faults"].items(), key=lambda item: -item[1])
    ]
    late = told.get("beyond_s", {"worst": 0.0})["worst"] > bound_s
    verdict = "equal, nothing lost, nothing twice" if told["is_whole"] else "NOT equal"
    return TEXT.format(
        **{name: value for name, value in told["plan"].items() if name not in ("kinds", "seed")},
        of=of,
        verdict=verdict + (", but later than the bound" if late else ""),
        alarms=told["alarms"],
        read=told["read"],
        n_wrong=len(wrong),
        lost=lost,
        doubled=doubled,
        other=other,
        delay=_spread(told.get("delay_s")),
        beyond=_spread(told.get("beyond_s")),
        bound=bound_s,
        recovery=f"median {recovery['median']:g} s, worst {recovery['worst']:g} s",
        starts=told["starts"],
        taken_over=told["taken_over"],
        broken_states=told["broken_states"],
        exits=", ".join(f"{code}: {n}" for code, n in sorted(told["exits"].items())),
        cut=told["cut"],
        sends_again=told["sends_again"],
        junk=told["junk"],
        dead=told["dead"],
        dead_wrong=" / ".join(map(str, told["dead_wrong"])),
        logs=told["logs"],
        logs_broken=told["logs_broken"],
        wall_s=told["wall_s"],
        machine=describe(),
        rows="\n".join(rows),
    )


def _spread(told: Mapping[str, float] | None) -> str:
    if told is None:
        return "–"
    return f"median {told['median']:g} s, 99 % {told['p99']:g} s, worst {told['worst']:g} s"


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} s" if values else "–"


def _worst(values: list[float]) -> str:
    return f"{max(values):.1f} s" if values else "–"
