"""Patient-wise splits, and the refusal of any other kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ingest.errors import InputError

DS1 = tuple(
    "101 106 108 109 112 114 115 116 118 119 122 124 "
    "201 203 205 207 208 209 215 220 223 230".split()
)
"""Training records of MIT-BIH, de Chazal et al., IEEE TBME 51(7), 2004, table II."""

DS2 = tuple(
    "100 103 105 111 113 117 121 123 200 202 210 212 "
    "213 214 219 221 222 228 231 232 233 234".split()
)
"""Test records of the same split; looked at for reporting only."""

PACED = ("102", "104", "107", "217")
"""Records with paced beats, left out by EC57's recommended practice."""

SAME_PATIENT = {"202": "201"}
"""Records of MIT-BIH that are one person: 201 and 202, so DS1 and DS2 share a patient."""


def database_of(folder: str, records: Iterable[str]) -> str:
    """Name the database of records: its folder's name, but mitdb's are known by theirs.

    Examples
    --------
    >>> database_of("mit-bih-arrhythmia-database-1.0.0", ["100", "202"])
    'mitdb'
    >>> database_of("svdb", ["801"])
    'svdb'
    """
    return "mitdb" if set(records) <= {*DS1, *DS2, *PACED} else folder


def patient_of(database: str, record: str) -> str:
    """Name the person behind a record.

    Examples
    --------
    >>> patient_of("mitdb", "202"), patient_of("mitdb", "100")
    ('mitdb/201', 'mitdb/100')
    """
    return f"{database}/{SAME_PATIENT.get(record, record) if database == 'mitdb' else record}"


def require_disjoint(parts: Mapping[str, Iterable[str]], known: Iterable[str] = ()) -> None:
    """Refuse a split in which a patient stands in two parts.

    Parameters
    ----------
    parts : mapping of part name to patients
        Patients as :func:`patient_of` names them.
    known : patients
        Overlaps that are declared and reported, such as ``mitdb/201``.

    Raises
    ------
    InputError
        Naming the patients and the parts.
    """
    seen: dict[str, str] = {}
    for part, patients in parts.items():
        for patient in set(patients):
            if patient in seen and patient not in known:
                raise InputError(
                    f"patient {patient} is in both {seen[patient]!r} and {part!r}: "
                    "a split must keep every patient on one side"
                )
            seen[patient] = part
