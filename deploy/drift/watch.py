"""The watch: patients' figures in, one after another; evidence of drift and alerts out."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.figures import FIGURES
from deploy.drift.patient import PatientFigures
from deploy.drift.ranks import RankTest

State = Literal["too_few", "watched", "drift"]
"""The reference is not whole; nothing is shown; a drift is."""
STATES: tuple[State, ...] = ("too_few", "watched", "drift")
"""In the order of the metric, from 0."""

Key = tuple[str, str, str]
"""Figure, attribute (``"all"``, ``"site"``, ``"device"``, ``"lead"``) and group."""


@dataclass(slots=True)
class Cell:
    """One figure in one group."""

    figure: str
    """Its name."""
    by: str
    """``"all"``, or the attribute that groups are of."""
    group: str
    """The group; empty for all."""
    limit: float
    """Evidence at which it alerts."""
    test: RankTest
    """The bets."""
    values: list[float | str] = field(default_factory=list)
    """Figures of its patients in order, the reference first."""
    trace: list[float] = field(default_factory=list)
    """Evidence behind each patient of ``values`` that was bet on."""
    found_utc_s: float | None = None
    """When a drift was found, s since 1970."""
    found_after: int = 0
    """Patients behind the reference until then."""
    direction: str = ""
    """Which bet had won most then."""

    @property
    def state(self) -> State:
        """What is known."""
        if self.found_utc_s is not None:
            return "drift"
        return "watched" if self.test.is_watched else "too_few"

    @property
    def key(self) -> Key:
        """Which it is."""
        return self.figure, self.by, self.group

    def add(self, value: float | str, chance: float, utc_s: float) -> bool:
        """Take one patient's figure; return True where a drift is found by it."""
        self.test.add(value, chance)
        self.values.append(value)
        if self.test.n <= self.test.reference:
            return False
        self.trace.append(self.test.value)
        if self.found_utc_s is not None or self.trace[-1] < self.limit:
            return False
        self.found_utc_s, self.found_after = utc_s, len(self.trace)
        self.direction = self.test.strongest
        return True


class DriftWatch:
    """Follows every figure, of all patients and by site, device and lead.

    It is a function of the patients and their order: who starts again gives it the same
    patients and knows what was known. A stream that comes twice counts once a figure.

    Parameters
    ----------
    declaration : DriftDeclaration
        What is watched.
    """

    def __init__(self, declaration: DriftDeclaration) -> None:
        self.declaration = declaration
        self.cells: dict[Key, Cell] = {}
        self.patients = 0
        """Patients that were counted."""
        self.ignored: Counter[str] = Counter()
        """What was not used, by reason."""
        self.alerts: list[Cell] = []
        """Drifts in the order in which they were found."""
        self._groups: list[tuple[str, str]] = []
        self._seen: set[tuple[str, str]] = set()
        self._known: set[str] = set()
        for figure in FIGURES:
            self._cell(figure, "all", "")

    def add(self, patient: PatientFigures) -> list[Cell]:
        """Take one patient; return what is found to drift by it.

        Figures that were taken of the same stream before are passed over; others may still come,
        as what clinicians say of its alarms does.
        """
        if patient.stream_id not in self._known:
            self._known.add(patient.stream_id)
            self.patients += 1
        groups = [("all", ""), *self._tested(patient)]
        found = []
        for figure, value in patient.figures.items():
            if (patient.stream_id, figure) in self._seen:
                self.ignored["figure of a patient that was counted"] += 1
                continue
            self._seen.add((patient.stream_id, figure))
            for by, group in groups:
                if figure == by:
                    continue  # within one lead the lead does not change
                cell = self._cell(figure, by, group)
                chance = chance_of(patient.stream_id, figure, by)
                if cell.add(value, chance, patient.utc_s):
                    found.append(cell)
        self.alerts += found
        return found

    def _tested(self, patient: PatientFigures) -> list[tuple[str, str]]:
        """Return the groups of a patient that are tested: the first ones that came."""
        tested = []
        for group in patient.groups.items():
            if group not in self._groups:
                if len(self._groups) >= self.declaration.most_groups:
                    self.ignored["group beyond most_groups"] += 1
                    continue
                self._groups.append(group)
            tested.append(group)
        return tested

    def _cell(self, figure: str, by: str, group: str) -> Cell:
        key = figure, by, group
        found = self.cells.get(key)
        if found is None:
            told = self.declaration
            reference = told.reference if by == "all" else told.group_reference
            test = RankTest(FIGURES[figure].is_label, reference)
            found = self.cells[key] = Cell(figure, by, group, told.limit(by), test)
        return found


def chance_of(stream_id: str, figure: str, by: str) -> float:
    """Return a number that looks drawn evenly from 0 to 1, the same in every run.

    Examples
    --------
    >>> chance_of("p1", "quality", "all") == chance_of("p1", "quality", "all")
    True
    """
    text = f"{stream_id}\0{figure}\0{by}".encode()
    digest = hashlib.blake2b(text, digest_size=8, person=b"vigil.drift").digest()
    return int.from_bytes(digest) / 2**64
