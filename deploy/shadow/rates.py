"""Alarms an hour of champion and candidate, patients being the unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deploy.shadow.pairs import Pair
from fairness.bootstrap import draw, drawn_ratio

FEWEST = 10
"""Patients below which no interval is given: it would say little."""
ROUNDS = 2000
"""Draws of the bootstrap."""
LEVEL = 0.95
"""Of the intervals."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Alarms per patient-hour of both."""

    priority: str
    """Of which priority; ``"all"`` of any."""
    champion: float
    """The champion's, 1/h."""
    candidate: float
    """The candidate's, 1/h."""
    difference: float
    """Candidate less champion, 1/h."""
    interval: tuple[float, float] | None
    """Of the difference, by drawing patients; None of too few."""


def rates(pairs: Sequence[Pair], hours: Mapping[str, float], seed: int = 1) -> list[Rate]:
    """Return the rates of every priority.

    Parameters
    ----------
    pairs : sequence of Pair
        Alarms.
    hours : mapping of str to float
        Hours heard of each patient.
    seed : int
        Of the draws.
    """
    patients = list(hours)
    row = {patient: i for i, patient in enumerate(patients)}
    heard = np.array([hours[patient] for patient in patients])
    often = None
    if len(patients) >= FEWEST:
        rng = np.random.default_rng(seed)
        often = draw(np.zeros(len(patients), np.intp), ROUNDS, rng)
    found = []
    for priority in ("all", "high", "medium", "low"):
        counts = np.zeros((2, len(patients)))
        for pair in pairs:
            for side, alarm in enumerate((pair.champion, pair.candidate)):
                if alarm is not None and priority in ("all", alarm.priority):
                    counts[side, row[alarm.stream[0]]] += 1
        champion, candidate = counts.sum(1) / heard.sum()
        interval = None
        if often is not None:
            drawn = drawn_ratio(often, counts[1] - counts[0], heard)
            low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
            interval = (low, high)
        difference = float(candidate - champion)
        found.append(Rate(priority, float(champion), float(candidate), difference, interval))
    return found
