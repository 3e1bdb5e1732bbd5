"""Which models score: the shipped ones, unless others are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.numerics_settings import NumericsSettings
from inference import model
from inference.engine import Engine
from inference.limits import Limits
from inference.numeric_streams import NumericStreams
from inference.pipeline import Pipeline
from inference.scorer import Scorer
from ingest.errors import InputError

ONE_EACH = ("qrs", "beat", "rhythm", "beat-rhythm", "forecast")
"""Kinds of which one model runs."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The models of one pipeline; None stands for the one that ships with Vigil."""

    qrs: Path | None = None
    """Frame model that finds R-peaks."""
    beat: Path | None = None
    """Beat model that classifies them."""
    windows: tuple[Path, ...] = ()
    """Windowed models that are scored beside them."""
    rhythm: Path | None = None
    """Rhythm model that tells ventricular fibrillation."""
    atrial: Path | None = None
    """Model that tells atrial fibrillation beat by beat."""
    forecast: Path | None = None
    """Model that forecasts numerics, for records that hold no ECG."""

    def pipeline(
        self, limits: Limits | None = None, lead: str | None = None, *, explain: bool = False
    ) -> Pipeline:
        """Make a pipeline of them.

        Raises
        ------
        InputError
            If they do not fit, or not together, or cannot explain what they say.
        """
        return Pipeline(
            self.qrs,
            self.beat,
            self.windows,
            limits,
            lead,
            rhythm=self.rhythm,
            atrial=self.atrial,
            explain=explain,
        )

    def scorer(self, pipeline: Pipeline, numerics: NumericsSettings) -> Scorer:
        """Put the forecaster of numerics beside a pipeline, where the settings ask for it.

        Raises
        ------
        InputError
            If it does not fit, or has no limit for the false alarms asked for.
        """
        if not numerics.enabled:
            return pipeline
        return Engine(pipeline, NumericStreams(self.forecast, numerics.asked, numerics.share))


def models_in(folder: Path | None) -> list[str]:
    """Return the models of a folder that replace the shipped ones of their kinds.

    Parameters
    ----------
    folder : Path, optional
        What ``vigil update`` lets ``current`` lead to. None, or not there yet: no models.

    Examples
    --------
    >>> models_in(None)
    []
    """
    return [] if folder is None else [str(path) for path in sorted(folder.glob("*.onnx"))]


def choose_models(names: Sequence[str]) -> ModelChoice:
    """Sort models by what they are: a frame or beat model replaces the shipped one.

    Parameters
    ----------
    names : sequence of str
        Names of shipped models, or paths of ONNX files.

    Raises
    ------
    InputError
        If one cannot be found or does not fit, or two are for the same task.

    Examples
    --------
    >>> choose_models(["qrs"]).qrs.name, choose_models([]).qrs
    ('qrs.onnx', None)
    """
    by_kind: dict[str, list[Path]] = {kind: [] for kind in model.KINDS}
    for name in names:
        path = model.find(name)
        _, info = model.load(path)
        by_kind[info.kind].append(path)
    for kind in ONE_EACH:
        if len(by_kind[kind]) > 1:
            told = " and ".join(str(path) for path in by_kind[kind])
            raise InputError(f"{told} are both {kind} models: at most one of each kind")
    if by_kind["string"]:
        raise InputError(
            f"{by_kind['string'][0]} is a string model: the pipeline takes qrs, beat, rhythm, "
            "beat-rhythm and window models; inference.strings.BeatStrings steps this one"
        )
    qrs, beat, rhythm, atrial, forecast = (next(iter(by_kind[kind]), None) for kind in ONE_EACH)
    return ModelChoice(qrs, beat, tuple(by_kind["window"]), rhythm, atrial, forecast)
