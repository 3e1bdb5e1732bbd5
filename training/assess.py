"""Score the shipped models on databases by EC57, write the figures into their cards, log the look.

``python -m training.assess --why REASON`` is how every figure in the cards and
in the README is made. Records go through the very pipeline that serves, so
R-peaks are detected ones. Each run that looks at DS2 adds a line to
``training/EVALUATIONS.md``, whatever comes out.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from inference import model
from inference.pipeline import Pipeline
from ingest.errors import InputError
from ingest.recording import Recording
from ingest.sequence import Sequencer
from ingest.wfdb_replay import ReplaySource, open_recording
from training.ec57 import (
    DE_CHAZAL,
    RecordComparison,
    average,
    bootstrap_gross,
    compare_record,
    gross,
    make_annotations,
    rates,
    read_annotations,
    timing,
)
from training.splits import DS1, DS2, PACED, patient_of

BEGIN, END = "<!-- figures: made by python -m training.assess -->", "<!-- end of figures -->"
CHUNK_S = 20.0
"""Signal taken at a time, s; the result does not depend on it."""
LOG = Path(__file__).parent / "EVALUATIONS.md"


@dataclass(frozen=True, slots=True)
class Cohort:
    """Records that one row of a card is about."""

    name: str
    """As it stands in the row."""
    database: str
    """Folder of the database."""
    records: tuple[str, ...]
    """Its records; none means all."""


COHORTS = (
    Cohort("mitdb, all 48", "mitdb", ()),
    Cohort("mitdb DS1 (trained on)", "mitdb", DS1),
    Cohort("mitdb DS2", "mitdb", DS2),
    Cohort("mitdb DS2 without 202", "mitdb", tuple(r for r in DS2 if r != "202")),
    Cohort("mitdb DS2 without 232", "mitdb", tuple(r for r in DS2 if r != "232")),
    Cohort("svdb (never trained on)", "svdb", ()),
)
"""Paced records count for QRS only, in the first."""


def compare_database(folder: Path, records: Sequence[str]) -> Iterator[RecordComparison]:
    """Score records with the shipped models, and compare their beats with the reference.

    Raises
    ------
    ingest.errors.InputError
        If a record cannot be read.
    """
    for begin in range(0, len(records), 24):
        part = records[begin : begin + 24]
        recordings = {record: open_recording(folder / record) for record in part}
        found = _beats(folder.name, recordings)
        for record, recording in recordings.items():
            reference = read_annotations(folder, record, "atr")
            sample, symbol = found[record]
            test = make_annotations(np.array(sample, np.int64), symbol, reference.fs)
            yield compare_record(record, reference, test, recording.n_samples, mapping=DE_CHAZAL)


def _beats(
    database: str, recordings: Mapping[str, Recording]
) -> dict[str, tuple[list[int], list[str]]]:
    """Find the beats of several records side by side."""
    source = ReplaySource(recordings, speed=None, chunk_s=CHUNK_S)
    pipeline, sequencer = Pipeline(), Sequencer()
    found: dict[str, tuple[list[int], list[str]]] = {record: ([], []) for record in recordings}
    ended = False
    while not ended:
        batch = source.poll(0.0)
        ended = batch.end
        items, dead = sequencer.push_all(batch.frames)
        if dead:
            raise InputError(f"{database}: {dead[0].detail}")
        for beat in pipeline.push(items).beats():
            found[beat.stream.stream_id][0].append(beat.sample)
            found[beat.stream.stream_id][1].append(beat.aami)
    return found


def figures(cohort: Cohort, comparisons: Sequence[RecordComparison]) -> dict[str, Any]:
    """Gather what a card says of one cohort: gross and average rates, intervals, timing."""
    database = cohort.database
    intervals = bootstrap_gross(comparisons, patient=lambda record: patient_of(database, record))
    return {
        "cohort": cohort.name,
        "records": len(comparisons),
        "patients": len({patient_of(database, c.record) for c in comparisons}),
        "gross": {kind: asdict(rates(tally)) for kind, tally in gross(comparisons).items()},
        "average": {kind: asdict(rate) for kind, rate in average(comparisons).items()},
        "interval_f1": {
            kind: None if by["f1"] is None else [by["f1"].low, by["f1"].high]
            for kind, by in intervals.items()
        },
        "counts": {kind: asdict(tally) for kind, tally in gross(comparisons).items()},
        "timing": asdict(timing(comparisons)),
    }


def table(rows: Sequence[dict[str, Any]], kinds: Sequence[str]) -> str:
    """Write figures as a Markdown table.

    Parameters
    ----------
    rows : sequence of dict
        From :func:`figures`.
    kinds : sequence of str
        ``qrs``, ``veb``, ``sveb``.
    """
    head = ["records", "n", *(f"{kind.upper()} {what}" for kind in kinds for what in _COLUMNS)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [str(row["cohort"]), f"{row['records']} of {row['patients']} patients"]
        for kind in kinds:
            cells += _cells(row, kind)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


_COLUMNS = ("Se / +P", "F1 [95 %]", "mean Se / +P")


def _cells(row: dict[str, Any], kind: str) -> list[str]:
    gross_, mean, interval = (row[key][kind] for key in ("gross", "average", "interval_f1"))

    def pair(rate: dict[str, float | None]) -> str:
        return " / ".join("–" if rate[k] is None else f"{rate[k]:.2f}" for k in ("se", "ppv"))

    f1 = "–" if gross_["f1"] is None else f"{gross_['f1']:.2f}"
    if interval is not None and gross_["f1"] is not None:
        f1 += f" [{interval[0]:.1f}, {interval[1]:.1f}]"
    return [pair(gross_), f1, pair(mean)]


def assess(data: Path) -> list[dict[str, Any]]:
    """Score every cohort.

    Parameters
    ----------
    data : Path
        Folder of the databases.
    """
    compared: dict[str, dict[str, RecordComparison]] = {}
    for database in dict.fromkeys(cohort.database for cohort in COHORTS):
        folder = data / database
        names = sorted(path.stem for path in folder.glob("*.hea"))
        if not names:
            raise InputError(f"no records in {folder}: name the data folder with --data")
        compared[database] = {c.record: c for c in compare_database(folder, names)}
    rows = []
    for cohort in COHORTS:
        found = compared[cohort.database]
        rows.append(figures(cohort, [found[r] for r in cohort.records or sorted(found)]))
    return rows


def write_card(name: str, rows: Sequence[dict[str, Any]], kinds: Sequence[str]) -> None:
    """Put the figures into a model's card, between its marks."""
    path = model.builtin(name)
    _, info = model.load(path)
    card = path.with_suffix(".md")
    text = "\n".join(
        [
            BEGIN,
            _protocol(info),
            "",
            table([row for row in rows if _counts(row, kinds)], kinds),
            "",
            _timing(rows),
            END,
        ]
    )
    old = card.read_text("utf-8")
    if not re.search(f"{BEGIN}.*{END}", old, flags=re.S):
        raise InputError(f"{card.name} has no place for figures: put {BEGIN} and {END} into it")
    card.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: text, old, flags=re.S), "utf-8")


