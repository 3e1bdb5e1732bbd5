"""The worst stretches for S or V beats of records of svdb, one a record, by reference R-peaks.

``python -m training.s_beats.strips MODEL.onnx --records 885,822`` draws them one below another,
in the order of the records, so that kinds of error stand together; ``--kind veb`` those for V.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inference.ticks import AAMI
from ingest.errors import InputError
from ingest.wfdb_replay import open_recording
from training.assessment.drawing import draw
from training.assessment.scoring import FoundBeats, Scored, compare_found
from training.assessment.strips import Strip, worst
from training.crossval import LEARNING_MS
from training.ec57 import read_annotations
from training.labels import aami_codes
from training.s_beats.told import DATABASE, Told, told_by

KINDS = {"sveb": "S", "veb": "V"}
"""Of beats, and how the picture names them."""


def scored(folder: Path, told: Told) -> Scored:
    """Compare what a model says of a record's first lead with the reference, beat by beat.

    Parameters
    ----------
    folder : Path
        The database.
    told : Told
        All its beats behind the first five minutes.

    Raises
    ------
    ingest.errors.InputError
        If the record has another number of such beats.
    """
    recording = open_recording(folder / told.record)
    marks = read_annotations(folder, told.record, "atr", recording.fs)
    sample = marks.sample[aami_codes(marks.symbol) >= 0]
    sample = sample[np.rint(sample * 1000 / recording.fs) >= LEARNING_MS]
    if len(sample) != len(told.called):
        raise InputError(
            f"record {told.record} has {len(sample)} beats, told were {len(told.called)}"
        )
    found = FoundBeats(sample.tolist(), [AAMI[code] for code in told.called])
    return Scored(folder, recording.fs, 0, compare_found(told.record, found, marks, recording))


def worst_of(
    folder: Path, told: Sequence[Told], records: Sequence[str], kind: str = "sveb"
) -> list[Strip]:
    """Take the worst stretch of each of some records for a kind of beat, in their order.

    Raises
    ------
    ingest.errors.InputError
        If a record was not told.
    """
    by_name = {one.record: one for one in told}
    if strange := [record for record in records if record not in by_name]:
        raise InputError(f"no record {', '.join(strange)} in {folder.name}")
    strips = [worst([scored(folder, by_name[record])], kind, 1) for record in records]
    return [strip for found in strips for strip in found]


def main(argv: Sequence[str] | None = None) -> None:
    """Draw from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m training.s_beats.strips")
    parser.add_argument("model", type=Path, help="an exported beat model")
    parser.add_argument("--records", required=True, help="with commas between")
    parser.add_argument("--kind", choices=KINDS, default="sveb")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--kept", type=Path, default=Path("runs/s-beats"))
    parser.add_argument("--out", type=Path, default=Path("docs/figures/s-beats.png"))
    arguments = parser.parse_args(argv)
    told = told_by(arguments.model, arguments.data, arguments.kept)
    kind = arguments.kind
    strips = worst_of(arguments.data / DATABASE, told, arguments.records.split(","), kind)
    beats = f"{KINDS[kind]} beats of each record"
    draw(
        strips, kind, f"{DATABASE}: the worst stretch for {beats}, reference R-peaks", arguments.out
    )
    print(arguments.out)


if __name__ == "__main__":
    main()
