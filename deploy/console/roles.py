"""Who may do what: four roles, and what each is for."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ingest.errors import InputError


class Role(StrEnum):
    """What an account is for; an account may have several."""

    VIEWER = "viewer"
    """Sees patients, waveforms and alarms."""
    CLINICIAN = "clinician"
    """Also acknowledges, pauses, sets limits, gives feedback."""
    ENGINEER = "engineer"
    """Sees patients, and the system: metrics, models, dead letters, audits."""
    AUDITOR = "auditor"
    """Sees patients, feedback, audits, models, and who did what."""


SEES = frozenset(Role)
"""Roles that see patients."""
ACTS = frozenset({Role.CLINICIAN})
"""Roles that act on alarms."""
OPERATES = frozenset({Role.ENGINEER})
"""Roles that see the insides: metrics, dead letters."""
INSPECTS = frozenset({Role.ENGINEER, Role.AUDITOR})
"""Roles that see models and audits."""
REVIEWS = frozenset({Role.AUDITOR})
"""Roles that see who did what."""


def read_roles(names: Iterable[str]) -> frozenset[Role]:
    """Read roles by name.

    Raises
    ------
    InputError
        If one is unknown, or there is none.

    Examples
    --------
    >>> sorted(read_roles(["viewer", "auditor"]))
    [<Role.AUDITOR: 'auditor'>, <Role.VIEWER: 'viewer'>]
    """
    known = ", ".join(Role)
    found = set()
    for name in names:
        if name not in list(Role):
            raise InputError(f"role {name!r} is unknown; known are {known}")
        found.add(Role(name))
    if not found:
        raise InputError(f"an account needs a role; known are {known}")
    return frozenset(found)
