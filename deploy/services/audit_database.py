"""Predictions for an audit made from a database: scored as served, counted by EC57."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from deploy.services.audit import Tables
from deploy.services.models import choose_models
from fairness.errors import AuditError
from fairness.provenance import table_digest
from inference import model
from ingest.errors import InputError
from training.assessment.kept import log_look
from training.audits.lead_i import ARCHIVE, lead_i
from training.audits.material import Counted, Material
from training.audits.predict import predict
from training.audits.wfdb_database import LUDB_TABLE, wfdb_database
from training.ec57 import DE_CHAZAL, record_names
from training.guard import Look
from training.splits import DS1, DS2, patient_of

STRIPS = Counted(begin_s=2.0, tail_s=0.2, annotated=True)
"""Of LUDB, whose experts left the first and last beats of its 10 s alone."""

Advance = Callable[[float], None]
"""Is told how many more records are done."""


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """Which records are scored, and how."""

    folder: Path
    """A WFDB database, LUDB or the Lead-I database."""
    records: str = "all"
    """Names with commas, ``ds1``, ``ds2`` or ``all``."""
    annotator: str | None = None
    """Extension of the reference; ``atr``, and ``ii`` of LUDB, where not given."""
    lead: str | None = None
    """Lead to score; the best, and II of LUDB, where not given."""
    learning_s: float | None = None
    """Start of a record that does not count, s; EC57's 300 where not given."""
    models: Sequence[str] = ()
    """Models that score, by name or path; the shipped ones where not given."""
    folds: Path | None = None
    """Folder of beat models that left patients out; each record is scored by one of these."""
    why: str | None = None
    """Why DS2 is looked at; it is logged."""


def open_database(options: DatabaseOptions) -> Material:
    """Find out which database it is and read who is in it.

    Raises
    ------
    ingest.errors.InputError
        If it cannot be read, or holds records of DS2 and no reason is given.
    """
    folder = options.folder
    if not folder.is_dir():
        raise InputError(f"no folder {folder} of a database")
    if (folder / ARCHIVE).is_file():
        return _refuse_options(options, lead_i(folder))
    ludb = (folder / LUDB_TABLE).is_file()
    counted = STRIPS if ludb else None
    if options.learning_s is not None:
        if not options.learning_s >= 0:
            raise InputError(f"--learning-s must be 0 or more, not {options.learning_s:g}")
        counted = Counted(options.learning_s, annotated=ludb)
    material = wfdb_database(
        folder / "data" if ludb else folder,
        record_names(options.records),
        annotator=options.annotator or ("ii" if ludb else "atr"),
        lead=options.lead or ("ii" if ludb else None),
        counted=counted,
    )
    if looked_at(material) and options.why is None:
        raise InputError(
            f"{len(looked_at(material))} records are of DS2, which is held out: say why with "
            "--why, it is logged"
        )
    return material


def looked_at(material: Material) -> list[str]:
    """Name the records of DS2."""
    return [
        r for r, patient in material.records.items() if patient.startswith("mitdb/") and r in DS2
    ]


def make_tables(options: DatabaseOptions, advance: Advance = lambda _: None) -> Tables:
    """Score a database and give the tables of its audit.

    Parameters
    ----------
    options : DatabaseOptions
        What is scored.
    advance : callable
        Told of the progress, in shares of all records.

    Raises
    ------
    ingest.errors.InputError
        If a record or model cannot be used.
    """
    material = open_database(options)
    look = None if options.why is None else Look(options.why)
    chosen = choose_models(options.models)
    qrs, beat = chosen.qrs or model.builtin("qrs"), chosen.beat or model.builtin("beat")
    told = [0]

    def move(done: int, total: int) -> None:
        advance((done - told[0]) / total)
        told[0] = done

    predictions, subjects = predict(material, qrs=qrs, beat=beat, folds=options.folds, advance=move)
    words, digest = _models(qrs, beat, options.folds, classes=material.classes)
    if look is not None and looked_at(material):
        digests = f"{model.load(qrs)[1].digest[:12]} {digest[:12]}"
        log_look(digests, _f1(predictions), f"bias audit: {look.why}")
    return Tables(
        predictions,
        subjects,
        table_digest(predictions),
        table_digest(subjects),
        words,
        digest,
        _protocol(material, options.folds),
    )


def write_tables(tables: Tables, folder: Path) -> list[Path]:
    """Keep the tables as ``predictions.parquet`` and ``subjects.csv``.

    Raises
    ------
    fairness.errors.AuditError
        If they cannot be written.
    """
    paths = [folder / "predictions.parquet", folder / "subjects.csv"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tables.predictions.to_parquet(paths[0], index=False)
        tables.subjects.to_csv(paths[1], index=False)
    except OSError as error:
        raise AuditError(f"{folder}: cannot be written: {error.strerror}") from error
    return paths


def _refuse_options(options: DatabaseOptions, material: Material) -> Material:
    """Refuse what the Lead-I database has no use for."""
    given = {
        "--records": options.records != "all",
        "--annotator": options.annotator is not None,
        "--lead": options.lead is not None,
        "--learning-s": options.learning_s is not None,
        "--folds": options.folds is not None,
    }
    if wrong := [name for name, is_given in given.items() if is_given]:
        raise InputError(f"{', '.join(wrong)}: not of the Lead-I database, which is read whole")
    return material


def _models(qrs: Path, beat: Path, folds: Path | None, *, classes: bool) -> tuple[str, str]:
    """Say which models scored: in words, and the digest of the one that is judged."""
    facts = [model.load(path)[1] for path in (qrs, beat)]
    words = [f"{info.name} {info.version} ({info.digest[:12]})" for info in facts]
    if not classes:
        return words[0], facts[0].digest
    if folds is None:
        return " and ".join(words), facts[1].digest
    digests = [model.load(path)[1].digest for path in sorted(folds.glob("fold*.onnx"))]
    every = hashlib.sha256("".join(digests).encode()).hexdigest()
    return f"{words[0]} and {len(digests)} beat models that left patients out", every


def _protocol(material: Material, folds: Path | None) -> str:
    """Say in words what was scored and how it was counted."""
    told = f"{material.told}; beats match within 150 ms and are counted as EC57 does"
    if material.classes:
        told += f", classes by the mapping {DE_CHAZAL.name}"
    if folds is not None:
        told += (
            "; each patient's beats are classified by a model that never saw the patient, at "
            "R-peaks of the shipped detector, which learned from DS1"
        )
    elif known := _learned_from(material):
        told += (
            f"; the shipped models learned from {len(known)} of these people: {', '.join(known)}"
        )
    return told


def _learned_from(material: Material) -> list[str]:
    """Name the people of DS1: the shipped models learned from these."""
    return sorted({patient_of("mitdb", record) for record in DS1} & set(material.records.values()))


def _f1(predictions: pd.DataFrame) -> tuple[str, str, str]:
    """Give the gross F1 of QRS, VEB and SVEB for the log, percent."""

    def of(condition: str) -> str:
        own = predictions[predictions["condition"] == condition]
        hit = int(((own["truth"] == 1) & (own["prediction"] == 1)).sum())
        both = int(own["truth"].sum() + own["prediction"].sum())
        return f"{200 * hit / both:.2f}" if both else "–"

    return of("QRS"), of("VEB"), of("SVEB")
