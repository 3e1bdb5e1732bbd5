"""Meta-learned starts against the ordinary one: few-shot adaptation of all weights.

``python -m training.meta --start plain=DIR --start fomaml=DIR2 ...`` takes folders made by
``python -m training.adaptation.folds`` from ``training/configs/beat.toml`` and from
``beat_meta.toml``, with the same folds and epochs. A name that is given again is another seed:
mean and spread are told; starts told earlier on the same records stay kept beside. DS1
patients are left out by fold; of ``--database svdb`` no model has learned, the first fold's is
taken. Never DS2.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ingest.errors import InputError
from training.adaptation.folds import fold_of, open_fold
from training.assessment import kept
from training.assessment.tables import markdown
from training.datasets import LabelledSignal, all_records, load
from training.guard import held_out
from training.meta.compare import Called, Shot, beside, scores, shoot
from training.splits import DS1

DATABASES = ("mitdb", "svdb")
"""What starts are compared on."""


def main(argv: Sequence[str] | None = None) -> None:
    """Compare from the command line."""
    arguments = _parser().parse_args(argv)
    torch.set_num_threads(1)
    shots = [Shot(0, 0.0)]
    shots += [
        Shot(steps, rate) for steps, rate in itertools.product(arguments.steps, arguments.rates)
    ]
    signals = _signals(arguments)
    found: dict[tuple[str, int, float], list[tuple[float, float]]] = {}
    for told in arguments.start:
        name, _, folder = told.partition("=")
        if not folder:
            raise InputError(f"--start must be NAME=DIR, not {told!r}")
        called: list[list[Called]] = []
        for signal in signals:
            path = Path(folder) / "fold0.onnx"
            if arguments.database == "mitdb":
                path = fold_of(signal.patient, Path(folder))
            called.append(shoot(open_fold(path), signal, shots))
        for shot, records in zip(shots, zip(*called, strict=True), strict=True):
            found.setdefault((name, shot.steps, shot.rate), []).append(scores(records))
        print(f"{told}: {len(signals)} records", flush=True)
    rows = [
        [name, str(steps), f"{rate:g}" if steps else "–", *_spread(of)]
        for (name, steps, rate), of in found.items()
    ]
    print(markdown(["start", "steps", "rate", "V F1", "S F1"], rows))
    told = {"records": [s.name for s in signals], "starts": arguments.start, "rows": rows}
    name = f"meta-{arguments.database}"
    kept.keep(name, beside(told, kept.kept(name, arguments.results)), arguments.results)


def _signals(arguments: argparse.Namespace) -> list[LabelledSignal]:
    """Read the records, none of DS2."""
    folder = arguments.data / arguments.database
    names = DS1 if arguments.database == "mitdb" else all_records(folder, "atr")
    chosen = arguments.records.split(",") if arguments.records else names
    signals = load(folder, chosen, fs=125)
    if barred := [s.name for s in signals if held_out(s.patient, s.name, s.r_ms)]:
        raise InputError(f"records {', '.join(barred)} are of DS2: starts are not compared on them")
    return signals


def _spread(of: Sequence[tuple[float, float]]) -> list[str]:
    """Mean over seeds, and from the least to the largest where there are several."""
    cells = []
    for column in np.array(of).T:
        spread = f" ({column.min():.1f} to {column.max():.1f})" if len(column) > 1 else ""
        cells.append(f"{column.mean():.1f}{spread}")
    return cells


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m training.meta")
    parser.add_argument("--start", action="append", required=True, metavar="NAME=DIR")
    parser.add_argument("--database", choices=DATABASES, default="mitdb")
    parser.add_argument("--records", default="", help="some of them, with commas between")
    parser.add_argument("--steps", type=lambda t: [int(n) for n in _numbers(t)], default=[1, 3, 10])
    parser.add_argument("--rates", type=_numbers, default=[0.05, 0.2])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--results", type=Path, help="folder of the kept figures")
    return parser


if __name__ == "__main__":
    main()
