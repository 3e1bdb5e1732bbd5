"""A gate: what was asked of a candidate, how it was measured, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Decision(StrEnum):
    """What came of a gate; all but the first stop a candidate."""

    PASSED = "passed"
    """What was asked is shown."""
    FAILED = "failed"
    """It is not so."""
    INSUFFICIENT = "insufficient evidence"
    """Neither can be told from what there is."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate and what came of it."""

    name: str
    """What is guarded, such as ``calibration``."""
    protocol: str
    """How it is measured."""
    limit: str
    """What is asked."""
    measured: dict[str, Any]
    """Figures, JSON values by name."""
    decision: Decision
    """What came of it."""
    reason: str
    """In words, with the figure that decided."""

    @property
    def passed(self) -> bool:
        """Whether the candidate may go on."""
        return self.decision is Decision.PASSED

    def to_dict(self) -> dict[str, Any]:
        """Give it as a JSON object."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return told | {"decision": self.decision.value}


def worst(decisions: list[Decision]) -> Decision:
    """Sum up parts of one gate: failed before insufficient before passed; nothing is insufficient.

    Examples
    --------
    >>> worst([Decision.PASSED, Decision.INSUFFICIENT]).value, worst([]).value
    ('insufficient evidence', 'insufficient evidence')
    """
    if Decision.FAILED in decisions:
        return Decision.FAILED
    whole = bool(decisions) and all(one is Decision.PASSED for one in decisions)
    return Decision.PASSED if whole else Decision.INSUFFICIENT
