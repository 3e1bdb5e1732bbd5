"""Run the survey: every arm, seed and fold that has no result yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from training.config import TrainConfig
from training.datasets import LabelledSignal, digest
from training.survey.arms import Arm
from training.survey.folds import folds_of
from training.survey.results import Job, keep, kept


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    base: TrainConfig
    """Configuration that arms lay their keys over."""
    arms: Sequence[Arm]
    """The arms, in the order of the table."""
    seeds: Sequence[int]
    """Seeds of everything that is drawn."""
    n_folds: int
    """Folds; each patient is left out in one."""

    def jobs(self) -> Iterator[Job]:
        """List the runs, fold by fold and seed by seed: so they share what is drawn."""
        for fold in range(self.n_folds):
            for seed in self.seeds:
                for arm in self.arms:
                    yield Job(arm, arm.config(self.base, seed), fold, self.n_folds)


def run(
    plan: Plan,
    signals: Sequence[LabelledSignal],
    out: Path,
    console: Console,
    *,
    stale: bool = False,
) -> None:
    """Run what has no result yet; a survey that was cut off goes on where it was.

    Parameters
    ----------
    plan : Plan
        What is to be run.
    signals : sequence of LabelledSignal
        All leads of all records.
    out : Path
        Folder of the results.
    console : Console
        Where progress is shown.
    stale : bool
        Take results that other code made for good.

    Raises
    ------
    ingest.errors.InputError
        If there are fewer patients than folds, or a record is of DS2.
    """
    torch.set_num_threads(1)  # arms are timed
    data_digest = digest(signals)
    jobs = list(plan.jobs())
    waiting = [job for job in jobs if kept(job, out, data_digest, stale=stale) is None]
    with _progress(console) as bar:
        shown = bar.add_task("", total=len(jobs), completed=len(jobs) - len(waiting))
        for fold in folds_of(signals, plan.n_folds):
            seed = None
            for job in waiting:
                if job.fold != fold.number:
                    continue
                if job.config.fit.seed != seed:
                    seed = job.config.fit.seed
                    fold.pools.clear()  # no other arm will draw them again
                    fold.memo.clear()
                told = f"{job.arm.name}, seed {seed}, fold {fold.number + 1} of {plan.n_folds}"
                bar.update(shown, description=told)
                folder = job.folder(out)
                folder.mkdir(parents=True, exist_ok=True)
                outcome = job.arm.procedure(job.config, fold, folder)
                keep(job, out, data_digest, outcome)
                bar.advance(shown)
                if not console.is_terminal:
                    console.print(f"{told}: {outcome.training_s:.0f} s")


def _progress(console: Console) -> Progress:
    """Return a bar over runs; where there is no terminal, lines are printed instead."""
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
        disable=not console.is_terminal,
    )
