"""JSON from outside: of bounded size, without what only Python takes for JSON."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from ingest.errors import InputError

MOST_BYTES = 1 << 20
"""Longest text, unless its reader allows another length."""


def read_json(text: bytes | str, what: str, most_bytes: int = MOST_BYTES) -> Any:
    """Read one JSON text; numbers are finite.

    Parameters
    ----------
    text : bytes or str
        The text; bytes are UTF-8.
    what : str
        What it should be, for the message, such as ``"a command"``.
    most_bytes : int
        Longest text, bytes (characters of a str).

    Raises
    ------
    InputError
        If it is too long, nested too deeply, no JSON, or holds NaN or a number beyond a double.
        Tells at most where it is wrong, never what stands there.

    Examples
    --------
    >>> read_json(b'{"a": [1, 2.5]}', "an example")
    {'a': [1, 2.5]}
    >>> read_json("[1e999]", "an example")
    Traceback (most recent call last):
    ...
    ingest.errors.InputError: an example must be JSON: a number beyond any that is meant
    """
    if len(text) > most_bytes:
        raise InputError(f"{what} of {len(text)} bytes: {most_bytes} fit")
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise InputError(f"{what} must be JSON: it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{what} must be JSON: {error}") from None
    except ValueError as error:  # not UTF-8, or a number of thousands of digits
        why = str(error) if isinstance(error, _NumberError) else "not UTF-8, or a number too long"
        raise InputError(f"{what} must be JSON: {why}") from None


class _NumberError(ValueError):
    """A number that JSON does not know or nobody means."""


def _refuse(name: str) -> NoReturn:
    raise _NumberError(f"{name} is no number")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _NumberError("a number beyond any that is meant")
    return value
