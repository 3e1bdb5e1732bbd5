"""Results of the survey's runs: one JSON file a run, kept while what it depends on stands still."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.config import TrainConfig
from training.survey.arms import Arm
from training.survey.outcome import Outcome, confusion
from training.survey.revision import code_digest


@dataclass(frozen=True, slots=True)
class Job:
    """One run: an arm on one fold with one seed."""

    arm: Arm
    """The arm."""
    config: TrainConfig
    """Its whole configuration, seed included."""
    fold: int
    """Number of the fold."""
    n_folds: int
    """Folds in all."""

    def folder(self, out: Path) -> Path:
        """Folder of the run."""
        return out / self.arm.name / f"seed{self.config.fit.seed}-fold{self.fold}of{self.n_folds}"

    def key(self, data_digest: str) -> dict[str, str]:
        """Return what its result depends on."""
        procedure = self.arm.procedure
        told = json.dumps(self.config.model_dump(mode="json"), sort_keys=True)
        return {
            "config": hashlib.sha256(told.encode()).hexdigest()[:16],
            "procedure": f"{procedure.__module__}.{procedure.__qualname__}",
            "code": code_digest(procedure.__module__),
            "data": data_digest[:16],
        }


def kept(job: Job, out: Path, data_digest: str, *, stale: bool = False) -> dict[str, Any] | None:
    """Read a run's result if it is there and still holds.

    Parameters
    ----------
    job : Job
        The run.
    out : Path
        Folder of the survey.
    data_digest : str
        SHA-256 of the signals.
    stale : bool
        Take it if the code has changed since, too.
    """
    path = job.folder(out) / "result.json"
    if not path.is_file():
        return None
    result: dict[str, Any] = json.loads(path.read_text("utf-8"))
    theirs, ours = result["key"], job.key(data_digest)
    if stale:
        theirs, ours = ({k: v for k, v in key.items() if k != "code"} for key in (theirs, ours))
    return result if theirs == ours else None


def keep(job: Job, out: Path, data_digest: str, outcome: Outcome) -> None:
    """Write a run's result."""
    result = {
        "key": job.key(data_digest),
        "arm": job.arm.name,
        "seed": job.config.fit.seed,
        "fold": job.fold,
        "confusion": confusion(outcome.scored).tolist() if outcome.scored else None,
        "by_record": {one.record: confusion([one]).tolist() for one in outcome.scored},
        "n_parameters": outcome.n_parameters,
        "training_s": round(outcome.training_s, 2),
        "macs_a_beat": outcome.macs_a_beat,
        "further": dict(outcome.further),
    }
    path = job.folder(out) / "result.json"
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    unfinished.replace(path)
