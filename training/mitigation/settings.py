"""The table ``[mitigation]`` of a training run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Method = Literal["none", "reweight", "resample", "group-dro", "adversary"]
"""What the fit does for groups."""
Attribute = Literal["sex", "age", "sex-age", "patient"]
"""What groups are made by; ``patient`` makes every patient a group."""
Select = Literal["task", "patient-mean", "worst-group"]
"""What the best epoch is chosen by."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ThresholdsConfig(_Table):
    """Decision thresholds of each group: differential treatment, never without being asked for."""

    allow: bool = False
    """The opt-in."""
    asked_by: str = ""
    """Who asked for it."""
    why: str = ""
    """Why."""
    metric: Literal["se", "fpr"] = "se"
    """What is made equal: sensitivity, or the false-positive rate."""


class MitigationConfig(_Table):
    """What is done so that no group of patients is served worse; nothing by default."""

    method: Method = "none"
    """What the fit does."""
    attribute: Attribute = "sex"
    """What groups are made by."""
    age_bands: tuple[Annotated[int, Field(gt=0, le=120)], ...] = Field(
        default=(40, 65), min_length=1
    )
    """First years of each age band but the youngest."""
    cells: Literal["group", "group-class"] = "group-class"
    """What counts as one cell: a group, or the beats of one class in a group."""
    power: float = Field(default=1.0, gt=0, le=1)
    """Reweight, resample: how far cells are evened out; 1 is wholly."""
    max_weight: float = Field(default=10.0, ge=1)
    """Reweight, resample: most that a beat counts, over what it counts in plain training."""
    dro_rate: float = Field(default=0.05, gt=0)
    """Group DRO: step of the cells' weights, eta of Sagawa et al. 2020."""
    dro_adjustment: float = Field(default=0.0, ge=0)
    """Group DRO: C of C / sqrt(n), added to the loss of a group of n patients."""
    adversary_weight: float = Field(default=1.0, gt=0)
    """Adversary: largest factor of the reversed gradient, lambda of Ganin et al. 2016."""
    adversary_hidden: int = Field(default=32, ge=1)
    """Adversary: units of its hidden layer."""
    select: Select = "task"
    """What the best epoch is chosen by: the task's own score, the mean of the patients' scores,
    or that mean in the worst group."""
    min_patients: int = Field(default=3, ge=2)
    """Worst group: validation patients below which a group does not decide."""
    thresholds: ThresholdsConfig | None = None
    """Table ``[mitigation.thresholds]``: thresholds of each group, fitted on the validation
    patients."""

    @property
    def active(self) -> bool:
        """Whether the fit, or the choice of its epoch, looks at groups."""
        return self.method != "none" or self.select != "task"


def judge_of(mitigation: MitigationConfig, task_judge: str) -> str:
    """Name the logged figure that the best epoch is chosen by, the more the better.

    Examples
    --------
    >>> judge_of(MitigationConfig(select="worst-group"), "val_f1")
    'val_worst_group'
    """
    if mitigation.select == "task":
        return task_judge
    return "val_worst_group" if mitigation.select == "worst-group" else "val_patient_mean"


def mitigation_faults(
    mitigation: MitigationConfig, task: str, patience: int, *, validated: bool
) -> Iterator[str]:
    """Say what does not go together.

    Parameters
    ----------
    mitigation : MitigationConfig
    task : str
        The run's task.
    patience : int
        The run's ``fit.patience``.
    validated : bool
        Whether there are validation patients.
    """
    if task != "beat" and (mitigation.active or mitigation.thresholds is not None):
        yield f"mitigation: allowed for task {task!r}: nothing; it is for task 'beat'"
    if list(mitigation.age_bands) != sorted(set(mitigation.age_bands)):
        yield "mitigation.age_bands must rise"
    if mitigation.select != "task" and not patience:
        yield "mitigation.select chooses among epochs: it needs fit.patience and data.validation"
    if mitigation.select == "worst-group" and mitigation.attribute == "patient":
        yield (
            "mitigation.select: a group of one patient never decides; allowed with attribute "
            "'patient': 'task', 'patient-mean'"
        )
    if mitigation.thresholds is not None:
        yield from _threshold_faults(mitigation, validated=validated)


def _threshold_faults(mitigation: MitigationConfig, *, validated: bool) -> Iterator[str]:
    asked = mitigation.thresholds
    if asked is None or not (asked.allow and asked.asked_by.strip() and asked.why.strip()):
        yield (
            "mitigation.thresholds: thresholds of each group are differential treatment; they "
            "need allow = true, asked_by = who asks, and why"
        )
    if mitigation.attribute == "patient":
        yield "mitigation.thresholds: attribute is 'patient'; allowed: 'sex', 'age', 'sex-age'"
    if not validated:
        yield "mitigation.thresholds needs data.validation: patients to fit thresholds on"
