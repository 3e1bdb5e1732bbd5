"""Pulses of the streams that have them: one detector a kind of lead, kept for those alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.pulse_finder import PulseFinder
from inference.pulse_leads import PulseKind, pulse_kind
from inference.pulse_signal import PulseSignal
from inference.pulse_train import PulseTrain
from inference.stage import Composite
from ingest.frames import Lead

LEAST_MMHG = 5.0
"""Rise below which pressure has no pulse, mmHg: smaller ones are a damped line or its noise."""
LEAST_ADU = 4.0
"""Rise below which a plethysmogram has no pulse, adu: its unit has no meaning of its own."""


class Pulses(Composite):
    """Pulse leads of many streams, by place (see :mod:`inference.some_slots`).

    Parameters
    ----------
    n_places : int
        Streams to make room for.
    """

    def __init__(self, n_places: int = 0) -> None:
        self.signals = {kind: PulseSignal(n_places) for kind in PulseKind}
        self.finders = {kind: PulseFinder(n_places) for kind in PulseKind}
        super().__init__(
            {kind.value: stage for kind, stage in self.signals.items()}
            | {f"{kind.value}_pulses": stage for kind, stage in self.finders.items()}
        )

    def start(
        self,
        place: int,
        *,
        fs: float,
        first_sample: int,
        first_adu: NDArray[np.int16],
        leads: Sequence[Lead],
    ) -> None:
        """Begin a stream in a fresh place.

        Parameters
        ----------
        place : int
            Its place.
        fs : float
            Sampling frequency of the source, Hz.
        first_sample : int
            Index of the first sample that will be pushed.
        first_adu : array of shape (n_leads,), adu
            That sample.
        leads : sequence of Lead
            Pulse leads of the stream, one of a kind at most.
        """
        for kind, lead, adu in zip(kinds_of(leads), leads, first_adu.tolist(), strict=True):
            self.signals[kind].start(
                place, fs=fs, first_sample=first_sample, first_adu=adu, lead=lead
            )
            self.finders[kind].start(place, least_rise(lead))

    def push(
        self,
        places: NDArray[np.intp],
        raw_adu: NDArray[np.int16],
        fs: float,
        kinds: Sequence[PulseKind],
        next_tick: NDArray[np.int64],
    ) -> None:
        """Take the next samples of several streams that have the same kinds of leads.

        Parameters
        ----------
        places : array of shape (n_rows,)
            Streams.
        raw_adu : array of shape (n_rows, n_leads, n_samples), adu
            Samples of their pulse leads, in the order of ``kinds``.
        fs : float
            Sampling frequency, Hz.
        kinds : sequence of PulseKind
            What the leads are.
        next_tick : array of shape (n_rows,)
            First tick that is not wanted yet.
        """
        for i, kind in enumerate(kinds):
            for block in self.signals[kind].push(places, raw_adu[:, i], fs, next_tick):
                self.finders[kind].push(block)

    def train(self, place: int, kind: PulseKind, now_ms: int) -> PulseTrain:
        """Pulses of one lead of one stream, as they were known at the end of a tick.

        Parameters
        ----------
        place : int
            The stream.
        kind : PulseKind
            Which lead.
        now_ms : int
            End of the tick on the stream's clock, ms: one of the last push, or its last.
        """
        next_tick = int(self.signals[kind].state["next_tick"][place])
        state = self.finders[kind].state
        return PulseTrain.of_state(
            kind,
            now_ms,
            next_tick,
            {name: state[name][place] for name in ("pulse_ms", "strength", "off", "level")},
        )


def least_rise(lead: Lead) -> float:
    """Return the rise below which a pulse lead has no pulse, mmHg or the lead's unit.

    Examples
    --------
    >>> least_rise(Lead("ABP", "mmHg")), least_rise(Lead("PLETH", "NU", 400.0))
    (5.0, 0.01)
    """
    if pulse_kind(lead) is PulseKind.PRESSURE:
        return LEAST_MMHG
    return LEAST_ADU / abs(lead.adc_gain)


def kinds_of(leads: Sequence[Lead]) -> tuple[PulseKind, ...]:
    """Tell the kinds of leads that were chosen for their pulses.

    Examples
    --------
    >>> kinds_of((Lead("ABP", "mmHg"),))
    (<PulseKind.PRESSURE: 'pressure'>,)
    """
    kinds = (pulse_kind(lead) for lead in leads)
    return tuple(kind for kind in kinds if kind is not None)
