"""Logistic regression that starts from what a model says: how far the evidence moves it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS = 25
"""Newton steps at most; some ten are enough."""
LARGEST_MOVE = 4.0
"""Farthest that one step moves a logit: separable data would else throw it far out."""
DONE = 1e-4
"""A step that moves no logit further ends the fit."""
LEAST_CURVATURE = 1e-3
"""Curvature of a beat that is already certain, so that the Hessian stays well posed."""


def fit_move(evidence: Array, positive: Array, logit: Array, precision: Array) -> Array:
    r"""Find the most probable weights of evidence that moves given logits.

    Minimises :math:`\sum_i \log(1 + e^{l_i}) - y_i l_i + \frac12 \sum_j a_j w_j^2` with
    :math:`l = logit + evidence \cdot w`, by damped Newton steps: the weights have a Gaussian
    prior about zero, so that without evidence the model stays what it is.

    Parameters
    ----------
    evidence : array of shape (n_beats, n)
    positive : array of shape (n_beats,)
        1 where the beat is of the class, else 0.
    logit : array of shape (n_beats,)
        What the model says.
    precision : array of shape (n,)
        One over the prior variance of each weight.

    Returns
    -------
    array of shape (n,)

    Examples
    --------
    >>> evidence, seen = np.array([[1.0], [-1.0]]), np.array([1.0, 0.0])
    >>> fit_move(evidence, seen, np.zeros(2), np.array([1.0])).round(2).tolist()
    [0.67]
    """
    weights = np.zeros(evidence.shape[1])
    for _ in range(STEPS):
        at = np.clip(logit + evidence @ weights, -40, 40)
        p = 1 / (1 + np.exp(-at))
        slope = evidence.T @ (p - positive) + precision * weights
        curvature = np.maximum(p * (1 - p), LEAST_CURVATURE)
        hessian = (evidence * curvature[:, None]).T @ evidence + np.diag(precision)
        step = np.linalg.solve(hessian, slope)
        move = float(np.abs(evidence @ step).max(initial=0))
        weights -= step * min(1.0, LARGEST_MOVE / max(move, 1e-12))
        if move < DONE:
            break
    return weights
