"""The live display: takes the terminal's second screen, draws views at a bounded rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, ScreenContext

from deploy.terminal.screen import WardScreen
from deploy.terminal.view import WardView


class WardDisplay:
    """Draws views on the terminal; on what is no terminal it draws nothing.

    Parameters
    ----------
    console : Console or None
        Where to draw; None for the standard output.
    max_hz : float
        Most frames a second.
    clock : Callable[[], float]
        Monotonic time, s.

    Examples
    --------
    >>> with WardDisplay(Console(force_terminal=False)) as display:
    ...     display.due()
    False
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        max_hz: float = 12.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console = console or Console()
        self._period_s = 1.0 / max_hz
        self._clock = clock
        self._next_s = -float("inf")
        self._screen: ScreenContext | None = None

    def __enter__(self) -> WardDisplay:
        """Take the second screen and hide the cursor."""
        if self.console.is_terminal:
            self._screen = self.console.screen(hide_cursor=True)
            self._screen.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the screen back."""
        if self._screen is not None:
            self._screen.__exit__(kind, error, trace)
            self._screen = None

    def due(self) -> bool:
        """Return whether a view would be drawn now: ask before building one."""
        return self._screen is not None and self._clock() >= self._next_s

    def show(self, view: WardView) -> bool:
        """Draw a view, unless the last was drawn too short a time ago; return whether it was."""
        if self._screen is None or not self.due():
            return False
        now_s = self._clock()
        self._next_s = max(self._next_s + self._period_s, now_s + 0.5 * self._period_s)
        self._screen.update(WardScreen(view))
        return True
