"""Deletion tests and an explained strip, on DS1 records that the model has not learned from.

``python -m training.interpret --folds DIR`` takes models made by
``python -m training.adaptation.folds``; with ``core = "attention"`` in their configuration,
attention is tested too. Writes ``interpret.png`` and ``explained-strip.png`` into ``--out``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from inference.ticks import V
from ingest.errors import InputError
from training.adaptation.folds import fold_of, open_fold
from training.assessment.tables import markdown
from training.datasets import load
from training.guard import held_out
from training.interpret.figures import draw_deletions, draw_strip
from training.interpret.trial import Trial, table, trials
from training.splits import patient_of

RECORDS = ("106", "119", "201", "209", "223")
"""Records of DS1 with V beats, S beats or both behind their first five minutes."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tests from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m training.interpret")
    parser.add_argument("--folds", type=Path, required=True, help="models that leave patients out")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--records", default=",".join(RECORDS))
    parser.add_argument("--strip", default=RECORDS[1], help="record that the strip is drawn of")
    parser.add_argument("--out", type=Path, default=Path("runs/interpret"))
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    found: list[Trial] = []
    for signal in load(arguments.data / "mitdb", arguments.records.split(","), fs=125):
        if held_out(signal.patient, signal.name, signal.r_ms):
            raise InputError(f"record {signal.name} is of DS2: it is not looked at here")
        model = open_fold(fold_of(patient_of("mitdb", signal.name), arguments.folds))
        found += trials(model, signal)
        print(f"{signal.name}: done", flush=True)
        if signal.name == arguments.strip:
            draw_strip(model, signal, V, arguments.out / "explained-strip.png")
    head = ["way", "class", "records", "beats", "fall, named", "fall, random", "named wins"]
    rows = [
        [way, aami, str(records), str(n), f"{named:.2f}", f"{random:.2f}", f"{wins:.0%}"]
        for way, aami, records, n, named, random, wins in table(found)
    ]
    print(markdown(head, rows))
    draw_deletions(found, arguments.out / "interpret.png")


if __name__ == "__main__":
    main()
