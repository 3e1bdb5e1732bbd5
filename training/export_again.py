"""``python -m training.export_again RUN ...``: export finished runs again, without fitting.

For when the exported form of an architecture changed and its weights did not. The file that
stands in the run folder is replaced, once the new one agrees with it over a random walk.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

from ingest.errors import InputError
from training.config import TrainConfig
from training.fit import task_kind

N_ROWS, N_STEPS = 32, 40
CLOSE = 1e-4
"""Largest difference of a probability that is let pass over the random walk."""


def export_again(folder: Path, version: str | None = None) -> float:
    """Export the model of a finished run anew.

    Parameters
    ----------
    folder : Path
        Run folder, as :func:`training.fit.fit` leaves it.
    version : str, optional
        The model's new version, to stand in the file and in the run's configuration.

    Returns
    -------
    float
        Largest difference of a probability from the file that stood there.

    Raises
    ------
    ingest.errors.InputError
        If the folder holds no finished run, or the model is another one now; it is kept then.
    """
    told, summary = folder / "config.json", folder / "run.json"
    checkpoints = [folder / name for name in ("best.ckpt", "last.ckpt")]
    found = next((path for path in checkpoints if path.exists()), None)
    if found is None or not summary.exists():
        raise InputError(f"{folder} holds no finished run: no run.json beside a checkpoint")
    kept = json.loads(told.read_text("utf-8"))
    kept["config"]["version"] = version or kept["config"]["version"]
    config = TrainConfig.model_validate(kept["config"])
    task = task_kind(config)(config, [], [])
    task.load_state_dict(torch.load(found, map_location="cpu")["state_dict"])
    task.finish()
    model, fresh = folder / f"{config.name}.onnx", folder / f"{config.name}.new.onnx"
    task.write(fresh, kept["data_digest"])
    worst = difference(model, fresh)
    if not worst <= CLOSE:  # nor NaN
        fresh.unlink()
        raise InputError(f"{model} differs from its export by {worst:.2e} > {CLOSE:.0e}; kept")
    fresh.replace(model)
    for path, of_path in ((told, kept), (summary, json.loads(summary.read_text("utf-8")))):
        of_path["config"] = kept["config"]
        path.write_text(json.dumps(of_path, indent=2) + "\n", "utf-8")
    return worst


def difference(one: Path, other: Path) -> float:
    """Tell how far two models' probabilities differ at most, states carried along a random walk.

    Raises
    ------
    ingest.errors.InputError
        If they do not take the same inputs.
    """
    sessions = [
        ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]) for path in (one, other)
    ]
    shapes = [{i.name: i.shape[1:] for i in session.get_inputs()} for session in sessions]
    if shapes[0] != shapes[1]:
        raise InputError(f"{one.name} takes {shapes[0]}, {other.name} takes {shapes[1]}")
    rng = np.random.default_rng(0)
    free = {"time": 200}
    sizes = {name: [free.get(n, n) for n in shape] for name, shape in shapes[0].items()}
    states = [
        {n: np.zeros((N_ROWS, *shape), np.float32) for n, shape in sizes.items() if "state_" in n}
        for _ in sessions
    ]
    worst, shape = 0.0, rng.normal(size=(N_ROWS, *sizes["signal"])).cumsum(-1)
    for _ in range(N_STEPS):
        noise = rng.normal(size=shape.shape)
        feed = {"signal": ((shape + noise) / 4).astype(np.float32)}
        if "rr_s" in sizes:
            feed["rr_s"] = rng.uniform(0.3, 1.2, (N_ROWS, 1)).astype(np.float32)
        probs = []
        for session, state in zip(sessions, states, strict=True):
            names = ["probs", *(f"next_{name}" for name in state)]
            p, *after = session.run(names, feed | state)
            state.update(zip(state, after, strict=True))
            probs.append(p)
        worst = max(worst, float(np.abs(probs[0] - probs[1]).max()))
    return worst


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, help="run folders")
    parser.add_argument("--version", help="the models' new version; by default the old one stays")
    options = parser.parse_args(argv)
    for folder in options.runs:
        print(f"{folder}: differs by {export_again(folder, options.version):.1e}")


if __name__ == "__main__":
    main()
