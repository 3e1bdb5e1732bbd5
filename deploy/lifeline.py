"""A line between a process and those it starts: when it dies, however it dies, they hear of it.

A pipe of which the parent holds one end. Nothing is ever written: what is heard is its end.
"""

from __future__ import annotations

import os
import signal
import threading

VARIABLE = "VIGIL_LIFELINE"
"""Names the end of the pipe that a child was given, in its environment."""


class Lifeline:
    """The parent's end.

    Attributes
    ----------
    child_end : int
        File descriptor to pass to children.
    """

    def __init__(self) -> None:
        self.child_end, self._own_end = os.pipe()

    def environment(self) -> dict[str, str]:
        """Return the environment for children."""
        return {**os.environ, VARIABLE: str(self.child_end)}

    def close(self) -> None:
        """Let go of both ends: children that still live end."""
        os.close(self._own_end)
        os.close(self.child_end)


def end_with_parent(number: int = signal.SIGTERM) -> bool:
    """Send this process a signal when the parent dies that gave it a lifeline.

    Parameters
    ----------
    number : int
        The signal; SIGTERM lets a worker settle what it has.

    Returns
    -------
    bool
        False where there is no lifeline: nobody started this process so.
    """
    told = os.environ.pop(VARIABLE, "")
    if not told.isdigit():
        return False

    def listen() -> None:
        try:
            os.read(int(told), 1)
        except OSError:
            return
        os.kill(os.getpid(), number)

    threading.Thread(target=listen, name="lifeline", daemon=True).start()
    return True
