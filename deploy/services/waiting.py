"""Starts a worker although no broker answers yet: tries again, for a stated time, and says so."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from kafka.errors import AuthorizationError, SaslAuthenticationFailedError

from ingest.errors import InputError
from ingest.kafka_url import BrokerError, NotLetInError

logger = logging.getLogger(__name__)

Made = TypeVar("Made")

FIRST_S, LONGEST_S = 1.0, 30.0
"""Waits between two tries, s: the first, doubled each time up to the longest."""


class AwayError(InputError):
    """No broker answers, or one that did has gone while the worker was starting."""


def why_not_made(error: BrokerError) -> InputError:
    """Tell a broker that is away from one that does not let this client in.

    Returns
    -------
    InputError
        An :class:`AwayError` where waiting may help.

    Examples
    --------
    >>> why_not_made(BrokerError("no Kafka answers at b:1"))
    AwayError('no Kafka answers at b:1')
    """
    causes: tuple[type[BaseException], ...] = (AuthorizationError, SaslAuthenticationFailedError)
    shut = isinstance(error, NotLetInError) or isinstance(error.__cause__, causes)
    return InputError(str(error)) if shut else AwayError(str(error))


def made_when_there(
    make: Callable[[], Made],
    wait_s: float,
    *,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Made:
    """Make something that needs brokers, trying again while they are away.

    Parameters
    ----------
    make : callable
        Makes it; raises :class:`AwayError` where no broker answers, and other errors for what
        waiting does not mend.
    wait_s : float
        How long to go on, s; 0: one try.
    sleep, clock : callable
        Waits; monotonic time, s.

    Raises
    ------
    AwayError
        If the time is over.

    Examples
    --------
    >>> made_when_there(lambda: "a worker", 10.0)
    'a worker'
    """
    begun_s, pause_s, n_tries = clock(), FIRST_S, 0
    while True:
        n_tries += 1
        try:
            return make()
        except AwayError as error:
            left_s = begun_s + wait_s - clock()
            if left_s <= 0:
                raise
            pause_s = min(pause_s, left_s)
            logger.warning(
                "try %d: %s; tried again in %.0f s, and for %.0f s more",
                n_tries, error, pause_s, left_s,
            )  # fmt: skip
        sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_S)
