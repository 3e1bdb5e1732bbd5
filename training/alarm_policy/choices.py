"""What may be chosen for a patient, and what may never be touched.

A choice is a delay before the signals of low priority and a step of some limits. Both can be
served: ``onset_delay_s`` of the low priority (:mod:`inference.annunciation.policy`) and limits of
one patient (:meth:`inference.limits.Limits.changed`). No condition that is lethal, of high
priority, or a step on the way to one can be named, and no limit that defines such a condition.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from inference.conditions import CONDITIONS, LETHAL, Code, Kind, Priority, condition_by_name
from inference.limits import Limits
from ingest.errors import InputError

ON_THE_WAY = (Code.NON_SUSTAINED_VENTRICULAR_TACHYCARDIA, Code.V_RUN, Code.PAUSE)
"""Not lethal themselves, but what ventricular tachycardia and asystole begin as."""
NOT_JUDGED = (Code.ATRIAL_FIBRILLATION,)
"""Told by a model of its own, not by rules on beats: reference beats do not tell it."""
DELAYS_S = (0.0, 5.0, 20.0, 45.0)
"""Delays before a signal of low priority; 5 s is the default."""
STEPS: dict[str, dict[str, float]] = {
    "usual": {},
    "quieter": {
        "tachycardia_bpm": 130.0,
        "bradycardia_bpm": 45.0,
        "vebs_per_min": 20,
        "irregular_share": 0.65,
        "missed_beat_share": 2.0,
        "sv_run_beats": 5,
        "bigeminy_cycles": 5,
        "trigeminy_cycles": 5,
    },
}
"""Limits by step; named before anything was measured."""


def require_harmless(names: Iterable[str]) -> None:
    """Refuse conditions about which a policy may not decide.

    Raises
    ------
    ingest.errors.InputError
        Naming the condition and what is allowed.

    Examples
    --------
    >>> require_harmless(["couplet", "tachycardia"])
    >>> require_harmless(["asystole"])
    Traceback (most recent call last):
    ...
    ingest.errors.InputError: a policy may not decide about asystole; allowed: bradycardia, ...
    """
    for name in names:
        if condition_by_name(name).code not in DECIDED:
            allowed = ", ".join(CONDITIONS[code].name for code in DECIDED)
            raise InputError(f"a policy may not decide about {name}; allowed: {allowed}")


def _may_be_decided(code: Code) -> bool:
    row = CONDITIONS[code]
    return not (
        row.kind is not Kind.PHYSIOLOGICAL
        or row.priority is Priority.HIGH
        or code in (*LETHAL, *ON_THE_WAY, *NOT_JUDGED)
    )


DECIDED = tuple(row.code for row in CONDITIONS if _may_be_decided(row.code))
"""Conditions that a policy decides about."""


def require_free(keys: Iterable[str]) -> None:
    """Refuse limits that define a condition which may not be touched.

    Raises
    ------
    ingest.errors.InputError
        Naming the limit and the condition.
    """
    barred = [row for row in CONDITIONS if row.code not in (*DECIDED, *NOT_JUDGED)]
    for key in keys:
        if using := [row.name for row in barred if key in row.limit_keys]:
            raise InputError(f"limit {key} defines {', '.join(using)}: a policy may not change it")


@dataclass(frozen=True, slots=True)
class Choice:
    """One delay with one step of limits.

    Raises
    ------
    ingest.errors.InputError
        If the delay is none of ``DELAYS_S``, or the step none of ``STEPS``.
    """

    delay_s: float
    """Delay before a signal of low priority, s."""
    step: str
    """Step of the limits."""

    def __post_init__(self) -> None:
        if self.delay_s not in DELAYS_S:
            raise InputError(f"delay {self.delay_s:g} s: allowed: {DELAYS_S}")
        if self.step not in STEPS:
            raise InputError(f"limits {self.step!r}: allowed: {', '.join(STEPS)}")
        require_free(STEPS[self.step])

    @property
    def limits(self) -> Limits:
        """Limits of a patient with this choice."""
        return Limits().changed(STEPS[self.step])

    def delay_of(self, name: str) -> float:
        """Delay before the signal of a condition, s; none where it may not be decided about.

        Examples
        --------
        >>> choice = Choice(20.0, "usual")
        >>> choice.delay_of("couplet"), choice.delay_of("tachycardia"), choice.delay_of("asystole")
        (20.0, 0.0, 0.0)
        """
        row = condition_by_name(name)
        low = row.priority is Priority.LOW and row.code in DECIDED
        return self.delay_s if low else 0.0

    def __str__(self) -> str:
        """Return its name in tables."""
        return f"{self.delay_s:g} s, {self.step}"


CHOICES = tuple(Choice(delay_s, step) for step, delay_s in product(STEPS, DELAYS_S))
"""All choices, by number."""
DEFAULT = CHOICES.index(Choice(5.0, "usual"))
"""What every patient has without a policy."""
