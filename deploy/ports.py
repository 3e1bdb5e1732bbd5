"""Ports that nobody listens on."""

from __future__ import annotations

import random
import socket

from ingest.errors import InputError

PORTS = range(10240, 32768)
"""Where free ports are looked for: above what services are given by custom, and below the range
from which the kernel takes the ports of outgoing connections, any of which may be in use by the
time a program that starts gets to listen (32768 and more on Linux, 49152 elsewhere)."""

TRIES = 1000
"""How many ports are tried before giving up."""


def free_ports(n_ports: int, host: str = "127.0.0.1") -> list[int]:
    """Return ports in a row that nobody listens on now.

    Parameters
    ----------
    n_ports
        How many, one or more.
    host
        Address of this machine on which they are to be free.

    Raises
    ------
    InputError
        No such row was found in many tries.

    Examples
    --------
    >>> first, second = free_ports(2)
    >>> second - first, first in PORTS
    (1, True)
    """
    for _ in range(TRIES):
        first = random.choice(PORTS[: -n_ports + 1 or None])
        found = list(range(first, first + n_ports))
        if all(_is_free(host, port) for port in found):
            return found
    raise InputError(f"no {n_ports} free ports in a row on {host} from {PORTS[0]} to {PORTS[-1]}")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind((host, port))
        except OSError:
            return False
    return True
