"""What a live watch is told beforehand: groups, margin, error rate, privacy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fairness.declaration import GroupDeclaration, read_declared


class WatchDeclaration(BaseModel):
    """Everything about a watch that is fixed before it begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = "alarms by group"
    """What is watched, in words."""
    conditions: tuple[str, ...] = ("all",)
    """Alarm conditions that are watched each by itself; ``all`` is every physiological alarm."""
    groups: tuple[GroupDeclaration, ...] = Field(min_length=1)
    """By whom; each group is compared with the rest."""
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.10
    """Largest difference of the share of false alarms that still counts as equal."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Chance of any false alert, of any group, for as long as the watch goes on."""
    min_patients: Annotated[int, Field(ge=2)] = 20
    """Patients of the group, and of the rest, below which there is no verdict."""
    min_shown: Annotated[int, Field(ge=2)] = 10
    """Patients below which a group's figures are not shown to anybody."""
    close_after_h: Annotated[float, Field(gt=0)] = 24.0
    """Hours from a patient's first alarm to the moment when their figure is taken."""

    @model_validator(mode="after")
    def _sound(self) -> WatchDeclaration:
        names = [group.attribute for group in self.groups]
        for what, told in (("attribute", names), ("condition", self.conditions)):
            if len(set(told)) != len(told) or not told:
                raise ValueError(f"name every {what} once, not {', '.join(told) or 'none'}")
        return self


def load_watch(path: Path) -> WatchDeclaration:
    """Read the declaration of a watch; errors as :func:`fairness.declaration.read_declared`."""
    return read_declared(path, WatchDeclaration)
