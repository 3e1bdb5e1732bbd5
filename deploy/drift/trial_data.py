"""Real recordings as patients, as they are and with each drift planted; kept, being slow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.patient import PatientFigures, read_patient
from deploy.drift.plants import Plant
from deploy.drift.records import figures_of_records
from deploy.drift.stays import Stays
from deploy.services.scoring import ScoreOptions
from ingest.errors import InputError
from training.splits import DS1

DATABASES = ("mitdb", "svdb", "vfdb", "challenge2015", "bidmc")
"""Of mitdb only DS1, without which a patient would stand in two parts."""
WINDOW_MIN = 3.0
"""Beginning of each record that is looked at, minutes."""


def records(data: Path) -> list[Path]:
    """Return the records of the trial, a patient each; the held-out ones are not among them."""
    found = []
    for database in DATABASES:
        for header in sorted((data / database).glob("*.hea")):
            is_numerics = database == "bidmc" and header.stem.endswith("n")
            if not is_numerics and (database != "mitdb" or header.stem in DS1):
                found.append(header.with_suffix(""))
    if not found:
        raise InputError(f"{data}: no records of {', '.join(DATABASES)}")
    return found


def figures_with(
    plant: Plant, data: Path, keep: Path, advance: Callable[[float], None] = lambda n: None
) -> list[PatientFigures]:
    """Take the figures of all records with one drift planted, or read those that were kept.

    Parameters
    ----------
    plant : Plant
        What is planted.
    data : Path
        Folder of the databases.
    keep : Path
        Folder in which what was found is kept, to go on from.
    advance : callable
        Is told how many records were done.
    """
    path = keep / f"{plant.name}.jsonl"
    if path.is_file():
        return [read_patient(line) for line in path.read_text().splitlines()]
    declaration = DriftDeclaration(window_min=WINDOW_MIN, verdict_wait_h=0)
    found = list(
        figures_of_records(
            records(data),
            ScoreOptions(limits=plant.limits),
            declaration,
            {},
            advance,
            plant.change,
            lambda: Seen(plant, declaration),
        )
    )
    keep.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(one.line() + "\n" for one in found))
    return found


class Seen(Stays):
    """Sees other probabilities than were said.

    Parameters
    ----------
    plant : Plant
        Tells which.
    declaration : DriftDeclaration
        As for :class:`~deploy.drift.stays.Stays`.
    """

    def __init__(self, plant: Plant, declaration: DriftDeclaration) -> None:
        super().__init__(declaration, {})
        self._seen = plant.seen

    def beat(
        self,
        stream_id: str,
        at_s: float,
        aami: str,
        rr_ms: int | None,
        confidence: float,
        lead: str,
    ) -> None:
        """Take a beat with the probability that the plant makes of its own."""
        super().beat(stream_id, at_s, aami, rr_ms, self._seen(confidence), lead)
