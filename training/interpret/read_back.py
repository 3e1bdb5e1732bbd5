"""Read an exported beat model with attention back into torch, to ask it for its reasons.

``python -m training.interpret.read_back runs/survey/attention --out DIR`` reads the survey's
models of one seed back and writes them as fold models that :mod:`training.interpret` takes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from ingest.errors import InputError
from training.adaptation.folds import INDEX
from training.architectures.beat import BeatClassifier, BeatSize
from training.architectures.size import Values
from training.splits import DS1, patient_of

ARCHITECTURE: Values = {"core": "attention", "context": 32}
"""Of the survey's arm ``attention``."""
PRODUCTS = ("score.weight", "join.weight")
"""Matrices of an attention core, in the order in which it multiplies by them."""


def read_back(path: Path, architecture: Values = ARCHITECTURE) -> BeatClassifier:
    """Build the classifier that was exported.

    Parameters
    ----------
    path : Path
        ONNX file of a model with ``core = "attention"`` in both branches.
    architecture : mapping
        Table ``[architecture]`` of its run.

    Raises
    ------
    ingest.errors.InputError
        If the file holds a model of another form.
    """
    graph = onnx.load(path).graph
    held = {part.name: numpy_helper.to_array(part) for part in graph.initializer}
    model = BeatClassifier(BeatSize.of(architecture))
    state = {name: _tensor(held[name]) for name in model.state_dict() if name in held}
    named = {*state}
    products = [
        _tensor(held[node.input[1]].T)
        for node in graph.node
        if node.op_type == "MatMul" and node.input[1].startswith("onnx::MatMul")
    ]
    cells = [
        [held[name] for name in node.input[1:4]] for node in graph.node if node.op_type == "LSTM"
    ]
    if len(cells) != 2 or len(products) != 2 * (len(PRODUCTS) + 1):
        raise InputError(f"{path} is no model with attention in both branches")
    for branch, cell in zip("vs", cells, strict=True):
        state |= dict(_recurrent(f"core_{branch}.recurrent.cell", cell))
        for name in PRODUCTS:
            state[f"core_{branch}.{name}"] = products.pop(0)
        state[f"head_{branch}.weight"] = products.pop(0)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        told = f"named in it: {', '.join(sorted(named))}"
        raise InputError(f"{path} is of another form than {architecture}; {told}") from error
    return model.eval()


def _recurrent(prefix: str, cell: Sequence[NDArray[np.float32]]) -> Iterator[tuple[str, Tensor]]:
    """Name an LSTM's weights; ONNX has its gates as i, o, f, c, torch as i, f, c, o."""
    w, r, b = (part[0] for part in cell)
    b_in, b_hidden = np.split(b, 2)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    for name, part in zip(names, (w, r, b_in, b_hidden), strict=True):
        i, o, f, c = np.split(part, 4)
        yield f"{prefix}.{name}", _tensor(np.concatenate([i, f, c, o]))


def _tensor(part: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.array(part, np.float32))


def main(argv: Sequence[str] | None = None) -> None:
    """Read the models of all folds back from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m training.interpret.read_back"
    )
    parser.add_argument("arm", type=Path, help="folder of the survey's arm, of DS1's patients")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    models = sorted(arguments.arm.glob(f"seed{arguments.seed}-fold*/model.onnx"))
    if not models:
        raise InputError(f"no models of seed {arguments.seed} in {arguments.arm}")
    patients = sorted({patient_of("mitdb", record) for record in DS1})
    arguments.out.mkdir(parents=True, exist_ok=True)
    index = {}
    for fold, path in enumerate(models):
        weights = {"architecture": dict(ARCHITECTURE), "state": read_back(path).state_dict()}
        torch.save(weights, arguments.out / f"fold{fold}.pt")
        index[f"fold{fold}.onnx"] = patients[fold :: len(models)]
    (arguments.out / INDEX).write_text(json.dumps(index, indent=1) + "\n", "utf-8")
    print(arguments.out / INDEX)


if __name__ == "__main__":
    main()
