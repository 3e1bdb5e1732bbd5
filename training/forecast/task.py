"""The training of a forecaster: teacher forcing, scheduled sampling, quantile loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from inference.forecast_info import ForecastInfo
from training.architectures.forecaster import (
    QUANTILES,
    Forecaster,
    ForecasterSize,
    fit_normaliser,
)
from training.architectures.size import Values, read_size
from training.config import TrainConfig
from training.export import ExportSpec, export
from training.forecast.channels import FLOORS
from training.forecast.holes import Holes, holes_of, with_holes
from training.forecast.predict import errors_of, forecast
from training.forecast.sampling import truth_share
from training.forecast.series import SensorSeries
from training.forecast.unrolled import ahead, fit_line, memory_at, unroll
from training.task import Task

WARM_UP_STEPS = 10
"""Steps at the begin of a series from which nothing is forecast."""

CROP_STEPS = 240
"""Steps of a series that are learned from at a time."""

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Series (n_series,), where each is cut (n_series,), and places: series within these, and step
within the cut, both (n_places,)."""


class Places(IterableDataset[Batch]):
    """Draws series, and places in them from which to forecast; one iteration is one epoch."""

    def __init__(self, n_series: int, n_steps: int, config: TrainConfig) -> None:
        self._n_series, self._n_steps, self._fit = n_series, n_steps, config.fit
        self._rng = np.random.default_rng(config.fit.seed)

    def __iter__(self) -> Iterator[Batch]:
        n = min(self._fit.batch, self._n_series)
        for _ in range(self._fit.steps):
            series = self._rng.permutation(self._n_series)[:n]
            cut = self._rng.integers(0, max(1, self._n_steps - CROP_STEPS), n)
            crop = min(CROP_STEPS, self._n_steps)
            at = self._rng.integers(WARM_UP_STEPS, crop, n * self._fit.length)
            of = np.repeat(np.arange(n), self._fit.length)
            yield tuple(torch.from_numpy(part) for part in (series, cut, of, at))  # type: ignore[misc]


class ForecastTask(Task):
    """Fits a :class:`Forecaster`.

    Parameters
    ----------
    config : TrainConfig
        The run.
    training, validation : sequence of SensorSeries
        Series learned from, and of the patients kept aside.
    """

    SIZE, ENRICHMENT = ForecasterSize, Holes
    JUDGED_BY = "val_skill"
    model: Forecaster

    def __init__(
        self,
        config: TrainConfig,
        training: Sequence[SensorSeries],
        validation: Sequence[SensorSeries],
    ) -> None:
        super().__init__(config, training, validation)
        self.channels = config.forecast.channels
        self._values = [torch.from_numpy(each.values) for each in training]

    def made(self, config: TrainConfig, training: Sequence[SensorSeries]) -> Forecaster:
        """Make a forecaster that knows what is usual in the patients it learns from."""
        size = read_size(ForecasterSize, config.architecture)
        floors = [FLOORS.get(name, 0.5) for name in config.forecast.channels]
        values = [torch.from_numpy(each.values) for each in training]
        normaliser = fit_normaliser(values, floors, size.normalisation)
        line = fit_line(unroll(normaliser, values), size.steps, size.stride)
        return Forecaster(normaliser, size, line)

    @staticmethod
    def build(architecture: Values) -> Forecaster:
        """Make a forecaster of the size that is asked for, of one channel, without patients."""
        size = read_size(ForecasterSize, architecture)
        return Forecaster(fit_normaliser([torch.zeros(2, 1)], [1.0]), size)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Places in the series of the training patients, and in copies with holes."""
        holes = holes_of(self.config.enrichment)
        rng = np.random.default_rng(self.own_config.fit.seed)
        heard = list(self._values)
        for _ in range(holes.copies):
            heard += [
                torch.from_numpy(with_holes(each.numpy(), holes, rng)) for each in self._values
            ]
        self._unrolled = unroll(self.model.normaliser, heard, self._values * (1 + holes.copies))
        places = Places(len(heard), len(self._unrolled.last), self.own_config)
        return DataLoader(places, batch_size=None)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Quantile loss in the streams' own spreads, where there was a value."""
        size, data = self.model.size, self._unrolled
        series, cut, of, at = batch
        rows = cut + torch.arange(min(CROP_STEPS, len(data.last)))[:, None]
        h = self.model.encoder.sequence(data.features[rows, series])
        memory = memory_at(h, at, of, size.context) if size.context else ()
        place = at + cut[of], series[of]
        last, scale = data.last[place], data.scale[place]
        came = ahead(data.target, *place, size.steps, size.stride)
        truth = (came - last[:, None]) / scale[:, None]
        truth = torch.where(data.heard[place][:, None], truth, torch.nan)
        share = truth_share(
            self.config.forecast.schedule, self.global_step / self.config.fit.updates
        )
        told = torch.rand(truth.shape[:2]) < share
        given = self.model.decode(h[at, of], data.features[place], memory, truth, told)
        loss = pinball(given, truth)
        self.log("loss", loss, prog_bar=True, on_epoch=True, batch_size=len(of))
        self.log("truth_share", share, on_epoch=True, batch_size=len(of))
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the errors of the epoch before."""
        self._errors = np.zeros(2)

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Forecast one whole series."""
        series: SensorSeries = self.validation_signals[int(batch)]  # type: ignore[assignment]
        self._errors += errors_of(forecast(self.model, [series])[0], series)

    def on_validation_epoch_end(self) -> None:
        """Log the skill: 1 less the free-running error over that of the naive forecast."""
        ours, naive = self._errors.tolist()
        self.log("val_skill", 1 - ours / max(naive, 1e-9), prog_bar=True)

    def write(self, path: Path, data_digest: str) -> float:
        """Export the model; return its largest difference from torch."""
        size = self.model.size
        state = self.model.initial_state(2)
        inputs = {"signal": torch.zeros(2, len(self.channels), 1)} | {
            f"state_{name}": part for name, part in zip(self.model.state_names, state, strict=True)
        }
        seconds = [size.stride * (k + 1) / self.config.forecast.fs for k in range(size.steps)]
        info = ForecastInfo(self.channels, tuple(seconds), QUANTILES)
        spec = ExportSpec(
            name=self.config.name,
            version=self.config.version,
            kind="forecast",
            fs=self.config.forecast.fs,
            classes=info.classes(),
            thresholds={},
            data_digest=data_digest,
            look_ahead_s=0.0,
            stride=1,
            length=1,
            leads=self.channels,
            units="own",
        )
        return export(self.model, inputs, spec, path)


def pinball(forecasts: Tensor, truth: Tensor) -> Tensor:
    """Quantile loss (Koenker and Bassett 1978), averaged over what was there.

    Parameters
    ----------
    forecasts : Tensor of shape (..., n_quantiles)
    truth : Tensor of shape (...)
        NaN where missing.

    Examples
    --------
    >>> float(pinball(torch.zeros(1, 5), torch.ones(1)).round(decimals=6))
    0.5
    """
    there = ~torch.isnan(truth)
    over = (truth.nan_to_num()[..., None] - forecasts) * there[..., None]
    q = forecasts.new_tensor(QUANTILES)
    losses = torch.maximum(q * over, (q - 1) * over)
    return losses.sum() / (there.sum().clamp(min=1) * len(QUANTILES))
