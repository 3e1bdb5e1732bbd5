"""What was fitted carries the patients it was fitted on, and is not applied to them as a test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ingest.errors import InputError

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Fitted(Generic[Value]):
    """A statistic, threshold or model, and the patients that it was fitted on.

    Raises
    ------
    ingest.errors.InputError
        If it names no patient: nothing is fitted on nobody.

    Examples
    --------
    >>> scale = Fitted("scale", 0.4, frozenset({"mitdb/101"}))
    >>> scale.for_evaluation(["mitdb/100"])
    0.4
    >>> scale.for_evaluation(["mitdb/100", "mitdb/101"])
    Traceback (most recent call last):
    ingest.errors.InputError: scale was fitted on mitdb/101, who is evaluated: ...
    """

    what: str
    """What it is, for messages."""
    value: Value
    """The statistic itself."""
    patients: frozenset[str]
    """Patients as :func:`training.splits.patient_of` names them."""

    def __post_init__(self) -> None:
        if not self.patients:
            raise InputError(f"{self.what} must name the patients that it was fitted on")

    def overlap(self, patients: Iterable[str], declared: Iterable[str] = ()) -> list[str]:
        """Name the patients that it was fitted on among others, but for those declared."""
        return sorted((self.patients & set(patients)) - set(declared))

    def for_evaluation(self, patients: Iterable[str], declared: Iterable[str] = ()) -> Value:
        """Lend the value for an evaluation of these patients.

        Parameters
        ----------
        patients : patients to be evaluated
        declared : overlaps that are known and reported, such as ``mitdb/201``

        Raises
        ------
        ingest.errors.InputError
            If it was fitted on one of them.
        """
        if both := self.overlap(patients, declared):
            raise InputError(
                f"{self.what} was fitted on {', '.join(both)}, who is evaluated: fit it on "
                "training patients only"
            )
        return self.value
