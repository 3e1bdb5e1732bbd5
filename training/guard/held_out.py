"""DS2 is for reporting: known by name and by its beats, and looked at with a reason only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError
from training.splits import DS2

DS2_BEATS = dict(
    item.split(":")[::-1]
    for item in (
        "100:6346281998987c9f 103:5001a1d9b7ed4940 105:a4fe6efa4f18499e 111:56a12549975cbd35 "
        "113:4c5602cf18651a65 117:ae81f9b0059da223 121:0fcbcda9fe7cc15b 123:73390da7733c22a9 "
        "200:5a62de5fb4901ba4 202:2047a86ff859e557 210:4f248803aa4b0788 212:e896aa91cc7f9b30 "
        "213:31c2a1b2ee0a2841 214:d85834a044c58c25 219:e1a5c626b7cd44c2 221:9154235622d35493 "
        "222:8db032e7bd9e3723 228:a5e640ec4578ab74 231:31aeb988d12d0ae3 232:307d4d0dc832ed23 "
        "233:f0760a29d5a926b6 234:9e1bcf62625c66ae"
    ).split()
)
"""Record of DS2 by :func:`beats_print` of its reference beats, so that a copy of the database
under another name is known too."""


def beats_print(r_ms: NDArray[np.int64]) -> str:
    """Fingerprint of where a record's beats are, as 16 hex digits.

    Parameters
    ----------
    r_ms : array of shape (n_beats,), ms since sample 0
    """
    return hashlib.sha256(np.ascontiguousarray(r_ms, np.int64).tobytes()).hexdigest()[:16]


def held_out(patient: str, record: str, r_ms: NDArray[np.int64]) -> bool:
    """Tell whether a record is one of DS2, by its name in mitdb or by its beats.

    Parameters
    ----------
    patient : str
        As :func:`training.splits.patient_of` names them.
    record : str
        Its name.
    r_ms : array of shape (n_beats,), ms since sample 0
        Its reference beats.
    """
    named = patient.startswith("mitdb/") and record in DS2
    return named or beats_print(r_ms) in DS2_BEATS


@dataclass(frozen=True, slots=True)
class Look:
    """Leave to evaluate on DS2 once: why it is looked at, for the log.

    Raises
    ------
    ingest.errors.InputError
        If no reason is given, or one that does not fit into a line of a table.
    """

    why: str
    """Reason; one line of ``training/EVALUATIONS.md``."""

    def __post_init__(self) -> None:
        if not self.why.strip() or "|" in self.why or not self.why.isprintable():
            raise InputError(
                f"a look at DS2 needs a reason that can be logged, not {self.why!r}: "
                "say in a line why these figures are made"
            )
