"""Streams of numerics (HR, SpO2, respiration … at 1 Hz): forecast, and told where they stray.

What :class:`inference.pipeline.Pipeline` is to ECG this is to all other sensors: sequenced items of
any streams go in, changes of alarms come out, and what comes for a stream does not depend on how it
was cut or on who else is in the batch. State is by slot, snapshots are of whole streams.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.alarm_json import ModelRef
from inference.alarm_transition import AlarmTransition
from inference.anomalies import Anomalies
from inference.forecast import ForecastStage
from inference.model import ModelInfo, builtin
from inference.numerics import StepMeans, channel_values, steps_in
from inference.results import AlarmChange, Results
from inference.session import StreamSession
from inference.slots import Field
from inference.stage import Composite, Stage
from inference.streams import StreamInfo, Streams, StreamsSnapshot
from ingest.errors import InputError
from ingest.frames import ECG_UNITS, Lead
from ingest.sequence_types import Chunk, Gap, Item

LEAST_SLOTS = 16
"""Slots that are made at first; from there their number doubles."""
LONGEST_FILL_S = 600.0
"""A gap up to this long is stepped through, its values missing; behind a longer one the stream
starts anew."""


@dataclass(frozen=True, slots=True)
class _Leave:
    """The stream in a slot is over."""

    slot: int


_Queue = deque[Item | _Leave]


class NumericStreams:
    """A forecaster over any number of streams, and the alarms that come of it.

    Parameters
    ----------
    forecaster : Path, optional
        Model of kind ``forecast``; the shipped one where not given.
    asked : str
        False alarms an hour that are asked for: a key of the model's limits.
    share : float, optional
        As for :class:`inference.forecast.ForecastStage`.

    Raises
    ------
    ingest.errors.InputError
        As :class:`inference.forecast.ForecastStage`.
    """

    def __init__(
        self, forecaster: Path | None = None, asked: str = "4", share: float | None = None
    ) -> None:
        session = StreamSession(forecaster or builtin("forecast"), "forecast")
        self.stage = ForecastStage(session, asked=asked, share=share)
        self.channels = self.stage.info.channels
        self.streams = Streams()
        self._wanted = {name.lower() for name in self.channels}
        info = session.info
        self._model = ModelRef(info.name, info.version, info.digest)
        self._gaps = Stage({"samples": Field(dtype=np.int64)})
        self._means = StepMeans(len(self.channels))
        self._anomalies = Anomalies(self.channels, info.fs)
        self._stages = Composite(
            {
                "gaps": self._gaps,
                "means": self._means,
                "forecast": self.stage,
                "anomalies": self._anomalies,
            }
        )
        self._capacity = 0

    @property
    def model(self) -> ModelInfo:
        """Metadata of the forecaster."""
        return self.stage.session.info

    def takes(self, leads: Sequence[Lead], fs: float) -> bool:
        """Tell whether a stream of these leads is one of numerics, with a channel to forecast.

        Raises
        ------
        ingest.errors.InputError
            If it is, and its sampling frequency is none that can be averaged to the model's.
        """
        names = [lead.name.strip().lower() for lead in leads]
        if any(lead.unit in ECG_UNITS for lead in leads) or self._wanted.isdisjoint(names):
            return False
        steps_in(fs, self.model.fs, f"a stream of {', '.join(lead.name for lead in leads)}")
        return True

    def push(self, items: Iterable[Item], results: Results) -> None:
        """Take sequenced items of any streams, in each stream's order; add what comes of them.

        A stream that cannot be forecast is passed over, and told in
        :attr:`~inference.results.Results.unscored`; the others go on.
        """
        queues: dict[str, _Queue] = {}
        for item in items:
            queues.setdefault(item.stream_id, deque()).append(item)
        while queues:
            ready: dict[int, NDArray[np.float32]] = {}
            for stream_id, queue in list(queues.items()):
                values = self._next_values(queue, results)
                if values is None:
                    del queues[stream_id]
                else:
                    ready[values[0]] = self._steps(*values)
            self._advance(ready, results)

    def forget(self, stream_ids: Iterable[str]) -> None:
        """Let streams go without a word; those that sit nowhere are passed over."""
        slots = self.streams.seated(stream_ids)
        self._stages.reset(slots)
        for slot in slots.tolist():
            self.streams.leave(slot)

    def snapshot(self, stream_ids: Sequence[str]) -> StreamsSnapshot:
        """Copy all that is remembered of some streams, each of which must sit somewhere."""
        slots = self.streams.seated(stream_ids)
        infos = self.streams.infos(slots)
        return StreamsSnapshot(infos, (self.model.digest,), self._stages.snapshot(slots))

    def restore(self, snapshot: StreamsSnapshot) -> None:
        """Go on with streams as would have who took the snapshot.

        Raises
        ------
        ingest.errors.InputError
            If it is of another model, or not a snapshot of these stages; its streams are
            forgotten then.
        """
        if snapshot.models != (self.model.digest,):
            raise InputError("the snapshot was taken with another forecaster than this")
        stream_ids = [info.stream_id for info in snapshot.streams]
        self.forget(stream_ids)
        slots = np.array([self._take_slot(info) for info in snapshot.streams], np.intp)
        try:
            self._stages.restore(slots, snapshot.state)
        except ValueError as error:
            self.forget(stream_ids)
            raise InputError(f"the snapshot does not fit: {error}") from error

    def _next_values(
        self, queue: _Queue, results: Results
    ) -> tuple[int, NDArray[np.float32]] | None:
        """Join what comes next of one stream, up to where it ends; None when there is no more.

        Returns
        -------
        slot : int
        values : array of shape (n_values, n_channels)
            At the source's sampling frequency, NaN where missing.
        """
        parts: list[NDArray[np.float32]] = []
        slot: int | None = None
        while queue:
            item = queue[0]
            at = item.slot if isinstance(item, _Leave) else self.streams.slot(item.stream_id)
            if isinstance(item, _Leave) or (at is not None and self._is_over(item)):
                if parts:
                    break  # what came before it first
                if not isinstance(item, Chunk):
                    queue.popleft()
                if at is not None:
                    self._let_go(at, results)
                continue
            queue.popleft()
            if isinstance(item, Chunk):
                at = self._seat(item, results) if at is None else at
                if at is not None:
                    self._gaps.state["samples"][at] = 0
                    leads, name = item.leads, item.stream_id
                    parts.append(channel_values(leads, item.samples, self.channels, name))
            elif isinstance(item, Gap) and at is not None:
                parts.append(self._missing(at, item, queue))
            slot = slot if at is None else at
        return None if not parts or slot is None else (slot, np.concatenate(parts))

    def _is_over(self, item: Item) -> bool:
        """Tell whether a seated stream's session ends before this."""
        return item.begins if isinstance(item, Chunk) else not isinstance(item, Gap)

    def _missing(self, slot: int, gap: Gap, queue: _Queue) -> NDArray[np.float32]:
        """Fill a gap; where it grows too long, the stream is over behind what was filled."""
        gaps = self._gaps.state["samples"]
        room = int(LONGEST_FILL_S * self.streams.info(slot).fs) - int(gaps[slot])
        n = min(gap.n_samples, room)
        gaps[slot] += n
        if gap.n_samples > room:
            queue.appendleft(_Leave(slot))
        return np.full((n, len(self.channels)), np.nan, np.float32)

    def _seat(self, chunk: Chunk, results: Results) -> int | None:
        """Give a stream a slot; None where it cannot be forecast."""
        try:
            if not self.takes(chunk.leads, chunk.fs):
                raise InputError(f"none of its leads is one of {', '.join(self.channels)}")
        except InputError as error:
            results.unscored[chunk.stream_id] = str(error)
            return None
        rows = [
            r for r, lead in enumerate(chunk.leads) if lead.name.strip().lower() in self._wanted
        ]
        leads = tuple(chunk.leads[row] for row in rows)
        slot = self._take_slot(
            StreamInfo(
                chunk.stream_id, chunk.session, chunk.fs, chunk.origin_unix_ns,
                leads[0], rows[0], leads[1:], tuple(rows[1:]),
            )
        )  # fmt: skip
        step, taken = divmod(chunk.first_sample, steps_in(chunk.fs, self.model.fs, ""))
        self._means.start(slot, taken)
        self._anomalies.start(slot, step)
        return slot

    def _take_slot(self, info: StreamInfo) -> int:
        slot = self.streams.take(info)
        if slot >= self._capacity:
            self._capacity = max(LEAST_SLOTS, 2 * self._capacity)
            self._stages.resize(self._capacity)
        return slot

    def _let_go(self, slot: int, results: Results) -> None:
        """End what is open of a stream, and free its slot."""
        self._note(self._anomalies.close(slot), results)
        self._stages.reset(np.array([slot]))
        self.streams.leave(slot)

    def _steps(self, slot: int, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Average what came to the model's sampling frequency; shape (n_steps, n_channels)."""
        n = steps_in(self.streams.info(slot).fs, self.model.fs, "")
        return self._means.push(slot, values, n)

    def _advance(self, ready: dict[int, NDArray[np.float32]], results: Results) -> None:
        """Step all streams, those that have as many steps together."""
        order = sorted(ready, key=lambda slot: -len(ready[slot]))
        lengths = [len(ready[slot]) for slot in order]
        results.n_steps += sum(lengths)
        for k in range(max(lengths, default=0)):
            slots = np.array(order[: sum(n > k for n in lengths)], np.intp)
            values = np.stack([ready[slot][k] for slot in slots.tolist()])
            expected = self.stage.expected(slots)
            scores = self.stage.step(slots, values)
            self._note(self._anomalies.advance(slots, scores, values, expected), results)

    def _note(self, changes: Iterable[AlarmTransition], results: Results) -> None:
        """Add changes of alarms, with the channel that they are about."""
        for change in changes:
            stream, anomaly = self.streams.info(change.slot), change.anomaly
            channel = None if anomaly is None else anomaly.channel
            results.alarms.append(AlarmChange(stream, change, lead=channel, model=self._model))
