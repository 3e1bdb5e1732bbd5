"""``python -m deploy.drift.example``: a watch of real recordings in which the gain drifts."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.plants import PLANTS
from deploy.drift.reading import in_words
from deploy.drift.trial_data import WINDOW_MIN, figures_with
from deploy.drift.watch import DriftWatch
from deploy.services.drift import PAGE, write_reading

BEGINS_AT = 120
"""Patients before the gain is halved."""


def main(argv: Sequence[str] | None = None) -> None:
    """Let patients come in one random order, and write what the watch shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the databases")
    parser.add_argument("--keep", type=Path, required=True, help="folder to keep figures in")
    parser.add_argument("--out", type=Path, required=True, help="folder of reading and page")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(argv)
    gain = next(plant for plant in PLANTS if plant.name == "gain")
    plain, planted = (figures_with(each, asked.data, asked.keep) for each in (PLANTS[0], gain))
    told = DriftDeclaration(title=f"gain halved behind patient {BEGINS_AT}", window_min=WINDOW_MIN)
    watch, rng = DriftWatch(told), np.random.default_rng(asked.seed)
    for i, at in enumerate(rng.permutation(len(plain)).tolist()):
        for found in watch.add((planted if i >= BEGINS_AT else plain)[at]):
            print(in_words(found))
    write_reading(watch, asked.out)
    print(f"{watch.patients} patients, {len(watch.alerts)} drifts: {asked.out / PAGE}")


if __name__ == "__main__":
    main()
