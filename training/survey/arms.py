"""The arms of the survey, and what an arm is.

To add an arm, put an :class:`Arm` into ``ARMS``. Most only lay keys over the base configuration
``training/configs/survey.toml``::

    Arm("gru", "GRU", {"architecture": {"core": "gru"}})

An arm that is not fitted as the others are brings a procedure of its own::

    def maml(config: TrainConfig, fold: Fold, folder: Path) -> Outcome: ...

    Arm("maml", "MAML", {"meta": {...}}, maml, note="adapted on ...")

It is given the arm's whole configuration (the seed is ``config.fit.seed``), the fold, and a folder
of its own. It learns from ``fold.split.training`` alone, from no more beats than ``config.fit``
asks for, and scores the records of ``fold.split.validation`` at their reference R-peaks, beats
from ``LEARNING_MS`` on: ``fold.score(task)`` does that for a fitted :class:`BeatTask`, and
:func:`training.survey.fit_beats.fit_task` fits one. It exports what is served to
``folder / "model.onnx"``: multiply-adds are counted and time is measured on that. Where that is
not what a beat costs on average, it tells ``macs_a_beat``. Figures of its own go into ``further``.
A module-level procedure is told apart from another by the code that it reaches through imports:
results are made again when that changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.errors import InputError
from training.config import TrainConfig
from training.survey.fit_beats import fit_beats
from training.survey.fit_gated import fit_gated
from training.survey.fit_strings import LENGTH_S, fit_strings
from training.survey.folds import Fold
from training.survey.outcome import Outcome

Procedure = Callable[[TrainConfig, Fold, Path], Outcome]
"""Fits an arm on one fold and scores the patients left out."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One system of the survey."""

    name: str
    """Name in the command line and of its folder."""
    title: str
    """What stands in the table."""
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Tables laid over those of the base configuration."""
    procedure: Procedure = fit_beats
    """How it is fitted and judged."""
    note: str = ""
    """What the reader must know to compare it with the others."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that it lays over the base, as one may write them in a configuration."""
        return tuple(
            f"{table}.{key} = {json.dumps(value)}"
            for table, values in self.overrides.items()
            for key, value in values.items()
        )

    def config(self, base: TrainConfig, seed: int) -> TrainConfig:
        """Lay the arm's keys over the base configuration.

        Raises
        ------
        pydantic.ValidationError
            If a key or value is not allowed.
        """
        told = base.model_dump()
        for table, values in self.overrides.items():
            told[table] = {**(told.get(table) or {}), **values}
        told["fit"] = {**told["fit"], "seed": seed}
        return TrainConfig.model_validate(told)


ARMS: tuple[Arm, ...] = (
    Arm("lstm", "LSTM with CNN (RNN-CNN hybrid)"),
    Arm(
        "shipped",
        "the shipped form",
        {"architecture": {"rhythm": 1, "core_s": "dense", "hidden_s": 32}},
        note="the V branch as above; the S branch has a memory of the rhythm instead of an LSTM",
    ),
    Arm("rnn", "vanilla tanh RNN", {"architecture": {"core": "rnn"}}),
    Arm("gru", "GRU", {"architecture": {"core": "gru"}}),
    Arm(
        "attention",
        "LSTM with attention over its last 32 states",
        {"architecture": {"core": "attention", "context": 32}},
    ),
    Arm(
        "transformer",
        "RNN-Transformer, self-attention over the last 32 beats",
        {"architecture": {"core": "transformer", "context": 32, "heads": 4}},
    ),
    Arm("features", "LSTM on features only, no CNN", {"architecture": {"encoder": "features"}}),
    Arm(
        "truncated",
        "LSTM, truncated BPTT of 40 beats",
        {"fit": {"truncate": 40}},
        note="one update a piece of 40 beats: three times the updates, on the same beats",
    ),
    Arm("clip-value", "LSTM, gradients clipped by value", {"fit": {"clip": "value"}}),
    Arm("no-clip", "LSTM, gradients not clipped", {"fit": {"clip": "none"}}),
    Arm("no-decay", "LSTM without weight decay", {"fit": {"weight_decay": 0.0}}),
    Arm(
        "l1",
        "LSTM, L1 by proximal steps",
        {"fit": {"weight_decay": 0.0, "l1": 0.1}},
        note="no weight decay beside it; compare with LSTM without weight decay",
    ),
    Arm(
        "l2",
        "LSTM, L2 penalty",
        {"fit": {"weight_decay": 0.0, "l2": 1e-3}},
        note="in the loss, no weight decay beside it; the others have AdamW's decoupled decay",
    ),
    Arm(
        "pruned",
        "LSTM, 80 % of weights pruned by magnitude",
        {"pruning": {"weights": 0.8}},
        note="multiply-adds with zeros are counted, and take as long, in a dense runtime",
    ),
    Arm(
        "units",
        "LSTM, half of its units removed",
        {"pruning": {"units": 0.5}},
        note="removed while fitting, cut out of the exported model",
    ),
    Arm(
        "gated",
        "LSTM behind a gate: usual beats are passed as N",
        procedure=fit_gated,
        note="multiply-adds as they come on average, the gate's own with them; time is that of a "
        "beat that is looked at, without the gate",
    ),
    Arm(
        "ctc",
        "conv + LSTM over the signal, strings of beats by CTC",
        procedure=fit_strings,
        note=f"from unaligned labels, stretches of {LENGTH_S} s, as many as the others have "
        "sequences: fewer beats; finds the beats itself, so no F1 at given R-peaks; error rate is "
        "edits a beat (wrong, missed and extra beats), said_X beats said over beats there are",
    ),
)
"""The systems, in the order of the table; times are told beside the first."""


def arms_named(names: str) -> list[Arm]:
    """Look up arms by names with commas between; all of them where it is empty.

    Raises
    ------
    ingest.errors.InputError
        If there is no such arm.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = {arm.name: arm for arm in ARMS}
    if strange := [name for name in wanted if name not in known]:
        raise InputError(f"no arm {', '.join(strange)}; there are: {', '.join(known)}")
    return [known[name] for name in wanted] or list(ARMS)
