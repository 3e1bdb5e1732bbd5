"""The bootstrap over patients: all of a patient's units are drawn together, as often as he is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fairness.cohort import Codes, Floats

Draws = npt.NDArray[np.float32]
"""How often each patient was drawn; shape (rounds, n_patients)."""


MOST_DRAWN = 50_000_000
"""Patients times draws that are held at once: 200 MB."""


def rounds_for(patients: int, rounds: int) -> int:
    """Give as many draws as are wanted, or as fit.

    Examples
    --------
    >>> rounds_for(2000, 2000), rounds_for(100_000, 2000)
    (2000, 500)
    """
    return max(100, min(rounds, MOST_DRAWN // max(patients, 1)))


def draw(code: Codes, rounds: int, rng: np.random.Generator) -> Draws:
    """Draw patients with replacement within their groups, so that groups keep their sizes.

    Parameters
    ----------
    code
        Group of each patient; shape (n_patients,).
    rounds
        Draws.
    rng
        Source of chance.

    Examples
    --------
    >>> often = draw(np.array([0, 0, 0, 1]), 2, np.random.default_rng(1))
    >>> often.sum(1).tolist(), often[:, 3].tolist()
    ([4.0, 4.0], [1.0, 1.0])
    """
    often = np.zeros((rounds, len(code)), np.float32)
    rows = np.arange(rounds)[:, None]
    for group in np.unique(code):
        members = np.flatnonzero(code == group)
        picked = rng.integers(len(members), size=(rounds, len(members)), dtype=np.int32)
        cells = (rows * len(members) + picked).ravel()
        counted = np.bincount(cells, minlength=rounds * len(members))
        often[:, members] = counted.reshape(rounds, len(members))
    return often


def drawn_ratio(often: Draws, numerator: Floats, denominator: Floats) -> Floats:
    """Give a ratio of sums over patients in each draw; ``nan`` where nothing was drawn to count.

    Parameters
    ----------
    often
        Of the patients that are counted; shape (rounds, n).
    numerator, denominator
        Of each patient; shape (n,) or (n, k).

    Returns
    -------
    Floats
        Shape (rounds,) or (rounds, k).
    """
    above = often @ numerator.astype(np.float32)
    below = often @ denominator.astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan).astype(float)


def drawn_auroc(often: Draws, wins: Floats, own_with: Floats, own_without: Floats) -> Floats:
    """Give the AUROC of some patients in each draw, exactly as if their units were repeated.

    Parameters
    ----------
    often
        Of the patients that are counted; shape (rounds, n).
    wins
        Pairs ranked rightly between them; shape (n, n).
    own_with, own_without
        Units of each with and without the condition; shape (n,).
    """
    pairs = (often @ own_with.astype(np.float32)) * (often @ own_without.astype(np.float32))
    won = np.einsum("rp,rp->r", often @ wins.astype(np.float32), often)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(pairs > 0, won / pairs, np.nan).astype(float)
