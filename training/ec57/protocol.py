"""The settings of a comparison; the defaults are the standard's."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.errors import InputError


@dataclass(frozen=True)
class Protocol:
    """How two annotators are compared.

    Raises
    ------
    InputError
        The window or the learning period is negative.

    Examples
    --------
    >>> Protocol().window(360), Protocol().start(360)
    (54, 108000)
    """

    window_s: float = 0.150
    """Largest distance of a matched pair of beats, s (EC57: 150 ms)."""
    learning_s: float = 300.0
    """Start of a record that does not count, s (EC57: 5 minutes)."""
    official: bool = False
    """Count as the official C tools do where they have a known bug."""

    def __post_init__(self) -> None:
        if not self.window_s >= 0:
            raise InputError(f"the match window must be 0 s or more, not {self.window_s}")
        if not self.learning_s >= 0:
            raise InputError(f"the learning period must be 0 s or more, not {self.learning_s}")

    def window(self, fs: float) -> int:
        """Give the match window in samples at `fs` Hz, rounded down: 150 ms is the most."""
        return int(self.window_s * fs + 1e-6)

    def start(self, fs: float) -> int:
        """Give the first sample that counts at `fs` Hz."""
        return round(self.learning_s * fs)


STANDARD = Protocol()
"""EC57: 150 ms, 5 minutes, known bugs mended."""
