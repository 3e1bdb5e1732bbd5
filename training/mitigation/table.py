"""The comparison's figures: every arm, by group, before and after, with what it changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.ticks import S, V
from ingest.errors import InputError
from training.datasets import LabelledSignal, digest
from training.mitigation.arms import ATTRIBUTES, CONTROLS, HELD_BACK, PLAIN
from training.mitigation.groups import UNKNOWN_GROUP, Grouping, groups_of, members
from training.mitigation.paired import (
    KINDS,
    RATES,
    Counts,
    Told,
    change,
    group_rates,
    holm,
    p_value,
    worst_of,
)
from training.survey.arms import Arm
from training.survey.results import kept
from training.survey.run import Plan

MIN_DECIDING = 5
"""Patients below which a group is shown but decides nothing."""
MIN_WITH_BEATS = 3
"""The same of patients who have beats of the kind."""
LEVEL = 0.05
"""Of the adjusted p of the worst group's change."""

Rate = tuple[float, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Group:
    """A group that figures are given of."""

    attribute: str
    """What it is made by; empty for all patients."""
    name: str
    """Its name."""
    patients: tuple[str, ...]
    """Who is in it."""
    with_beats: Mapping[str, int]
    """Patients with beats of each kind."""

    @property
    def key(self) -> str:
        """Name that tells it from groups by other attributes."""
        return f"{self.attribute}: {self.name}" if self.attribute else self.name

    def decides(self, kind: str) -> bool:
        """Whether it has enough patients to be the worst group of a kind of beats."""
        enough = len(self.patients) >= MIN_DECIDING
        return bool(self.attribute) and enough and self.with_beats[kind] >= MIN_WITH_BEATS


def groups_told(signals: Sequence[LabelledSignal], age_bands: tuple[int, ...]) -> list[Group]:
    """List all patients, then those of each sex and age band, oldest last, unknown behind."""
    firsts = [signal for signal in signals if signal.first]
    patients = sorted({signal.patient for signal in firsts})
    having = {
        kind: {s.patient for s in firsts if (s.aami == code).any()}
        for kind, code in (("veb", V), ("sveb", S))
    }

    def group(attribute: str, name: str, own: Sequence[str]) -> Group:
        beats = {kind: len(having[kind] & set(own)) for kind in KINDS}
        return Group(attribute, name, tuple(own), beats)

    found = [group("", "all", patients)]
    for attribute in ATTRIBUTES:
        grouping = Grouping(attribute, age_bands)  # type: ignore[arg-type]
        of_group = members(groups_of(firsts, grouping), patients)
        order = [*grouping.order(), UNKNOWN_GROUP] if attribute == "age" else list(of_group)
        found += [group(attribute, name, of_group[name]) for name in order if name in of_group]
    return found


Runs = dict[tuple[int, int], dict[str, Any]]
"""What an arm's runs told, by seed and fold."""


def runs_of(plan: Plan, arm: Arm, out: Path, data: str, *, stale: bool = False) -> Runs:
    """Read what there is of an arm."""
    jobs = {(job.config.fit.seed, job.fold): job for job in plan.jobs() if job.arm is arm}
    told = {at: kept(job, out, data, stale=stale) for at, job in jobs.items()}
    return {at: result for at, result in told.items() if result is not None}


def whole_runs(runs: Runs, folds: set[int]) -> list[dict[str, Any]]:
    """Take the runs of some folds, of seeds that have all of these."""
    seeds = {seed for seed, _ in runs}
    whole = [seed for seed in sorted(seeds) if all((seed, fold) in runs for fold in folds)]
    return [runs[seed, fold] for seed in whole for fold in sorted(folds)]


def counts_of(
    results: Sequence[Mapping[str, Any]], signals: Sequence[LabelledSignal]
) -> dict[str, NDArray[np.int64]]:
    """Add confusions up by patient, array of shape (5, 5), beats, over seeds and records."""
    patient_of = {signal.name: signal.patient for signal in signals}
    counts: dict[str, NDArray[np.int64]] = {}
    for result in results:
        for record, confusion in result["by_record"].items():
            patient = patient_of[record]
            before = counts.get(patient, np.zeros((5, 5), np.int64))
            counts[patient] = before + np.array(confusion, np.int64)
    return counts


def compare(
    plan: Plan,
    signals: Sequence[LabelledSignal],
    out: Path,
    *,
    stale: bool = False,
    partly: bool = False,
) -> dict[str, Any]:
    """Gather the runs that there are into one table.

    Parameters
    ----------
    plan, signals, out, stale
        As :func:`training.survey.run.run` had them.
    partly : bool
        Tell of the folds that every arm of the plan has done, and of their patients only; else an
        arm is told of when all its folds are done.

    Returns
    -------
    dict
        ``groups``, ``arms``, ``leakage`` and what they were made under; plain values.

    Raises
    ------
    ingest.errors.InputError
        If plain training is not done.
    """
    data = digest(signals)
    runs = {arm.name: runs_of(plan, arm, out, data, stale=stale) for arm in plan.arms}
    folds = set(range(plan.n_folds))
    if partly:
        for told in runs.values():
            folds &= {fold for _, fold in told}
    results = {name: whole_runs(told, folds) if folds else [] for name, told in runs.items()}
    found = {name: (counts_of(told, signals), told) for name, told in results.items()}
    if not found.get(PLAIN, ({}, []))[0]:
        raise InputError("plain training is not done yet: there is nothing to compare with")
    judged = [signal for signal in signals if signal.patient in found[PLAIN][0]]
    groups = groups_told(judged, plan.base.mitigation.age_bands)
    done = [arm for arm in plan.arms if found[arm.name][0]]
    rows = [_row(arm, groups, {name: f[0] for name, f in found.items()}) for arm in done]
    _adjust(rows)
    fit = plan.base.fit
    return {
        "groups": [
            {**asdict(g), "key": g.key, "decides": {kind: g.decides(kind) for kind in KINDS}}
            for g in groups
        ],
        "arms": rows,
        "leakage": _leakage({arm.name: found[arm.name][1] for arm in done}, groups),
        "further": {arm.name: _further(found[arm.name][1]) for arm in done},
        "seeds": sorted({r["seed"] for r in found[PLAIN][1]}),
        "seeds_of": {arm.name: sorted({r["seed"] for r in found[arm.name][1]}) for arm in done},
        "training_s": {a.name: fmean(r["training_s"] for r in found[a.name][1]) for a in done},
        "folds": plan.n_folds,
        "folds_done": sorted(folds),
        "sequences": fit.epochs * fit.steps * fit.batch,
        "beats": fit.length,
        "data": data[:16],
        "codes": sorted({r["key"]["code"] for _, results in found.values() for r in results}),
    }


def _row(arm: Arm, groups: Sequence[Group], counts: Mapping[str, Counts]) -> dict[str, Any]:
    """Give one arm's rates by group, with their changes from plain training."""
    cells: dict[str, Any] = {}
    f1: dict[str, dict[str, dict[str, Rate]]] = {}
    against = {PLAIN: counts[PLAIN], "": counts[arm.name]}
    if arm.note and counts.get(HELD_BACK) and "held back" in arm.note:
        against[HELD_BACK] = counts[HELD_BACK]
    for at, group in enumerate(groups):
        of_group: dict[str, Any] = {}
        for kind in KINDS:
            rates = {
                name: group_rates(table, group.patients, kind, seed=at)
                for name, table in against.items()
            }
            f1.setdefault(kind, {})[group.key] = {name: r["f1"] for name, r in rates.items()}
            of_group[kind] = {
                rate: {
                    "value": asdict(Told.of(*rates[""][rate])),
                    "change": asdict(change(rates[PLAIN][rate], rates[""][rate])),
                }
                for rate in RATES
            }
            if HELD_BACK in rates:
                for rate in RATES:
                    told = change(rates[HELD_BACK][rate], rates[""][rate])
                    of_group[kind][rate]["change_held_back"] = asdict(told)
        cells[group.key] = of_group
    worst = {
        attribute: {kind: _worst(groups, attribute, kind, f1[kind]) for kind in KINDS}
        for attribute in ATTRIBUTES
    }
    return {
        "name": arm.name,
        "title": arm.title,
        "note": arm.note,
        "keys": arm.keys,
        "groups": cells,
        "worst": worst,
    }


def _worst(
    groups: Sequence[Group], attribute: str, kind: str, f1: Mapping[str, Mapping[str, Rate]]
) -> dict[str, Any] | None:
    """Give the worst deciding group's F1 of an attribute, and its change; None if none decides."""
    keys = [g.key for g in groups if g.attribute == attribute and g.decides(kind)]
    if not keys:
        return None
    before, after = (worst_of([f1[key][name] for key in keys]) for name in (PLAIN, ""))
    return {
        "group": min(keys, key=lambda key: f1[key][""][0]),
        "value": asdict(Told.of(*after)),
        "change": asdict(change(before, after)),
        "p": p_value(after[1] - before[1]),
    }


def _adjust(rows: list[dict[str, Any]]) -> None:
    """Adjust the p-values of all arms together; say who beats plain training and who is harmed."""
    tests = [
        one
        for row in rows
        if row["name"] not in CONTROLS
        for kinds in row["worst"].values()
        for one in kinds.values()
        if one is not None
    ]
    for one, adjusted in zip(tests, holm([one["p"] for one in tests]), strict=True):
        one["p_holm"] = adjusted
    for row in rows:
        told = [
            (f"{attribute}, {kind}", one)
            for attribute, kinds in row["worst"].items()
            for kind, one in kinds.items()
            if one is not None and one.get("p_holm", 1.0) < LEVEL
        ]
        row["better"] = [name for name, one in told if one["change"]["value"] > 0]
        row["worse"] = [name for name, one in told if one["change"]["value"] < 0]
        row["harmed"] = [
            f"{key}, {kind} {rate}"
            for key, kinds in row["groups"].items()
            for kind, rates in kinds.items()
            for rate, cell in rates.items()
            if rate != "f1" and (cell["change"]["high"] or 0) < 0
        ]


def _leakage(
    results: Mapping[str, Sequence[Mapping[str, Any]]], groups: Sequence[Group]
) -> dict[str, dict[str, Any]]:
    """Balanced accuracy of the probes, patients drawn within each group, by arm and attribute."""
    found: dict[str, dict[str, Any]] = {}
    for arm, runs in results.items():
        for attribute in ATTRIBUTES:
            shares: dict[str, list[float]] = defaultdict(list)
            for run in runs:
                for name, value in run["further"].items():
                    if name.startswith(f"leak/{attribute}/"):
                        shares[name.removeprefix(f"leak/{attribute}/")].append(value)
            own = [g for g in groups if g.attribute == attribute and g.name != UNKNOWN_GROUP]
            own = [g for g in own if any(p in shares for p in g.patients)]
            if shares and own:
                found.setdefault(arm, {})[attribute] = _balanced(shares, own)
    for told in found.values():
        for attribute, one in told.items():
            plain = found.get(PLAIN, {}).get(attribute)
            if plain is not None:
                draws = one["draws"] - plain["draws"]
                one["change"] = asdict(
                    Told.of(one["accuracy"]["value"] - plain["accuracy"]["value"], draws)
                )
    for told in found.values():
        for one in told.values():
            del one["draws"]
    return found


def _balanced(shares: Mapping[str, Sequence[float]], groups: Sequence[Group]) -> dict[str, Any]:
    """Mean over groups of the mean over patients, percent, with an interval."""
    value, draws = 0.0, np.zeros(1)
    for at, group in enumerate(groups):
        own = np.array([100 * fmean(shares[p]) for p in group.patients if p in shares])
        rng = np.random.default_rng(at)
        drawn = own[rng.integers(0, len(own), (10_000, len(own)))].mean(axis=1)
        value += float(own.mean()) / len(groups)
        draws = draws + drawn / len(groups)
    return {
        "accuracy": asdict(Told.of(value, draws)),
        "chance": 100 / len(groups),
        "patients": sum(len(g.patients) for g in groups),
        "draws": draws,
    }


def _further(results: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Figures of an arm's own over its runs: chosen epochs, thresholds."""
    found: dict[str, list[float]] = defaultdict(list)
    for result in results:
        for name, value in result["further"].items():
            if not name.startswith("leak/"):
                found[name].append(value)
    return dict(found)
