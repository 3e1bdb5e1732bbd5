"""An evaluation as plain data: a JSON object, and the rows of a CSV table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from training.ec57.bootstrap import Interval
from training.ec57.compare import Evaluation
from training.ec57.counted import denominators, peaks
from training.ec57.episodes import EpisodeComparison
from training.ec57.runs import RunComparison
from training.ec57.summary import (
    BEAT_KINDS,
    BeatKind,
    Rates,
    RecordComparison,
    Timing,
    average,
    average_rr_ms,
    gross,
    gross_confusion,
    gross_episodes,
    gross_runs,
    rates,
    timing,
)
from training.ec57.tally import REF_CLASSES, TEST_CLASSES, Confusion, Tally

ALSO_WITHOUT = ("202", "232")
"""mitdb's 202 is the patient of 201; 232 holds most S beats of DS2."""

DIGITS = 4

Intervals = Mapping[BeatKind, Mapping[str, Interval | None]]


def to_dict(evaluation: Evaluation, intervals: Intervals | None = None) -> dict[str, Any]:
    """Give everything as one object for JSON: rates in percent, null where undefined.

    Parameters
    ----------
    evaluation
        What was found.
    intervals
        Of the gross rates, from `bootstrap_gross`; left out of the object if None.
    """
    records = evaluation.records
    found: dict[str, Any] = {
        "gross": {kind: _tally(tally) for kind, tally in gross(records).items()},
        "average": {kind: _rates(found) for kind, found in average(records).items()}
        | {"rr_rms_ms": _round(average_rr_ms(records))},
        "records": [_record(record) for record in records],
        "timing_ms": _timing(timing(records)),
        "confusion": _confusion(gross_confusion(records)),
        "subsets": {
            f"without {name}": {kind: _tally(tally) for kind, tally in gross(rest).items()}
            for name, rest in subsets(evaluation).items()
        },
        "protocol": _protocol(evaluation),
        "denominators": asdict(denominators(evaluation)),
        "peaks": peaks(evaluation.records),
        "without_test": list(evaluation.without_test),
    }
    if records and records[0].runs:
        found["runs"] = {kind: _runs(gross_runs(records, kind)) for kind in records[0].runs}
    if records and records[0].episodes:
        found["episodes"] = {
            kind: _episodes(gross_episodes(records, kind)) for kind in records[0].episodes
        }
    if intervals is not None:
        found["intervals"] = {
            kind: {name: _interval(interval) for name, interval in by_rate.items()}
            for kind, by_rate in intervals.items()
        }
    return found


def subsets(evaluation: Evaluation) -> dict[str, tuple[RecordComparison, ...]]:
    """Give the records without each of `ALSO_WITHOUT` that is among them."""
    names = [record.record for record in evaluation.records]
    return {
        name: evaluation.without(name).records
        for name in ALSO_WITHOUT
        if name in names and len(names) > 1
    }


def to_rows(evaluation: Evaluation) -> list[dict[str, str | int | float | None]]:
    """Give one flat row a record, then ``gross`` and ``average``; rates in percent."""
    rows = [
        {"record": record.record}
        | _flat({kind: record.tally(kind) for kind in BEAT_KINDS})
        | {"rr_rms_ms": _round(record.beats.rr.rms_ms)}
        | {f"timing_{k}_ms": v for k, v in _timing(timing([record])).items()}
        | _named_cells(record.beats.confusion)
        for record in evaluation.records
    ]
    records = evaluation.records
    rows.append(
        {"record": "gross"}
        | _flat(gross(records))
        | {f"timing_{k}_ms": v for k, v in _timing(timing(records)).items()}
        | _named_cells(gross_confusion(records))
    )
    rows.append(
        {"record": "average", "rr_rms_ms": _round(average_rr_ms(records))}
        | {
            f"{kind}_{name}": value
            for kind, found in average(records).items()
            for name, value in _rates(found).items()
        }
    )
    return rows


def _record(record: RecordComparison) -> dict[str, Any]:
    found: dict[str, Any] = {"record": record.record}
    found |= {kind: _tally(record.tally(kind)) for kind in BEAT_KINDS}
    found |= {
        "rr_rms_ms": _round(record.beats.rr.rms_ms),
        "timing_ms": _timing(timing([record])),
        "shutdown_s": _round(record.beats.shutdown_s),
        "confusion": _confusion(record.beats.confusion),
    }
    if record.runs:
        found["runs"] = {kind: _runs(runs) for kind, runs in record.runs.items()}
    if record.episodes:
        found["episodes"] = {kind: _episodes(e) for kind, e in record.episodes.items()}
    return found


def _protocol(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "standard": "ANSI/AAMI EC57",
        "window_ms": _round(1000 * evaluation.protocol.window_s),
        "learning_s": evaluation.protocol.learning_s,
        "official": evaluation.protocol.official,
        "mapping": {
            "name": evaluation.mapping.name,
            "source": evaluation.mapping.source,
            "classes": evaluation.mapping.describe(),
        },
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(float(value), DIGITS)


def _rates(found: Rates) -> dict[str, float | None]:
    return {"se": _round(found.se), "ppv": _round(found.ppv), "f1": _round(found.f1)}


def _tally(tally: Tally) -> dict[str, Any]:
    return {**_rates(rates(tally)), "tp": tally.tp_se, "fn": tally.fn, "fp": tally.fp}


def _runs(runs: RunComparison) -> dict[str, Any]:
    return {
        name: {**_tally(tally), "tp_ppv": tally.tp_ppv}
        for name, tally in (
            ("couplets", runs.couplets),
            ("short", runs.short),
            ("long", runs.long),
        )
    }


def _episodes(found: EpisodeComparison) -> dict[str, Any]:
    return {
        **_tally(found.episodes),
        "tp_ppv": found.episodes.tp_ppv,
        "duration_se": _round(found.duration_se),
        "duration_ppv": _round(found.duration_ppv),
        "ref_s": _round(found.ref_s),
        "test_s": _round(found.test_s),
    }


def _timing(found: Timing) -> dict[str, float | None]:
    return {
        "median": _round(found.median_ms),
        "p95": _round(found.p95_ms),
        "bias": _round(found.bias_ms),
    }


def _confusion(confusion: Confusion) -> dict[str, dict[str, int]]:
    return {
        ref: {test: int(confusion[i, j]) for j, test in enumerate(TEST_CLASSES)}
        for i, ref in enumerate(REF_CLASSES)
    }


def _interval(interval: Interval | None) -> list[float | None] | None:
    return None if interval is None else [_round(interval.low), _round(interval.high)]


def _flat(tallies: Mapping[BeatKind, Tally]) -> dict[str, Any]:
    return {f"{k}_{name}": v for k, tally in tallies.items() for name, v in _tally(tally).items()}


def _named_cells(confusion: Confusion) -> dict[str, int]:
    return {
        ref + test: int(confusion[i, j])
        for i, ref in enumerate(REF_CLASSES)
        for j, test in enumerate(TEST_CLASSES)
        if i < 5 or j < 5
    }
