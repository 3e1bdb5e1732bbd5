"""A TOML file that is read as a model, every key checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ingest.errors import InputError

_Model = TypeVar("_Model", bound=BaseModel)


def read_toml(path: Path, kind: type[_Model]) -> _Model:
    """Read a file.

    Raises
    ------
    ingest.errors.InputError
        If it cannot be read, is not TOML, or a key or value is not allowed.
    """
    try:
        return kind.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InputError(f"{path}: {'; '.join(wrong)}") from error
