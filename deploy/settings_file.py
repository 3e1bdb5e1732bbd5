"""The file of settings: TOML of bounded size, without secrets, which have files of their own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest.errors import InputError

PREFIX = "VIGIL_"
"""What all variables of the environment begin with."""
NESTED = "__"
"""What stands between table and key in them."""
MOST_FILE_BYTES = 1 << 18
"""Longest file of settings."""
MOST_LINE_CHARS = 4096
"""Longest line of it: the time that keys in keys in keys take grows with the square."""
SECRETS = ("password", "secret", "token")
"""Words in the names of keys whose values are never told and never stand in the file."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file of settings, of bounded size, that holds no secret.

    Raises
    ------
    InputError
        If it cannot be read, is too long, is not TOML, or holds a secret; never tells one.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_FILE_BYTES + 1)
        text = content[:MOST_FILE_BYTES].decode()
        if max(map(len, text.split("\n"))) > MOST_LINE_CHARS:
            raise ValueError(f"a line of more than {MOST_LINE_CHARS} characters")
        read = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"settings: cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"settings: {path} is not TOML: {error}") from error
    if len(content) > MOST_FILE_BYTES:
        raise InputError(f"settings: {path} has more than {MOST_FILE_BYTES} bytes")
    try:
        _refuse_secrets(path, read)
    except RecursionError:
        raise InputError(f"settings: {path}: tables in tables without end") from None
    return read


def is_secret(key: str) -> bool:
    """Tell whether a dotted key holds a secret itself, not the name of a file with it.

    Examples
    --------
    >>> is_secret("kafka.security.password"), is_secret("notify.secret_file")
    (True, False)
    """
    name = key.rpartition(".")[2]
    return any(word in name for word in SECRETS) and not name.endswith("_file")


def _refuse_secrets(path: Path, table: Mapping[str, Any], above: str = "") -> None:
    """Raise where a secret stands in a file of settings, which is copied, shown and kept."""
    for name, value in table.items():
        if isinstance(value, dict):
            _refuse_secrets(path, value, f"{above}{name}.")
        elif is_secret(name):
            raise InputError(
                f"settings: {above}{name} must not stand in {path}: say {above}{name}_file, or "
                f"{PREFIX}{NESTED.join(f'{above}{name}'.upper().split('.'))} in the environment"
            )
