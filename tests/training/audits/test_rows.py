"""Rows of predictions add up to what EC57 counts, beat by beat."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.frames import Lead
from ingest.recording import Recording
from training.audits.material import Counted, Reference
from training.audits.rows import Row, rows_of
from training.audits.served import Served
from training.ec57 import DE_CHAZAL, Protocol, compare_beats, make_annotations
from training.ec57.tally import gross_sveb_tally

FS = 100.0
CLASSES = ("N", "S", "V")


def reference(samples: list[int], symbols: list[str], n_samples: int = 6000) -> Reference:
    signal = Recording("r", FS, (Lead("II"),), np.zeros((1, n_samples), np.int16))
    return Reference(signal, make_annotations(samples, symbols, FS))


def served(samples: list[int], letters: list[str]) -> Served:
    probs = [np.array([letter == c for c in CLASSES], np.float32) * 0.9 for letter in letters]
    return Served(samples, letters, probs)


beats = st.lists(st.integers(10, 5900), max_size=40, unique=True).map(sorted)


@st.composite
def records(draw: st.DrawFn) -> tuple[Reference, Served]:
    """Reference beats of all classes, and detections some of which lie near them."""
    at = draw(beats)
    symbols = draw(st.lists(st.sampled_from("NAVFQj/"), min_size=len(at), max_size=len(at)))
    near = {sample + draw(st.integers(-25, 25)) for sample in at if draw(st.booleans())}
    found = sorted({min(max(s, 0), 5999) for s in near | set(draw(beats)[:5])})
    letters = draw(st.lists(st.sampled_from(CLASSES), min_size=len(found), max_size=len(found)))
    return reference(at, symbols), served(found, letters)


def counts(rows: list[Row], condition: str) -> dict[tuple[int, int], int]:
    return Counter((row.truth, row.prediction) for row in rows if row.condition == condition)


@settings(max_examples=150, deadline=None)
@given(records(), st.sampled_from([0.0, 10.0]))
def test_rows_add_up_to_the_tallies_of_ec57(
    record: tuple[Reference, Served], learning_s: float
) -> None:
    known, said = record
    rows, hours = rows_of("r", "p", known, said, Counted(learning_s), CLASSES)
    found = compare_beats(
        known.beats,
        make_annotations(said.sample, said.aami, FS),
        end_sample=6000,
        protocol=Protocol(learning_s=learning_s),
        mapping=DE_CHAZAL,
    )
    tallies = {"QRS": found.qrs, "VEB": found.veb, "SVEB": gross_sveb_tally(found.confusion)}
    for condition, tally in tallies.items():
        n = counts(rows, condition)
        assert (n[1, 1], n[1, 0], n[0, 1]) == (tally.tp_se, tally.fn, tally.fp)
    assert counts(rows, "QRS") == counts(rows, "readable")
    assert hours == (60 - learning_s) / 3600


@settings(max_examples=100, deadline=None)
@given(records(), st.floats(5, 55))
def test_no_pair_is_torn_by_the_edge_of_what_counts(
    record: tuple[Reference, Served], cut_s: float
) -> None:
    cut_s += 0.001  # between samples
    whole = Counted(0.0, tail_s=1e-9)
    first, second = Counted(0.0, tail_s=60 - cut_s), Counted(cut_s, tail_s=1e-9)
    parts = [rows_of("r", "p", *record, part, CLASSES)[0] for part in (first, second)]
    every, _ = rows_of("r", "p", *record, whole, CLASSES)
    assert sorted(row.unit for part in parts for row in part) == sorted(row.unit for row in every)


def test_units_are_named_once_and_scores_are_the_probability_of_the_class() -> None:
    known = reference([500, 1000, 1500, 2000], list("NVNV"))
    said = served([500, 1003, 1700], ["V", "V", "N"])
    rows, _ = rows_of("r", "p", known, said, Counted(0.0), CLASSES)
    assert len({(row.condition, row.unit) for row in rows}) == len(rows)
    veb = {row.unit: (row.truth, row.prediction, round(row.score, 3)) for row in rows
           if row.condition == "VEB"}  # fmt: skip
    assert veb == {
        "r:500": (0, 1, 0.9),
        "r:1000": (1, 1, 0.9),
        "r:1500": (0, 0, 0.0),
        "r:2000": (1, 0, 0.0),
    }
    assert ("QRS", "r:+1700", 0, 1) in {
        (row.condition, row.unit, row.truth, row.prediction) for row in rows
    }


def test_beats_where_the_monitor_said_it_cannot_read_are_excluded_in_readable_alone() -> None:
    known = reference([500, 1000], ["N", "N"])
    said = served([500], ["N"])
    said.unreadable_ms = [(9_000, 11_000)]
    rows, _ = rows_of("r", "p", known, said, Counted(0.0), CLASSES)
    gone = {(row.condition, row.unit) for row in rows if row.excluded}
    assert gone == {("readable", "r:1000")}
    assert counts(rows, "QRS") == {(1, 1): 1, (1, 0): 1}


def test_outside_the_annotated_beats_nothing_counts() -> None:
    known = reference([1000, 1100, 1200], ["N"] * 3)
    said = served([900, 1000, 1100, 1200, 1214, 1300], ["N"] * 6)
    rows, hours = rows_of("r", "p", known, said, Counted(2.0, annotated=True), ())
    assert counts(rows, "QRS") == {(1, 1): 3, (0, 1): 1}
    assert {row.condition for row in rows} == {"QRS", "readable"}
    assert hours * 3600 == 2.3
