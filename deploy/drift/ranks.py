"""Whether the next patients are exchangeable with those before: bets on the rank of each.

The rank of a new figure among all before it, ties broken by chance, is uniform and independent of
the ranks before, if and as long as all are exchangeable (Vovk, Gammerman and Shafer, "Algorithmic
Learning in a Random World", 2005, chapter 7): no law of the figure is assumed. A gambler who bets
on these ranks therefore wins by chance alone with at most the probability that Ville's inequality
allows, whenever one looks; when the figure drifts the ranks pile up at one end, and the wealth
grows. Bets are those of :class:`fairness.live.evidence.Evidence`, which also begin afresh now and
then so that a late drift is found.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from dataclasses import dataclass, field

from fairness.live.evidence import Evidence

FAIR = 0.5
"""Mean of a uniform rank."""
NUMBER_BETS = ("up", "down", "spread")
"""Bets on a number: it became larger, smaller, or lies further out on either side."""
LABEL_BETS = ("rarer", "commoner")
"""Bets on a word: words that were rare before come more often, or the usual one does."""


def spread_rank(rank: float) -> float:
    """How far out a rank lies on either side; uniform where the rank is.

    Examples
    --------
    >>> spread_rank(0.5), spread_rank(1.0), spread_rank(0.25)
    (0.0, 1.0, 0.5)
    """
    return abs(2 * rank - 1)


@dataclass(slots=True)
class NumberRanks:
    """Numbers so far, and the rank of the next among them."""

    sorted: list[float] = field(default_factory=list)
    """All before, sorted."""

    def rank(self, value: float, chance: float) -> float:
        """Take a number; return its rank, 0 to 1, smoothed by ``chance``, uniform on 0 to 1.

        Examples
        --------
        >>> ranks = NumberRanks([1.0, 2.0, 3.0])
        >>> ranks.rank(2.5, 0.5), ranks.sorted
        (0.625, [1.0, 2.0, 2.5, 3.0])
        """
        below = bisect_left(self.sorted, value)
        ties = bisect_right(self.sorted, value) - below + 1
        insort(self.sorted, value)
        return (below + chance * ties) / len(self.sorted)

    def bets(self, rank: float) -> tuple[float, ...]:
        """Return the draws of :data:`NUMBER_BETS`."""
        return rank, 1 - rank, spread_rank(rank)


@dataclass(slots=True)
class LabelRanks:
    """Words so far, and the rank of the next by how rare it is among all, itself included."""

    counts: Counter[str] = field(default_factory=Counter)
    """How often each came."""

    def rank(self, value: str, chance: float) -> float:
        """Take a word; return its rank, 0 to 1: near 1 for a rare one.

        Examples
        --------
        >>> ranks = LabelRanks(Counter({"II": 9}))
        >>> ranks.rank("V1", 0.5), ranks.counts["V1"]
        (0.95, 1)
        """
        self.counts[value] += 1
        own, total = self.counts[value], self.counts.total()
        usual = sum(n for n in self.counts.values() if n > own)
        alike = sum(n for n in self.counts.values() if n == own)
        return (usual + chance * alike) / total

    def bets(self, rank: float) -> tuple[float, ...]:
        """Return the draws of :data:`LABEL_BETS`."""
        return rank, 1 - rank


class RankTest:
    """Evidence that a figure's patients are no longer as the first ones were.

    The first patients, the reference, are only kept. Each further one is bet on.

    Parameters
    ----------
    is_label : bool
        The figure is a word.
    reference : int
        Patients of the reference.

    Examples
    --------
    >>> test = RankTest(False, 20)
    >>> for i in range(60):
    ...     test.add(float(i % 20), 0.5)
    >>> same = test.value
    >>> for i in range(30):
    ...     test.add(30.0 + i, 0.5)
    >>> same < 2, test.value > 1e6, test.strongest
    (True, True, 'up')
    """

    def __init__(self, is_label: bool, reference: int) -> None:
        self._ranks: NumberRanks | LabelRanks = LabelRanks() if is_label else NumberRanks()
        self.names = LABEL_BETS if is_label else NUMBER_BETS
        self._evidence = [Evidence(FAIR) for _ in self.names]
        self.reference = reference
        self.n = 0
        """Patients so far, the reference among them."""

    def add(self, value: float | str, chance: float) -> None:
        """Take one patient's figure, and a number drawn evenly from 0 to 1 that breaks ties."""
        rank = self._ranks.rank(value, chance)  # type: ignore[arg-type]  # as is_label says
        self.n += 1
        if self.n > self.reference:
            for evidence, draw in zip(self._evidence, self._ranks.bets(rank), strict=True):
                evidence.add(draw)

    @property
    def is_watched(self) -> bool:
        """True once the reference is whole."""
        return self.n >= self.reference

    @property
    def value(self) -> float:
        """Mean wealth of the bets; reaches ``1 / alpha`` by chance at most ``alpha`` often."""
        return sum(each.value for each in self._evidence) / len(self._evidence)

    @property
    def strongest(self) -> str:
        """Name of the bet that has won most."""
        return max(zip(self.names, self._evidence, strict=True), key=lambda x: x[1].value)[0]
