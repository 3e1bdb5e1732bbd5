"""Any metric of any set of patients: figure, confidence, influence of each patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairness import calibration, delay, ranking
from fairness.cohort import Cohort, Floats, Units
from fairness.confidence import Confidence, nothing
from fairness.counts import Counts, count
from fairness.declaration import MetricName
from fairness.intervals import (
    all_or_none,
    from_influence,
    jackknife,
    rate_over_patients,
    share_over_patients,
)
from fairness.measures import MEASURES, RATIOS, SHARES

COMPLEMENTS: dict[MetricName, MetricName] = {"fnr": "sensitivity", "fpr": "specificity"}
"""Shares that are 1 less another."""
Members = npt.NDArray[np.bool_]
"""Who is counted; shape (n_patients,)."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of a set of patients."""

    confidence: Confidence
    """In the figure, as shown."""
    compared: Confidence
    """In the figure as it is compared; another than ``confidence`` only where small groups are
    biased (ECE)."""
    influence: Floats
    """What leaving each patient out takes from it; shape (n_patients,), 0 for others."""
    patients: int
    """Patients that contribute."""
    numerator: float
    """Of a ratio, else ``nan``."""
    denominator: float
    """Of a ratio, else ``nan``."""
    mean_over_patients: float
    """Mean of the patients' own figures; ``nan`` where a patient has none."""


