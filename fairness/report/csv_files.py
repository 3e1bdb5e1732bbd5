"""The audit's tables as CSV, with all digits, for spreadsheets and scripts."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Iterable, Iterator

from fairness.result import AuditResult, CalibrationCurve, DelayCurve, Estimate

Row = dict[str, object]


def csv_tables(result: AuditResult) -> dict[str, str]:
    """Return the text of each CSV file by its name; a table without rows has no file.

    An estimate is three columns: its value, and the ends of its interval as ``_low`` and ``_high``.
    What could not be estimated is an empty cell.
    """
    tables = {
        "cohort": [_flat(record) for record in result.cohort],
        "metrics": [_flat(record) for record in result.metrics],
        "comparisons": [_flat(record) for record in result.comparisons],
        "gaps": [_flat(record) for record in result.gaps],
        "parity": [_flat(record) for record in result.parity],
        "calibration": [row for curve in result.calibration for row in _bins(curve)],
        "delays": [row for curve in result.delays for row in _quantiles(curve)],
    }
    return {f"{name}.csv": _written(rows) for name, rows in tables.items() if rows}


def _flat(record: object) -> Row:
    flat: Row = {}
    for name, value in _parts(record):
        if isinstance(value, Estimate):
            flat |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
        elif isinstance(value, tuple):
            flat[name] = "; ".join(map(str, value))
        else:
            flat[name] = value
    return flat


def _parts(record: object) -> Iterator[tuple[str, object]]:
    if dataclasses.is_dataclass(record):
        yield from ((f.name, getattr(record, f.name)) for f in dataclasses.fields(record))


def _bins(curve: CalibrationCurve) -> Iterator[Row]:
    named = {name: part for name, part in _flat(curve).items() if name != "bins"}
    yield from (named | _flat(part) for part in curve.bins)


def _quantiles(curve: DelayCurve) -> Iterator[Row]:
    named = {
        name: part for name, part in _flat(curve).items() if name not in ("quantiles", "delay_s")
    }
    for quantile, delay_s in zip(curve.quantiles, curve.delay_s, strict=True):
        yield named | {"quantile": quantile, "delay_s": delay_s}


def _written(rows: Iterable[Row]) -> str:
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    return "" if isinstance(value, float) and not math.isfinite(value) else value
