"""The likeliest string of beats of a CTC model: prefix beam search.

The likeliest symbol of each frame gives the likeliest alignment, not the likeliest string: of a
string, the probabilities of all its alignments add up (Graves et al., ICML 2006; Hannun et al.,
arXiv 1408.2873). So prefixes of strings are kept, the likeliest ones, and each is as likely as
all the alignments that lead to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.strings import BLANK
from ingest.errors import InputError

NEVER = -math.inf
"""Logarithm of no probability."""
ROOT = 0
"""The empty prefix."""


@dataclass(slots=True)
class _Ends:
    """Log-probabilities of the alignments that give a prefix, by how they end."""

    blank: float = NEVER
    """With a blank."""
    symbol: float = NEVER
    """With the prefix's last symbol."""

    @property
    def both(self) -> float:
        """Of all of them."""
        return _add(self.blank, self.symbol)


@dataclass(slots=True)
class PrefixBeam:
    """Strings kept while frames come, whatever the chunks.

    Raises
    ------
    ingest.errors.InputError
        If ``width`` is less than one.
    """

    width: int = 16
    """Prefixes kept after each frame."""
    _parent: list[int] = field(default_factory=lambda: [ROOT])
    _last: list[int] = field(default_factory=lambda: [BLANK])
    _child: dict[tuple[int, int], int] = field(default_factory=dict)
    _beam: dict[int, _Ends] = field(default_factory=lambda: {ROOT: _Ends(blank=0.0)})

    def __post_init__(self) -> None:
        if self.width < 1:
            raise InputError(f"width of a beam is {self.width}; allowed: 1 and more")

    def step(self, log_probs: NDArray[np.floating]) -> None:
        """Take the next frames.

        Parameters
        ----------
        log_probs : array of shape (n_frames, n_symbols)
            Logarithms of each frame's distribution over symbols, the blank first.
        """
        for frame in log_probs.tolist():
            grown: dict[int, _Ends] = {}
            for prefix, ends in self._beam.items():
                self._grow(prefix, ends, frame, grown)
            likeliest = sorted(grown.items(), key=lambda item: -item[1].both)
            self._beam = dict(likeliest[: self.width])

    def best(self) -> tuple[NDArray[np.int64], float]:
        """Give the likeliest string so far.

        Returns
        -------
        classes : array of shape (n_beats,)
            Symbols, never the blank.
        log_prob : float
            Logarithm of its probability; at most that, where prefixes were dropped.
        """
        node, ends = max(self._beam.items(), key=lambda item: item[1].both)
        symbols = []
        while node != ROOT:
            symbols.append(self._last[node])
            node = self._parent[node]
        return np.array(symbols[::-1], np.int64), ends.both

    def _grow(self, prefix: int, ends: _Ends, frame: list[float], grown: dict[int, _Ends]) -> None:
        """Add what a frame makes of one prefix."""
        both = ends.both
        here = grown.setdefault(prefix, _Ends())
        here.blank = _add(here.blank, both + frame[BLANK])
        if prefix != ROOT:
            here.symbol = _add(here.symbol, ends.symbol + frame[self._last[prefix]])
        for symbol, log_prob in enumerate(frame):
            if symbol == BLANK:
                continue
            # The same symbol again is another beat only behind a blank.
            before = ends.blank if symbol == self._last[prefix] else both
            if before + log_prob == NEVER:
                continue
            there = grown.setdefault(self._extended(prefix, symbol), _Ends())
            there.symbol = _add(there.symbol, before + log_prob)

    def _extended(self, prefix: int, symbol: int) -> int:
        """Give the number of the prefix that has one symbol more."""
        number = self._child.get((prefix, symbol))
        if number is None:
            number = self._child[prefix, symbol] = len(self._parent)
            self._parent.append(prefix)
            self._last.append(symbol)
        return number


def likeliest_string(
    log_probs: NDArray[np.floating], width: int = 16
) -> tuple[NDArray[np.int64], float]:
    """Search the likeliest string of a whole stretch.

    Parameters
    ----------
    log_probs : array of shape (n_frames, n_symbols)
        Logarithms of each frame's distribution over symbols, the blank first.
    width : int
        Prefixes kept after each frame.

    Returns
    -------
    classes, log_prob
        As :meth:`PrefixBeam.best`.

    Examples
    --------
    Each frame is likeliest blank, and yet the likeliest string is one beat:

    >>> classes, log_prob = likeliest_string(np.log([[0.6, 0.4], [0.6, 0.4]]))
    >>> classes.tolist(), round(math.exp(log_prob), 2)
    ([1], 0.64)
    """
    beam = PrefixBeam(width)
    beam.step(log_probs)
    return beam.best()


def _add(a: float, b: float) -> float:
    """Logarithm of the sum of two probabilities, of which the logarithms are given."""
    high, low = (a, b) if a >= b else (b, a)
    return high if low == NEVER else high + math.log1p(math.exp(low - high))
