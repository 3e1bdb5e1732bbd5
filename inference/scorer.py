"""What a worker asks of whatever scores its streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from inference.limits import Limits
from inference.model import ModelInfo
from inference.results import Results
from inference.streams import StreamsSnapshot
from ingest.frames import Lead
from ingest.sequence_types import Ordered


class Seats(Protocol):
    """Who is being scored."""

    def __len__(self) -> int:
        """Return the number of streams that sit in a slot."""

    def slot(self, stream_id: str) -> int | None:
        """Slot of a stream, None where it has none."""

    def takes(self, leads: Sequence[Lead], fs: float, wanted: str | None) -> bool:
        """Tell whether a stream of these leads can be scored; may raise InputError."""


class Scorer(Protocol):
    """Scores sequenced streams: a pipeline of ECG, or an engine that has more beside it."""

    @property
    def models(self) -> list[ModelInfo]:
        """Metadata of all models, the beat model first."""

    @property
    def limits(self) -> Limits:
        """Alarm limits in force."""

    @property
    def lead(self) -> str | None:
        """Lead asked for."""

    @property
    def streams(self) -> Seats:
        """Who is being scored."""

    def push(self, items: Iterable[Ordered]) -> Results:
        """Take sequenced items of any streams, in each stream's order."""

    def forget(self, stream_ids: Iterable[str]) -> None:
        """Let streams go without a word: another worker goes on with them."""

    def limits_of(self, stream_id: str) -> Limits:
        """Give the limits in force for a stream."""

    def set_limits(self, stream_id: str, limits: Limits) -> None:
        """Select the limits of one stream."""

    def snapshot(self, stream_ids: Iterable[str]) -> StreamsSnapshot:
        """Copy all that is remembered of some streams."""

    def restore(self, snapshot: StreamsSnapshot) -> None:
        """Go on with streams as the scorer would have that took the snapshot."""
