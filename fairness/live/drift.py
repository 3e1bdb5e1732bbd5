"""Whether a group fares worse than the rest by more than a margin, patient by patient."""

from __future__ import annotations

from dataclasses import dataclass, field

from fairness.live.evidence import Evidence


@dataclass(slots=True)
class Side:
    """Patients of one side that have closed."""

    n: int = 0
    """Patients."""
    total: float = 0.0
    """Sum of their figures."""

    def add(self, figure: float) -> None:
        """Take one patient."""
        self.n += 1
        self.total += figure

    @property
    def mean(self) -> float:
        """Mean over patients; ``nan`` without any."""
        return self.total / self.n if self.n else float("nan")


@dataclass(slots=True)
class Drift:
    """One group beside the rest, in one figure of patients between 0 and 1.

    A draw is the mean of the group's new patients less that of the rest's, made as soon as there
    is one of each: patients are the unit, each counts once, and who waits for whom depends on their
    order alone. Against "at most the margin" the draws are evidence that may be looked at any time.
    """

    margin: float
    """Largest difference that counts as equal."""
    group: Side = field(default_factory=Side)
    """All patients of the group so far."""
    rest: Side = field(default_factory=Side)
    """All other patients whose group is known."""
    evidence: Evidence = field(init=False)
    """That the group's figure is above the rest's by more than the margin."""
    _waiting: tuple[Side, Side] = field(init=False)

    def __post_init__(self) -> None:
        self.evidence = Evidence((1 + self.margin) / 2)
        self._waiting = (Side(), Side())

    def add(self, figure: float, *, in_group: bool) -> None:
        """Take one patient's figure, 0 to 1."""
        (self.group if in_group else self.rest).add(figure)
        ours, theirs = self._waiting
        (ours if in_group else theirs).add(figure)
        if ours.n and theirs.n:
            self.evidence.add((1 + ours.mean - theirs.mean) / 2)
            self._waiting = (Side(), Side())

    @property
    def difference(self) -> float:
        """Group less rest, over patients; ``nan`` where one side has none."""
        return self.group.mean - self.rest.mean