class Condition:
    """One condition's units, made ready for every metric that is asked for.

    Parameters
    ----------
    units
        Its units.
    cohort
        Whose they are.
    scored
        Metrics that will be asked for: what only others need is not made.
    """

    def __init__(self, units: Units, cohort: Cohort, scored: tuple[MetricName, ...]) -> None:
        self.units = units
        self.size = len(cohort.patients)
        self.counts: Counts = count(units, cohort)
        self.ranked: ranking.Ranked | None = None
        self.wins: Floats | None = None
        self.bins: calibration.Bins | None = None
        self.delays = delay.delays_of(units)
        self.shares: dict[tuple[MetricName, bytes], Confidence] = {}
        self.logistic: calibration.Logistic | None = None
        if units.score is None or not len(units.score):
            return
        self.bins = calibration.bin_scores(units, self.size)
        if {"auroc", "auprc"} & set(scored):
            self.ranked = ranking.rank(units)
        if "auroc" in scored and self.size <= ranking.MOST_PATIENTS:
            self.wins = ranking.wins_between(self.ranked or ranking.rank(units), self.size)

    def estimable(self, name: MetricName) -> bool:
        """Tell whether a metric means anything for such units at all."""
        return not (MEASURES[name].needs_true_negatives and self.units.is_detection)

    def figure(self, name: MetricName, members: Members) -> Figure:
        """Estimate a metric of some patients; ``nan`` throughout where they have nothing to count.

        Parameters
        ----------
        name
            Metric.
        members
            Who is counted.
        """
        if not self.estimable(name):
            return _nothing(self.size)
        if name in RATIOS:
            return self._ratio(name, members)
        if name == "auroc":
            return self._auroc(members)
        if name == "auprc":
            return self._auprc(members)
        if name == "ece":
            return self._ece(members)
        if name == "median_delay_s":
            return self._median(members)
        if self.logistic is None:
            self.logistic = calibration.logistic(self.units)
        slope = name == "calibration_slope"
        value, influence = calibration.calibration(self.logistic, members, slope=slope)
        own = self.counts.units[members] > 0
        confidence = from_influence(value, influence[members][own], "identity")
        return _plain(confidence, influence, int(own.sum()))

    def _ratio(self, name: MetricName, members: Members) -> Figure:
        numerator, denominator = self.counts.parts(name)
        counted = members & (denominator > 0)
        n, d = numerator[counted], denominator[counted]
        if not len(d):
            return _nothing(self.size)
        influence = np.zeros(self.size)
        variance, influence[counted] = jackknife(n, d)
        value = float(n.sum() / d.sum())
        if name == "f1":
            confidence = self._f1(counted)
        elif name in SHARES:
            confidence = self._share(name, counted)
        elif name == "false_alarms_per_h":
            confidence = rate_over_patients(n, d)
        else:
            confidence = from_influence(value, influence[counted], MEASURES[name].scale, variance)
        return Figure(
            confidence,
            confidence,
            influence,
            int(counted.sum()),
            float(n.sum()),
            float(d.sum()),
            float((n / d).mean()),
        )

    def _share(self, name: MetricName, counted: Members) -> Confidence:
        """Estimate a share, or turn over that of what it is not, which is made once for both."""
        shown = COMPLEMENTS.get(name, name)
        key = (shown, np.packbits(counted).tobytes())
        if key not in self.shares:
            numerator, denominator = self.counts.parts(shown)
            self.shares[key] = share_over_patients(numerator[counted], denominator[counted])
        share = self.shares[key]
        if shown == name:
            return share
        return Confidence(1 - share.value, 1 - share.quantiles[::-1])

    def _f1(self, counted: Members) -> Confidence:
        """Estimate F1 by the share of hits among hits and errors, of which it is a function."""
        hits = self.counts.tp[counted]
        among = hits + self.counts.fp[counted] + self.counts.fn[counted]
        share = share_over_patients(hits, among)
        return Confidence(
            2 * share.value / (1 + share.value), 2 * share.quantiles / (1 + share.quantiles)
        )

    def _auroc(self, members: Members) -> Figure:
        area = self.area(members)
        if np.isnan(area.value):
            return _nothing(self.size)
        counts = self.counts
        have = members & (counts.tp + counts.fn > 0)
        lack = members & (counts.tn + counts.fp > 0)
        apart = area.between_influence[have | lack]
        if area.between in (0.0, 1.0):
            confidence = all_or_none(area.value, float(min(have.sum(), lack.sum())))
        else:
            confidence = from_influence(area.value, apart, "logit", centre=area.between)
        return _plain(confidence, area.influence, int((have | lack).sum()))

    def area(self, members: Members) -> ranking.Area:
        """Give the AUROC of some patients as :func:`fairness.ranking.auroc` does."""
        if self.wins is not None:
            counts = self.counts
            return ranking.auroc_of_wins(
                self.wins, members * (counts.tp + counts.fn), members * (counts.tn + counts.fp)
            )
        ranked = self.ranked or ranking.rank(self.units)
        return ranking.auroc(ranked.of(members), self.size)

    def _auprc(self, members: Members) -> Figure:
        ranked = (self.ranked or ranking.rank(self.units)).of(members)
        value, influence = ranking.auprc(ranked, self.size)
        if np.isnan(value):
            return _nothing(self.size)
        own = members & (self.counts.units > 0)
        confidence = from_influence(value, influence[own], "logit")
        return _plain(confidence, influence, int(own.sum()))

    def _ece(self, members: Members) -> Figure:
        if self.bins is None:
            return _nothing(self.size)
        own = members & (self.counts.units > 0)
        value, corrected, by_patient = calibration.ece(self.bins, own)
        influence = np.zeros(self.size)
        influence[own] = by_patient
        shown = from_influence(value, by_patient, "identity")
        compared = Confidence(corrected, np.maximum(shown.quantiles - value + corrected, 0.0))
        return Figure(
            Confidence(value, np.maximum(shown.quantiles, 0.0)),
            compared,
            influence,
            int(own.sum()),
            float("nan"),
            float("nan"),
            float("nan"),
        )

    def _median(self, members: Members) -> Figure:
        delays = self.delays.of(members)
        confidence, influence = delay.median(delays, self.size)
        return _plain(confidence, influence, int((np.bincount(delays.patient) > 0).sum()))


def _plain(confidence: Confidence, influence: Floats, patients: int) -> Figure:
    nan = float("nan")
    return Figure(confidence, confidence, influence, patients, nan, nan, nan)


def _nothing(size: int) -> Figure:
    return _plain(nothing(), np.full(size, np.nan), 0)
