"""Sizes of architectures, read from the table ``[architecture]`` of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from ingest.errors import InputError

Values = Mapping[str, int | float | str]
"""What stands in the table."""

_Size = TypeVar("_Size")


def read_size(kind: type[_Size], values: Values) -> _Size:
    """Make a size of a table, each value of the kind that its field's default is.

    Parameters
    ----------
    kind : type
        Dataclass whose fields all have a default: an int, a float or a str.
    values : mapping of field to value
        Numbers may all be floats, as long as those of whole fields are whole.

    Raises
    ------
    ingest.errors.InputError
        If a key is unknown or a value is of another kind.
    """
    defaults: dict[str, Any] = {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(defaults)):
        raise InputError(
            f"architecture: no key {', '.join(unknown)}; allowed: {', '.join(defaults)}"
        )
    return kind(**{key: _like(defaults[key], key, value) for key, value in values.items()})


def _like(default: int | float | str, key: str, value: int | float | str) -> int | float | str:
    """Return the value as what the default is."""
    if isinstance(default, str):
        fits, wanted = isinstance(value, str), "a text"
    elif isinstance(default, int):
        fits, wanted = not isinstance(value, str) and value == int(value), "a whole number"
    else:
        fits, wanted = not isinstance(value, str), "a number"
    if not fits:
        raise InputError(f"architecture.{key} is {value!r}; allowed: {wanted}")
    return type(default)(value)
