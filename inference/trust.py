"""Whose models may be loaded: one rule for the process while it makes its pipeline.

Whoever composes a service sets the rule (:mod:`deploy.security.models`); without one,
as on a researcher's own machine, every model is loaded. It sees the very bytes that
are loaded, so that a file cannot be changed between the look at it and its use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Rule = Callable[[Path, bytes], None]
"""Raises InputError where a file of this content must not be loaded."""

_rules: list[Rule] = []


@contextmanager
def only(rule: Rule) -> Iterator[None]:
    """Load only what a rule lets pass, while this lasts.

    Examples
    --------
    >>> def nothing(path, content):
    ...     raise ValueError(f"{path} is not trusted")
    >>> with only(nothing):
    ...     check(Path("a.onnx"), b"")
    Traceback (most recent call last):
    ...
    ValueError: a.onnx is not trusted
    """
    _rules.append(rule)
    try:
        yield
    finally:
        _rules.remove(rule)


def check(path: Path, content: bytes) -> None:
    """Ask all rules that are in force whether a file of this content may be loaded.

    Raises
    ------
    ingest.errors.InputError
        If one says no.
    """
    for rule in _rules:
        rule(path, content)
