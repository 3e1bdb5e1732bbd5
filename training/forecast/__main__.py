"""Judge the forecaster beside its baselines: ``python -m training.forecast``.

Fits what is not yet fitted (``runs/forecast/models``), measures, keeps the figures in
``training/results/forecast.json``, draws, and writes ``docs/forecasting.md`` and the model's card.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

from training.config import load_config
from training.forecast.ablation import SEEDS
from training.forecast.figures import draw
from training.forecast.measure import PARTS, of_detection
from training.forecast.page import page, write_card
from training.forecast.series import read_series_split

RESULTS = Path("training/results/forecast.json")
PAGE = Path("docs/forecasting.md")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, keep, draw and write from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path("training/configs/forecast.toml"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, default=Path("runs/forecast/models"))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--parts", nargs="*", choices=PARTS, help="measure these alone anew")
    parser.add_argument("--detectors", nargs="+", help="measure these alone anew, by name")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page")
    options = parser.parse_args(argv)
    config = load_config(options.config)
    series = read_series_split(config, options.data).training
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    if options.detectors:
        found = of_detection(config, series, options.models, options.detectors)
        kept["detection"] = kept.get("detection", {}) | found
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        return
    for part in [] if options.page else options.parts or PARTS:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "(Mean of empty slice|All-NaN)", RuntimeWarning)
            kept[part] = PARTS[part](config, series, options.models, options.seeds)
        kept["cohort"] = {"records": len(series), "patients": len({s.patient for s in series})}
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        print(f"{part}: measured")
    draw(kept, config, series, options.models, PAGE.parent / "figures")
    PAGE.write_text(page(kept), "utf-8")
    write_card(kept)
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
