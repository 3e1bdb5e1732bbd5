"""A vanilla tanh RNN in NumPy, forward and backward through time: the reference for torch's.

Nothing here is fast; every line is a line of the textbook (Goodfellow et al. 2016, section
10.2.2), so that :class:`training.architectures.cores.RnnCore` can be held to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RnnWeights:
    """``h[t] = tanh(w x[t] + u h[t-1] + b)``; also the gradient by each of them."""

    w: Array
    """Array of shape (hidden, n_in)."""
    u: Array
    """Array of shape (hidden, hidden)."""
    b: Array
    """Array of shape (hidden,)."""


def forward(weights: RnnWeights, x: Array, start: Array) -> Array:
    """Run along a sequence.

    Parameters
    ----------
    weights : RnnWeights
    x : array of shape (n_steps, batch, n_in)
    start : array of shape (batch, hidden)
        State before the first step.

    Returns
    -------
    array of shape (n_steps, batch, hidden)
        State after each step.

    Examples
    --------
    >>> one = RnnWeights(w=np.array([[1.0]]), u=np.array([[0.5]]), b=np.zeros(1))
    >>> forward(one, np.array([[[0.2]], [[0.0]]]), np.zeros((1, 1))).round(3).ravel()
    array([0.197, 0.098])
    """
    states = np.empty((*x.shape[:2], len(weights.b)))
    h = start
    for t, seen in enumerate(x):
        h = np.tanh(seen @ weights.w.T + h @ weights.u.T + weights.b)
        states[t] = h
    return states


def backward(
    weights: RnnWeights, x: Array, start: Array, states: Array, slope: Array
) -> tuple[RnnWeights, Array, Array]:
    """Carry a loss's gradient back through time (Werbos 1990).

    Parameters
    ----------
    weights, x, start
        As :func:`forward` had them.
    states : array of shape (n_steps, batch, hidden)
        What it gave.
    slope : array of shape (n_steps, batch, hidden)
        Gradient of the loss by each state, by the way that does not go through later states.

    Returns
    -------
    RnnWeights
        Gradient by the weights.
    by_x : array of shape (n_steps, batch, n_in)
        Gradient by the inputs.
    by_start : array of shape (batch, hidden)
        Gradient by the state before the first step.
    """
    by_w, by_u, by_b = (np.zeros_like(part) for part in (weights.w, weights.u, weights.b))
    by_x, from_later = np.empty_like(x), np.zeros_like(start)
    for t in range(len(x) - 1, -1, -1):
        before = states[t - 1] if t else start
        by_sum = (slope[t] + from_later) * (1 - states[t] ** 2)  # through the tanh
        by_w += by_sum.T @ x[t]
        by_u += by_sum.T @ before
        by_b += by_sum.sum(axis=0)
        by_x[t] = by_sum @ weights.w
        from_later = by_sum @ weights.u
    return RnnWeights(by_w, by_u, by_b), by_x, from_later
