"""Groups of patients, by what their records' headers tell of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingest.errors import InputError
from training.datasets import LabelledSignal
from training.mitigation.settings import Attribute, MitigationConfig
from training.subjects import Subject

UNKNOWN_GROUP = "unknown"
"""Group of those of whom the header does not tell; it is counted like any other."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """How patients are put into groups."""

    attribute: Attribute = "sex"
    """What by."""
    age_bands: tuple[int, ...] = (40, 65)
    """First years of each age band but the youngest."""

    @classmethod
    def of(cls, config: MitigationConfig) -> Grouping:
        """Read it from the table ``[mitigation]``."""
        return cls(config.attribute, config.age_bands)

    def name(self, patient: str, subject: Subject) -> str:
        """Name a person's group.

        Examples
        --------
        >>> Grouping("sex-age").name("mitdb/101", Subject(75, "F"))
        'F, 65 and over'
        >>> Grouping("age").name("mitdb/215", Subject(None, "M"))
        'unknown'
        """
        if self.attribute == "patient":
            return patient
        sex, age = subject.sex or UNKNOWN_GROUP, self._band(subject.age_years)
        return {"sex": sex, "age": age, "sex-age": f"{sex}, {age}"}[self.attribute]

    def _band(self, age_years: int | None) -> str:
        if age_years is None:
            return UNKNOWN_GROUP
        at = sum(age_years >= first for first in self.age_bands)
        if at == 0:
            return f"under {self.age_bands[0]}"
        if at == len(self.age_bands):
            return f"{self.age_bands[-1]} and over"
        return f"{self.age_bands[at - 1]} to {self.age_bands[at] - 1}"

    def order(self) -> tuple[str, ...]:
        """Name the age bands from the youngest on, as they are to be shown."""
        firsts = (self.age_bands[0] - 1, *self.age_bands)
        return tuple(self._band(age) for age in firsts)


def groups_of(signals: Iterable[LabelledSignal], grouping: Grouping) -> dict[str, str]:
    """Give the group of every patient.

    Parameters
    ----------
    signals : iterable of LabelledSignal
    grouping : Grouping

    Returns
    -------
    dict of patient to group

    Raises
    ------
    ingest.errors.InputError
        If the records of one patient tell two groups.
    """
    found: dict[str, str] = {}
    for signal in signals:
        name = grouping.name(signal.patient, signal.subject)
        if found.setdefault(signal.patient, name) != name:
            raise InputError(
                f"patient {signal.patient} is in two groups by {grouping.attribute}: "
                f"{found[signal.patient]!r} and, by record {signal.name}, {name!r}"
            )
    return found


def group_names(groups: Mapping[str, str]) -> tuple[str, ...]:
    """Name the groups that there are, the unknown last.

    Examples
    --------
    >>> group_names({"a": "unknown", "b": "M", "c": "F"})
    ('F', 'M', 'unknown')
    """
    return tuple(sorted(set(groups.values()), key=lambda name: (name == UNKNOWN_GROUP, name)))


def require_groups(groups: Mapping[str, str], attribute: str) -> tuple[str, ...]:
    """Name the groups; refuse fewer than two that are known.

    Raises
    ------
    ingest.errors.InputError
        Naming what there is.
    """
    names = group_names(groups)
    if sum(name != UNKNOWN_GROUP for name in names) < 2:
        raise InputError(
            f"mitigation.attribute is {attribute!r}, but all training patients are in group "
            f"{', '.join(names) or 'none'}; allowed: an attribute with two known groups or more"
        )
    return names


def members(groups: Mapping[str, str], patients: Sequence[str]) -> dict[str, list[str]]:
    """List the patients of each group, in the order given."""
    found: dict[str, list[str]] = {name: [] for name in group_names(groups)}
    for patient in patients:
        found[groups[patient]].append(patient)
    return found
