"""What is declared before anyone looks: metrics, groups, margins, error rates."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fairness.errors import AuditError

MetricName = Literal[
    "sensitivity",
    "specificity",
    "ppv",
    "fnr",
    "fpr",
    "f1",
    "accuracy",
    "selection_rate",
    "auroc",
    "auprc",
    "brier",
    "ece",
    "calibration_intercept",
    "calibration_slope",
    "false_alarms_per_h",
    "mean_delay_s",
    "median_delay_s",
    "exclusion_rate",
]
"""What can be measured by group; ``sensitivity`` and ``ppv`` are EC57's Se and +P."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MetricDeclaration(_Table):
    """One metric that the verdict rests on, or that is only shown."""

    name: MetricName
    """Which metric."""
    condition: str = "all"
    """Condition whose units it counts, as in the predictions' column ``condition``."""
    margin: float = Field(gt=0)
    """Largest difference between groups that still counts as equal, in the metric's own unit."""
    primary: bool = True
    """Whether the verdict rests on it."""


class GroupDeclaration(_Table):
    """An attribute of patients, and whom each of its groups is compared with."""

    attribute: str
    """Column of the subjects."""
    bands: tuple[float, ...] = ()
    """Edges of a number's bands, ascending: 40, 60 gives ``<40``, ``40-59`` and ``>=60``."""
    reference: str = "rest"
    """``rest`` (all other patients whose group is known), ``largest``, or a group's name."""
    primary: bool = True
    """Whether the verdict rests on it; else it is shown as explored."""


class Declaration(_Table):
    """Everything about an audit that is fixed before the predictions are read."""

    title: str
    """What is audited, in words."""
    metrics: tuple[MetricDeclaration, ...] = Field(min_length=1)
    """What is measured."""
    groups: tuple[GroupDeclaration, ...] = Field(min_length=1)
    """By whom."""
    intersections: tuple[tuple[str, ...], ...] = ()
    """Attributes whose combinations are groups too, such as ``[["sex", "age"]]``; explored."""
    adjust_by: tuple[str, ...] = ()
    """Columns of the subjects by which each disparity is also stratified and adjusted."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Chance of any false ``fail`` among all that is declared."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Of the intervals."""
    power: Annotated[float, Field(gt=0.5, lt=1)] = 0.8
    """Of the audit that the power statement asks for."""
    rounds: Annotated[int, Field(ge=200)] = 2000
    """Draws of patients, and of permutations."""
    seed: int = 1
    """Of everything that is drawn."""
    min_patients: Annotated[int, Field(ge=2)] = 20
    """Patients below which a group gets no verdict."""
    min_with: Annotated[int, Field(ge=1)] = 10
    """Patients that have the condition, below which a group gets no verdict."""
    min_without: Annotated[int, Field(ge=0)] = 10
    """Patients that have units without the condition, where the metric counts such units."""
    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Score from which on a unit is called, where the table has no column ``prediction``."""

    @model_validator(mode="after")
    def _sound(self) -> Declaration:
        names = [group.attribute for group in self.groups]
        if len(set(names)) != len(names):
            raise ValueError(f"an attribute is declared twice: {', '.join(names)}")
        for group in self.groups:
            if list(group.bands) != sorted(set(group.bands)):
                raise ValueError(f"bands of {group.attribute} must ascend, not {group.bands}")
        for combined in self.intersections:
            if len(combined) < 2 or not set(combined) <= set(names):
                raise ValueError(
                    f"an intersection names two or more of {', '.join(names)}, not {combined}"
                )
        pairs = [(metric.name, metric.condition) for metric in self.metrics]
        if len(set(pairs)) != len(pairs):
            raise ValueError("a metric of one condition is declared twice")
        return self


Declared = TypeVar("Declared", bound=BaseModel)


def load_declaration(path: Path) -> Declaration:
    """Read the declaration of an audit; errors as :func:`read_declared`."""
    return read_declared(path, Declaration)


def read_declared(path: Path, kind: type[Declared]) -> Declared:
    """Read what is declared from a TOML file.

    Parameters
    ----------
    path : Path
        The file.
    kind : type
        What it declares.

    Raises
    ------
    AuditError
        If the file cannot be read, or a key is missing, unknown or out of range; each is named.
    """
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AuditError(f"declaration {path}: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, part['loc'])) or 'declaration'}: {part['msg']}"
            for part in error.errors()
        )
        raise AuditError(f"declaration {path}: {wrong}") from error
