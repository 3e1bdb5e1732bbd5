"""How far what several people say can be trusted: one formula, one table.

People are taken to err independently, a person of a role being right with a stated
probability and wrong with the rest, spread evenly over the other answers. The trust in an
answer is then its posterior probability under equal priors (Nitzan and Paroush, Int. Econ.
Rev. 23(2), 1982; the two-sided case of Dawid and Skene, Appl. Statist. 28(1), 1979). What the
monitor itself said is no vote: it would confirm itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ingest.errors import InputError

RIGHT = {"cardiologist": 0.97, "clinician": 0.90, "technician": 0.85}
"""Probability that a person of a role is right: declared, not measured; ``vigil feedback
summary`` tells how often people agree, to hold against it."""
ALARM_ANSWERS = ("true", "false", "artefact")
"""What an alarm can be said to be."""


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """What is believed of whom.

    Raises
    ------
    ingest.errors.InputError
        If a probability does not lie between chance and 1.
    """

    right: Mapping[str, float] = field(default_factory=lambda: dict(RIGHT))
    """Probability that a person of each role is right."""
    least: float = 0.85
    """Least trust from which on an answer is a label."""
    seen: float = 0.75
    """Trust in the class of a beat that somebody had before their eyes and did not relabel."""
    seen_s: float = 5.0
    """How far about an alarm's onset or a relabelled beat somebody is taken to have looked, s."""

    def __post_init__(self) -> None:
        for role, right in self.right.items():
            if not 0.5 < right < 1:
                raise InputError(f"trust.right.{role} must lie between 0.5 and 1, not {right:g}")
        for name in ("least", "seen"):
            if not 0.5 < getattr(self, name) < 1:
                raise InputError(f"trust.{name} must lie between 0.5 and 1")
        if not self.seen_s >= 0:
            raise InputError("trust.seen_s must be 0 or more")

    def of(self, role: str) -> float:
        """Probability that a person of a role is right.

        Raises
        ------
        ingest.errors.InputError
            If the role has none.
        """
        if role not in self.right:
            known = ", ".join(self.right)
            raise InputError(f"nothing is stated of the trust in role {role!r}; known are {known}")
        return self.right[role]


def posterior(votes: Sequence[tuple[str, float]], answers: Sequence[str]) -> dict[str, float]:
    """Give each answer's probability, given what people said.

    Parameters
    ----------
    votes : sequence of (answer, probability that who says so is right)
    answers : sequence of str
        All that could be said, two or more.

    Examples
    --------
    >>> for votes in ([("V", 0.9)], [("V", 0.9)] * 2, [("V", 0.9), ("N", 0.9)],
    ...               [("V", 0.9), ("N", 0.97)], [("V", 0.9), ("N", 0.9), ("V", 0.9)]):
    ...     found = posterior(votes, "NSVFQ")
    ...     print(" ".join(f"{label} {trust:.3f}" for label, trust in found.items() if trust > 0.1))
    V 0.900
    V 0.997
    N 0.480 V 0.480
    N 0.768 V 0.214
    V 0.971
    """
    weights = dict.fromkeys(answers, 1.0)
    for said, right in votes:
        for answer in weights:
            weights[answer] *= right if answer == said else (1 - right) / (len(weights) - 1)
    total = sum(weights.values())
    return {answer: weight / total for answer, weight in weights.items()}
