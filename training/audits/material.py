"""What an audit makes its predictions of: records, their reference, and the people behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ingest.recording import Recording
from training.alarm_scoring import ReferenceRecord
from training.ec57 import Annotations


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One record and what its experts say of it."""

    recording: Recording
    """Signal."""
    beats: Annotations
    """Reference annotations, at the signal's sampling frequency."""
    episodes: ReferenceRecord | None = None
    """Episodes that should be alarmed; None where nobody marked them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The part of a record that counts.

    Beats are matched over the whole record and then counted where the reference beat, or the
    false detection, lies inside: no pair is torn by an edge.
    """

    begin_s: float
    """Start that does not count, while the system learns the signal, s."""
    tail_s: float = 0.0
    """End that does not count, s."""
    annotated: bool = False
    """Count only from the first annotated beat to the last, 150 ms beyond them: where experts
    left the first and last beats of a strip alone."""

    def describe(self) -> str:
        """Say in words what counts.

        Examples
        --------
        >>> Counted(300).describe()
        'the first 300 s of a record do not count'
        >>> Counted(2, 0.2, annotated=True).describe()
        'the first 2 s and the last 0.2 s of a record, and what lies outside ... do not count'
        """
        parts = [f"the first {self.begin_s:g} s"]
        if self.tail_s:
            parts.append(f"the last {self.tail_s:g} s")
        outside = ", and what lies outside its annotated beats," if self.annotated else ""
        return f"{' and '.join(parts)} of a record{outside} do not count"


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """A database as an audit sees it."""

    records: dict[str, str]
    """Patient of each record, in the order in which they are scored."""
    open: Callable[[str], Reference]
    """Reads one record."""
    subjects: pd.DataFrame
    """A row a patient: ``patient`` and attributes as text, empty where unknown."""
    counted: Counted
    """The part of each record that counts."""
    told: str
    """Data and protocol in words, for the report."""
    classes: bool = True
    """Whether beats have classes, or are only known to be there."""
