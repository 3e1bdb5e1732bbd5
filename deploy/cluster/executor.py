"""The seam between work in parts and where it is done: on this machine, or on a Ray cluster.

A part may run more than once: its worker may be killed, its machine may be lost. So what a part
writes is written beside its place and moved there whole, and the same part gives the same bytes
each time. Then nothing is lost and nothing stands twice, wherever it ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from ingest.errors import InputError

PLACES = ("local", "ray")
"""Where work can be done."""
TRIES = 4
"""How often a part is begun at most, when its worker is lost each time."""

Advance = Callable[[float], None]
"""Is told how much was done since it was last told, in the unit of the parts' sizes."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of some work, done by one worker in one go."""

    label: str
    """What it is called in messages."""
    arguments: tuple[Any, ...]
    """Of the function that does it; they and what it returns must pickle."""
    size: float = 1.0
    """How much of the work it is."""


class Executor(Protocol):
    """Does parts of some work, in any order."""

    @property
    def n_parts(self) -> int:
        """Parts to deal work out to, where it can be cut anyhow."""
        ...

    def run(
        self, function: Callable[..., Any], parts: Sequence[Part], advance: Advance
    ) -> Iterator[tuple[int, Any]]:
        """Call a function once a part, and again where a worker was lost.

        Parameters
        ----------
        function : callable
            At the top of a module, for others must find it; it takes the part's arguments, then
            an ``Advance`` that it may tell how far it has come.
        parts : sequence of Part
        advance : callable
            Is told how much was done.

        Yields
        ------
        number : int
            Of the part that is done, from 0.
        result
            What the function returned.

        Raises
        ------
        ingest.errors.InputError
            If a part lost its worker ``TRIES`` times. What the function raises is raised here,
            and nothing further is begun.
        """
        ...


def require_place(place: str, cluster: str | None) -> None:
    """Refuse a place that is not known, or a cluster's address where there is no cluster.

    Raises
    ------
    ingest.errors.InputError
        Naming what is allowed.
    """
    if place not in PLACES:
        raise InputError(f"--on {place}: allowed: {', '.join(PLACES)}")
    if cluster is not None and place != "ray":
        raise InputError(f"--cluster {cluster} is for --on ray")


@contextmanager
def open_executor(place: str, n_jobs: int, cluster: str | None = None) -> Iterator[Executor]:
    """Lend an executor; what it started is stopped in the end.

    Parameters
    ----------
    place : str
        ``local``, or ``ray``.
    n_jobs : int
        Worker processes, where they are started here.
    cluster : str, optional
        Address of a Ray cluster, ``HOST:PORT`` or ``auto``; without it ``RAY_ADDRESS`` names one,
        and without that one is started on this machine.

    Raises
    ------
    ingest.errors.InputError
        As :func:`require_place`; also if Ray is not installed, or its cluster not reached.
    """
    require_place(place, cluster)
    if place == "local":
        from deploy.cluster.local import LocalExecutor

        yield LocalExecutor(n_jobs)
        return
    from deploy.cluster.on_ray import ray_executor

    with ray_executor(n_jobs, cluster) as executor:
        yield executor


def lost(labels: Sequence[str]) -> InputError:
    """Say that a worker was lost too often."""
    named = ", ".join(sorted(labels)[:3]) + (" …" if len(labels) > 3 else "")
    return InputError(
        f"a worker was lost {TRIES} times (killed, or out of memory) with {named} in hand"
    )
