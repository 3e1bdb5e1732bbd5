"""Try S branches, and tell how models fare, on DS1 with patients left out and on svdb.

``python -m training.s_beats`` fits every form of :data:`training.s_beats.branch.FORMS` beside
the V branch of finished models, which stays: of the run ``--run`` for svdb, of the folds
``--folds`` (``python -m training.adaptation.folds training/configs/beat.toml``) for DS1. With
``--models NAME=A.onnx,B.onnx`` exported models are told on svdb, several as the mean of their
logits. What was done is kept in ``--out`` and not done again; the page is written of all of it.
Never DS2.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ingest.errors import InputError
from training.assessment import kept
from training.config import load_config
from training.datasets import LabelledSignal
from training.s_beats.branch import FORMS, Form, fitted
from training.s_beats.further import Further
from training.s_beats.page import write_page
from training.s_beats.told import Told, mean_of, scores, svdb, told_by
from training.s_beats.trial import WHOLE, Side, fold_sides, open_run, pools_of, tell
from training.sources import read_split

CONFIG = Path(__file__).parents[1] / "configs" / "beat.toml"


def main(argv: Sequence[str] | None = None) -> None:
    """Do what is missing, then write the page."""
    arguments = _parser().parse_args(argv)
    torch.set_num_threads(1)
    for told in arguments.models:
        tell_models(told, arguments.data, arguments.out)
    further = Further(arguments.data, arguments.out)
    for side, form, seed in _missing(arguments):
        run(side, form, seed, further, arguments)
    found = gathered(arguments.out)
    kept.keep("s-beats", found, arguments.results)
    print(write_page(found, arguments.page).read_text("utf-8"))


def tell_models(told: str, data: Path, out: Path) -> None:
    """Tell svdb by exported models and keep their scores.

    Raises
    ------
    ingest.errors.InputError
        If it is not ``NAME=FILE,FILE``.
    """
    name, _, files = told.partition("=")
    if not files:
        raise InputError(f"--models must be NAME=FILE,FILE, not {told!r}")
    paths = [Path(part) for part in files.split(",")]
    each = [told_by(path, data, out) for path in paths]
    alone = [scores(records) for records in each]
    heard = mean_of(each)
    _write(
        out / "models" / f"{name}.json",
        {
            "name": name,
            "alone": alone,
            "mean": scores(heard),
            "n": len(paths),
            "records": {one.record: one.confusion().tolist() for one in heard},
        },
    )
    print(f"{name}: told", flush=True)


def run(side: Side, form: Form, seed: int, further: Further, arguments: argparse.Namespace) -> None:
    """Make one trial and keep it, record by record."""
    pools = pools_of(side, form, arguments.pools, further, arguments.out)
    branch = fitted(form, pools, steps=arguments.steps, seed=seed)
    records = [tell(branch, side, signal, further, arguments.out) for signal in side.judged]
    _write(
        _path(arguments.out, side.name, form, seed),
        {
            "form": form.name,
            "side": side.name,
            "seed": seed,
            "steps": arguments.steps,
            "pools": arguments.pools,
            "records": {one.record: one.confusion().tolist() for one in records},
        },
    )
    print(f"{form.name}, {side.name}, seed {seed}: {_said(records)}", flush=True)


def gathered(out: Path) -> dict[str, Any]:
    """Read all that was kept."""
    return {
        key: [json.loads(path.read_text("utf-8")) for path in sorted((out / key).glob("*.json"))]
        for key in ("models", "trials")
    }


def _missing(arguments: argparse.Namespace) -> Iterator[tuple[Side, Form, int]]:
    """Go through the trials that were not made, by side."""
    forms = [form for form in FORMS if not arguments.forms or form.name in arguments.forms]
    for name in arguments.sides:
        wanted = [
            (form, seed)
            for seed in range(arguments.seeds)
            for form in forms
            if not _path(arguments.out, name, form, seed).is_file()
        ]
        if wanted:
            side = _side(name, arguments.run, arguments.folds, arguments.data)
            yield from ((side, form, seed) for form, seed in wanted)


def _side(name: str, run_folder: Path, folds: Path, data: Path) -> Side:
    """Read a side's signals and open its model."""
    signals = _signals(data)
    if name == WHOLE:
        model = open_run(run_folder, load_config(CONFIG).architecture)
        return Side(WHOLE, model, signals, svdb(data))
    sides = {side.name: side for side in fold_sides(folds, signals)}
    if name not in sides:
        raise InputError(f"no side {name}; there are: {WHOLE}, {', '.join(sides)}")
    return sides[name]


@cache
def _signals(data: Path) -> Sequence[LabelledSignal]:
    return read_split(load_config(CONFIG).data, data).training


def _path(out: Path, side: str, form: Form, seed: int) -> Path:
    return out / "trials" / f"{form.name}-{side}-seed{seed}.json"


def _write(path: Path, found: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found) + "\n", "utf-8")


def _said(records: Sequence[Told]) -> str:
    v, s = scores(records)
    return f"V F1 {v:.1f}, S F1 {s:.1f}"


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m training.s_beats")
    parser.add_argument("--models", action="append", default=[], metavar="NAME=FILE,FILE")
    parser.add_argument("--sides", type=_names, default=[WHOLE, "fold0", "fold1"], help="or ''")
    parser.add_argument("--forms", type=_names, default=[], help="all by default")
    parser.add_argument("--seeds", type=int, default=1, help="how many (1)")
    parser.add_argument("--steps", type=int, default=400, help="updates of a fit (400)")
    parser.add_argument("--pools", type=int, default=3, help="pools of 768 sequences (3)")
    parser.add_argument("--run", type=Path, default=Path("runs/beat"))
    parser.add_argument("--folds", type=Path, default=Path("runs/folds"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/s-beats"))
    parser.add_argument("--page", type=Path, default=Path("docs/s-beats.md"))
    parser.add_argument("--results", type=Path, help="folder of the kept figures")
    return parser


if __name__ == "__main__":
    main()
