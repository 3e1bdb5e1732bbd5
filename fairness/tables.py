"""Read and check the tables of an audit: what was predicted, and of whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairness.errors import AuditError

PREDICTION_COLUMNS = {
    "patient": "who; the same as in the subjects",
    "condition": "what is told, such as VEB; 'all' where the column is missing",
    "unit": "name of the beat, window or alarm; one row each",
    "time_s": "when, seconds since the patient's recording began",
    "truth": "1 where the condition was there, 0 where it was not",
    "prediction": "1 where it was called, 0 where it was not",
    "score": "0 to 1, the higher the likelier",
    "delay_s": "seconds from onset to alarm, of rows with truth 1 and prediction 1",
    "excluded": "1 where the signal was too poor to be scored",
}
"""Columns that predictions may have, and what each means."""

MISSING = frozenset({"", "na", "n/a", "nan", "null", "<na>", "unknown", "?"})
"""Spellings, in lower case, of a value that is not known."""

_EXAMPLES = 3


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file, every value of a CSV as text.

    Parameters
    ----------
    path
        File that ends in ``.csv`` or ``.parquet``.

    Raises
    ------
    AuditError
        If the file cannot be read, is of another kind, or names a column twice.
    """
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".parquet"}:
        raise AuditError(f"{path}: a table is a .csv or a .parquet file")
    try:
        if suffix == ".parquet":
            return pd.read_parquet(path)
        header = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False)
        names = [str(name).strip() for name in header.iloc[0]]
        if len(set(names)) != len(names):
            raise AuditError(f"{path}: a column is named twice: {', '.join(names)}")
        table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)
        return table.set_axis(names, axis="columns")
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise AuditError(f"{path}: cannot be read as a table: {error}") from error
    except (ValueError, TypeError, ImportError, pd.errors.ParserWarning) as error:
        raise AuditError(f"{path}: cannot be read as a table: {error}") from error


def check_predictions(table: pd.DataFrame, threshold: float | None = None) -> pd.DataFrame:
    """Check predictions and give every column its type.

    Parameters
    ----------
    table
        Columns of :data:`PREDICTION_COLUMNS`; ``patient`` and ``truth`` must be there, and
        ``prediction``, or ``score`` with a threshold.
    threshold
        Score from which on a unit is called; used where there is no column ``prediction``.

    Returns
    -------
    pandas.DataFrame
        A new table: ``patient`` and ``condition`` text; ``truth``, ``prediction`` and ``excluded``
        bool; ``score`` and ``delay_s`` float64 with ``nan`` where there is none. In excluded rows
        truth and prediction are False where they were not given.

    Raises
    ------
    AuditError
        If a column is unknown or missing, the table is empty, or a value cannot be used.
    """
    _check_columns(table, "predictions", ("patient", "truth"), allowed=tuple(PREDICTION_COLUMNS))
    if "prediction" not in table and ("score" not in table or threshold is None):
        raise AuditError(
            "predictions: no column prediction; without it, a column score and the declaration's "
            "threshold are needed"
        )
    checked = pd.DataFrame({"patient": _names(table, "patient", "predictions")})
    checked["condition"] = (
        _names(table, "condition", "predictions") if "condition" in table else "all"
    )
    excluded = _flags(table, "excluded") == 1 if "excluded" in table else np.zeros(len(table), bool)
    checked["excluded"] = excluded
    checked["score"] = _scores(table, excluded, checked["condition"])
    checked["truth"] = _required_flags(table, "truth", excluded)
    checked["prediction"] = (
        _required_flags(table, "prediction", excluded)
        if "prediction" in table
        else checked["score"].to_numpy() >= threshold
    )
    checked["delay_s"] = _delays(table, checked)
    if "time_s" in table:
        _numbers(table, "time_s", "predictions")
    if "unit" in table:
        _check_units(table["unit"], checked)
    return checked


