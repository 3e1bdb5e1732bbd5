"""An audit as a JSON document, and back again."""

from __future__ import annotations

import dataclasses
import json
import math
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import GenericAlias
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import numpy as np

from fairness.errors import AuditError
from fairness.result import AuditResult

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORM = "vigil.audit/1"
"""Name and version of the document's form; its schema is ``fairness/audit.schema.json``."""


def to_dict(result: AuditResult) -> dict[str, Any]:
    """Return the audit as plain values that JSON can hold.

    What is not a finite number becomes ``None``: it could not be estimated.

    Examples
    --------
    >>> from fairness.result import Estimate
    >>> _plain(Estimate(0.98, float("nan"), 1.0))
    {'value': 0.98, 'low': None, 'high': 1.0}
    """
    return {"schema": FORM} | _plain_record(result)


def from_dict(document: object) -> AuditResult:
    """Return the audit that a document of :func:`to_dict` holds.

    Raises
    ------
    AuditError
        If the document has another form, or a value is missing, unknown or of the wrong kind.
    """
    if not isinstance(document, dict) or document.get("schema") != FORM:
        raise AuditError(f'an audit is an object with "schema": "{FORM}"')
    fields = {name: value for name, value in document.items() if name != "schema"}
    result = _typed(fields, AuditResult, "audit")
    if not isinstance(result, AuditResult):  # pragma: no cover - tells the type checker
        raise AuditError("not an audit")
    return result


def dump_result(result: AuditResult) -> str:
    """Return the audit as JSON text, two spaces deep, ending in a newline."""
    return json.dumps(to_dict(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def load_result(path: Path) -> AuditResult:
    """Read an ``audit.json``.

    Raises
    ------
    AuditError
        If the file cannot be read or does not hold an audit.
    """
    try:
        return from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, AuditError) as error:
        raise AuditError(f"audit {path}: {error}") from error


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain_record(value)
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _plain_record(record: DataclassInstance) -> dict[str, Any]:
    hints = _hints(type(record))
    return {
        # A whole number in a field of floats is written as the float that will be read.
        name: _plain(float(value) if hints[name] is float else value)
        for name, value in ((f.name, getattr(record, f.name)) for f in dataclasses.fields(record))
    }


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _typed(value: object, kind: Any, where: str) -> object:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _record(value, kind, where)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _member(value, kind, where)
    if get_origin(kind) is tuple:
        part = get_args(kind)[0]
        if not isinstance(value, list):
            raise AuditError(f"{where}: a list is wanted, not {value!r}")
        return tuple(_typed(item, part, f"{where}[{i}]") for i, item in enumerate(value))
    return _plain_typed(value, kind, where)


def _record(value: object, kind: type, where: str) -> object:
    if not isinstance(value, dict):
        raise AuditError(f"{where}: an object is wanted, not {value!r}")
    hints = _hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    if unknown := sorted(set(value) - set(fields)):
        raise AuditError(f"{where}: unknown {', '.join(unknown)}; known: {', '.join(fields)}")
    optional = {
        name
        for name, f in fields.items()
        if f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING
    }
    if missing := sorted(set(fields) - optional - set(value)):
        raise AuditError(f"{where}: no {', '.join(missing)}")
    return kind(
        **{name: _typed(part, hints[name], f"{where}.{name}") for name, part in value.items()}
    )


def _member(value: object, kind: type[StrEnum], where: str) -> StrEnum:
    for member in kind:
        if member.value == value:
            return member
    raise AuditError(f"{where}: {value!r} is none of {', '.join(m.value for m in kind)}")


def _plain_typed(value: object, kind: Any, where: str) -> object:
    if kind is float:
        if value is None:
            return math.nan
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    elif isinstance(kind, GenericAlias):
        if isinstance(value, get_origin(kind)):
            return value
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise AuditError(f"{where}: {getattr(kind, '__name__', kind)} is wanted, not {value!r}")
