"""Keys as they are pressed, without a line's end and without waiting; only of a terminal."""

from __future__ import annotations

import importlib
import os
import select
import sys
from types import TracebackType
from typing import Any

MOST_BYTES = 256
"""Most that is read at once."""


class Keys:
    """Reads keys while the block lasts, and leaves the terminal as it was.

    Where the standard input is no terminal, or the system has no such settings,
    there are no keys. Ctrl-C stays what it is.

    Parameters
    ----------
    fd : int or None
        Descriptor of the terminal; None for the standard input.
    """

    def __init__(self, fd: int | None = None) -> None:
        self._fd = _standard_input() if fd is None else fd
        self._before: list[Any] | None = None
        self._termios: Any = None

    @property
    def there(self) -> bool:
        """Whether keys can be read now."""
        return self._before is not None

    def __enter__(self) -> Keys:
        """Let the terminal give each key at once, and show none."""
        try:
            termios = self._termios = importlib.import_module("termios")
        except ImportError:
            return self
        try:
            before = termios.tcgetattr(self._fd)
        except (termios.error, OSError, ValueError):
            return self
        settings = list(before)
        settings[3] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(self._fd, termios.TCSANOW, settings)
        self._before = before
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back as it was."""
        if self._before is not None:
            self._termios.tcsetattr(self._fd, self._termios.TCSANOW, self._before)
            self._before = None

    def read(self) -> str:
        """Return the keys pressed since, oldest first; what is no letter is left out."""
        if self._before is None or not select.select([self._fd], [], [], 0)[0]:
            return ""
        try:
            pressed = os.read(self._fd, MOST_BYTES)
        except OSError:
            return ""
        return "".join(c for c in pressed.decode("ascii", "ignore") if c.isalpha())


def _standard_input() -> int:
    """Return its descriptor; -1 where there is none."""
    try:
        return sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):
        return -1
