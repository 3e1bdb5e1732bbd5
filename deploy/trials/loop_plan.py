"""Who does what in the trial of the whole loop, and the configurations that say so."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.errors import InputError
from training.ec57.annotation import read_header

Records = Mapping[str, tuple[str, ...]]
"""Records by database."""


def _named(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """Patients of each part, none in two; nobody of DS2."""

    champion: Records = field(
        default_factory=lambda: {"mitdb": _named("101 106 109 114 118 205 208 223")}
    )
    """Whom the champion learned from."""
    ward: Records = field(
        default_factory=lambda: {
            "mitdb": _named("203 207 220"),
            "svdb": _named("802 820 821 855 861 866 868 878"),
        }
    )
    """Whose streams it monitors, and on whom clinicians give feedback."""
    locked: Records = field(
        default_factory=lambda: {
            "mitdb": _named("116 201 215"),
            "svdb": _named("801 803 804 806 853 856 857 860 867 879 887"),
        }
    )
    """Who judge candidates."""
    fit: Mapping[str, float] = field(
        default_factory=lambda: {"epochs": 12, "steps": 32, "batch": 24, "length": 100}
    )
    """Table ``[fit]``."""
    architecture: Mapping[str, Any] = field(
        default_factory=lambda: {"rhythm": 1, "core_s": "dense", "hidden_s": 32}
    )
    """Table ``[architecture]``."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    """Table ``[limits]``, where it is not as by default."""
    noise: Mapping[str, Any] = field(default_factory=lambda: {"source": "drawn", "records": 4})
    """Table ``[noise]``."""
    attack: Mapping[str, Any] = field(default_factory=lambda: {"records": 12})
    """Table ``[attack]``."""
    audit: str = ""
    """Declaration of the bias audit; none where it is empty."""
    minutes: float | None = None
    """Begin of each record that is taken, min; None takes them whole."""

    def __post_init__(self) -> None:
        parts = [self.champion, self.ward, self.locked]
        seen: set[tuple[str, str]] = set()
        for part in parts:
            own = {(database, name) for database, names in part.items() for name in names}
            if seen & own:
                raise InputError(f"records in two parts of the loop: {sorted(seen & own)}")
            seen |= own

    @property
    def databases(self) -> list[str]:
        """All databases, in order."""
        return sorted({*self.champion, *self.ward, *self.locked})


AUDIT = """\
title = "V beats by heart rate and by database, the locked patients of the loop's trial"
rounds = 500
min_patients = 4
min_with = 3
min_without = 3

[[metrics]]
name = "sensitivity"
condition = "VEB"
margin = 0.30

[[groups]]
attribute = "rate"

[[groups]]
attribute = "site"
"""
"""Declared before any candidate was made; margins are wide, for the patients are few."""


def lay_out(plan: LoopPlan, data: Path, folder: Path) -> Path:
    """Link the records of a plan into a data folder of its own, where labels can be written.

    Beside them stands ``elsewhere``: the locked records once more, as if they had come from
    another hospital.

    Raises
    ------
    InputError
        If a record is not there.
    """
    made = folder / "data"
    for database in plan.databases:
        (made / database).mkdir(parents=True, exist_ok=True)
        for part in (plan.champion, plan.ward, plan.locked):
            for name in part.get(database, ()):
                _take(data / database, name, made / database, plan.minutes)
    (made / "elsewhere").mkdir(exist_ok=True)
    for database, names in plan.locked.items():
        for name in names:
            _link(made / database, name, made / "elsewhere")
    for database in ("vfdb", "cinc2017"):  # recorded noise
        if (data / database).is_dir() and not (made / database).exists():
            (made / database).symlink_to((data / database).resolve())
    return made


def _take(source: Path, name: str, target: Path, minutes: float | None) -> None:
    """Link a record, or write its begin with its annotations."""
    if minutes is None:
        _link(source, name, target)
        return
    if (target / f"{name}.hea").is_file():
        return
    header = read_header(source, name)
    if header is None:
        raise InputError(f"{source} has no record {name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # wfdb 4.3 with pandas 3
        import wfdb
    end = round(minutes * 60 * header.fs)
    record = wfdb.rdrecord(str(source / name), sampto=end, physical=False)
    record.wrsamp(write_dir=str(target))
    notes = wfdb.rdann(str(source / name), "atr", sampto=end)
    wfdb.wrann(
        name,
        "atr",
        notes.sample,
        notes.symbol,
        aux_note=notes.aux_note,
        fs=header.fs,
        write_dir=str(target),
    )


def _link(source: Path, name: str, target: Path) -> None:
    files = sorted(source.glob(f"{name}.*"))
    if not files:
        raise InputError(f"{source} has no record {name}")
    for file in files:
        link = target / file.name
        if file.suffix in (".hea", ".dat", ".atr") and not link.exists():
            link.symlink_to(file.resolve())


def write_training(
    plan: LoopPlan, path: Path, version: str, parts: list[tuple[str, Any, str]]
) -> Path:
    """Write a training's configuration; parts are (database, records, annotator)."""
    lines = ['task = "beat"', 'name = "beat"', f'version = "{version}"']
    lines.append("thresholds = { S = 0.5, V = 0.5 }")
    for database, records, annotator in parts:
        lines += ["[[data.sources]]", f'database = "{database}"']
        lines += [f"records = {json.dumps(list(records))}", f'annotator = "{annotator}"']
    lines += _table("fit", plan.fit) + _table("architecture", plan.architecture)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def write_change(
    plan: LoopPlan, path: Path, words: tuple[str, str], champion: Path, training: Path
) -> Path:
    """Write a change's configuration; words are what is changed and why."""
    lines = [f'name = "{path.stem}"', f'champion = "{champion}"', f'candidate = "{training}"']
    lines.append('groups = ["site", "rate"]')
    if plan.audit:
        declaration = path.with_name("audit.toml")
        declaration.write_text(plan.audit, "utf-8")
        lines.append(f'audit = "{declaration.resolve()}"')
    for database, records in plan.locked.items():
        lines += ["[[locked]]", f'database = "{database}"']
        lines.append(f"records = {json.dumps(list(records))}")
    what, why = words
    lines += _table("change", {"what": what, "why": why})
    lines += _table("limits", plan.limits) + _table("noise", plan.noise)
    lines += _table("attack", plan.attack)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _table(name: str, values: Mapping[str, Any]) -> list[str]:
    if not values:
        return []
    return [f"[{name}]", *(f"{key} = {_value(each)}" for key, each in values.items())]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)
