"""Outages played out: how late alarms get when workers are lost, and how soon they catch up.

Time goes in steps. Every partition has a place, the event time up to which it is scored. Workers
share their cores among their partitions fairly: one that is behind gets no more than its share
while the others have something to score, as Kafka's consumer does in turns. Workers that are
lost leave their partitions without one until the group has noticed and dealt them out; whoever
takes one over goes back to its last snapshot first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP_S = 0.25
SETTLED_S = 2.0
"""Partitions no later than this are in real time again, s."""


@dataclass(frozen=True, slots=True)
class Outage:
    """What happens."""

    workers: int
    """Workers before it."""
    partitions: int
    """Partitions."""
    utilisation: float
    """Share of its core that a worker uses in ordinary times."""
    lost: int
    """Workers that are lost at once."""
    notice_s: float = 10.0
    """Time until the group misses them, s: the session's timeout."""
    deal_s: float = 5.0
    """Time to deal the partitions out and load their snapshots, s."""
    snapshot_s: float = 60.0
    """Time between two snapshots of a stream, s."""
    back_s: float | None = None
    """Time after which the lost ones work again, s; None: not in this play."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """How late the patients are in the course of an outage."""

    time_s: NDArray[np.float64]
    """Array of shape (n_steps,): time since the loss, s."""
    worst_s: NDArray[np.float64]
    """Array of shape (n_steps,): the latest partition, s behind."""
    late_share: NDArray[np.float64]
    """Array of shape (n_steps,): share of the patients more than 10 s behind."""

    @property
    def settled_s(self) -> float:
        """Time after which all stay in real time, s; infinite where they never do."""
        late = np.flatnonzero(self.worst_s > SETTLED_S)
        if len(late) == 0:
            return 0.0
        after = int(late[-1]) + 1
        return float(self.time_s[after]) if after < len(self.time_s) else float("inf")


def play(outage: Outage, length_s: float = 900.0, seed: int = 0) -> Course:
    """Play an outage.

    Parameters
    ----------
    outage : Outage
        What happens.
    length_s : float
        How long, s.
    seed : int
        Of the places of the last snapshots.

    Examples
    --------
    >>> round(play(Outage(workers=30, partitions=300, utilisation=0.5, lost=1)).settled_s)
    23
    """
    rng = np.random.default_rng(seed)
    n, share = outage.partitions, outage.workers / outage.partitions
    # Seconds of signal of one partition that a whole core scores in a second.
    speed = 1 / (outage.utilisation * share)
    owner = np.arange(n) % outage.workers
    moved = owner < outage.lost
    place = np.zeros(n)
    dealt_s = outage.notice_s + outage.deal_s
    times, worst, late = [], [], []
    for step in range(round(length_s / STEP_S)):
        now = step * STEP_S
        if step == round(dealt_s / STEP_S):
            left = np.arange(outage.lost, outage.workers)
            owner[moved] = left[np.arange(int(moved.sum())) % len(left)]
            again = rng.uniform(0, outage.snapshot_s, int(moved.sum()))
            place[moved] -= again  # scored again, and not told again
        if outage.back_s is not None and step == round(outage.back_s / STEP_S):
            # Handed over in order: with a snapshot, so that nothing is scored again.
            owner = np.arange(n) % outage.workers
        works = ~moved | (now >= dealt_s)
        room = np.where(works, now + STEP_S - place, 0.0)
        place += _fair(room, owner, outage.workers, speed * STEP_S)
        behind = now + STEP_S - place
        # What is scored again has been told before: only what is new can be late.
        told = np.minimum(behind, now + STEP_S)
        times.append(now + STEP_S)
        worst.append(float(told.max()))
        late.append(float((told > 10.0).mean()))
    return Course(np.array(times), np.array(worst), np.array(late))


def _fair(
    wanted: NDArray[np.float64], owner: NDArray[np.intp], workers: int, each: float
) -> NDArray[np.float64]:
    """Deal every worker's ``each`` out to its partitions: equal shares, none above its want.

    Filled like water: sorted by want, each takes the smaller of its want and an equal
    share of what is left.
    """
    order = np.lexsort((wanted, owner))
    given = np.zeros_like(wanted)
    left = np.full(workers, each)
    count = np.bincount(owner, minlength=workers)
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    for rank in range(int(count.max(initial=0))):
        has = np.flatnonzero(count > rank)
        which = order[first[has] + rank]
        take = np.minimum(wanted[which], left[has] / (count[has] - rank))
        given[which] = take
        left[has] -= take
    return given
