"""Detectors of anomalies, one interface: the forecaster's and the baselines beside it."""

from training.forecast.detectors.autoencoder import LinearAutoencoder
from training.forecast.detectors.base import Detector
from training.forecast.detectors.control_chart import ControlChart
from training.forecast.detectors.forecasting import ForecastDetector, SimpleForecast
from training.forecast.detectors.forest import Forest
from training.forecast.detectors.profile import MatrixProfile

__all__ = [
    "ControlChart",
    "Detector",
    "ForecastDetector",
    "Forest",
    "LinearAutoencoder",
    "MatrixProfile",
    "SimpleForecast",
]