def _protocol(info: model.ModelInfo) -> str:
    return (
        f"Model `{info.name}` {info.version}, SHA-256 `{info.digest[:16]}…`, training data "
        f"`{info.data_digest[:16]}…`. EC57 beat by beat: 150 ms window, first 5 minutes left out, "
        "mapping of de Chazal 2004 (e and j are N), one lead (MLII or the record's first), "
        "detected R-peaks, no adaptation. Gross figures in percent; the interval is a bootstrap "
        "over patients; the mean is over records."
    )


def _timing(rows: Sequence[dict[str, Any]]) -> str:
    found = next(row["timing"] for row in rows if row["cohort"] == "mitdb DS2")
    return (
        f"R-peak timing on DS2: median error {found['median_ms']:.1f} ms, 95th percentile "
        f"{found['p95_ms']:.1f} ms."
    )


def _counts(row: dict[str, Any], kinds: Sequence[str]) -> bool:
    """Leave paced records out where beat classes are compared."""
    return "qrs" in kinds or row["records"] != len(DS1) + len(DS2) + len(PACED)


def log_look(rows: Sequence[dict[str, Any]], why: str) -> None:
    """Add a line for this look at DS2."""
    ds2 = next(row["gross"] for row in rows if row["cohort"] == "mitdb DS2")
    digests = [model.load(model.builtin(name))[1].digest[:12] for name in ("qrs", "beat")]
    scores = [f"{ds2[kind]['f1']:.2f}" for kind in ("qrs", "veb", "sveb")]
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    with LOG.open("a", encoding="utf-8") as file:
        file.write(f"| {when} | {' '.join(digests)} | {' | '.join(scores)} | {why} |\n")


def main(argv: Sequence[str] | None = None) -> None:
    """Assess the shipped models from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--why", required=True, help="why DS2 is looked at; it is logged")
    arguments = parser.parse_args(argv)
    rows = assess(arguments.data)
    log_look(rows, arguments.why)
    write_card("qrs", rows, ("qrs",))
    write_card("beat", rows, ("veb", "sveb"))
    print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
