"""Verdicts: equal within the margin, apart by more, or not enough to say."""

from __future__ import annotations

import numpy as np

from fairness.confidence import Confidence
from fairness.result import Verdict


def p_equal(apart: Confidence, margin: float) -> float:
    """Give the p-value of the hypothesis that groups differ by the margin or more.

    Two one-sided tests (Schuirmann, 1987): both must reject, so the larger p-value counts.

    Examples
    --------
    >>> from fairness.confidence import Z
    >>> round(p_equal(Confidence(0.0, Z), 1.645), 3)
    0.05
    """
    return float(np.fmax(apart.above(margin), apart.below(-margin)))


def p_differs(apart: Confidence, margin: float) -> float:
    """Give the p-value of the hypothesis that groups differ by the margin or less.

    Hodges & Lehmann (Journal of the Royal Statistical Society B 16:261, 1954): with a margin of 0
    it is that of the usual two-sided test.

    Examples
    --------
    >>> from fairness.confidence import Z
    >>> round(p_differs(Confidence(1.96, 1.96 + Z), 1e-9), 3)
    0.05
    >>> round(p_differs(Confidence(7.0, 7.0 + Z), 5.0), 3)
    0.023
    """
    if apart.value >= 0:
        p = apart.below(margin) + apart.below(-margin)
    else:
        p = apart.above(-margin) + apart.above(margin)
    return min(p, 1.0)


def judge(equal: float, differs: float, alpha: float) -> Verdict:
    """Turn the two p-values of a comparison, the second one corrected, into a verdict.

    Parameters
    ----------
    equal
        Of :func:`p_equal`.
    differs
        Of :func:`p_differs`, corrected for multiplicity.
    alpha
        Chance of error that is accepted; ``nan`` p-values give no verdict.

    Examples
    --------
    >>> judge(0.01, 1.0, 0.05).name, judge(1.0, 0.2, 0.05).name, judge(1.0, 0.01, 0.05).name
    ('PASS', 'INSUFFICIENT', 'FAIL')
    """
    if differs <= alpha:
        return Verdict.FAIL
    return Verdict.PASS if equal <= alpha else Verdict.INSUFFICIENT


def overall(verdicts: list[Verdict]) -> Verdict:
    """Sum up the primary comparisons: one fails and all fails, all must pass to pass.

    That all must pass is an intersection-union test, so no single one needs a correction (Berger,
    Technometrics 24:295, 1982).

    Examples
    --------
    >>> overall([Verdict.PASS, Verdict.INSUFFICIENT]).value
    'insufficient evidence'
    >>> overall([]).value
    'insufficient evidence'
    """
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    if verdicts and all(verdict is Verdict.PASS for verdict in verdicts):
        return Verdict.PASS
    return Verdict.INSUFFICIENT
