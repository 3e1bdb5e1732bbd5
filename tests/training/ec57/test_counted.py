"""What figures say they were counted over, and by whose R-peaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ingest.errors import InputError
from training.ec57 import (
    DE_CHAZAL,
    EC57,
    Evaluation,
    MeanRates,
    Protocol,
    Tally,
    average,
    compare_record,
    denominators,
    gross,
    make_annotations,
    peaks,
)
from training.ec57.export import to_dict

FS = 360
RULES = Protocol(learning_s=10)
STEP = 300


def record(name: str, moved: np.ndarray | int, symbols: str = "NNNNNVNNAN" * 12):
    """Compare ``symbols``, evenly spaced, with themselves, moved by some samples."""
    at = np.arange(1, len(symbols) + 1) * STEP
    ref = make_annotations(at, list(symbols), FS)
    test = make_annotations(np.sort(at + moved), list(symbols), FS)
    return compare_record(name, ref, test, int(at[-1]) + 400, protocol=RULES, mapping=DE_CHAZAL)


def evaluation(*records, **fields) -> Evaluation:
    return Evaluation(records, RULES, DE_CHAZAL, database="mitdb", **fields)


def test_denominators_count_beats_records_people_and_what_was_left_out() -> None:
    found = evaluation(
        record("201", 0), record("202", 0), record("100", 0), excluded=("232",),
        without_test=("103",),
    )  # fmt: skip
    told = denominators(found)
    # 10 s are 3600 samples: the beats before are 11 of each record
    assert (told.beats, told.excluded_beats) == (3 * 109, 3 * 11)
    assert (told.veb, told.sveb) == (3 * 11, 3 * 11)
    assert (told.records, told.patients) == (3, 2), "201 and 202 are one person"
    assert told.describe().endswith(
        "of 3 records of 2 patients; left out: 33 beats, record 232, record 103"
    )
    assert to_dict(found)["denominators"]["excluded_records"] == ("232", "103")


def test_reference_r_peaks_are_known_by_their_timing() -> None:
    rng = np.random.default_rng(0)
    on_a_grid = np.rint(np.arange(1, 121) * STEP / FS * 125) / 125 * FS
    rounded = np.rint(on_a_grid - np.arange(1, 121) * STEP).astype(np.int64)
    detected = rng.integers(-4, 5, 120)
    assert peaks([record("a", 0)]) == "reference"
    assert peaks([record("a", rounded)]) == "reference"
    assert peaks([record("a", detected)]) == "detected"
    assert peaks([record("a", 0), record("b", detected)]) == "detected"
    assert peaks([record("a", 0, "NNNNNNNNNNNNNNNNNNNN")]) == "unknown"


def test_an_evaluation_without_its_mapping_cannot_be_made() -> None:
    with pytest.raises(InputError, match="must name its AAMI mapping"):
        Evaluation((record("a", 0),), RULES, None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="must name its AAMI mapping"):
        Evaluation((record("a", 0),), RULES, replace(DE_CHAZAL, name=""))


def test_records_counted_by_another_mapping_cannot_stand_beside() -> None:
    with pytest.raises(InputError, match="record a: not counted by the AAMI mapping 'ec57'"):
        Evaluation((record("a", 0),), RULES, EC57)
    with pytest.raises(InputError, match="record b: not counted"):
        evaluation(record("a", 0), replace(record("b", 0), mapping=""))


def test_a_mean_over_records_is_another_type_than_gross_counts() -> None:
    found = [record("a", 0), record("b", 3)]
    assert all(isinstance(tally, Tally) for tally in gross(found).values())
    assert all(isinstance(rates, MeanRates) for rates in average(found).values())
