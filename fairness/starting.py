"""Declarations that ship with Vigil, for whoever has none yet."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def starting_declarations() -> list[str]:
    """Return the names of the declarations that ship.

    Examples
    --------
    >>> starting_declarations()
    ['beats']
    """
    folder = Path(str(resources.files("fairness.declarations")))
    return sorted(path.stem for path in folder.glob("*.toml"))


def find_declaration(name_or_path: Path) -> Path:
    """Resolve a declaration given by the name of one that ships, or by its path.

    A file of that name comes first.

    Examples
    --------
    >>> find_declaration(Path("beats")).name, find_declaration(Path("own.toml")).name
    ('beats.toml', 'own.toml')
    """
    if not name_or_path.exists() and str(name_or_path) in starting_declarations():
        return Path(str(resources.files("fairness.declarations"))) / f"{name_or_path}.toml"
    return name_or_path
