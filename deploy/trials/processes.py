"""What the processes of a trial take of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ROLES = (("kafka.Kafka", "broker"), (" monitor ", "workers"), ("spawn_main", "sender"))
"""What a command line holds, and what the process is then."""
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
"""Unit of the processor times that the system tells, s."""


def cpu_by_role() -> dict[str, float]:
    """Sum up the processor time of all processes below this one, by what they are, s."""
    found: dict[str, float] = {}
    for pid in _below(os.getpid()):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            told = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it has just ended
        role = next((role for words, role in ROLES if words in line), "other")
        found[role] = found.get(role, 0.0) + (int(told[11]) + int(told[12])) * TICK_S
    return found


def _below(pid: int) -> Iterator[int]:
    """Yield the processes below one, at any depth."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            yield child
            yield from _below(child)
