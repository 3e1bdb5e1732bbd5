"""Export a beat model that says why; see :mod:`training.interpret.explained`.

``python -m training.interpret.write RUN --out FILE.onnx`` takes a run folder of
``vigil train``: its configuration and its last (or best) weights.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from ingest.errors import InputError
from training.architectures.recall import LENGTH, MEMORY
from training.beat_task import BeatTask
from training.config import TrainConfig
from training.export import export
from training.interpret.explained import OUTPUTS, ExplainedClassifier


def write_explained(task: BeatTask, path: Path, data_digest: str) -> float:
    """Export a beat task's model with its explanations; return the difference from torch.

    Raises
    ------
    ingest.errors.InputError
        If the model is of several leads.
    """
    if task.N_LEADS != 1:
        raise InputError("models of several leads are not explained")
    explained = ExplainedClassifier(task.model.eval())
    states = zip(explained.state_names, explained.initial_state(2), strict=True)
    inputs = {
        "signal": torch.zeros(2, 1, LENGTH),
        "rr_s": torch.zeros(2, 1),
        "state_memory": torch.zeros(2, MEMORY),
        **{f"state_{name}": part for name, part in states},
    }
    return export(explained, inputs, task.spec(data_digest), path, explanations=OUTPUTS)


def open_run(folder: Path) -> tuple[BeatTask, str]:
    """Open a run of ``vigil train`` again.

    Returns
    -------
    task : BeatTask
        With its trained weights.
    data_digest : str
        Of its training data.

    Raises
    ------
    ingest.errors.InputError
        If the folder holds no run of a beat model that has ended.
    """
    try:
        summary = json.loads((folder / "run.json").read_text("utf-8"))
        config = TrainConfig.model_validate(summary["config"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder} holds no run that has ended: {error}") from error
    if config.task != "beat":
        raise InputError(f"{folder} is a run of task {config.task!r}; allowed here: 'beat'")
    name = "best.ckpt" if config.fit.patience else "last.ckpt"
    task = BeatTask(config, [], [])
    task.load_state_dict(torch.load(folder / name)["state_dict"])
    return task, str(summary["data_digest"])


def main(argv: Sequence[str] | None = None) -> None:
    """Export from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(argv)
    task, data_digest = open_run(arguments.run)
    print(f"{arguments.out}: {write_explained(task, arguments.out, data_digest):.1e} from torch")


if __name__ == "__main__":
    main()
