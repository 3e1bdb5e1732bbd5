"""The trial of numerics: what it wants of the records, what it makes of what it finds."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from deploy.trials.numerics import judged, moments_of, numerics_in, pace, said
from deploy.trials.numerics_page import page
from inference.engine import Engine
from inference.numeric_streams import NumericStreams
from ingest.errors import InputError
from tests.inference.crashes import pipeline_of
from tests.inference.numerics import quiet, recording, restless

RECORDS = [recording(restless(0, n_s=170), name="n0"), recording(quiet(n_s=100), name="n1")]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(pipeline_of(None), NumericStreams())


def test_moments_hold_all_records_until_each_ends() -> None:
    moments = list(moments_of(RECORDS, 60.0))

    assert [[f.stream_id for f in moment] for moment in moments] == [["n0", "n1"]] * 2 + [["n0"]]
    assert sum(f.n_samples for moment in moments for f in moment) == 270


def test_what_was_lost_doubled_or_changed_is_told_and_stands_on_the_page(engine: Engine) -> None:
    wanted = said(engine, RECORDS)
    assert wanted.keys() == {"n0"}
    found = {"n0": [*wanted["n0"][1:], wanted["n0"][-1]], "n1": [wanted["n0"][0]]}

    outcome = judged(found, wanted)

    assert outcome.wrong == {"n0": (1, 1, 0), "n1": (0, 0, 1)}
    asked = argparse.Namespace(records="bidmc", kills=3, most=None, page=Path("x.md"))
    assert "| n0: (1, 1, 0); n1: (0, 0, 1) |" in page(outcome, asked)
    whole = judged(wanted, wanted)
    assert "| none |" in page(whole, asked)
    assert (whole.alarms, sum(whole.by_why.values())) == (len(wanted["n0"]) / 2,) * 2
    assert '"condition": "unusual_numerics"' in whole.example


def test_the_pace_leaves_nobody_behind(engine: Engine) -> None:
    streams_a_core, state_bytes = pace(engine.numerics, RECORDS, n_streams=20, n_steps=3)

    assert streams_a_core > 0
    assert 1000 < state_bytes < 100_000
    assert len(engine.streams) == 0


def test_a_folder_without_numerics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no record of numerics"):
        numerics_in(tmp_path)
