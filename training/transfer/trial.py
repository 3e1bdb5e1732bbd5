"""Every arm of one direction and one seed: fitted, exported, judged, kept; gone on with later."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from ingest.errors import InputError
from training.beat_task import Pools
from training.config import TrainConfig
from training.datasets import LabelledSignal
from training.ec57 import Tally
from training.transfer.arms import (
    AS_IS,
    OWN,
    TUNING_RATE,
    Arm,
    Fitted,
    Weights,
    budgeted,
    fit_arm,
    judged_split,
)
from training.transfer.heard import Heard, compare, counts_of
from training.transfer.sides import TITLES, Direction, Half, halves_of, of_patients, rare_beats

Signals = Mapping[str, Sequence[LabelledSignal]]
"""Labelled signals by database."""
BUDGET = "budget.json"
"""File that says how long all models of a folder have learned."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long is learned, the same for all arms but for the tuned ones."""

    epochs: int
    """Of every arm that starts from scratch."""
    tuning_epochs: int
    """Of an arm that goes on from a trained model."""
    length: int
    """Beats of a sequence."""

    def config(self, recipe: TrainConfig, seed: int, *, tuned: bool) -> TrainConfig:
        """Lay the budget over a recipe.

        Parameters
        ----------
        recipe : TrainConfig
        seed : int
        tuned : bool
            It goes on from a trained model: fewer epochs, a smaller rate.
        """
        fit: dict[str, Any] = {"seed": seed, "length": self.length, "epochs": self.epochs}
        if tuned:
            fit |= {"epochs": self.tuning_epochs, "learning_rate": TUNING_RATE}
        return budgeted(recipe, fit)


@dataclass(slots=True, eq=False)
class Trial:
    """One direction and one seed."""

    direction: Direction
    """Source and target."""
    seed: int
    """Of weights, of what is drawn, and of which patients are the few."""
    recipe: TrainConfig
    """The shipped run."""
    budget: Budget
    """How long is learned."""
    signals: Signals
    """Of the source and of the target."""
    heard: Mapping[str, Heard]
    """The target's records as the pipeline finds their beats."""
    out: Path
    """Folder of what is kept."""
    _drawn: dict[tuple[int, int], Pools] = field(default_factory=dict)

    def path(self, arm: Arm, half: Half | None) -> Path:
        """Name the file of one model's outcome."""
        part = "all" if half is None else f"half{half.number}"
        return self.out / f"{self.direction.target}-seed{self.seed}-{arm.name}-{part}.json"

    def run(self, arms: Sequence[Arm]) -> Iterator[str]:
        """Fit and judge what was not yet; say what was done, model by model.

        Parameters
        ----------
        arms : sequence of Arm
            Tuned ones want the arm that is tuned, which is fitted first.

        Raises
        ------
        ingest.errors.InputError
            If few patients are more than there are.
        """
        target = self.signals[self.direction.target]
        halves = halves_of([signal.patient for signal in target], self.seed)
        if not self.path(AS_IS, None).is_file() or not self._weights.is_file():
            yield self._judge(AS_IS, None)
        for half in halves:
            for arm in arms:
                if arm != AS_IS and not self.path(arm, half).is_file():
                    yield self._judge(arm, half)
            self._drawn.clear()

    @property
    def _weights(self) -> Path:
        """File of the parameters that learned from the source alone."""
        return self.out / f"{self.direction.source}-seed{self.seed}.pt"

    def _judge(self, arm: Arm, half: Half | None) -> str:
        """Fit one model, judge it, keep what it gave."""
        source, target = (self.signals[n] for n in (self.direction.source, self.direction.target))
        if half is None:
            learned, judges = list(source), list(target)
        else:
            patients = half.others if arm == OWN else half.few(arm.few)
            learned, judges = of_patients(target, patients), of_patients(target, half.judged)
        start: Weights | None = torch.load(self._weights) if arm.source and half else None
        split = judged_split(learned, judges)
        config = self.budget.config(self.recipe, self.seed, tuned=start is not None)
        pools = None if half is None else self._drawn.setdefault((half.number, arm.few), {})
        made = fit_arm(config, split, start, pools)
        if half is None:
            self.out.mkdir(parents=True, exist_ok=True)
            torch.save(made.weights, self._weights)
        names = {signal.name for signal in split.validation}
        counts = _counts(made, {name: one for name, one in self.heard.items() if name in names})
        veb, sveb = (_f1(counts, kind) for kind in ("veb", "sveb"))
        self._keep(arm, half, split.training_patients, rare_beats(learned), made.cpu_s, counts)
        told = arm.title.format(**_titles(self.direction))
        part = "all" if half is None else f"half {half.number + 1}"
        return (
            f"{TITLES[self.direction.target]}, seed {self.seed}, {part}: {told}: "
            f"VEB F1 {veb:.1f}, SVEB F1 {sveb:.1f}; {made.cpu_s:.0f} s"
        )

    def _keep(
        self,
        arm: Arm,
        half: Half | None,
        patients: Sequence[str],
        rare: Mapping[str, int],
        cpu_s: float,
        counts: Mapping[str, Mapping[str, list[int]]],
    ) -> None:
        """Write one model's outcome."""
        found = {
            "arm": arm.name,
            "source": self.direction.source,
            "target": self.direction.target,
            "seed": self.seed,
            "half": None if half is None else half.number,
            "learned_from": list(patients),
            "beats": dict(rare),
            "cpu_s": round(cpu_s, 1),
            "records": counts,
        }
        self.out.mkdir(parents=True, exist_ok=True)
        self.path(arm, half).write_text(json.dumps(found) + "\n", "utf-8")


def kept_trials(out: Path) -> list[dict[str, Any]]:
    """Read all outcomes of a folder, in the order of their names."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(out.glob("*-seed*-*.json"))]


def read_budget(out: Path) -> Budget:
    """Read how long all models of a folder have learned.

    Raises
    ------
    ingest.errors.InputError
        If nothing was measured there.
    """
    try:
        return Budget(**json.loads((out / BUDGET).read_text("utf-8")))
    except OSError as error:
        raise InputError(f"nothing was measured in {out}: leave --page out") from error


def settle_budget(out: Path, budget: Budget) -> None:
    """Write down how long all models of a folder learn.

    Raises
    ------
    ingest.errors.InputError
        If those that are there have learned otherwise.
    """
    if (out / BUDGET).is_file() and (there := read_budget(out)) != budget:
        raise InputError(f"{out} holds models of {there}, not of {budget}: name another --out")
    out.mkdir(parents=True, exist_ok=True)
    (out / BUDGET).write_text(json.dumps(asdict(budget)) + "\n", "utf-8")


def _titles(direction: Direction) -> dict[str, str]:
    return {"source": TITLES[direction.source], "target": TITLES[direction.target]}


def _counts(made: Fitted, heard: Mapping[str, Heard]) -> dict[str, dict[str, list[int]]]:
    """Export a model and count what it says of records."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        made.task.write(path, "of one arm of a trial of transfer")
        return {one.record: counts_of(one) for one in compare(path, heard)}


def _f1(counts: Mapping[str, Mapping[str, list[int]]], kind: str) -> float:
    """Gross F1 of one kind of beats, percent."""
    tp, fn, fp = (sum(one[kind][i] for one in counts.values()) for i in range(3))
    return Tally(tp, fn, tp, fp).f1 or 0.0
