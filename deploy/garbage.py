"""Python's search for cycles, in processes whose turns somebody waits for."""

from __future__ import annotations

import gc


def keep_what_stands() -> None:
    """Leave what stands by now out of all further searches: it stays as long as the process.

    For a process of its own, once its modules and models are loaded. A full search takes 60 ms
    for them, and 2 ms more for the objects of 5,000 streams; alarms would wait for it.
    """
    gc.collect()
    gc.freeze()
