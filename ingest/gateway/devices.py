"""What all inputs do with a device's message: check whose it is, name its stream, pack it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ingest.frames import Frame, FrameError
from ingest.gateway.arrival import Arrival, Packed, pack
from ingest.source import DeadLetter

MAX_DEAD_BYTES = 256 << 10
"""Most bytes that are kept of a message that could not be used."""


def same(name: str) -> str:
    """Return a name as it is."""
    return name


@dataclass(frozen=True, slots=True)
class Devices:
    """What inputs need of the gateway."""

    offer: Callable[[Arrival], None]
    """Takes a message; may wait."""
    pseudonym: Callable[[str], str] = same
    """Gives the name under which a device's stream goes on; the device's own goes no further."""

    def packed(self, frames: Sequence[Frame], device: str | None = None) -> list[Packed]:
        """Check and pack the frames of one message, under the names they go on with.

        Parameters
        ----------
        frames : sequence of Frame
            As the device sent them.
        device : str, optional
            Name of the device, where the way it came tells: its streams are ``NAME``, or
            ``NAME/ANYTHING``.

        Raises
        ------
        FrameError
            If a frame cannot be used, or is not the device's.
        """
        found = []
        for frame in frames:
            stream = frame.stream_id
            if device is not None and stream != device and not stream.startswith(f"{device}/"):
                raise FrameError("stream-id", "a device sends streams of its own name only")
            found.append(pack(replace(frame, stream_id=self.pseudonym(stream))))
        return found


def dead_letter(payload: bytes, error: FrameError, via: str) -> DeadLetter:
    """Keep a message that could not be used."""
    return DeadLetter(payload[:MAX_DEAD_BYTES], error.reason, str(error), f"gateway.{via}")
