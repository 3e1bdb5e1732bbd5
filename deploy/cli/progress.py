"""A progress bar on stderr, where a person looks on; nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(
    doing: str, total: float | None, *, quiet: bool = False
) -> Iterator[Callable[[float], None]]:
    """Lend the function that moves a progress bar on.

    Parameters
    ----------
    doing : str
        What is being done, such as ``"scoring"``.
    total : float or None
        How much there is to do, in the unit of the function's argument; None unknown.
    quiet : bool
        Show nothing in any case.

    Yields
    ------
    callable
        Takes how much was done since the last call.

    Examples
    --------
    >>> with progress_bar("counting", 3, quiet=True) as advance:
    ...     advance(1.0)
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda done: None
        return
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda done: bar.advance(task, done)