def check_subjects(table: pd.DataFrame, columns: tuple[str, ...]) -> tuple[pd.DataFrame, int]:
    """Check subjects and keep one row a patient.

    Parameters
    ----------
    table
        A row a patient: ``patient``, attributes, and ``monitored_h`` where it is known.
    columns
        Attributes that the audit uses, ``monitored_h`` left out.

    Returns
    -------
    pandas.DataFrame
        Indexed by patient: ``columns`` as text, empty where unknown, and ``monitored_h`` as
        float64, ``nan`` where unknown.
    int
        Repeated rows that said the same and were dropped.

    Raises
    ------
    AuditError
        If a column is missing, the table is empty, two rows of a patient contradict each other,
        or hours are not positive numbers.
    """
    _check_columns(table, "subjects", ("patient", *columns))
    kept = pd.DataFrame({"patient": _names(table, "patient", "subjects")})
    for column in columns:
        kept[column] = text_of(table[column])
    kept["monitored_h"] = np.nan
    if "monitored_h" in table:
        hours = _numbers(table, "monitored_h", "subjects")
        if np.any(hours <= 0):
            raise AuditError(f"subjects: monitored_h must be above 0, not {hours[hours <= 0][0]:g}")
        kept["monitored_h"] = hours
    distinct = kept.drop_duplicates()
    again = distinct.duplicated("patient", keep=False)
    if again.any():
        raise AuditError(_contradiction(distinct[again]))
    return distinct.set_index("patient"), len(kept) - len(distinct)


def text_of(values: pd.Series) -> np.ndarray[Any, Any]:
    """Write every value as text, whole numbers without a point, and what is missing as ``""``.

    Parameters
    ----------
    values
        Any type.

    Examples
    --------
    >>> text_of(pd.Series([40.0, None, 41.5])).tolist()
    ['40', '', '41.5']
    >>> text_of(pd.Series(["F ", "unknown", "NA"])).tolist()
    ['F', '', '']
    """
    codes, distinct = pd.factorize(values.astype(object), use_na_sentinel=True)
    texts = [_text(value) for value in distinct]
    written: np.ndarray[Any, Any] = np.array([*texts, ""], dtype=object)
    return np.asarray(written[codes])


def _text(value: object) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    text = str(value).strip()
    return "" if text.lower() in MISSING else text


def numbers_of(values: pd.Series, what: str) -> np.ndarray[Any, Any]:
    """Read every value as a finite number; ``nan`` where it is missing.

    Parameters
    ----------
    values
        Numbers, or text that says numbers.
    what
        Table and column, for the message.

    Raises
    ------
    AuditError
        If a value is no finite number; the first such is named.
    """
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iufb":
        numbers = values.to_numpy(dtype=np.float64)
    else:
        numbers = pd.to_numeric(_written(values), errors="coerce").to_numpy(
            np.float64, na_value=np.nan
        )
    doubtful = np.flatnonzero(~np.isfinite(numbers))
    said = text_of(values.iloc[doubtful])
    wrong = doubtful[(said != "") | np.isinf(numbers[doubtful])]
    if len(wrong):
        examples = ", ".join(repr(str(value)) for value in values.iloc[wrong[:_EXAMPLES]])
        raise AuditError(f"{what} must be a finite number, not {examples}")
    return np.asarray(numbers)


def _written(values: pd.Series) -> pd.Series:
    """Leave text as it is, write anything else as text."""
    if isinstance(values.dtype, pd.StringDtype):
        return values
    return pd.Series(text_of(values), index=values.index, dtype=object)


def _check_columns(
    table: pd.DataFrame, name: str, needed: tuple[str, ...], allowed: tuple[str, ...] = ()
) -> None:
    columns = [str(column) for column in table.columns]
    if len(set(columns)) != len(columns):
        raise AuditError(f"{name}: a column is named twice: {', '.join(columns)}")
    missing = [column for column in needed if column not in columns]
    if missing:
        raise AuditError(
            f"{name}: no column {', '.join(missing)}; there are: {', '.join(columns) or 'none'}"
        )
    unknown = [column for column in columns if allowed and column not in allowed]
    if unknown:
        raise AuditError(
            f"{name}: unknown column {', '.join(unknown)}; allowed are {', '.join(allowed)}"
        )
    if table.empty:
        raise AuditError(f"{name}: the table has no rows")


def _names(table: pd.DataFrame, column: str, name: str) -> np.ndarray[Any, Any]:
    texts = text_of(table[column])
    if np.any(texts == ""):
        row = int(np.flatnonzero(texts == "")[0])
        raise AuditError(f"{name}: row {row} has no {column}")
    return texts


