"""``python -m deploy.drift``: simulate, plant, and write the measured part of ``docs/drift.md``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from deploy.drift.declaration import DriftDeclaration
from deploy.drift.plants import PLANTS
from deploy.drift.simulation import delays, null_lives
from deploy.drift.trial import try_plant
from deploy.drift.trial_data import DATABASES, WINDOW_MIN, figures_with
from deploy.drift.trial_page import real, simulated

PAGE = Path(__file__).parents[2] / "docs" / "drift.md"
"""Where the figures are written, behind what people wrote."""
BEGIN = "<!-- measured -->\n"
"""What stands before them."""


def main(argv: Sequence[str] | None = None) -> None:
    """Simulate, watch planted drifts, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the databases")
    parser.add_argument("--keep", type=Path, required=True, help="folder to keep figures in")
    parser.add_argument("--lives", type=int, default=200, help="without drift, simulated (200)")
    parser.add_argument("--patients", type=int, default=300, help="of each life (300)")
    parser.add_argument("--runs", type=int, default=100, help="of each delay (100)")
    parser.add_argument("--orders", type=int, default=100, help="of real patients (100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=PAGE)
    told, asked = DriftDeclaration(), parser.parse_args(argv)
    figures = {}
    for plant in PLANTS:
        figures[plant.name] = figures_with(plant, asked.data, asked.keep)
        print(f"figures with plant {plant.name}: {len(figures[plant.name])} patients", flush=True)
    found = delays(asked.runs, asked.seed, told)
    plain, trials = figures["none"], []
    for plant in PLANTS:
        for device_only in (False, True) if plant.name == "gain" else (False,):
            one = try_plant(
                plant, plain, figures[plant.name], found, asked.orders, asked.seed, told,
                device_only=device_only,
            )  # fmt: skip
            trials.append(one)
            print(f"{plant.name}: found in {one.found:.0%}, within {one.within:.0%}", flush=True)
    alerted = null_lives(asked.lives, asked.patients, asked.seed, told)
    parts = [
        simulated(found, alerted, asked.lives, asked.patients, asked.runs, asked.seed, told),
        real(trials[1:], trials[0], len(plain), DATABASES, WINDOW_MIN, told),
    ]
    written = asked.out.read_text(encoding="utf-8") if asked.out.is_file() else BEGIN
    before = written.partition(BEGIN)[0]
    asked.out.write_text(before + BEGIN + "\n" + "".join(parts), encoding="utf-8")
    print(asked.out)


if __name__ == "__main__":
    main()
