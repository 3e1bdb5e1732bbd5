"""The records that each published row is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.errors import InputError
from training.splits import DS1, DS2, PACED


@dataclass(frozen=True, slots=True)
class Cohort:
    """Records that one row of a card is about."""

    name: str
    """As it stands in the row."""
    database: str
    """Folder of the database."""
    records: tuple[str, ...]
    """Its records; none means all."""
    key: str
    """Short name, on the command line and of files."""

    @property
    def held_out(self) -> bool:
        """Whether scoring it is a look at DS2, to be logged with its reason."""
        return self.database == "mitdb" and (not self.records or bool({*self.records} & {*DS2}))

    @property
    def beat_classes(self) -> bool:
        """Whether beat classes count in it: not where there are paced records."""
        return self.database != "mitdb" or bool(self.records and not {*self.records} & {*PACED})


COHORTS = (
    Cohort("mitdb, all 48", "mitdb", (), "all"),
    Cohort("mitdb DS1 (trained on)", "mitdb", DS1, "ds1"),
    Cohort("mitdb DS2", "mitdb", DS2, "ds2"),
    Cohort("mitdb DS2 without 202", "mitdb", tuple(r for r in DS2 if r != "202"), "ds2-no202"),
    Cohort("mitdb DS2 without 232", "mitdb", tuple(r for r in DS2 if r != "232"), "ds2-no232"),
    Cohort("svdb (never trained on)", "svdb", (), "svdb"),
)
"""Paced records count for QRS only, in the first."""


def cohorts_named(keys: Sequence[str], *, look: bool) -> tuple[Cohort, ...]:
    """Choose cohorts by their keys.

    Parameters
    ----------
    keys : sequence of str
        Keys of ``COHORTS``.
    look : bool
        A reason to look at DS2 was given.

    Raises
    ------
    ingest.errors.InputError
        If a key is unknown, or a cohort holds records of DS2 and there is no reason.

    Examples
    --------
    >>> [cohort.name for cohort in cohorts_named(["ds1"], look=False)]
    ['mitdb DS1 (trained on)']
    """
    by_key = {cohort.key: cohort for cohort in COHORTS}
    unknown = [key for key in keys if key not in by_key]
    if unknown:
        raise InputError(f"no cohort {', '.join(unknown)}; there are: {', '.join(by_key)}")
    chosen = tuple(by_key[key] for key in keys)
    if not look and any(cohort.held_out for cohort in chosen):
        names = ", ".join(cohort.key for cohort in chosen if cohort.held_out)
        raise InputError(f"{names}: records of DS2 are held out; say why with --why, it is logged")
    return chosen
