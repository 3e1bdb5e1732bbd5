"""fairlearn's own bootstrap on simulated cohorts: it draws rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from fairlearn.metrics import MetricFrame, true_positive_rate

from fairness.simulation import cohorts


@dataclass(frozen=True, slots=True)
class Peer:
    """How often fairlearn's interval of a sensitivity held the truth."""

    patients: int
    """Patients."""
    correlation: float
    """Within a patient."""
    trials: int
    """Simulated cohorts."""
    covered: float
    """Share of its 95 % intervals that held it."""


def fairlearn_coverage(patients: int, icc: float, trials: int, seed: int, rounds: int = 60) -> Peer:
    """Simulate cohorts and ask fairlearn for the interval of their sensitivity.

    Parameters
    ----------
    patients, icc
        Of each cohort.
    trials
        Cohorts.
    seed
        Of all that is drawn.
    rounds
        fairlearn's ``n_boot``.
    """
    rng = np.random.default_rng([seed, patients])
    value, held = 0.95, 0
    for _ in range(trials):
        of = cohorts.sizes(rng, patients)
        found = cohorts.shares(rng, of, value, icc)
        called = np.repeat([1, 0], [int(found.sum()), int((of - found).sum())])
        frame = MetricFrame(
            metrics=true_positive_rate,
            y_true=np.ones(len(called)),
            y_pred=called,
            sensitive_features=np.zeros(len(called)),
            n_boot=rounds,
            ci_quantiles=[0.025, 0.975],
            random_state=int(rng.integers(1 << 31)),
        )
        low, high = (float(end) for end in frame.overall_ci)
        held += low <= value <= high
    return Peer(patients, icc, trials, held / trials)
