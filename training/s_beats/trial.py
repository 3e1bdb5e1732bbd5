"""One trial: a branch fitted beside the V branch of a finished model, judged on people unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ingest.errors import InputError
from training.adaptation.folds import fold_index, open_fold
from training.architectures.beat import BeatClassifier
from training.beat_task import BeatTask
from training.crossval import LEARNING_MS
from training.datasets import LabelledSignal
from training.s_beats.branch import Form, SBranch
from training.s_beats.further import Further
from training.s_beats.seen import Seen, kept_or, seen_pool, seen_record
from training.s_beats.told import Told

WHOLE = "all"
"""Side that learns from all of DS1; the others are folds."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A model whose V branch stays, whom it may learn from, and whom it is judged on."""

    name: str
    """``all``, ``fold0`` …"""
    model: BeatClassifier
    """The finished model, which has not seen those it is judged on."""
    learned: Sequence[LabelledSignal]
    """All leads of those learned from."""
    judged: Sequence[LabelledSignal]
    """First leads of those it is judged on."""


def open_run(folder: Path, architecture: Mapping[str, object]) -> BeatClassifier:
    """Open the weights that a run of ``vigil train`` ended with.

    Raises
    ------
    ingest.errors.InputError
        If there is no such run.
    """
    path = folder / "last.ckpt"
    if not path.is_file():
        raise InputError(f"no run in {folder}: make it with vigil train")
    state = torch.load(path, map_location="cpu")["state_dict"]
    model = BeatTask.build(dict(architecture))  # type: ignore[arg-type]
    own = {name.removeprefix("model."): part for name, part in state.items()}
    model.load_state_dict({name: own[name] for name in model.state_dict()})
    return model.eval()


def fold_sides(folder: Path, signals: Sequence[LabelledSignal]) -> list[Side]:
    """Make a side of each fold model of :mod:`training.adaptation.folds`, judged on DS1 alone."""
    sides = []
    for name, patients in fold_index(folder).items():
        out = set(patients)
        learned = [signal for signal in signals if signal.patient not in out]
        judged = [s for s in signals if s.patient in out and s.first and s.r_ms[-1] >= LEARNING_MS]
        sides.append(Side(Path(name).stem, open_fold(folder / name), learned, judged))
    return sides


def pools_of(
    side: Side, form: Form, n_pools: int, further: Further, out: Path
) -> list[tuple[Seen, Tensor]]:
    """Draw what a form learns from, or read what was drawn before."""
    pools = []
    for number in range(n_pools):
        name = f"{side.name}-{'geminy-' if form.geminy else ''}pool{number}"
        make = partial(seen_pool, side.model, side.learned, number, form.geminy)
        seen = kept_or(out / "seen" / f"{name}.pt", make)
        pools.append((seen, further.of(form.further, name, seen)))
    return pools


def tell(branch: SBranch, side: Side, signal: LabelledSignal, further: Further, out: Path) -> Told:
    """Let the model's V branch and a fitted S branch tell a record's beats."""
    name = f"{side.name}-{signal.name}"
    seen = kept_or(out / "seen" / f"{name}.pt", partial(seen_record, side.model, signal))
    with torch.no_grad():
        s = branch(seen, further.of(branch.form.further, name, seen))
    logits = torch.stack([seen.v[:, 0], s[:, 0]], dim=1).numpy()
    counted = signal.r_ms >= LEARNING_MS
    return Told(signal.name, signal.aami[counted], logits[counted].astype(np.float32))
