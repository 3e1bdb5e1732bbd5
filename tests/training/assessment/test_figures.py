"""Figures of a cohort name their mapping and what they were counted over, or are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ingest.errors import InputError
from training.assessment.cohorts import Cohort
from training.assessment.figures import figures
from training.ec57 import DE_CHAZAL, RecordComparison, compare_record, make_annotations

COHORT = Cohort("two of mine", "mine", ("a", "b"), "mine")
BEATS = list("NNNNVNNANN" * 10)
AT = 108_000 + np.arange(1, 101) * 300


def record(name: str, *, detected: bool) -> RecordComparison:
    rng = np.random.default_rng(0)
    moved = AT - (rng.integers(0, 9, len(AT)) if detected else 0)
    ref, test = (make_annotations(at, BEATS, 360) for at in (AT, moved))
    return compare_record(name, ref, test, int(AT[-1]) + 1, mapping=DE_CHAZAL)


def test_figures_name_their_mapping_and_denominators() -> None:
    found = [record(name, detected=True) for name in ("a", "b")]
    row = figures(COHORT, found, [record(name, detected=False) for name in ("a", "b")])
    assert row["mapping"] == "dechazal"
    assert row["denominators"] == (
        "200 beats (20 VEB, 20 SVEB) of 2 records of 2 patients; left out: 0 beats"
    )
    assert row["reference"]["gross"]["veb"]["f1"] == 100


def test_reference_r_peaks_do_not_pass_for_detected_ones() -> None:
    with pytest.raises(InputError, match="two of mine: R-peaks are the reference's own"):
        figures(COHORT, [record("a", detected=False)])


def test_records_of_another_mapping_are_refused() -> None:
    other = replace(record("b", detected=True), mapping="ec57")
    with pytest.raises(InputError, match="record b: not counted by the AAMI mapping 'dechazal'"):
        figures(COHORT, [record("a", detected=True), other])
