"""What a training run is told: one TOML file, every key checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingest.errors import InputError
from training.mitigation.settings import MitigationConfig, mitigation_faults
from training.splits import DS1, DS2, PACED
from training.toml_file import read_toml

CLASSES = {
    "qrs": ("R",),
    "beat": ("N", "S", "V"),
    "gated-beat": ("N", "S", "V"),
    "two-lead-beat": ("N", "S", "V"),
    "meta-beat": ("N", "S", "V"),
    "ctc": ("blank", "N", "S", "V"),
    "rhythm": ("other", "VT", "VF", "ASYS"),
    "atrial": ("other", "AF"),
    "forecast": (),
}
"""Classes that each task tells apart, in the order of their probabilities."""
RHYTHM_TASKS = ("rhythm", "atrial")
"""Tasks that learn from the rhythm of stretches."""

_Name = Annotated[str, Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceConfig(_Table):
    """Records of one WFDB database."""

    database: str = "mitdb"
    """Folder of the WFDB database, below the data folder."""
    records: Literal["ds1", "all"] | tuple[str, ...] = "ds1"
    """Records, or the name of a part; ``all`` means all that have annotations."""
    validation: Literal["all"] | tuple[str, ...] = ()
    """Records of these that are kept for early stopping, by patient."""
    leads: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(0,), min_length=1)
    """Signals of each record; the first is the one that validation looks at."""
    labels: Literal["beats", "rhythm", "spans", "none"] = "beats"
    """What is labelled: each beat; the rhythm of each record, of which those without S beats
    are taken (:mod:`training.rhythm_labels`); the rhythm of each stretch, for rhythm tasks
    (:mod:`training.rhythm_spans`); or nothing, so that only a teacher tells
    (:mod:`training.found_beats`)."""
    weight: float = Field(default=1.0, gt=0)
    """How often each of its signals is drawn, over one of weight 1."""
    annotator: str = Field(default="atr", pattern=r"^[A-Za-z0-9_]+$")
    """Extension of the reference annotations."""

    @property
    def chosen(self) -> tuple[str, ...]:
        """All records, those kept for validation too; none where the folder has to tell."""
        if self.records == "all":
            return ()
        return DS1 if self.records == "ds1" else self.records

    def training_records(self) -> tuple[str, ...]:
        """Return the records that are learned from, as far as the configuration names them."""
        return tuple(record for record in self.chosen if record not in self.validation)


class DataConfig(SourceConfig):
    """Signals that a model is made from: of one database, or a ``[[data.sources]]`` for each."""

    sources: tuple[SourceConfig, ...] = ()
    """Databases, where there are several; the keys of a single one are then left out."""
    fs: Literal[125] = 125
    """Sampling frequency of the model, Hz; the architectures count in samples at 125 Hz."""

    @property
    def parts(self) -> tuple[SourceConfig, ...]:
        """The databases, one or several."""
        return self.sources or (self,)


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
    """Beats (beat, gated-beat, two-lead-beat) or seconds (qrs, ctc) a sequence."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Largest learning rate of the one-cycle schedule."""
    weight_decay: float = Field(default=1e-2, ge=0)
    """AdamW's decoupled weight decay of all parameters: no penalty in the loss."""
    l1: float = Field(default=0.0, ge=0)
    """L1 penalty on the weights, by a proximal step: what it draws to zero is exactly zero."""
    l2: float = Field(default=0.0, ge=0)
    """L2 penalty on the weights: its half times their squared norm is part of the loss."""
    clip: Literal["norm", "value", "none"] = "norm"
    """How gradients are clipped."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Joint norm to which gradients are clipped, where ``clip`` is ``norm``."""
    clip_value: float = Field(default=0.05, gt=0)
    """Largest element of a gradient, where ``clip`` is ``value``."""
    patience: int = Field(default=0, ge=0)
    """Epochs without gain on the validation patients that end the run; 0 never does."""
    precision: Literal[32, "bf16-mixed", "16-mixed"] = 32
    """Bits of the numbers that are calculated with; weights keep 32."""
    accelerator: Literal["cpu", "gpu"] = "cpu"
    """Where: the processor, or NVIDIA GPUs."""
    devices: int = Field(default=1, ge=1)
    """GPUs, or processes where ``accelerator`` is ``cpu``; several learn together by DDP."""
    truncate: int = Field(default=0, ge=0)
    """Beats that gradients are carried back, at most: a sequence is learned from in pieces of so
    many, one update each, the state carried on; 0 learns from it whole."""

    average: float = Field(default=0.0, ge=0, lt=1)
    """Share of the run's updates, the last ones, over which the weights are averaged into the
    model that is exported; 0 exports the last weights."""

    @property
    def pieces(self) -> int:
        """Pieces that a sequence is learned from in."""
        return -(-self.length // self.truncate) if self.truncate else 1

    @property
    def updates(self) -> int:
        """Updates of the weights in all epochs."""
        return self.epochs * self.steps * self.pieces


class ObjectiveConfig(_Table):
    """What a wrong answer costs."""

    loss: Literal["bce", "focal"] = "bce"
    """Binary cross-entropy, or focal loss."""
    gamma: float = Field(default=2.0, ge=1)
    """Focal loss: how little it counts what is told well already."""
    weights: Literal["fixed", "balanced"] = "fixed"
    """The task's own weight of what is rare, or by the effective number of each class."""
    beta: float = Field(default=0.9999, ge=0, lt=1)
    """Balanced weights: 0 weighs classes the same, towards 1 by their frequency."""


class DistillConfig(_Table):
    """What a model is taught by another one, or by several, beside the labels."""

    teacher: _Name | Annotated[tuple[_Name, ...], Field(min_length=1)]
    """Name of a shipped model, or path of an ONNX file, of the same form as the student; or
    several: the mean of their logits is what is taught."""
    weight: float = Field(default=0.5, gt=0, le=1)
    """Share of the loss that is the teacher's; the rest is the labels'."""
    temperature: float = Field(default=2.0, gt=0)
    """What the logits of both are divided by."""

    @property
    def teachers(self) -> tuple[str, ...]:
        """Names or paths, one or several."""
        return (self.teacher,) if isinstance(self.teacher, str) else self.teacher


class PruningConfig(_Table):
    """What is taken out of a model while it is fitted, by the schedule of Zhu and Gupta."""

    weights: float = Field(default=0.0, ge=0, lt=1)
    """Share of every weight matrix that is zero in the end."""
    units: float = Field(default=0.0, ge=0, lt=1)
    """Share of every recurrent layer's units that is removed, to whole fours of units."""
    begin: float = Field(default=0.2, ge=0, lt=1)
    """Share of the run's steps after which pruning begins."""
    end: float = Field(default=0.7, gt=0, le=1)
    """Share of the run's steps after which nothing more is pruned."""
    every: int = Field(default=8, ge=1)
    """Steps from one pruning to the next."""


class GateConfig(_Table):
    """Which beats a gated classifier does not look at: those that are usual in every way."""

    limit: float = Field(default=1.0, ge=0)
    """Largest strangeness of a beat that is passed as N; 0 passes none."""
    hold: int = Field(default=8, ge=4)
    """Beats in a row before it that must have been calm: of half that demand, and none but N."""
    fastest_bpm: float = Field(default=100.0, gt=0, le=100)
    """Rate above which no beat is passed, nor one soon after, bpm; 100: ventricular tachycardia."""
    slowest_bpm: float = Field(default=50.0, ge=50)
    """Rate below which no beat is passed, nor one soon after, bpm; 50: bradycardia."""


class MetaConfig(_Table):
    """How a start for few-shot adaptation is learned, of the task ``meta-beat``."""

    method: Literal["maml", "fomaml", "reptile"] = "fomaml"
    """MAML, its first-order form, or Reptile."""
    support: int = Field(default=64, ge=8)
    """Beats at the start of a sequence that the inner steps learn from."""
    inner_steps: int = Field(default=3, ge=1)
    """Steps of plain gradient descent on these."""
    inner_rate: float = Field(default=0.05, gt=0)
    """Their learning rate."""


class ForecastConfig(_Table):
    """What is forecast, of the task ``forecast``, and how its decoder is taught."""

    channels: tuple[_Name, ...] = Field(default=("HR", "PULSE", "RESP", "SpO2"), min_length=1)
    """Channels, by name."""
    fs: int = Field(default=1, ge=1)
    """Steps a second, Hz; records that are faster are averaged down."""
    schedule: Literal["teacher", "linear", "exponential", "inverse-sigmoid", "free"] = (
        "inverse-sigmoid"
    )
    """How often the decoder reads the truth while it learns (:mod:`training.forecast.sampling`)."""


class TrainConfig(_Table):
    """A training run."""

    task: Literal[
        "qrs",
        "beat",
        "gated-beat",
        "two-lead-beat",
        "meta-beat",
        "ctc",
        "rhythm",
        "atrial",
        "forecast",
    ]
    """What is learned."""
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Name of the model."""
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    """Its version."""
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Decision thresholds by class, chosen on training patients."""
    data: DataConfig = DataConfig()
    """Table ``[data]``."""
    fit: FitConfig = FitConfig()
    """Table ``[fit]``."""
    objective: ObjectiveConfig = ObjectiveConfig()
    """Table ``[objective]``."""
    pruning: PruningConfig = PruningConfig()
    """Table ``[pruning]``."""
    gate: GateConfig = GateConfig()
    """Table ``[gate]``, of the task ``gated-beat``."""
    meta: MetaConfig = MetaConfig()
    """Table ``[meta]``, of the task ``meta-beat``."""
    mitigation: MitigationConfig = MitigationConfig()
    """Table ``[mitigation]``, of the task ``beat``."""
    forecast: ForecastConfig = ForecastConfig()
    """Table ``[forecast]``, of the task ``forecast``."""
    distill: DistillConfig | None = None
    """Table ``[distill]``, where a model is learned from."""
    architecture: dict[str, int | float | str] = {}
    """Table ``[architecture]``: fields of the architecture's size."""
    enrichment: dict[str, float] = {}
    """Table ``[enrichment]``: fields of the task's synthesis or augmentation."""

    def with_seed(self, seed: int) -> TrainConfig:
        """Return the same run with another seed."""
        return self.model_copy(update={"fit": self.fit.model_copy(update={"seed": seed})})


def load_config(path: Path) -> TrainConfig:
    """Read a configuration.

    Raises
    ------
    ingest.errors.InputError
        If the file cannot be read, or a key or value is not allowed; also if it
        would train on a record of DS2, or on paced ones.
    """
    config = read_toml(path, TrainConfig)
    validated = any(part.validation for part in config.data.parts)
    groups = mitigation_faults(
        config.mitigation, config.task, config.fit.patience, validated=validated
    )
    if faults := [*_faults(config), *_fit_faults(config), *_meta_faults(config), *groups]:
        raise InputError(f"{path}: {'; '.join(faults)}")
    return config


def _faults(config: TrainConfig) -> Iterator[str]:
    """Say what does not go together."""
    data, single = config.data, SourceConfig.model_fields
    if data.sources and any(
        getattr(data, key) != field.get_default() for key, field in single.items()
    ):
        yield f"data: {', '.join(single)} belong into [[data.sources]] where there are any"
    for at, part in enumerate(data.parts):
        yield from _source_faults(f"data.sources.{at}" if data.sources else "data", part)
    if config.distill is not None and any(part.validation for part in data.parts):
        yield "data.validation: a teacher may have learned from these; allowed with [distill]: none"
    if config.distill is None and any(part.labels == "none" for part in data.parts):
        yield "data: labels = 'none' teaches by [distill] alone, which is not there"
    if config.gate.slowest_bpm >= config.gate.fastest_bpm:
        yield "gate.slowest_bpm must be below gate.fastest_bpm"
    if config.pruning.end <= config.pruning.begin:
        yield "pruning.end must lie behind pruning.begin"
    if config.task in ("ctc", "forecast", *RHYTHM_TASKS) and config.objective != ObjectiveConfig():
        yield f"objective: the task's own loss is used; allowed for task {config.task!r}: nothing"
    if config.task == "forecast" and (data.sources or data.records == "ds1"):
        yield "data: a forecaster learns from one database; allowed for records: 'all' or names"
    if any((part.labels == "spans") != (config.task in RHYTHM_TASKS) for part in data.parts):
        names = " and ".join(RHYTHM_TASKS)
        yield f"data.labels: 'spans' is what {names} learn from, and no other task"
    if unknown := set(config.thresholds) - set(CLASSES[config.task]):
        yield (
            f"thresholds: no class {', '.join(sorted(unknown))}; "
            f"allowed: {', '.join(CLASSES[config.task])}"
        )


def _fit_faults(config: TrainConfig) -> Iterator[str]:
    """Say what does not go together with how a model is fitted."""
    fit, pruned = config.fit, config.pruning.weights or config.pruning.units
    if fit.patience and not any(part.validation for part in config.data.parts):
        yield "fit.patience needs data.validation: records to judge by"
    if fit.patience and pruned:
        yield "fit.patience may choose an epoch before pruning is done; allowed with [pruning]: 0"
    if fit.average and fit.patience:
        yield "fit.patience chooses an epoch by weights not averaged; allowed with fit.average: 0"
    if fit.average and pruned:
        yield "fit.average would fill in what is pruned; allowed with [pruning]: 0"
    if fit.truncate and config.task not in ("beat", "gated-beat"):
        yield f"fit.truncate is {fit.truncate}; allowed but for task 'beat': 0"
    if fit.precision == "16-mixed" and fit.accelerator == "cpu":
        yield "fit.precision is '16-mixed', which needs a GPU; allowed on cpu: 32, 'bf16-mixed'"


def _meta_faults(config: TrainConfig) -> Iterator[str]:
    """Say what does not go together in a run of meta-learning."""
    if config.task != "meta-beat":
        return
    if config.meta.support >= config.fit.length:
        yield f"meta.support must be below fit.length, {config.fit.length} beats"
    if config.distill is not None:
        yield "distill: allowed for task 'meta-beat': nothing"


def _source_faults(where: str, part: SourceConfig) -> Iterator[str]:
    """Say what is wrong with one database's records."""
    database = Path(part.database).name
    if part.labels in ("rhythm", "none") and (part.records == "ds1" or part.validation):
        yield (
            f"{where}: with labels = {part.labels!r}, records are 'all' or named, "
            "and none validates"
        )
        return
    if part.records == "all":
        if database == "mitdb":
            yield f"{where}.records: all of mitdb holds DS2, not to be learned from; allowed: ds1"
        return
    if database == "mitdb" and (barred := {*part.chosen, *part.validation} & {*DS2, *PACED}):
        yield (
            f"{where}.records holds {', '.join(sorted(barred))}; records of DS2 and "
            f"paced ones are not learned from; allowed: {', '.join(DS1)}"
        )
    if part.validation == "all":
        return
    if strange := set(part.validation) - set(part.chosen):
        yield f"{where}.validation: {', '.join(sorted(strange))} not among data.records"
    if not part.training_records():
        yield f"{where}.records: no record is left to learn from"
