"""One patient's figures as one line: what a watch keeps, and all that it decides by."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from deploy.drift.figures import FIGURES
from ingest.errors import InputError

PATIENT_SCHEMA = "vigil.drift-patient/1"
"""Name and version of the form."""
NONE = ""
"""Site or device that is not known: its patients count overall only."""


@dataclass(frozen=True, slots=True)
class PatientFigures:
    """Figures of one patient."""

    stream_id: str
    """Pseudonym of the stream; in files only, never in a metric or report."""
    utc_s: float
    """When they were taken, s since 1970."""
    figures: dict[str, float | str]
    """By the names of :data:`~deploy.drift.figures.FIGURES`; those that are not known are left
    out."""
    site: str = NONE
    """Where the patient lies."""
    device: str = NONE
    """Type of the device."""

    @property
    def groups(self) -> dict[str, str]:
        """What the patient is counted under beside all: attribute and its value, where known."""
        found = {
            "site": self.site,
            "device": self.device,
            "lead": str(self.figures.get("lead", "")),
        }
        return {by: group for by, group in found.items() if group != NONE}

    def line(self) -> str:
        """Write it as a line of JSON, without its end.

        Examples
        --------
        >>> PatientFigures("p1", 0.0, {"lead": "II"}).line()
        '{"schema":"vigil.drift-patient/1","stream_id":"p1","utc_s":0.0,"site":"","device":"",\
"figures":{"lead":"II"}}'
        """
        told = {
            "schema": PATIENT_SCHEMA,
            "stream_id": self.stream_id,
            "utc_s": self.utc_s,
            "site": self.site,
            "device": self.device,
            "figures": self.figures,
        }
        return json.dumps(told, separators=(",", ":"), allow_nan=False)


def read_patient(line: str | bytes) -> PatientFigures:
    """Read what :meth:`PatientFigures.line` wrote.

    Raises
    ------
    InputError
        If it is no such line; says what is wrong.

    Examples
    --------
    >>> read_patient(PatientFigures("p1", 5.0, {"quality": 0.5}).line()).figures
    {'quality': 0.5}
    """
    try:
        told = json.loads(line)
        if told["schema"] != PATIENT_SCHEMA:
            raise InputError(f"a patient's figures are {PATIENT_SCHEMA}, not {told['schema']!r}")
        figures = {str(name): _value(name, value) for name, value in told["figures"].items()}
        at_s = float(told["utc_s"])
        return PatientFigures(
            str(told["stream_id"]), at_s, figures, str(told["site"]), str(told["device"])
        )
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"no line of a patient's figures: {error!r}") from error


def _value(name: str, value: Any) -> float | str:
    figure = FIGURES.get(name)
    if figure is None:
        raise InputError(f"figure {name!r} is unknown; known are {', '.join(FIGURES)}")
    if figure.is_label:
        if not isinstance(value, str) or not value:
            raise InputError(f"figure {name} must be a word, not {value!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"figure {name} must be a number, not {value!r}")
    return float(value)
