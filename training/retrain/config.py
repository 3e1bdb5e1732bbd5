"""What ``vigil retrain`` is told: one TOML file, every key checked, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingest.errors import InputError
from training.config import TrainConfig, load_config
from training.gates.limits import GateLimits
from training.retrain.models import TASKS
from training.splits import DS2
from training.toml_file import read_toml


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LockedSource(_Table):
    """Records of one database that judge candidates and teach none."""

    database: Annotated[str, Field(min_length=1)]
    """Folder of the WFDB database, below the data folder."""
    records: Annotated[tuple[str, ...], Field(min_length=1)]
    """Records, by name."""
    annotator: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")] = "atr"
    """Extension of the reference annotations."""


class NoiseConfig(_Table):
    """The noise stress."""

    source: Literal["recorded", "drawn"] = "recorded"
    """Recorded: the part for tests of vfdb and cinc2017, in the data folder; or drawn."""
    records: Annotated[int, Field(ge=1)] = 8
    """Locked records that it is tried on, the first ones of each database in turn."""


class AttackConfig(_Table):
    """The attack on the beat model."""

    records: Annotated[int, Field(ge=1)] = 12
    """Locked records that it is tried on, the first ones of each database in turn."""


class ChangeConfig(_Table):
    """What is changed and why, in words that people write."""

    what: Annotated[str, Field(min_length=1)]
    """What is modified."""
    why: Annotated[str, Field(min_length=1)]
    """Why."""
    benefit: str = ""
    """What is hoped for."""
    risk: str = ""
    """What could go wrong, and what would catch it."""
    rollback: str = "vigil models rollback NAME: the champion before takes its place again at once"
    """What is done if it does."""


class RetrainConfig(_Table):
    """One change of a model."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    """Name of the change; part of file names."""
    champion: Path
    """The model in use: a run folder of ``vigil train``, or an ONNX file."""
    candidate: Path
    """Configuration of the candidate's training, TOML as for ``vigil train``."""
    change: ChangeConfig
    """Table ``[change]``."""
    locked: Annotated[tuple[LockedSource, ...], Field(min_length=1)]
    """Tables ``[[locked]]``."""
    consent: Path | None = None
    """Patients who agreed, one a line; without it all are taken to have."""
    exclude: Path | None = None
    """Patients who are left out, one a line, with a reason behind a tab."""
    groups: tuple[str, ...] = ("site", "sex", "age", "rate")
    """Attributes that subgroups are made of: ``site`` (database), ``sex``, ``age`` (60 years),
    ``rate`` (median of the reference's RR intervals, 90 bpm)."""
    audit: Path | None = None
    """Declaration of a bias audit of the candidate, TOML as for ``vigil audit``."""
    calibrate: bool = True
    """Fit a temperature of the candidate's V head on whom it learned from."""
    looks: Path = Path("looks.jsonl")
    """Log of looks at the locked set."""
    limits: GateLimits = GateLimits()
    """Table ``[limits]``."""
    noise: NoiseConfig = NoiseConfig()
    """Table ``[noise]``."""
    attack: AttackConfig = AttackConfig()
    """Table ``[attack]``."""


def load_retrain(path: Path) -> tuple[RetrainConfig, TrainConfig]:
    """Read a configuration and that of the candidate's training; paths are from its folder.

    Raises
    ------
    ingest.errors.InputError
        If a file cannot be read, a key or value is not allowed, the task is not that of a beat
        model of one lead or two, or a locked record is of DS2, which is looked at for reporting
        only.
    """
    config = read_toml(path, RetrainConfig)
    for source in config.locked:
        if source.database == "mitdb" and (named := sorted({*source.records} & {*DS2})):
            raise InputError(f"{path}: locked: {', '.join(named)} are of DS2, which judges none")
    here = path.parent
    paths = {
        name: None if (value := getattr(config, name)) is None else here / value
        for name in ("champion", "candidate", "consent", "exclude", "audit", "looks")
    }
    config = config.model_copy(update=paths)
    training = load_config(config.candidate)
    if training.task not in TASKS:
        allowed = ", ".join(map(repr, TASKS))
        raise InputError(f"{config.candidate}: task is {training.task!r}; allowed here: {allowed}")
    if training.pruning.units or training.pruning.weights:
        raise InputError(f"{config.candidate}: [pruning] is not allowed here")
    return config, training
