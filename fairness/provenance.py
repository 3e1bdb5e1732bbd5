"""Digests of what was audited."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from fairness.errors import AuditError


def file_digest(path: Path) -> str:
    """Give the SHA-256 of a file, 64 hex digits.

    Raises
    ------
    AuditError
        If it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise AuditError(f"{path}: cannot be read: {error.strerror}") from error


def table_digest(table: pd.DataFrame) -> str:
    """Give the SHA-256 of a table, as CSV without row names, 64 hex digits.

    Parameters
    ----------
    table
        Any table; the order of its rows and columns counts.

    Examples
    --------
    >>> table_digest(pd.DataFrame({"patient": ["a"]}))[:8]
    'e6370268'
    """
    text = table.to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()
