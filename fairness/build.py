"""Make a cohort from the two tables and the declaration."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pandas as pd

from fairness.cohort import Codes, Cohort, Floats, Grouping, Strata, Units, combine
from fairness.declaration import Declaration, GroupDeclaration
from fairness.errors import AuditError
from fairness.requirements import check_requirements
from fairness.result import OVERALL, UNKNOWN
from fairness.tables import check_predictions, check_subjects, numbers_of

MAX_GROUPS = 20
"""Different values that an attribute without bands may have: more are numbers or free text."""
STRATA_OF_A_NUMBER = 4
"""Strata that a number without declared bands is cut into, at its quartiles, to adjust by it."""


def build_cohort(
    predictions: pd.DataFrame, subjects: pd.DataFrame, declaration: Declaration
) -> Cohort:
    """Check both tables against the declaration and turn them into arrays.

    Parameters
    ----------
    predictions
        A row a unit: :data:`fairness.tables.PREDICTION_COLUMNS`.
    subjects
        A row a patient: ``patient``, attributes, ``monitored_h``.
    declaration
        What is audited.

    Raises
    ------
    AuditError
        If a table, or what is declared, cannot be used; what was wrong is named.
    """
    checked = check_predictions(predictions, declaration.threshold)
    conditions = list(dict.fromkeys(metric.condition for metric in declaration.metrics))
    left_out = sorted(set(checked["condition"].unique()) - set(conditions))
    missing = sorted(set(conditions) - set(checked["condition"].unique()))
    if missing:
        raise AuditError(
            f"predictions: no row of the declared condition {', '.join(missing)}; there are: "
            f"{', '.join(left_out) or ', '.join(conditions)}"
        )
    checked = checked[checked["condition"].isin(conditions)]
    columns = _columns(declaration)
    people, repeated = check_subjects(subjects, columns)
    patients = _patients(checked, people)
    rows = people.reindex(patients)
    hours = rows["monitored_h"].to_numpy(float)
    factors = {column: _factor(rows[column], column, declaration) for column in columns}
    cohort = Cohort(
        patients=tuple(patients),
        units=_units(checked, conditions, patients),
        groupings=_groupings(factors, declaration),
        adjust_by=tuple(
            Strata((column,), factors[column][1], factors[column][0])
            for column in declaration.adjust_by
        ),
        monitored_h=hours,
        notes=_notes(checked, people, patients, repeated, left_out, hours),
    )
    check_requirements(cohort, declaration)
    return cohort


def band_names(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Name the bands that lie between edges.

    Parameters
    ----------
    edges
        Ascending; a number that is equal to an edge is in the band above it.

    Examples
    --------
    >>> band_names((40, 60))
    ('<40', '40-59', '>=60')
    >>> band_names((0.5,))
    ('<0.5', '>=0.5')
    """
    whole = all(float(edge).is_integer() for edge in edges)
    inner = [
        f"{low:g}-{high - 1:g}" if whole and high - low > 1 else f"{low:g} to <{high:g}"
        for low, high in pairwise(edges)
    ]
    return (f"<{edges[0]:g}", *inner, f">={edges[-1]:g}")


def _columns(declaration: Declaration) -> tuple[str, ...]:
    declared = [group.attribute for group in declaration.groups]
    columns = tuple(dict.fromkeys([*declared, *declaration.adjust_by]))
    reserved = {"patient", "monitored_h"} & set(columns)
    if reserved:
        raise AuditError(f"declaration: {', '.join(sorted(reserved))} is no attribute")
    return columns


def _patients(checked: pd.DataFrame, people: pd.DataFrame) -> list[str]:
    seen = set(checked["patient"].unique())
    silent = set(people.index[people["monitored_h"].notna()])
    return sorted(seen | silent)


def group_codes(values: pd.Series, group: GroupDeclaration) -> tuple[Codes, tuple[str, ...]]:
    """Give each patient the group that a declared attribute puts them into.

    Parameters
    ----------
    values
        The attribute as text, empty where unknown.
    group
        Its name, and its bands if it is a number.

    Returns
    -------
    code : array of shape (n_patients,)
        Index into the names.
    names : tuple of str
        Bands ascending, else sorted; ``unknown`` last, if a patient is in it.

    Raises
    ------
    AuditError
        If a band's value is no number, or there are too many groups, or one has a reserved name.
    """
    if group.bands:
        return _banded(numbers_of(values, f"subjects: {group.attribute}"), group.bands)
    texts = values.to_numpy(object)
    names = sorted(set(texts) - {""})
    if len(names) > MAX_GROUPS:
        raise AuditError(
            f"subjects: {group.attribute} has {len(names)} different values, at most {MAX_GROUPS} "
            "can be groups; declare bands if it is a number"
        )
    if reserved := {"rest", "largest", OVERALL} & set(names):
        raise AuditError(f"subjects: no group of {group.attribute} can be called {reserved.pop()}")
    index = {name: code for code, name in enumerate(names)}
    code = np.array([index.get(text, -1) for text in texts], np.int32)
    return _with_unknown(code, tuple(names))


