"""Forecasts of many sensor streams, step by step, and how surprising what comes then is.

Each step of a stream goes through the model, which carries its state; what the model forecast
10, 30 and 60 s ago is held against what comes. The scores do not depend on how the
steps were cut into calls, nor on who else is in the batch: the model's own invariance
(ADR 0003), and arithmetic element by element here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.adaptive_limit import moved, require_share
from inference.calibration import Calibration
from inference.forecast_info import ForecastInfo
from inference.session import StreamSession
from inference.slots import Field, SlotArrays, Slots
from inference.stage import Composite
from inference.surprise import (
    COMPONENTS,
    SCORED_S,
    forecast_error,
    gone_by_habit,
    joined,
    spanned_by,
    stillness,
)
from ingest.errors import InputError

RESOLUTION = 1.0
"""What bedside numerics are rounded to, own unit."""
HOLD_S = 3
"""Seconds in a row that a score must reach the limit for an anomaly to begin."""
REST_S = 10
"""Seconds in a row below the limit that end it."""
WARM_UP_S = 60
"""Seconds at the begin of a stream in which no anomaly is told: what is usual is not known yet."""
HOPELESS = np.float32(np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class ForecastScores:
    """What one step says of each stream."""

    forecast: NDArray[np.float32]
    """Array of shape (n_rows, n_ahead, n_channels, n_quantiles), own units; NaN for a channel of
    which nothing was heard."""
    components: NDArray[np.float32]
    """Array of shape (n_rows, n_channels * 3): error, stillness and time gone of each channel."""
    rarity: NDArray[np.float32]
    """Array of shape (n_rows, n_channels * 3): the same, as rarities."""
    score: NDArray[np.float32]
    """Array of shape (n_rows,): the largest rarity."""
    limit: NDArray[np.float32]
    """Array of shape (n_rows,): the limit that it was held against."""
    anomalous: NDArray[np.bool_]
    """Array of shape (n_rows,): the stream is in an anomaly."""


class ForecastStage(Composite):
    """Forecasts streams and tells what is not as forecast.

    Parameters
    ----------
    session : StreamSession
        A model of kind ``forecast``.
    limit : float, optional
        Score from which a stream is anomalous; by default that of the model for ``asked``.
    asked : str
        False alarms an hour that are asked for: a key of the model's limits.
    n_slots : int
        Streams to make room for.
    share : float, optional
        Share of a stream's time in which its score may reach its limit: the limit then begins as
        given and follows the stream (:mod:`inference.adaptive_limit`).

    Raises
    ------
    ingest.errors.InputError
        If the share is none, the model does not forecast what is scored, or carries no calibration.
    """

    def __init__(
        self,
        session: StreamSession,
        limit: float | None = None,
        asked: str = "4",
        n_slots: int = 0,
        share: float | None = None,
    ) -> None:
        self.session, self.info = session, ForecastInfo.of(session.info)
        n = len(self.info.channels)
        self.calibration = Calibration.of(session.metadata, n * len(COMPONENTS), session.info.name)
        if limit is None and asked not in self.calibration.limits:
            raise InputError(
                f"false alarms an hour: {asked!r}; model {session.info.name} has limits for "
                f"{', '.join(self.calibration.limits)}"
            )
        self.limit = self.calibration.limits[asked] if limit is None else limit
        if missing := [s for s in SCORED_S if s not in self.info.ahead_s]:
            raise InputError(f"model {session.info.name} does not forecast {missing} s ahead")
        self._scored = [self.info.ahead_s.index(s) for s in SCORED_S]
        self._lags = [round(s * session.info.fs) for s in SCORED_S]
        fields = {f"waiting_{lag}": Field((lag, n, 3), initial=np.nan) for lag in self._lags}
        fields |= {name: Field((n,)) for name in ("last", "heard", "gone", "spanned")}
        fields |= {name: Field((n,)) for name in ("unchanged", "usual_heard", "usual_changes")}
        fields |= {name: Field(dtype=np.int32) for name in ("steps", "over", "under", "anomalous")}
        self.share = None if share is None else require_share(share)
        if share is not None:
            fields["limit"] = Field(dtype=np.float64, initial=self.limit)
        self.state = SlotArrays(fields, n_slots)
        super().__init__({"forecast": self.state, "session": session})
        self.resize(n_slots)

    def step(self, slots: Slots, values: NDArray[np.float32]) -> ForecastScores:
        """Take one step of each stream.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        values : array of shape (n_rows, n_channels)
            In the model's channels, own units; NaN where missing.
        """
        components = np.stack(
            [self._error(slots, values), *self._still_and_gone(slots, values)], axis=2
        ).reshape(len(slots), -1)
        given = self.session.step(slots, np.ascontiguousarray(values[:, :, None], np.float32))
        shape = (len(slots), len(self.info.ahead_s), values.shape[1], len(self.info.quantiles))
        forecast = given.reshape(shape)
        heard = self.state["heard"][slots] > 0
        forecast = np.where(heard[:, None, :, None], forecast, HOPELESS)
        self._wait(slots, forecast)
        rarity = self.calibration.rarities(components)
        score = rarity.max(axis=1)
        limit = self._limits(slots)
        anomalous = self._hold(slots, score, limit)
        return ForecastScores(forecast, components, rarity, score, limit, anomalous)

    def expected(self, slots: Slots) -> NDArray[np.float32]:
        """Give what was forecast, 10 s before, of the step that comes next.

        Returns
        -------
        array of shape (n_rows, n_channels, 3)
            Lowest quantile, median and highest, own units; NaN where there was no forecast.
        """
        return np.asarray(self.state[f"waiting_{self._lags[0]}"][slots, 0])

    def _error(self, slots: Slots, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Hold what came against what was forecast of it."""
        rest, errors = np.float32(RESOLUTION / 2), []
        for lag in self._lags:
            low, median, high = np.moveaxis(self.state[f"waiting_{lag}"][slots, 0], 2, 0)
            errors.append(forecast_error(values, low, median, high, rest))
        return joined(np.stack(errors))

    def _wait(self, slots: Slots, forecast: NDArray[np.float32]) -> None:
        """Put the forecasts that will be scored where they wait for their time."""
        middle = len(self.info.quantiles) // 2
        for lag, place in zip(self._lags, self._scored, strict=True):
            waiting = self.state[f"waiting_{lag}"][slots]
            waiting[:, :-1] = waiting[:, 1:]
            waiting[:, -1] = forecast[:, place][:, :, [0, middle, -1]]
            self.state[f"waiting_{lag}"][slots] = waiting

    def _still_and_gone(
        self, slots: Slots, values: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """How long each channel has not changed, and is gone (s), both against its habit."""
        state, seen = self.state, ~np.isnan(values)
        last, heard = state["last"][slots], state["heard"][slots]
        changed = seen & (values != last) & (heard > 0)
        run = state["unchanged"][slots]
        state["usual_heard"][slots] += np.where(changed, run + 1, 0)
        state["usual_changes"][slots] += changed
        run = np.where(changed, 0, run + (seen & (heard > 0))).astype(np.float32)
        before = state["gone"][slots]
        spanned = spanned_by(state["spanned"][slots], before, seen)
        gone = np.where(seen, 0, before + (heard > 0)).astype(np.float32)
        state["last"][slots] = np.where(seen, values, last)
        state["heard"][slots] = heard + seen
        state["unchanged"][slots], state["gone"][slots], state["spanned"][slots] = (
            run,
            gone,
            spanned,
        )
        usual_heard, usual_changes = state["usual_heard"][slots], state["usual_changes"][slots]
        still = stillness(run, usual_heard, usual_changes)
        missing = gone_by_habit(gone, spanned, heard + seen)
        return np.where(seen, still, HOPELESS), missing / np.float32(self.session.info.fs)

    def _hold(
        self, slots: Slots, score: NDArray[np.float32], limit: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """Begin an anomaly where the limit is reached for some seconds, end it later."""
        state, fs = self.state, self.session.info.fs
        heard = state["steps"][slots]
        state["steps"][slots] = heard + 1
        warm = heard >= WARM_UP_S * fs
        above = (score >= limit) & warm
        if self.share is not None:
            before = state["limit"][slots]
            state["limit"][slots] = np.where(warm, moved(before, above, self.share), before)
        over = np.where(above, state["over"][slots] + 1, 0)
        under = np.where(above, 0, state["under"][slots] + 1)
        was = state["anomalous"][slots] > 0
        now = np.where(was, under < REST_S * fs, over >= HOLD_S * fs)
        state["over"][slots], state["under"][slots], state["anomalous"][slots] = over, under, now
        return np.asarray(now, np.bool_)

    def _limits(self, slots: Slots) -> NDArray[np.float32]:
        """Limit of each stream."""
        if self.share is None:
            return np.full(len(slots), self.limit, np.float32)
        return np.asarray(self.state["limit"][slots], np.float32)
