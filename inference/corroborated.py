"""Pulses and the gate together, for the streams that have pulse leads: what the pipeline calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.corroboration_gate import CorroborationGate, GatedEdges, by_slot, ticks_of
from inference.episode_edges import DecidedEdges, EpisodeEdges
from inference.limits import Limits
from inference.pulse_leads import PulseKind
from inference.pulse_watch import PulseWatch
from inference.pulses import Pulses, kinds_of
from inference.slots import Slots
from inference.some_slots import SomeSlots
from inference.stage import Composite, Slotted
from inference.streams import Streams
from ingest.frames import Lead


class Corroborated(SomeSlots):
    """Pulses of the streams that have any, and the gate that asks them about alarms.

    A stream without pulse leads costs four bytes, and a look at its place.

    Parameters
    ----------
    streams : Streams
        Who sits where.
    limits_of : callable
        Gives the limits in force for a slot.
    """

    def __init__(self, streams: Streams, limits_of: Callable[[int], Limits]) -> None:
        self._streams = streams
        self.pulses = Pulses()
        self.gate = CorroborationGate(self.pulses, limits_of)
        self.watch = PulseWatch(self.pulses, limits_of)
        parts: dict[str, Slotted] = {"leads": self.pulses, "gate": self.gate, "watch": self.watch}
        super().__init__(Composite(parts))

    def start(
        self,
        slot: int,
        *,
        fs: float,
        first_sample: int,
        first_adu: NDArray[np.int16],
        leads: Sequence[Lead],
    ) -> None:
        """Begin a stream that has pulse leads; as :meth:`inference.pulses.Pulses.start`."""
        self.pulses.start(
            self.seat(slot), fs=fs, first_sample=first_sample, first_adu=first_adu, leads=leads
        )

    def push(
        self, slots: Slots, raw_adu: NDArray[np.int16], fs: float, next_tick: NDArray[np.int64]
    ) -> None:
        """Take the next samples of streams that have the same kinds of pulse leads.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        raw_adu : array of shape (n_rows, n_pulse_leads, n_samples), adu
            Their samples.
        fs : float
            Sampling frequency, Hz.
        next_tick : array of shape (n_rows,)
            First tick that the ECG has not come to.
        """
        self.pulses.push(self.places(slots), raw_adu, fs, self._kinds(int(slots[0])), next_tick)

    def through(
        self,
        slots: Slots,
        first_ms: NDArray[np.int64],
        n_ticks: int,
        decided: Sequence[DecidedEdges],
    ) -> Iterator[GatedEdges]:
        """Give what goes on to the alarms of what some ticks decided.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams that advanced.
        first_ms : array of shape (n_rows,), ms
            End of the first of the ticks.
        n_ticks : int
            How many.
        decided : sequence of DecidedEdges
            What began and ended in them.
        """
        places = self.places(slots) if len(self) else None
        if places is None or not (places >= 0).any():
            for each in decided:
                yield GatedEdges(*each)
            return
        rows = np.flatnonzero(places >= 0)
        others, of_slot = by_slot(decided, set(slots[rows].tolist()))
        for each in others:
            yield GatedEdges(*each)
        busy = self.gate.is_busy(places[rows])
        for row, is_busy in zip(rows.tolist(), busy.tolist(), strict=True):
            slot, place = int(slots[row]), int(places[row])
            kinds, ticks_ms = self._kinds(slot), ticks_of(int(first_ms[row]), n_ticks)
            found = list(self.watch.walk(slot, place, kinds, ticks_ms))
            if is_busy or slot in of_slot:
                edges = of_slot.get(slot, {})
                found = [*self.gate.walk(slot, place, kinds, ticks_ms, edges), *found]
            yield from sorted(found, key=lambda each: int(each.now_ms[0]))

    def closing(
        self, slots: Slots, end_ms: NDArray[np.int64], edges: EpisodeEdges
    ) -> list[GatedEdges]:
        """Give what goes on to the alarms as one stream ends.

        Parameters
        ----------
        slots : array of shape (1,)
            The stream.
        end_ms : array of shape (1,), ms
            Its end.
        edges : EpisodeEdges
            What ended with it.
        """
        place = int(self.places(slots)[0])
        if place < 0:
            return [GatedEdges(slots, end_ms, edges)]
        slot, at_ms = int(slots[0]), int(end_ms[0])
        ended = self.watch.close(slot, place, at_ms)
        return [*self.gate.close(slot, place, at_ms, edges), *ended]

    def _kinds(self, slot: int) -> tuple[PulseKind, ...]:
        return kinds_of(self._streams.info(slot).pulse_leads)
