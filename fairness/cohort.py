"""The cohort of an audit: patients, their groups, and their units as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]
"""A small number a patient, or a unit."""
Flags = npt.NDArray[np.bool_]
"""True or false for each unit."""
Floats = npt.NDArray[np.float64]
"""A number for each unit, or patient."""


@dataclass(frozen=True, slots=True)
class Units:
    """The scored units of one condition, of all patients; excluded ones are only counted."""

    condition: str
    """Condition."""
    patient: Codes
    """Patient of each unit, an index into :attr:`Cohort.patients`; shape (n_units,), ascending."""
    truth: Flags
    """Whether the condition was there; shape (n_units,)."""
    prediction: Flags
    """Whether it was called; shape (n_units,)."""
    score: Floats | None
    """0 to 1, no ``nan``; shape (n_units,). None where the condition has no scores."""
    delay_s: Floats | None
    """Onset to alarm, s, ``nan`` where there is none; shape (n_units,). None where no unit has
    one."""
    excluded: npt.NDArray[np.int64]
    """Units of each patient that were left out for their signal; shape (n_patients,)."""

    @property
    def is_detection(self) -> bool:
        """Whether no unit is a true negative: then specificity and its like are not estimable."""
        return not bool(np.any(~self.truth & ~self.prediction))


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which group each patient is in, by one attribute or by several at once."""

    attribute: str
    """Attribute, or attributes joined by ``" × "``."""
    parts: tuple[str, ...]
    """The attributes that it is made of; more than one in an intersection."""
    names: tuple[str, ...]
    """Groups, those that no patient is in among them: bands ascending, else sorted;
    :data:`fairness.result.UNKNOWN` is last, and there only if a patient is in it."""
    code: Codes
    """Group of each patient, an index into ``names``; shape (n_patients,)."""
    reference: str
    """``rest``, ``largest``, or one of ``names``."""
    primary: bool
    """Whether the verdict rests on it; an intersection is only explored."""


@dataclass(frozen=True, slots=True)
class Strata:
    """Patients that are alike in what disparities are adjusted by."""

    columns: tuple[str, ...]
    """What they are alike in; empty where there is nothing to adjust by."""
    names: tuple[str, ...]
    """Strata that have patients."""
    code: Codes
    """Stratum of each patient, an index into ``names``; shape (n_patients,)."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """All that the statistics read: made by :func:`fairness.build.build_cohort`."""

    patients: tuple[str, ...]
    """Names of the patients: those with units, excluded ones too, and those without any whose
    hours are known, since they were monitored without an alarm."""
    units: dict[str, Units]
    """Units by condition, in the order in which the declaration names the conditions."""
    groupings: tuple[Grouping, ...]
    """As declared, intersections last."""
    adjust_by: tuple[Strata, ...]
    """One a column of ``adjust_by``; numbers in bands."""
    monitored_h: Floats
    """Hours each patient was monitored, ``nan`` where unknown; shape (n_patients,)."""
    notes: tuple[str, ...] = ()
    """What stood out as the tables were read, in sentences; they belong to the limits."""

    def strata_beside(self, parts: tuple[str, ...]) -> Strata:
        """Combine the columns of ``adjust_by`` that are not among ``parts``.

        Parameters
        ----------
        parts
            Attributes that are compared: none is adjusted by itself.
        """
        used = [one for one in self.adjust_by if one.columns[0] not in parts]
        code, names = combine([(one.code, one.names) for one in used], len(self.patients))
        return Strata(tuple(one.columns[0] for one in used), names, code)


def combine(
    factors: list[tuple[Codes, tuple[str, ...]]], n_patients: int
) -> tuple[Codes, tuple[str, ...]]:
    """Cross factors; keep the combinations that have patients.

    Parameters
    ----------
    factors
        Codes of shape (n_patients,) and their names.
    n_patients
        Needed where there are no factors: then all are in the one stratum ``"all"``.

    Examples
    --------
    >>> a = np.array([0, 1, 1], np.int32)
    >>> code, names = combine([(a, ("F", "M")), (a[::-1], ("<60", ">=60"))], 3)
    >>> code.tolist(), names
    ([0, 2, 1], ('F × >=60', 'M × <60', 'M × >=60'))
    """
    if not factors:
        return np.zeros(n_patients, np.int32), ("all",)
    crossed: npt.NDArray[Any] = np.zeros(n_patients, np.int64)
    for code, names in factors:
        crossed = crossed * len(names) + code
    present, packed = np.unique(crossed, return_inverse=True)
    labels = []
    for cell in present.tolist():
        parts = []
        for _, names in reversed(factors):
            cell, index = divmod(cell, len(names))
            parts.append(names[index])
        labels.append(" × ".join(reversed(parts)))
    return packed.astype(np.int32), tuple(labels)
