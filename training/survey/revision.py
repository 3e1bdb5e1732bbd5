"""What a result depends on: the code that it goes through, by the content of its files."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("ingest", "inference", "training")


@cache
def code_digest(module: str) -> str:
    """SHA-256, shortened, of a module's source and of all of ours that it imports.

    Read once: what runs is what was loaded, whatever is edited meanwhile.

    Parameters
    ----------
    module : str
        Dotted name, such as ``training.survey.fit_beats``.
    """
    reached: set[Path] = set()
    waiting = [module]
    while waiting:
        path = _file_of(waiting.pop())
        if path is not None and path not in reached:
            reached.add(path)
            waiting += _imports(path)
    content = hashlib.sha256()
    for path in sorted(reached):
        content.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return content.hexdigest()[:16]


def _file_of(module: str) -> Path | None:
    """Source of one of our modules; a name that is no module gives that of the module it is in."""
    parts = module.split(".")
    if parts[0] not in PACKAGES:
        return None
    for n in range(len(parts), 0, -1):
        base = ROOT.joinpath(*parts[:n])
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


def _imports(path: Path) -> list[str]:
    """Names that a file imports, each with what is imported from it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names
