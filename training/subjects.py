"""Who stands behind a record: age and sex, read from the comments of a WFDB header."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ingest.errors import InputError

Sex = Literal["F", "M", ""]

_SEX: dict[str, Sex] = {"f": "F", "female": "F", "m": "M", "male": "M"}
_NAMED_AGE = re.compile(r"\bage\b\W*(\d{1,3})\b", re.IGNORECASE)
_NAMED_SEX = re.compile(r"\b(?:sex|gender)\b\W*(female|male|f|m)\b", re.IGNORECASE)
_MITDB = re.compile(r"\s*(-?\d{1,3})\s+([FM])\b")
"""First comment of mitdb: age (-1 where unknown), sex, and numbers of the tape."""
MAX_AGE_YEARS = 120


@dataclass(frozen=True, slots=True)
class Subject:
    """What a header tells of a person."""

    age_years: int | None = None
    """Age, years; None where unknown. Many databases write 90 and more as one number."""
    sex: Sex = ""
    """``F``, ``M``, or empty where unknown."""


UNKNOWN = Subject()


def parse_comments(comments: str) -> Subject:
    """Read age and sex from the comments of a header.

    Known are mitdb's ``69 M …`` and what most other databases write, such as
    ``<age>: 88 <sex>: M`` (bidmc, incartdb) or ``age: 81``, ``sex: female`` (ptbdb).

    Examples
    --------
    >>> parse_comments("69 M 1085 1629 x1")
    Subject(age_years=69, sex='M')
    >>> parse_comments("<age>: 65 <sex>: F <diagnoses> Acute MI")
    Subject(age_years=65, sex='F')
    >>> parse_comments("-1 M 742 654 x1"), parse_comments("Diapres, Xyloprim")
    (Subject(age_years=None, sex='M'), Subject(age_years=None, sex=''))
    """
    age, sex = _NAMED_AGE.search(comments), _NAMED_SEX.search(comments)
    old = _MITDB.match(comments)
    years = int(age[1]) if age else int(old[1]) if old else -1
    letter = sex[1] if sex else old[2] if old else ""
    return Subject(years if 0 <= years <= MAX_AGE_YEARS else None, _SEX.get(letter.lower(), ""))


def read_subject(folder: Path, record: str) -> Subject:
    """Read who stands behind a WFDB record.

    Raises
    ------
    ingest.errors.InputError
        If there is no such header.
    """
    path = folder / f"{record}.hea"
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"no record {folder / record}: {error.strerror}") from error
    comments = [line[1:] for line in text.splitlines() if line.startswith("#")]
    return parse_comments("\n".join(comments))
