"""The worst stretches: most errors first, none twice, drawn with every beat in them."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.databases import NAMES
from training.assessment.cohorts import Cohort
from training.assessment.drawing import draw_cohort
from training.assessment.scoring import Scored
from training.assessment.strips import is_wrong, worst
from training.ec57 import (
    DE_CHAZAL,
    BeatPair,
    Protocol,
    RecordComparison,
    compare_record,
    make_annotations,
    read_annotations,
)

FS = 100.0


def scored(wrong: set[int], n_beats: int = 600, record: str = "r") -> Scored:
    """Make a record with a beat a second, some of them missed."""
    pairs = tuple(
        BeatPair(i * 100, None if i in wrong else i * 100, "No" if i in wrong else "Nn")
        for i in range(n_beats)
    )
    beats: Any = SimpleNamespace(pairs=pairs)
    return Scored(Path("x"), FS, 0, RecordComparison(record, beats))


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 599), max_size=80))
def test_stretches_do_not_overlap_and_hold_what_they_say(wrong: set[int]) -> None:
    strips = worst([scored(wrong)], "qrs", per_record=9)
    assert bool(strips) == bool(wrong)
    for strip in strips:
        inside = [i for i in wrong if strip.start_s <= i < strip.start_s + 10]
        assert strip.errors == len(inside) > 0
    starts = sorted(strip.start_s for strip in strips)
    assert all(b - a >= 10 - 1e-9 for a, b in itertools.pairwise(starts))
    assert [s.errors for s in strips] == sorted((s.errors for s in strips), reverse=True)


def test_the_worst_stretch_is_found_and_one_record_does_not_fill_the_page() -> None:
    bad = scored({50, 51, 52, 53, 54, *range(100, 600, 20)}, record="bad")
    strips = worst([bad, scored({300}, record="good")], "qrs", per_record=3)
    assert [strip.scored.record for strip in strips] == ["bad"] * 3 + ["good"]
    assert strips[0].errors == 5
    assert strips[0].start_s <= 50
    assert strips[0].start_s + 10 > 54
    assert strips[0].summary("qrs") == "5 × N missed"


@pytest.mark.parametrize("kind", ["qrs", "veb", "sveb"])
def test_what_is_wrong_is_what_the_tallies_count(kind: str) -> None:
    rng = np.random.default_rng(0)
    ref = make_annotations(np.arange(1, 900) * 100, rng.choice(list("NAVFQ"), 899).tolist(), FS)
    kept = np.flatnonzero(rng.random(899) < 0.9)
    test = make_annotations(
        ref.sample[kept] + 3, rng.choice(list("NAV"), len(kept)).tolist(), FS
    )  # fmt: skip
    found = compare_record("r", ref, test, protocol=Protocol(learning_s=0), mapping=DE_CHAZAL)
    tally = found.tally(kind)  # type: ignore[arg-type]
    counted = tally.fn + tally.fp
    if kind == "sveb":
        counted -= found.beats.count("Fs")
    assert sum(is_wrong(pair.cell, kind) for pair in found.beats.pairs) == counted


def test_a_page_shows_a_picture_for_each_kind_with_errors(data: Path, tmp_path: Path) -> None:
    reference = read_annotations(data / "simdb", NAMES[0], "atr")
    test = make_annotations(reference.sample[::2], ["N"] * len(reference.sample[::2]), reference.fs)
    found = compare_record(
        NAMES[0], reference, test, protocol=Protocol(learning_s=0), mapping=DE_CHAZAL
    )
    one = Scored(data / "simdb", reference.fs, 1, found)
    page = draw_cohort(Cohort("simulated <s>", "simdb", (NAMES[0],), "sim"), [one], tmp_path)
    text = page.read_text()
    assert "simulated &lt;s&gt;" in text
    for kind in ("qrs", "veb", "sveb"):
        assert f'src="sim-{kind}.png"' in text
        assert (tmp_path / f"sim-{kind}.png").read_bytes().startswith(b"\x89PNG")


def test_the_scale_of_a_strip_has_no_minus_zero() -> None:
    from matplotlib.figure import Figure

    from training.assessment import drawing

    axes = Figure().add_subplot()
    drawing._paper(axes, 3.0, -0.5, 1.5)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "1"]
