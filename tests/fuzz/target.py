"""What is fuzzed, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """One reader of bytes from outside."""

    name: str
    """Short name."""
    seeds: Sequence[bytes]
    """Good inputs, which the others are made of."""
    call: Callable[[bytes], object]
    """Reads one; may raise InputError and nothing else. A text that it returns is an outcome of its
    own, as the status of an answer is."""
    tokens: Sequence[bytes] = ()
    """Words of its format."""


@dataclass(slots=True)
class Outcome:
    """What came of a run."""

    name: str
    """The target's."""
    n_inputs: int = 0
    """Inputs that were read."""
    n_refused: int = 0
    """Those that were refused, as bad ones should be."""
    seconds: float = 0.0
    """How long the processor was busy with it, s."""
    slowest_s: float = 0.0
    """The longest that one input took, s."""
    grown_bytes: int = 0
    """How much the process grew from the first tenth of the run to its end."""
    reasons: Counter[str] = field(default_factory=Counter)
    """How often each kind of outcome was seen."""
    faults: dict[str, bytes] = field(default_factory=dict)
    """First input of each kind of fault: another exception, a hang, no memory."""
