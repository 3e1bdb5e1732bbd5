"""Summary differences by the names that the fairness literature gives them."""

from __future__ import annotations

import warnings

import numpy as np

from fairness.bootstrap import Draws, drawn_ratio
from fairness.cohort import Floats, Grouping
from fairness.declaration import Declaration, MetricName
from fairness.estimation import Condition
from fairness.result import UNKNOWN, Estimate, Parity
from fairness.sufficiency import shortfall

_NOTHING = Estimate(float("nan"), float("nan"), float("nan"))


def parity(
    condition: Condition, grouping: Grouping, declaration: Declaration, often: Draws
) -> Parity:
    """Give equal-opportunity, equalized-odds and demographic-parity differences.

    As fairlearn defines them (largest figure less smallest; for odds, the larger of the two), but
    over the known groups with enough patients only. Intervals are the bootstrap's quantiles. A
    largest difference is above 0 even where groups are alike: read it beside :class:`Gap`.

    Parameters
    ----------
    condition, grouping
        What is compared.
    declaration
        Minimum numbers and level.
    often
        Draws of all patients, within groups.
    """
    found = _spread(condition, "sensitivity", grouping, declaration, often)
    wrong = _spread(condition, "fpr", grouping, declaration, often)
    called = _spread(condition, "selection_rate", grouping, declaration, often)
    odds = None
    if found is not None and wrong is not None:
        odds = max(found[0], wrong[0]), np.maximum(found[1], wrong[1])
    ends = [_estimate(one, declaration.confidence) for one in (found, odds, called)]
    return Parity(condition.units.condition, grouping.attribute, *ends)


def _spread(
    condition: Condition,
    name: MetricName,
    grouping: Grouping,
    declaration: Declaration,
    often: Draws,
) -> tuple[float, Floats] | None:
    numerator, denominator = condition.counts.parts(name)
    values, drawn = [], []
    for group, label in enumerate(grouping.names):
        members = grouping.code == group
        own = members & (denominator > 0)
        lacking = shortfall(condition, name, members, declaration)
        if label == UNKNOWN or lacking or not own.any():
            continue
        values.append(float(numerator[own].sum() / denominator[own].sum()))
        drawn.append(drawn_ratio(often[:, own], numerator[own], denominator[own]))
    if len(values) < 2:
        return None
    table = np.stack(drawn)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        spread = np.nanmax(table, axis=0) - np.nanmin(table, axis=0)
    return max(values) - min(values), spread


def _estimate(one: tuple[float, Floats] | None, level: float) -> Estimate:
    if one is None:
        return _NOTHING
    low, high = np.nanquantile(one[1], [(1 - level) / 2, (1 + level) / 2])
    return Estimate(one[0], min(float(low), one[0]), max(float(high), one[0]))
