"""Anomalies of streams of numerics as alarms: when one begins and ends, and its strangest second.

What is unusual enough :class:`inference.forecast.ForecastStage` decides, by limits calibrated to a
rate of false alarms. Here it becomes a change of an alarm, of one of two conditions, by what was
strangest when it began: values that are not as forecast are the patient's, values that are gone or
stand still are the sensor's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.alarm_transition import AlarmTransition, Evidence, TransitionKind
from inference.anomaly import Anomaly
from inference.conditions import CONDITIONS, Code
from inference.forecast import HOLD_S, ForecastScores
from inference.slots import Field, Slots
from inference.stage import Stage
from inference.surprise import COMPONENTS

NONE = -1
"""No anomaly is open."""


class Anomalies(Stage):
    """What is open of many streams.

    Parameters
    ----------
    channels : tuple of str
        Channels of the forecaster.
    fs : int
        Steps a second.
    """

    def __init__(self, channels: tuple[str, ...], fs: int) -> None:
        self._channels, self._fs = channels, fs
        super().__init__(
            {
                "step": Field(dtype=np.int64),
                "code": Field(dtype=np.int8, initial=NONE),
                "onset_ms": Field(dtype=np.int64),
                "rarity": Field(),
                "limit": Field(),
                "place": Field(dtype=np.int32),
                "value": Field(),
                "expected": Field((3,)),
            }
        )

    def start(self, slot: int, step: int) -> None:
        """Begin a stream at a step, counted from its session's sample 0."""
        self.state["step"][slot] = step

    def advance(
        self,
        slots: Slots,
        scores: ForecastScores,
        values: NDArray[np.float32],
        expected: NDArray[np.float32],
    ) -> list[AlarmTransition]:
        """Take one step of each stream in.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        scores : ForecastScores
            What the forecaster says of the step.
        values : array of shape (n_rows, n_channels)
            What came, own units; NaN where missing.
        expected : array of shape (n_rows, n_channels, 3)
            Lowest quantile, median and highest that had been forecast of it 10 s before.
        """
        state = self.state
        was = state["code"][slots] != NONE
        begins, ends = scores.anomalous & ~was, was & ~scores.anomalous
        state["rarity"][slots[begins]] = -1
        higher = np.flatnonzero(scores.anomalous & (scores.score > state["rarity"][slots]))
        if len(higher):
            self._take_strangest(higher, slots, scores, values, expected)
        state["step"][slots] += 1
        rows = np.flatnonzero(begins | ends)
        return [self._change(row, int(slots[row]), bool(begins[row])) for row in rows.tolist()]

    def close(self, slot: int) -> list[AlarmTransition]:
        """End what is open of a stream that is over."""
        return [self._change(0, slot, False)] if self.state["code"][slot] != NONE else []

    def _take_strangest(
        self,
        rows: NDArray[np.intp],
        slots: Slots,
        scores: ForecastScores,
        values: NDArray[np.float32],
        expected: NDArray[np.float32],
    ) -> None:
        """Keep the strangest second so far."""
        state, at, places = self.state, slots[rows], scores.rarity[rows].argmax(axis=1)
        channels = places // len(COMPONENTS)
        state["rarity"][at] = scores.score[rows]
        state["limit"][at] = scores.limit[rows]
        state["place"][at] = places
        state["value"][at] = values[rows, channels]
        state["expected"][at] = expected[rows, channels]

    def _change(self, row: int, slot: int, begins: bool) -> AlarmTransition:
        """Tell that an anomaly began, or ended with the step before the one that is now."""
        state = self.state
        if begins:
            why = COMPONENTS[int(state["place"][slot]) % len(COMPONENTS)]
            state["code"][slot] = Code.UNUSUAL_NUMERICS if why == "error" else Code.LOST_NUMERICS
            state["onset_ms"][slot] = self._ms(int(state["step"][slot]) - HOLD_S * self._fs)
        now_ms = self._ms(int(state["step"][slot]))
        told = AlarmTransition(
            row=row,
            slot=slot,
            condition=CONDITIONS[state["code"][slot]],
            kind=TransitionKind.RAISED if begins else TransitionKind.ENDED,
            onset_ms=int(state["onset_ms"][slot]),
            offset_ms=None if begins else now_ms,
            decided_ms=now_ms,
            evidence=Evidence(),
            anomaly=self._anomaly(slot),
        )
        if not begins:
            state["code"][slot] = NONE
        return told

    def _anomaly(self, slot: int) -> Anomaly:
        """Tell the strangest second so far."""
        state = self.state
        channel, component = divmod(int(state["place"][slot]), len(COMPONENTS))
        value, expected = float(state["value"][slot]), state["expected"][slot]
        low, median, high = (float(each) for each in expected)
        return Anomaly(
            self._channels[channel],
            COMPONENTS[component],
            float(state["rarity"][slot]),
            float(state["limit"][slot]),
            None if np.isnan(value) else value,
            None if np.isnan(expected).any() else (low, median, high),
        )

    def _ms(self, step: int) -> int:
        """Return when a step begins on the stream's clock, ms."""
        return step * 1000 // self._fs
