"""What a watch shows: ``vigil.drift/1``, a JSON object without any patient's id."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np

from deploy.drift.figures import FIGURES
from deploy.drift.watch import Cell, DriftWatch

SCHEMA = "vigil.drift/1"
"""Name and version of the form."""
RUNNING = 50
"""Latest patients behind the reference that the running window shows."""
MOST_POINTS = 200
"""Most points of a trace of evidence or of values."""
MOST_LABELS = 8
"""Most words of a mix that are told by themselves."""


def reading(watch: DriftWatch) -> dict[str, Any]:
    """Return everything that a watch knows, as :data:`SCHEMA` says it.

    Keys: ``schema``, ``title``, ``alpha``, ``window_min``, ``patients``, ``drifts`` (how many
    cells have alerted), ``alerts`` (in the order found) and ``cells``, one a figure and group: see
    :func:`cell_object`. Times are UTC.
    """
    told = watch.declaration
    cells = [cell_object(cell) for cell in watch.cells.values()]
    return {
        "schema": SCHEMA,
        "title": told.title,
        "alpha": told.alpha,
        "window_min": told.window_min,
        "patients": watch.patients,
        "drifts": len(watch.alerts),
        "ignored": dict(sorted(watch.ignored.items())),
        "alerts": [alert_object(cell) for cell in watch.alerts],
        "cells": cells,
    }


def cell_object(cell: Cell) -> dict[str, Any]:
    """Return one figure of one group.

    Keys: ``figure``, ``family``, ``unit``, ``text``, ``by`` (``"all"``, ``"site"``, ``"device"``,
    ``"lead"``), ``group``, ``state`` (``"too_few"``, ``"watched"``, ``"drift"``), ``evidence``,
    ``limit``, ``reference`` and ``running`` (see :func:`spread_of`), ``trace`` (log10 of the
    evidence behind each patient, thinned), ``values`` (the figures, thinned; none of words),
    and of one that drifts ``found_utc``, ``found_after`` and ``direction``.
    """
    figure, n_reference = FIGURES[cell.figure], cell.test.reference
    later = cell.values[n_reference:]
    return {
        "figure": cell.figure,
        "family": figure.family,
        "unit": figure.unit,
        "text": figure.text,
        "by": cell.by,
        "group": cell.group,
        "state": cell.state,
        "evidence": _figures(cell.test.value),
        "limit": _figures(cell.limit),
        "reference": spread_of(cell.values[:n_reference]),
        "running": spread_of(later[-RUNNING:]),
        "patients": len(cell.values),
        "trace": [round(math.log10(each), 3) for each in thinned(cell.trace)],
        "values": [] if figure.is_label else [_figures(float(v)) for v in thinned(cell.values)],
        "reference_patients": n_reference,
        "found_utc": None if cell.found_utc_s is None else _utc(cell.found_utc_s),
        "found_after": cell.found_after or None,
        "direction": cell.direction or None,
    }


def alert_object(cell: Cell) -> dict[str, Any]:
    """Return one drift in short: which, when, which way, and from what to what."""
    whole = cell_object(cell)
    told = ("figure", "by", "group", "found_utc", "found_after", "direction", "limit")
    return {**{key: whole[key] for key in told}, **_ends(whole)}


def spread_of(values: list[float | str]) -> dict[str, Any]:
    """Return ``n`` with ``p10``, ``median`` and ``p90`` of numbers, or the ``mix`` of words.

    Examples
    --------
    >>> spread_of([1.0, 2.0, 3.0])
    {'n': 3, 'p10': 1.2, 'median': 2.0, 'p90': 2.8}
    >>> spread_of(["II", "II", "V1"])
    {'n': 3, 'mix': {'II': 0.6667, 'V1': 0.3333}}
    """
    if not values:
        return {"n": 0}
    if isinstance(values[0], str):
        usual = Counter(str(each) for each in values).most_common(MOST_LABELS)
        return {"n": len(values), "mix": {word: round(n / len(values), 4) for word, n in usual}}
    p10, median, p90 = np.percentile(np.array(values, float), [10, 50, 90]).tolist()
    return {
        "n": len(values),
        "p10": _figures(p10),
        "median": _figures(median),
        "p90": _figures(p90),
    }


def in_words(cell: Cell) -> str:
    """Say a drift in a sentence."""
    ends = _ends(cell_object(cell))
    where = "all patients" if cell.by == "all" else f"{cell.by} {cell.group}"
    unit = f" {FIGURES[cell.figure].unit}" if FIGURES[cell.figure].unit else ""
    return (
        f"drift: {cell.figure} of {where} ({cell.direction}): {ends['before']} before, "
        f"{ends['now']}{unit} now, after {cell.found_after} patients; evidence "
        f"{cell.test.value:.3g}, limit {cell.limit:.3g}"
    )


def thinned(values: list[Any]) -> list[Any]:
    """Return at most :data:`MOST_POINTS` values, evenly taken, the first and the last kept.

    Examples
    --------
    >>> len(thinned(list(range(1000)))), thinned(list(range(1000)))[-1], thinned([1, 2])
    (200, 999, [1, 2])
    """
    if len(values) <= MOST_POINTS:
        return values
    at = np.linspace(0, len(values) - 1, MOST_POINTS).round().astype(int)
    return [values[i] for i in at.tolist()]


def _ends(whole: dict[str, Any]) -> dict[str, Any]:
    """Give the middle of the reference and of the running window."""
    before, now = whole["reference"], whole["running"]
    return {
        "before": before.get("median", before.get("mix")),
        "now": now.get("median", now.get("mix")),
    }


def _figures(value: float) -> float:
    """Keep six figures."""
    return float(f"{value:.6g}")


def _utc(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")
