"""Counts and the rates that follow from them; a rate without a denominator is None."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REF_CLASSES = "NSVFQOX"
"""Rows of a confusion matrix: reference classes, O no reference beat, X the same where the
reference calls the signal unreadable."""
TEST_CLASSES = "nsvfqox"
"""Columns: test classes, o beat missed, x beat missed during the test annotator's shutdown."""

Confusion = NDArray[np.int64]
"""Shape (7, 7), beats, rows in the order of `REF_CLASSES`, columns of `TEST_CLASSES`."""


def percent(part: float, whole: float) -> float | None:
    """Give a percentage, or None where the whole is 0.

    Examples
    --------
    >>> percent(1, 4), percent(0, 0)
    (25.0, None)
    """
    return 100.0 * part / whole if whole else None


def mean(values: Sequence[float | None]) -> float | None:
    """Average what is defined; None if nothing is.

    Examples
    --------
    >>> mean([50.0, None, 100.0]), mean([None])
    (75.0, None)
    """
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class Tally:
    """Detections of one kind of event, and the rates of EC57.

    For beats the two counts of true positives are one number. For runs and
    episodes they differ: one counts reference events, the other test events.
    """

    tp_se: int
    """Reference events that the test annotator found."""
    fn: int
    """Reference events that it missed or called something else."""
    tp_ppv: int
    """Test events that are in the reference."""
    fp: int
    """Test events that are not."""

    @property
    def se(self) -> float | None:
        """Sensitivity, percent; None without reference events."""
        return percent(self.tp_se, self.tp_se + self.fn)

    @property
    def ppv(self) -> float | None:
        """Positive predictivity, percent; None without test events."""
        return percent(self.tp_ppv, self.tp_ppv + self.fp)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two, percent; None without reference events.

        Examples
        --------
        >>> round(Tally(8, 2, 8, 8).f1, 2)
        61.54
        """
        se, ppv = self.se, self.ppv
        if se is None:
            return None
        ppv = ppv or 0.0
        return 2 * se * ppv / (se + ppv) if se + ppv else 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.tp_se + other.tp_se,
            self.fn + other.fn,
            self.tp_ppv + other.tp_ppv,
            self.fp + other.fp,
        )


def cells(confusion: Confusion, names: str) -> int:
    """Add up cells of a confusion matrix, named as in EC57.

    Examples
    --------
    >>> import numpy as np
    >>> cells(np.arange(49).reshape(7, 7), "Nn Ss")
    8
    """
    return sum(
        int(confusion[REF_CLASSES.index(name[0]), TEST_CLASSES.index(name[1])])
        for name in names.split()
    )


def qrs_tally(confusion: Confusion) -> Tally:
    """Count QRS detection: any beat paired with any beat is found."""
    found = int(confusion[:5, :5].sum())
    return Tally(found, int(confusion[:5, 5:].sum()), found, int(confusion[5:, :5].sum()))


def veb_tally(confusion: Confusion) -> Tally:
    """Count ventricular ectopic beats: Fv and Qv are neither right nor wrong (EC57)."""
    hit = cells(confusion, "Vv")
    return Tally(hit, cells(confusion, "Vn Vs Vf Vq Vo Vx"), hit, cells(confusion, "Nv Sv Ov Xv"))


def sveb_tally(confusion: Confusion) -> Tally:
    """Count supraventricular ectopic beats: Qs is neither right nor wrong (EC57)."""
    hit = cells(confusion, "Ss")
    return Tally(
        hit, cells(confusion, "Sn Sv Sf Sq So Sx"), hit, cells(confusion, "Ns Vs Fs Os Xs")
    )


def gross_sveb_tally(confusion: Confusion) -> Tally:
    """Count supraventricular ectopic beats over several records, as sumstats does.

    Here Fs is not wrong either: the line format that sumstats reads pools Fs
    and Qs in one column, and the standard's gross figures come from its sums.
    """
    hit = cells(confusion, "Ss")
    return Tally(hit, cells(confusion, "Sn Sv Sf Sq So Sx"), hit, cells(confusion, "Ns Vs Os Xs"))
