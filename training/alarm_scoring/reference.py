"""What should have been alarmed: episodes from rhythm annotations, or from lines of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import InputError
from training.ec57 import Annotations, read_annotations
from training.ec57.annotation import read_header
from training.ec57.segments import VF_RHYTHMS, rhythm_segments, vf_segments
from training.splits import patient_of

RHYTHMS: dict[str, frozenset[str]] = {
    "asystole": frozenset({"(ASYS"}),
    "ventricular_tachycardia": frozenset({"(VT"}),
    "ventricular_fibrillation": VF_RHYTHMS,
    "atrial_fibrillation": frozenset({"(AFIB", "(AFL"}),
}
"""Conditions that PhysioNet's rhythm annotations tell as Vigil means them. Slow and fast rates
are not among them: ``(SBR`` is any rate below 60, and ``(SVTA`` tells an origin."""

FINDS: dict[str, tuple[str, ...]] = {
    "ventricular_fibrillation": (
        "ventricular_fibrillation",
        "ventricular_flutter",
        "ventricular_fibrillation_flutter",
    ),
    "shockable": (
        "ventricular_tachycardia",
        "ventricular_fibrillation",
        "ventricular_flutter",
        "ventricular_fibrillation_flutter",
    ),
}
"""Conditions whose alarm finds an episode; where none stand here, the episode's own."""

SHOCKABLE = ("ventricular_tachycardia", "ventricular_fibrillation")
"""Their episodes, joined where they touch, count as ``shockable`` too."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode of the reference; times in s since the record began."""

    condition: str
    """Name of the condition."""
    onset_s: float
    """Begin."""
    offset_s: float
    """End."""


@dataclass(frozen=True, slots=True)
class ReferenceRecord:
    """What is known of one record."""

    record: str
    """Name."""
    patient: str
    """Who it is; the unit of all intervals."""
    duration_s: float
    """Length, s."""
    judged: frozenset[str]
    """Conditions of which the reference tells every episode."""
    episodes: tuple[Episode, ...]
    """Episodes that are to be found, by onset."""
    short: tuple[Episode, ...] = ()
    """Episodes too short to be asked for; an alarm in one is not false."""


def finds(condition: str) -> tuple[str, ...]:
    """Name the conditions whose alarm finds an episode of this one.

    Examples
    --------
    >>> finds("asystole")
    ('asystole',)
    """
    return FINDS.get(condition, (condition,))


def annotated_record(
    folder: Path, record: str, extension: str = "atr", least_s: float = 0.0
) -> ReferenceRecord:
    """Read the rhythm annotations of one WFDB record.

    Parameters
    ----------
    folder, record, extension : Path, str, str
        Where the header and the annotations are.
    least_s : float
        Shorter episodes need not be found, s; an alarm in one is not false either.

    Raises
    ------
    InputError
        If either cannot be read, or the header does not tell the length.
    """
    header = read_header(folder, record)
    if header is None or header.n_samples is None:
        raise InputError(f"{folder / record}.hea is not there, or does not tell the length")
    notes = read_annotations(folder, record, extension, header.fs)
    found = [
        Episode(condition, first / header.fs, last / header.fs)
        for condition in RHYTHMS
        for first, last in _segments(notes, condition, header.n_samples)
    ]
    return make_record(
        record,
        patient_of(folder.name, record),
        header.n_samples / header.fs,
        found,
        frozenset(RHYTHMS),
        least_s,
    )


def _segments(notes: Annotations, condition: str, n_samples: int) -> tuple[tuple[int, int], ...]:
    if condition == "ventricular_fibrillation":
        return vf_segments(notes, n_samples, from_rhythm=True)
    return rhythm_segments(notes, RHYTHMS[condition], n_samples)


def make_record(
    record: str,
    patient: str,
    duration_s: float,
    episodes: Sequence[Episode],
    judged: frozenset[str],
    least_s: float = 0.0,
) -> ReferenceRecord:
    """Put a record together, its shockable episodes joined beside the others.

    Parameters
    ----------
    record, patient : str
        Record, and who it is.
    duration_s : float
        Length, s.
    episodes : sequence of Episode
        Episodes of all conditions.
    judged : frozenset of str
        Conditions of which these are all episodes.
    least_s : float
        Shorter ones, joined where they touch, are not asked for, s.
    """
    shockable: list[Episode] = []
    for each in sorted(episodes, key=lambda e: e.onset_s):
        if each.condition not in SHOCKABLE:
            continue
        if shockable and each.onset_s <= shockable[-1].offset_s:
            last = shockable.pop()
            end_s = max(last.offset_s, each.offset_s)
            shockable.append(Episode("shockable", last.onset_s, end_s))
        else:
            shockable.append(Episode("shockable", each.onset_s, each.offset_s))
    whole = judged | {"shockable"} if judged.issuperset(SHOCKABLE) else judged
    kept = [*episodes, *(shockable if "shockable" in whole else [])]
    ordered = tuple(sorted(kept, key=lambda e: (e.onset_s, e.condition)))
    long = tuple(each for each in ordered if each.offset_s - each.onset_s >= least_s)
    short = tuple(each for each in ordered if each.offset_s - each.onset_s < least_s)
    return ReferenceRecord(record, patient, duration_s, frozenset(whole), long, short)


def read_reference(path: Path) -> list[ReferenceRecord]:
    """Read a reference from lines of JSON.

    A line tells a record, ``{"record", "duration_s", "judged": [conditions]}`` with
    ``"patient"`` where several records are of one, or an episode of a record
    told before, ``{"record", "condition", "onset_s", "offset_s"}``.

    Raises
    ------
    InputError
        Naming the line, and what is wrong with it.
    """
    heads: dict[str, tuple[str, float, frozenset[str]]] = {}
    episodes: dict[str, list[Episode]] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        try:
            keys = json.loads(line)
            record = str(keys["record"])
            if "judged" in keys:
                patient = str(keys.get("patient", record))
                judged = frozenset(str(each) for each in keys["judged"])
                heads[record] = (patient, _finite(keys["duration_s"]), judged)
                episodes.setdefault(record, [])
            else:
                episodes[record].append(_episode(keys, heads[record]))
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            raise InputError(f"{path}, line {number} cannot be used: {error}") from error
    return [
        make_record(record, patient, duration_s, episodes[record], judged)
        for record, (patient, duration_s, judged) in heads.items()
    ]


def _episode(keys: dict[str, object], head: tuple[str, float, frozenset[str]]) -> Episode:
    each = Episode(str(keys["condition"]), _finite(keys["onset_s"]), _finite(keys["offset_s"]))
    if each.condition not in head[2]:
        raise InputError(f"{each.condition!r} is not among those judged: {sorted(head[2])}")
    if not 0 <= each.onset_s < each.offset_s <= head[1]:
        raise InputError(f"an episode must lie in 0 to {head[1]:g} s and end behind its onset")
    return each


def _finite(value: object) -> float:
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise InputError(f"{value!r} is no number")
    return number
