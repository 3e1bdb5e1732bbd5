"""How late alarms come: the median over all alarms, with its interval, and quantiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairness.cohort import Codes, Floats, Units
from fairness.confidence import Confidence, nothing
from fairness.intervals import share_over_patients

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Quantiles that a delay curve gives."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Alarms that found an onset, by ascending delay."""

    patient: Codes
    """Patient of each; shape (n_alarms,)."""
    delay_s: Floats
    """Onset to alarm, s; shape (n_alarms,)."""

    def of(self, members: npt.NDArray[np.bool_]) -> Delays:
        """Keep the alarms of some patients; ``members`` has shape (n_patients,)."""
        kept = members[self.patient]
        return Delays(self.patient[kept], self.delay_s[kept])


def delays_of(units: Units) -> Delays:
    """Sort a condition's alarms by delay; there are none where it has no delays."""
    if units.delay_s is None:
        return Delays(np.zeros(0, np.int32), np.zeros(0))
    rows = np.flatnonzero(~np.isnan(units.delay_s))
    rows = rows[np.argsort(units.delay_s[rows], kind="stable")]
    return Delays(units.patient[rows], units.delay_s[rows])


def median(delays: Delays, n_patients: int) -> tuple[Confidence, Floats]:
    """Estimate the median delay over alarms.

    Its interval is Woodruff's: that of the share of alarms which come no later, patients being the
    unit, read back through the quantiles (Journal of the American Statistical Association 47:635,
    1952).

    Parameters
    ----------
    delays
        Of the group.
    n_patients
        Length of the influence.

    Returns
    -------
    confidence
        ``nan`` without alarms.
    influence
        First order, by what leaving each patient out takes from it; shape (n_patients,).
    """
    if not len(delays.delay_s):
        return nothing(), np.full(n_patients, np.nan)
    middle = float(np.median(delays.delay_s))
    alarms = np.bincount(delays.patient, minlength=n_patients).astype(float)
    early = np.bincount(delays.patient[delays.delay_s <= middle], minlength=n_patients)
    share = share_over_patients(early.astype(float), alarms)
    around = (share.quantiles - share.value + 0.5).clip(0, 1)
    confidence = Confidence(middle, np.quantile(delays.delay_s, around))
    low, high = np.quantile(delays.delay_s, [0.4, 0.6])
    influence = -(early - 0.5 * alarms) / alarms.sum() * (high - low) / 0.2
    return confidence, influence


def quantiles(delays: Delays) -> tuple[float, ...]:
    """Give the delays, s, at :data:`QUANTILES`; ``nan`` without alarms.

    Examples
    --------
    >>> quantiles(Delays(np.zeros(3, np.int32), np.array([1.0, 2.0, 4.0])))[3]
    2.0
    """
    if not len(delays.delay_s):
        return (float("nan"),) * len(QUANTILES)
    return tuple(float(value) for value in np.quantile(delays.delay_s, QUANTILES))
