"""What a training run is told: one TOML file, every key checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingest.errors import InputError
from training.splits import DS1, DS2, PACED


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Table):
    """Which signals a model is made from."""

    database: str = "mitdb"
    """Folder of the WFDB database, below the data folder."""
    records: Literal["ds1"] | tuple[str, ...] = "ds1"
    """Records, or the name of a part."""
    validation: tuple[str, ...] = ()
    """Records of these that are kept for early stopping, by patient."""
    leads: tuple[int, ...] = (0,)
    """Signals of each record; the first is the one that validation looks at."""
    fs: int = 125
    """Sampling frequency of the model, Hz."""

    def training_records(self) -> tuple[str, ...]:
        """Return the records that are learned from."""
        chosen = DS1 if self.records == "ds1" else self.records
        return tuple(record for record in chosen if record not in self.validation)


class FitConfig(_Table):
    """How a model is fitted."""

    seed: int = 0
    """Seed of everything that is drawn."""
    epochs: int = Field(default=20, ge=1)
    """Epochs at most."""
    steps: int = Field(default=50, ge=1)
    """Batches an epoch."""
    batch: int = Field(default=48, ge=1)
    """Sequences a batch."""
    length: int = Field(default=160, ge=8)
    """Beats (beat) or seconds (qrs) a sequence."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Largest learning rate of the one-cycle schedule."""
    weight_decay: float = Field(default=1e-2, ge=0)
    """AdamW's weight decay."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Norm to which gradients are clipped."""
    patience: int = Field(default=0, ge=0)
    """Epochs without gain on the validation patients that end the run; 0 never does."""


class TrainConfig(_Table):
    """A training run."""

    task: Literal["qrs", "beat"]
    """What is learned."""
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Name of the model."""
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    """Its version."""
    thresholds: dict[str, float] = {}
    """Decision thresholds by class, chosen on training patients."""
    data: DataConfig = DataConfig()
    """Table ``[data]``."""
    fit: FitConfig = FitConfig()
    """Table ``[fit]``."""
    architecture: dict[str, int | float] = {}
    """Table ``[architecture]``: fields of the architecture's size."""
    enrichment: dict[str, float] = {}
    """Table ``[enrichment]``: fields of the task's synthesis or augmentation."""


def load_config(path: Path) -> TrainConfig:
    """Read a configuration.

    Raises
    ------
    ingest.errors.InputError
        If the file cannot be read, or a key or value is not allowed; also if it
        would train on a record of DS2, or on paced ones.
    """
    try:
        config = TrainConfig.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        wrong = [
            f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
            for detail in error.errors()
        ]
        raise InputError(f"{path}: {'; '.join(wrong)}") from error
    used = {*config.data.training_records(), *config.data.validation}
    if config.data.database == "mitdb" and (barred := used & {*DS2, *PACED}):
        raise InputError(
            f"{path}: data.records holds {', '.join(sorted(barred))}; records of DS2 and "
            f"paced ones are not learned from; allowed: {', '.join(DS1)}"
        )
    return config
