"""What the sequencer gives out: chunks, gaps and ends, in order, as plain values.

For one stream the values between one ``Chunk`` with ``begins`` set and the
``End`` (or the next such chunk) cover its samples from the first one heard
without hole and without overlap, in order: ``end_sample`` of each is
``first_sample`` of the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.frames import Lead


def sample_to_ns(sample: int, fs: float) -> int:
    """Return the time of a sample since sample 0, in whole ns, rounded.

    Exact in integers, so that it does not depend on how samples were chunked.

    Examples
    --------
    >>> sample_to_ns(360, 360.0), sample_to_ns(1, 360.0)
    (1000000000, 2777778)
    """
    numerator, denominator = float(fs).as_integer_ratio()
    return (sample * denominator * 10**9 + numerator // 2) // numerator


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Samples that were heard, following on what came before."""

    stream_id: str
    """Pseudonym of the stream."""
    session: str
    """The device's session that they belong to."""
    first_sample: int
    """Index of the first sample since the session began."""
    samples: NDArray[np.int16]
    """Array of shape (n_leads, n_samples), adu; may be read-only; at least one sample."""
    fs: float
    """Sampling frequency, Hz; constant in a session."""
    leads: tuple[Lead, ...]
    """Leads, in the order of the rows; constant in a session."""
    origin_unix_ns: int
    """UTC time of the session's sample 0, ns since 1970, told once by the first
    frame heard of the session and constant in it, so that times do not depend on
    chunking."""
    begins: bool = False
    """True on the first chunk of every session: all that was remembered of the stream
    before belongs to another count of samples."""
    restart: bool = False
    """True on the first chunk of a session that followed another of the same stream:
    the device was restarted."""

    @property
    def end_sample(self) -> int:
        """Index one past the last sample."""
        return self.first_sample + int(self.samples.shape[1])

    @property
    def start_unix_ns(self) -> int:
        """UTC time of the first sample, ns since 1970."""
        return self.origin_unix_ns + sample_to_ns(self.first_sample, self.fs)


class Layout(NamedTuple):
    """What does not change within a session of a stream."""

    session: str
    """The device's session."""
    fs: float
    """Sampling frequency, Hz."""
    leads: tuple[Lead, ...]
    """Leads, in the order of the rows of samples."""
    origin_unix_ns: int
    """UTC time of the session's sample 0, ns since 1970."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunks:
    """Chunks of many streams, none of which begins a session, as one list a field.

    A stream may have several, in order.
    """

    stream_ids: list[str] = field(default_factory=list)
    """Pseudonyms of the streams."""
    first_samples: list[int] = field(default_factory=list)
    """Indices of the first samples since the sessions began."""
    layouts: list[Layout] = field(default_factory=list)
    """What the samples are."""
    raw: list[bytes] = field(default_factory=list)
    """Samples, int16 little-endian, lead by lead, adu."""

    def chunk(self, i: int) -> Chunk:
        """Return one of them; its samples are a read-only view."""
        session, fs, leads, origin_unix_ns = self.layouts[i]
        samples = np.frombuffer(self.raw[i], "<i2").reshape(len(leads), -1)
        return Chunk(
            self.stream_ids[i], session, self.first_samples[i], samples, fs, leads, origin_unix_ns
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples that will not come. A long gap may be told in several, one after another."""

    stream_id: str
    """Pseudonym of the stream."""
    session: str
    """The device's session that has the gap."""
    first_sample: int
    """Index of the first missing sample."""
    n_samples: int
    """Number of missing samples, at least 1."""

    @property
    def end_sample(self) -> int:
        """Index one past the last missing sample."""
        return self.first_sample + self.n_samples


@dataclass(frozen=True, slots=True)
class End:
    """The device ended its session; nothing more of it will come."""

    stream_id: str
    """Pseudonym of the stream."""
    session: str
    """The device's session that ended."""
    end_sample: int
    """Index one past the last sample of the session."""


Item = Chunk | Gap | End
"""One value of a sequenced stream."""
Ordered = Item | Chunks
"""One value of a sequenced stream, or many that are alike."""


@dataclass(slots=True)
class SequenceCounts:
    """What was not passed on, in frames, since the sequencer was made; over all streams."""

    repeated: int = 0
    """Dropped: every sample had been heard before."""
    overlapping: int = 0
    """Trimmed: some samples had been heard before."""
    contradictory: int = 0
    """Of these, frames whose samples differed from what was heard first."""
    late: int = 0
    """Dropped or trimmed: their place had been declared a gap, or the session had ended."""
    former_session: int = 0
    """Dropped: frames of a session that the device had left."""
    gaps: int = 0
    """Gaps declared, each place counted once however often it grew."""
    restarts: int = 0
    """Changes of session."""