def _factor(
    values: pd.Series, column: str, declaration: Declaration
) -> tuple[Codes, tuple[str, ...]]:
    """Give each patient the group, or stratum, that a column puts them into."""
    texts = values.fillna("")
    declared = next((g for g in declaration.groups if g.attribute == column), None)
    if declared is None and texts.nunique() > MAX_GROUPS:
        numbers = numbers_of(texts, f"subjects: {column}")
        inner = np.linspace(0, 1, STRATA_OF_A_NUMBER + 1)[1:-1]
        return _banded(numbers, tuple(np.unique(np.nanquantile(numbers, inner)).tolist()))
    return group_codes(texts, declared or GroupDeclaration(attribute=column))


def _banded(numbers: Floats, edges: tuple[float, ...]) -> tuple[Codes, tuple[str, ...]]:
    code = np.searchsorted(edges, numbers, side="right").astype(np.int32)
    code[np.isnan(numbers)] = -1
    return _with_unknown(code, band_names(edges))


def _with_unknown(code: Codes, names: tuple[str, ...]) -> tuple[Codes, tuple[str, ...]]:
    if not np.any(code < 0):
        return code, names
    return np.where(code < 0, len(names), code).astype(np.int32), (*names, UNKNOWN)


def _groupings(
    factors: dict[str, tuple[Codes, tuple[str, ...]]], declaration: Declaration
) -> tuple[Grouping, ...]:
    single = [
        Grouping(
            group.attribute,
            (group.attribute,),
            factors[group.attribute][1],
            factors[group.attribute][0],
            _reference(group, factors[group.attribute][1]),
            group.primary,
        )
        for group in declaration.groups
    ]
    crossed = [_intersection(parts, factors) for parts in declaration.intersections]
    return (*single, *crossed)


def _reference(group: GroupDeclaration, names: tuple[str, ...]) -> str:
    allowed = ("rest", "largest", *(name for name in names if name != UNKNOWN))
    if group.reference not in allowed:
        raise AuditError(
            f"declaration: {group.attribute} has no group {group.reference} to be the reference; "
            f"allowed are {', '.join(allowed)}"
        )
    return group.reference


def _intersection(
    parts: tuple[str, ...], factors: dict[str, tuple[Codes, tuple[str, ...]]]
) -> Grouping:
    """Cross attributes; who is unknown in one of them is unknown in all of them."""
    used = [factors[part] for part in parts]
    names = [
        " × ".join(cell)
        for cell in product(*(tuple(n for n in group if n != UNKNOWN) for _, group in used))
    ]
    index = {name: code for code, name in enumerate(names)}
    code, labels = combine(used, len(used[0][0]))
    table = np.array([index.get(label, -1) for label in labels], np.int32)
    packed, kept = _with_unknown(table[code], tuple(names))
    return Grouping(" × ".join(parts), parts, kept, packed, "rest", primary=False)


def _units(checked: pd.DataFrame, conditions: list[str], patients: list[str]) -> dict[str, Units]:
    codes = pd.Categorical(checked["patient"], categories=patients).codes.astype(np.int32)
    columns = {name: checked[name].to_numpy() for name in checked}
    units = {}
    for condition in conditions:
        own = columns["condition"] == condition
        excluded = np.bincount(codes[own & columns["excluded"]], minlength=len(patients))
        rows = np.flatnonzero(own & ~columns["excluded"])
        rows = rows[np.argsort(codes[rows], kind="stable")]
        score, delay = columns["score"][rows], columns["delay_s"][rows]
        units[condition] = Units(
            condition,
            codes[rows],
            columns["truth"][rows].astype(bool),
            columns["prediction"][rows].astype(bool),
            None if not len(score) or np.isnan(score).any() else score,
            None if np.isnan(delay).all() else delay,
            excluded.astype(np.int64),
        )
    return units


def _notes(
    checked: pd.DataFrame,
    people: pd.DataFrame,
    patients: list[str],
    repeated: int,
    left_out: list[str],
    hours: Floats,
) -> tuple[str, ...]:
    seen = set(checked["patient"].unique())
    strangers = len(seen - set(people.index))
    unscored = len(set(people.index) - set(patients))
    silent = len(set(patients) - seen)
    said = [
        (
            strangers,
            f"{strangers} patients have no row in the subjects: all about them is unknown.",
        ),
        (unscored, f"{unscored} subjects have neither predictions nor hours and are not counted."),
        (silent, f"{silent} subjects have hours but no predictions: monitored without an alarm."),
        (repeated, f"{repeated} rows of the subjects were repetitions and were dropped."),
        (len(left_out), f"Conditions that are not declared were left out: {', '.join(left_out)}."),
    ]
    if not np.isnan(hours).all():
        gone = int(np.isnan(hours).sum())
        said.append((gone, f"{gone} patients have no hours: not counted in rates per hour."))
    return tuple(text for number, text in said if number)