def _numbers(table: pd.DataFrame, column: str, name: str) -> np.ndarray[Any, Any]:
    return numbers_of(table[column], f"{name}: {column}")


def _flags(table: pd.DataFrame, column: str) -> np.ndarray[Any, Any]:
    values = table[column]
    if values.dtype == object or isinstance(values.dtype, pd.StringDtype | pd.CategoricalDtype):
        values = pd.Series(text_of(values), dtype=object).replace({"True": "1", "False": "0"})
    flags = numbers_of(values, f"predictions: {column}")
    wrong = ~np.isnan(flags) & (flags != 0) & (flags != 1)
    if wrong.any():
        raise AuditError(f"predictions: {column} must be 0 or 1, not {flags[wrong][0]:g}")
    return np.asarray(flags)


def _required_flags(
    table: pd.DataFrame, column: str, excluded: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    flags = _flags(table, column)
    absent = np.isnan(flags) & ~excluded
    if absent.any():
        row = int(np.flatnonzero(absent)[0])
        raise AuditError(f"predictions: row {row} has no {column}; only excluded rows may lack it")
    return np.asarray(flags == 1)


def _scores(
    table: pd.DataFrame, excluded: np.ndarray[Any, Any], condition: pd.Series
) -> np.ndarray[Any, Any]:
    if "score" not in table:
        return np.full(len(table), np.nan)
    scores = _numbers(table, "score", "predictions")
    wrong = (scores < 0) | (scores > 1)
    if wrong.any():
        raise AuditError(f"predictions: score must be 0 to 1, not {scores[wrong][0]:g}")
    absent = pd.Series(np.isnan(scores) & ~excluded)
    some = absent.groupby(condition.to_numpy()).any()
    every = (absent | excluded).groupby(condition.to_numpy()).all()
    torn = some & ~every
    if torn.any():
        which = torn.index[torn][0]
        row = int(np.flatnonzero(absent & (condition == which))[0])
        raise AuditError(
            f"predictions: row {row} of condition {which} has no score, others have; give all of "
            "them, none of them, or mark the row as excluded"
        )
    return np.asarray(scores)


def _delays(table: pd.DataFrame, checked: pd.DataFrame) -> np.ndarray[Any, Any]:
    if "delay_s" not in table:
        return np.full(len(table), np.nan)
    delays = _numbers(table, "delay_s", "predictions")
    if np.any(delays < 0):
        raise AuditError(
            f"predictions: delay_s must not be negative, as {delays[delays < 0][0]:g} is"
        )
    found = (checked["truth"] & checked["prediction"] & ~checked["excluded"]).to_numpy()
    stray = ~np.isnan(delays) & ~found
    if stray.any():
        row = int(np.flatnonzero(stray)[0])
        raise AuditError(
            f"predictions: row {row} has a delay_s, but not truth 1 and prediction 1: "
            "only a condition that was found has one"
        )
    return np.asarray(delays)


def _check_units(units: pd.Series, checked: pd.DataFrame) -> None:
    codes, distinct = pd.factorize(units.astype(object), use_na_sentinel=True)
    blank = [code for code, name in enumerate(distinct) if _is_blank(name)]
    named = ~np.isin(codes, [-1, *blank])
    keys = pd.DataFrame(
        {
            "patient": pd.factorize(checked["patient"])[0],
            "condition": pd.factorize(checked["condition"])[0],
            "unit": codes,
        }
    )[named]
    again = keys.duplicated()
    if again.any():
        row = int(again.index[again][0])
        first = checked.iloc[row]
        raise AuditError(
            f"predictions: unit {units.iloc[row]} of patient {first['patient']}, condition "
            f"{first['condition']}, has more than one row"
        )


def _is_blank(name: object) -> bool:
    return isinstance(name, str) and name.strip().lower() in MISSING


def _contradiction(rows: pd.DataFrame) -> str:
    patient = rows["patient"].iloc[0]
    own = rows[rows["patient"] == patient].drop(columns="patient")
    column = next(name for name in own if own[name].nunique(dropna=False) > 1)
    said = ", ".join(repr(str(value)) for value in own[column].unique()[:_EXAMPLES])
    return f"subjects: patient {patient} is there more than once, with {column} {said}"
