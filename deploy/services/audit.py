"""One audit from tables to report: what the command ``vigil audit`` does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from fairness.audit import audit
from fairness.build import build_cohort
from fairness.declaration import load_declaration
from fairness.provenance import file_digest
from fairness.report.write import write_report
from fairness.result import AuditResult, Comparison, Provenance
from fairness.tables import read_table
from inference import model
from ingest.errors import InputError

Advance = Callable[[float], None]
"""Is told how much more of the work is done, of 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """What is audited, and where it comes from."""

    predictions: pd.DataFrame
    """A row a unit."""
    subjects: pd.DataFrame
    """A row a patient."""
    data_sha256: str
    """Digest of the predictions."""
    subjects_sha256: str
    """Digest of the subjects."""
    model: str = ""
    """Model and version, in words."""
    model_sha256: str = ""
    """Digest of the model's file."""
    told: str = ""
    """Data and protocol, in words."""


def read_tables(predictions: Path, subjects: Path, named: str | None) -> Tables:
    """Read both tables from files.

    Parameters
    ----------
    predictions, subjects : Path
        CSV or Parquet.
    named : str, optional
        The model that made them: a shipped one's name, an ONNX file, or any words.

    Raises
    ------
    fairness.errors.AuditError
        If one cannot be read.
    """
    words, digest = describe_model(named)
    return Tables(
        read_table(predictions),
        read_table(subjects),
        file_digest(predictions),
        file_digest(subjects),
        words,
        digest,
        f"predictions {predictions.name}, subjects {subjects.name}",
    )


def describe_model(named: str | None) -> tuple[str, str]:
    """Say which model it is, in words and by its digest, as far as that is known.

    Examples
    --------
    >>> describe_model("our detector, 2026"), describe_model(None)
    (('our detector, 2026', ''), ('', ''))
    """
    if named is None:
        return "", ""
    try:
        _, info = model.load(model.find(named))
    except InputError:
        return named, ""
    return f"{info.name} {info.version}", info.digest


def run_audit(
    tables: Tables,
    declaration: Path,
    out: Path,
    *,
    pdf: bool = True,
    advance: Advance = lambda _: None,
) -> tuple[AuditResult, list[Path]]:
    """Audit and write the report.

    Parameters
    ----------
    tables : Tables
        What is audited.
    declaration : Path
        TOML file.
    out : Path
        Folder of the report; made where it is not there.
    pdf : bool
        Write the PDF too.
    advance : callable
        Told of the progress, the report left out.

    Returns
    -------
    AuditResult
        What was found.
    list of Path
        Files written.

    Raises
    ------
    fairness.errors.AuditError
        If the tables or the declaration cannot be used, or the report cannot be written.
    """
    declared = load_declaration(declaration)
    cohort = build_cohort(tables.predictions, tables.subjects, declared)
    provenance = Provenance(
        data_sha256=tables.data_sha256,
        subjects_sha256=tables.subjects_sha256,
        declaration_sha256=file_digest(declaration),
        model=tables.model,
        model_sha256=tables.model_sha256,
        vigil_version=version("vigil-ecg"),
        data=tables.told,
    )
    told = [0.0]

    def move(done: int, total: int) -> None:
        advance(done / total - told[0])
        told[0] = done / total

    result = audit(cohort, declared, provenance, move)
    return result, write_report(result, out, pdf=pdf)


def summary(result: AuditResult, files: list[Path]) -> dict[str, Any]:
    """Give what ``vigil audit --json`` prints.

    Parameters
    ----------
    result : AuditResult
        What was found.
    files : list of Path
        Files written.
    """
    return {
        "verdict": result.verdict.value,
        "reasons": list(result.reasons),
        "primary": [_comparison(one) for one in result.comparisons if one.primary],
        "files": [str(path) for path in files],
    }


def _comparison(one: Comparison) -> dict[str, Any]:
    """Give the main figures of a comparison; null where nothing could be estimated."""
    return {
        "condition": one.condition,
        "metric": one.metric,
        "attribute": one.attribute,
        "group": one.group,
        "reference": one.reference,
        "difference": _number(one.difference.value),
        "low": _number(one.difference.low),
        "high": _number(one.difference.high),
        "margin": one.margin,
        "verdict": one.verdict.value,
        "reason": one.reason,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
