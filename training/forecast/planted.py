"""Anomalies planted in real series, seeded: what goes wrong at a bedside, on a real patient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.forecast.series import SensorSeries

FIRST_S, LAST_S = 130, 60
"""No anomaly begins before, or ends later than so long before the end, s."""

Planter = Callable[[NDArray[np.float32], dict[str, int], np.random.Generator], tuple[int, int]]
"""Changes values (n_steps, n_channels) in place; gives the begin and end of what is wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """A series in which one thing goes wrong."""

    series: SensorSeries
    """What is heard."""
    kind: str
    """One of ``KINDS``."""
    begin: int
    """First step of it."""
    end: int
    """Step after the last of it."""


def plant(series: SensorSeries, kind: str, seed: int) -> Planted:
    """Plant one anomaly.

    Parameters
    ----------
    series : SensorSeries
        A real series at 1 Hz, of HR, PULSE, RESP and SpO2.
    kind : str
        One of ``KINDS``.
    seed : int
        With the record's name and the kind, seeds what is drawn.

    Raises
    ------
    KeyError
        If there is no such kind.
    """
    words = f"{seed}/{series.name}/{kind}".encode()
    rng = np.random.default_rng(list(words))
    values = series.values.copy()
    place = {name: at for at, name in enumerate(series.channels)}
    begin, end = KINDS[kind](values, place, rng)
    return Planted(replace(series, values=values), kind, begin, end)


def _span(values: NDArray[np.float32], rng: np.random.Generator, low: int, high: int) -> slice:
    length = int(rng.integers(low, high + 1))
    begin = int(rng.integers(FIRST_S, len(values) - LAST_S - length))
    return slice(begin, begin + length)


def _present(values: NDArray[np.float32], columns: list[int]) -> list[int]:
    """Columns that the record has, or all where it has none."""
    there = [c for c in columns if np.isnan(values[:, c]).mean() < 0.5]
    return there or columns


def desaturation(
    values: NDArray[np.float32], place: dict[str, int], rng: np.random.Generator
) -> tuple[int, int]:
    """SpO2 falls by 6 to 12 points in 20 to 40 s, stays for 20 to 40 s and comes back in 20 s."""
    down, stay, back = int(rng.integers(20, 41)), int(rng.integers(20, 41)), 20
    where = _span(values, rng, down + stay + back, down + stay + back)
    depth = rng.uniform(6, 12)
    shape = np.concatenate(
        [np.linspace(0, 1, down), np.ones(stay), np.linspace(1, 0, back, endpoint=False)]
    )
    column = place["SpO2"]
    values[where, column] = np.round(values[where, column] - depth * shape)
    return where.start, where.stop


def sensor_off(
    values: NDArray[np.float32], place: dict[str, int], rng: np.random.Generator
) -> tuple[int, int]:
    """SpO2 and pulse tell five seconds of nonsense, and are gone for 30 to 90 s."""
    where = _span(values, rng, 35, 95)
    for name, least, most in (("SpO2", 60, 100), ("PULSE", 30, 200)):
        column = place[name]
        values[where.start : where.start + 5, column] = np.round(rng.uniform(least, most, 5))
        values[where.start + 5 : where.stop, column] = np.nan
    return where.start, where.stop


def artefact(
    values: NDArray[np.float32], place: dict[str, int], rng: np.random.Generator
) -> tuple[int, int]:
    """One rate jumps about by up to half of itself, for 8 to 20 s: movement, or electrocautery."""
    where = _span(values, rng, 8, 20)
    column = int(rng.choice(_present(values, [place["HR"], place["PULSE"], place["RESP"]])))
    wild = rng.uniform(0.15, 0.5, where.stop - where.start) * rng.choice([-1, 1])
    values[where, column] = np.round(values[where, column] * (1 + wild))
    return where.start, where.stop


def drift(
    values: NDArray[np.float32], place: dict[str, int], rng: np.random.Generator
) -> tuple[int, int]:
    """Heart and pulse rate, or respiration, move off by a sixth to a third over two minutes."""
    where = _span(values, rng, 120, 120)
    slope = np.linspace(0, rng.uniform(1 / 6, 1 / 3) * rng.choice([-1, 1]), 120)
    columns = [[place["HR"], place["PULSE"]], [place["RESP"]]][int(rng.integers(2))]
    for column in columns:
        values[where, column] = np.round(values[where, column] * (1 + slope))
    return where.start, where.stop


def flat_line(
    values: NDArray[np.float32], place: dict[str, int], rng: np.random.Generator
) -> tuple[int, int]:
    """One rate stands still for 90 to 150 s: a frozen module, or a server that repeats itself."""
    where = _span(values, rng, 90, 150)
    column = int(rng.choice(_present(values, [place["HR"], place["PULSE"], place["RESP"]])))
    values[where, column] = values[where.start - 1, column]
    return where.start, where.stop


KINDS: dict[str, Planter] = {
    "desaturation": desaturation,
    "sensor off": sensor_off,
    "artefact": artefact,
    "drift": drift,
    "flat line": flat_line,
}
"""What can go wrong."""
