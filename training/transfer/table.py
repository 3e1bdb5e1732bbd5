"""Rates of every arm on the same patients, and how far each is from the source's model as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError
from training.ec57.bootstrap import draw_patients, drawn_rates
from training.splits import patient_of
from training.transfer.arms import AS_IS, Arm, arms_of
from training.transfer.sides import DIRECTIONS, TITLES, Direction

KINDS = ("veb", "sveb")
"""Beats that are told of."""
RATES = ("se", "ppv", "f1")
"""Gross rates, percent."""
RESAMPLES = 2000
"""Draws of patients."""
Array = NDArray[np.float64]
Trials = Sequence[Mapping[str, Any]]
Judged = dict[str, dict[str, Mapping[str, list[int]]]]
"""Counts by arm and by record."""


def compared(trials: Trials, few: Sequence[int]) -> dict[str, Any]:
    """Compare the arms of every direction.

    Parameters
    ----------
    trials : sequence of mapping
        From :func:`training.transfer.trial.kept_trials`.
    few : sequence of int
        Patients of the target that the arms learn from.

    Returns
    -------
    dict
        ``few``, and ``directions``: one for each target that was judged.

    Raises
    ------
    ingest.errors.InputError
        If no half of any target was judged by all arms.
    """
    arms = arms_of(few)
    directions = []
    for one in DIRECTIONS:
        by_seed = judged_by_all(trials, one, arms)
        if by_seed:
            directions.append(_direction(one, by_seed, trials, arms))
    if not directions:
        told = ",".join(map(str, few))
        raise InputError(f"no half of a target was judged by all arms of --few {told}")
    return {"few": list(few), "directions": directions}


def judged_by_all(trials: Trials, direction: Direction, arms: Sequence[Arm]) -> dict[int, Judged]:
    """Gather, by seed, the halves that all arms have judged; seeds that have as much as the most.

    Parameters
    ----------
    trials : sequence of mapping
        From :func:`training.transfer.trial.kept_trials`.
    direction : Direction
        Source and target.
    arms : sequence of Arm
        All that are to be told of.
    """
    names = {arm.name for arm in arms}
    found: dict[int, Judged] = {}
    for seed in sorted({trial["seed"] for trial in trials}):
        own = [t for t in trials if t["seed"] == seed and _of(t, direction) and t["arm"] in names]
        gathered: Judged = {name: {} for name in names}
        for trial in own:
            gathered[trial["arm"]] |= trial["records"]
        shared = set.intersection(*(set(records) for records in gathered.values()))
        if shared:
            found[seed] = {
                name: {record: records[record] for record in sorted(shared)}
                for name, records in gathered.items()
            }
    most = max((len(judged[AS_IS.name]) for judged in found.values()), default=0)
    return {seed: judged for seed, judged in found.items() if len(judged[AS_IS.name]) == most}


def _of(trial: Mapping[str, Any], direction: Direction) -> bool:
    return bool((trial["source"], trial["target"]) == (direction.source, direction.target))


def _direction(
    direction: Direction, by_seed: Mapping[int, Judged], trials: Trials, arms: Sequence[Arm]
) -> dict[str, Any]:
    """Compare the arms of one direction."""
    titles = {"source": TITLES[direction.source], "target": TITLES[direction.target]}
    records = {record for judged in by_seed.values() for record in judged[AS_IS.name]}
    patients = sorted({patient_of(direction.target, record) for record in records})
    draws = np.vstack(
        [np.ones((1, len(patients)), np.int64), draw_patients(len(patients), RESAMPLES, 0)]
    )

    def rates(arm: Arm, kind: str) -> list[dict[str, Array]]:
        """Rates of each seed; the first is of all patients once, the others are draws."""
        return [
            drawn_rates(draws, _by_patient(judged[arm.name], direction.target, patients, kind))
            for judged in by_seed.values()
        ]

    plain = {kind: _mean([one["f1"] for one in rates(AS_IS, kind)]) for kind in KINDS}
    rows = []
    for arm in arms:
        row: dict[str, Any] = {
            "name": arm.name,
            "title": arm.title.format(**titles),
            **_learned([t for t in trials if _of(t, direction) and t["seed"] in by_seed], arm),
        }
        for kind in KINDS:
            each = rates(arm, kind)
            row[kind] = {rate: _told(_mean([one[rate] for one in each])) for rate in RATES}
            row[kind]["seeds"] = [float(one["f1"][0]) for one in each]
            row[kind]["change"] = _told(_mean([one["f1"] for one in each]) - plain[kind])
        rows.append(row)
    return {
        "source": direction.source,
        "target": direction.target,
        "seeds": sorted(by_seed),
        "patients": patients,
        "arms": rows,
    }


def _learned(trials: Trials, arm: Arm) -> dict[str, Any]:
    """Tell what the models of an arm learned from last, one a model."""
    own = [trial for trial in trials if trial["arm"] == arm.name]
    return {
        "few": arm.few,
        "goes_on": arm.source and arm.few > 0,
        "learned_from": [trial["learned_from"] for trial in own],
        "v_beats": [trial["beats"]["V"] for trial in own],
        "s_beats": [trial["beats"]["S"] for trial in own],
        "cpu_s": float(np.mean([trial["cpu_s"] for trial in own])),
    }


def _by_patient(
    records: Mapping[str, Mapping[str, list[int]]],
    database: str,
    patients: Sequence[str],
    kind: str,
) -> Array:
    """Add up the counts of each patient, array of shape (n_patients, 3)."""
    counts = np.zeros((len(patients), 3))
    for record, of in records.items():
        counts[patients.index(patient_of(database, record))] += of[kind]
    return counts


def _mean(each: Sequence[Array]) -> Array:
    """Average seeds, draw by draw; NaN where a seed's rate is not defined."""
    return np.asarray(np.mean(each, axis=0), np.float64)


def _told(values: Array) -> dict[str, float | None]:
    """Give the value of all patients, the first, and the 95 % interval of the draws."""
    known = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or not known.size:
        return {"value": None, "low": None, "high": None}
    low, high = np.percentile(known, [2.5, 97.5])
    return {"value": float(values[0]), "low": float(low), "high": float(high)}
