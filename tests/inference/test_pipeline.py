"""The whole pipeline: any cut, any batch, any batch-mates; what begins, ends, moves and fails."""

from __future__ import annotations

from functools import cache
from itertools import repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference import pipeline as pipelines
from inference.pipeline import Pipeline
from ingest.errors import InputError
from ingest.frames import MISSING_ADU, Lead
from ingest.sequence_types import End, Gap
from ingest.simulator import asystole, lead_off, sinus
from tests.inference.patients import (
    Tape,
    Told,
    chunk,
    cut,
    patient,
    random_pushes,
    score,
    told,
    ward,
)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """One pipeline for many tests: every slot is used again and again."""
    return Pipeline()


@cache
def alone() -> Told:
    """What each stream of the ward gives by itself, pushed whole: what all else must equal."""
    found: Told = {}
    for tape in ward():
        told([Pipeline().push(tape.items)], into=found)
    return found


def clear(pipeline: Pipeline) -> None:
    """Let all streams go that did not end by themselves."""
    pipeline.forget(list(pipeline.streams.slots()))


def test_the_ward_is_worth_comparing():
    kinds = {
        name for key, values in alone().items() if key.endswith("edges") for name, *_ in values
    }

    assert {"ASYSTOLE", "LEAD_OFF", "SIGNAL_GAP", "VENTRICULAR_TACHYCARDIA"} <= kinds
    assert sum(len(values) for key, values in alone().items() if key.endswith("beats")) > 80


@given(seed=st.integers(0, 2**32), n_streams=st.integers(1, len(ward())))
@settings(max_examples=10, deadline=None)
def test_any_cut_and_any_batch_mates_give_the_same(pipeline, seed, n_streams):
    rng = np.random.default_rng(seed)
    tapes = [ward()[i] for i in rng.permutation(len(ward()))[:n_streams]]
    found = score(pipeline, random_pushes(tapes, rng))
    clear(pipeline)

    ids = {tape.stream_id for tape in tapes}
    assert found == {k: v for k, v in alone().items() if k.rsplit(" ", 1)[0] in ids}


@pytest.mark.parametrize("length_s", [0.02, 0.13, 0.2, 1.0, 10.0])
def test_chunks_of_any_length_give_the_same(pipeline, length_s):
    tapes = ward()[2:6]
    pieces = [list(cut(t.items, repeat(round(length_s * t.fs)))) for t in tapes]
    pushes = [[p[k] for p in pieces if k < len(p)] for k in range(max(len(p) for p in pieces))]
    found = score(pipeline, pushes)
    clear(pipeline)

    ids = {tape.stream_id for tape in tapes}
    assert found == {k: v for k, v in alone().items() if k.rsplit(" ", 1)[0] in ids}


def test_streams_that_are_advanced_in_portions_give_the_same(monkeypatch):
    monkeypatch.setattr(pipelines, "MOST_ROWS", 3)
    pieces = [list(cut(t.items, repeat(round(2.0 * t.fs)))) for t in ward()]
    pushes = [[p[k] for p in pieces if k < len(p)] for k in range(max(len(p) for p in pieces))]

    assert score(Pipeline(), pushes) == alone()


def test_a_prefix_of_the_input_gives_a_prefix_of_the_output(pipeline):
    tape = ward()[0]
    samples = tape.items[0].samples
    for end in (1, 777, 1250, samples.shape[1]):
        found = score(pipeline, [[chunk(samples[:, :end], stream_id="lively", begins=True)]])
        clear(pipeline)
        for key, values in found.items():
            assert values == alone()[key][: len(values)]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=4, deadline=None)
def test_streams_that_move_to_another_pipeline_go_on_as_if_they_had_stayed(pipeline, seed):
    rng = np.random.default_rng(seed)
    pushes = random_pushes(ward(), rng, longest_s=2.0)
    at = int(rng.integers(0, len(pushes) + 1))
    first = Pipeline()
    found = told([first.push(push) for push in pushes[:at]])
    seated = list(first.streams.slots())
    order = [seated[i] for i in rng.permutation(len(seated))]
    half = len(order) // 2
    snapshots = [first.snapshot(order[:half]), first.snapshot(order[half:])]
    first.push([End(s, "0", 0) for s in order])
    pipeline.push([chunk(np.zeros(100, np.int16), stream_id="there already", begins=True)])
    for snapshot in snapshots:
        pipeline.restore(snapshot)
    told([pipeline.push(push) for push in pushes[at:]], into=found)
    clear(pipeline)

    assert found == alone()


def test_a_snapshot_of_a_stream_that_is_not_there_is_refused(pipeline):
    with pytest.raises(InputError, match="not being scored: nobody"):
        pipeline.snapshot(["nobody"])


def test_a_snapshot_that_does_not_fit_is_refused_and_leaves_no_one_seated(pipeline):
    pipeline.push([chunk(np.zeros(500, np.int16), begins=True)])
    snapshot = pipeline.snapshot(["p"])
    del snapshot.state["beats.beats.signal"]

    with pytest.raises(InputError, match="does not fit"):
        pipeline.restore(snapshot)
    assert len(pipeline.streams) == 0


def test_a_snapshot_of_other_models_is_refused(pipeline):
    pipeline.push([chunk(np.zeros(500, np.int16), begins=True)])
    snapshot = pipeline.snapshot(["p"])
    clear(pipeline)
    object.__setattr__(snapshot, "models", ("other", "models"))

    with pytest.raises(InputError, match="other models"):
        pipeline.restore(snapshot)


def test_samples_are_not_mutated(pipeline):
    samples = patient((sinus(5.0),)).samples.copy()
    samples[:, 100:200] = MISSING_ADU
    kept = samples.copy()
    samples.flags.writeable = False
    pipeline.push([chunk(samples, begins=True)])
    clear(pipeline)

    np.testing.assert_array_equal(samples, kept)


def test_slots_grow_while_others_are_midway():
    pipeline, tape = Pipeline(), ward()[0]
    pieces = list(cut(tape.items, repeat(500)))
    found = told([pipeline.push(pieces[:2])])
    many = [chunk(np.zeros(60 + i, np.int16), stream_id=f"m{i}", begins=True) for i in range(150)]
    pipeline.push(many)
    told([pipeline.push(pieces[2:])], into=found)

    assert {k: v for k, v in alone().items() if k.startswith("lively")} == found
    assert len(pipeline.streams) == 150


def test_a_slot_that_is_used_again_remembers_nothing(pipeline):
    for tape in (ward()[3], ward()[0]):
        found = score(pipeline, [tape.items])
        clear(pipeline)

    assert found == {k: v for k, v in alone().items() if k.startswith("lively")}


def test_a_gap_told_in_pieces_is_the_gap_told_whole():
    whole = Tape("p").simulate(sinus(5.0)).gap(12.0).simulate(sinus(5.0), seed=3).end()
    in_two = list(whole.items)
    gap = whole.items[1]
    half = gap.n_samples // 2
    in_two[1:2] = [
        Gap("p", "0", gap.first_sample, half),
        Gap("p", "0", gap.first_sample + half, gap.n_samples - half),
    ]

    assert score(Pipeline(), [in_two]) == score(Pipeline(), [whole.items])
    assert score(Pipeline(), [[item] for item in in_two]) == score(Pipeline(), [whole.items])


def test_an_end_right_after_the_beginning_is_no_harm(pipeline):
    found = score(pipeline, [[chunk(np.ones(1, np.int16), begins=True), End("p", "a", 1)]])

    assert found == {}
    assert len(pipeline.streams) == 0


def test_gaps_and_ends_of_streams_that_never_began_are_passed_over(pipeline):
    assert score(pipeline, [[Gap("p", "a", 0, 10), End("p", "a", 10)], []]) == {}


def test_a_stream_that_begins_with_missing_samples_is_scored():
    samples = patient((sinus(8.0),)).samples.copy()
    samples[:, :300] = MISSING_ADU
    found = score(Pipeline(), [[chunk(samples, begins=True), End("p", "a", samples.shape[1])]])

    beats = [sample for sample, *_ in found["p beats"]]
    assert len(beats) >= 6
    assert min(beats) >= 300


def test_no_beat_lies_outside_of_its_stream(pipeline):
    for shift in range(0, 250, 13):
        samples = patient((sinus(6.0),)).samples[:, shift:]
        items = [chunk(samples, begins=True), End("p", "a", samples.shape[1])]
        beats = [sample for sample, *_ in score(pipeline, [items])["p beats"]]
        assert min(beats) >= 0
        assert max(beats) < samples.shape[1]


def test_the_last_beats_of_a_stream_are_decided_at_its_end():
    record = patient((sinus(8.0, 75.0),))
    last = int(record.truth.r_peaks[-1])
    samples = record.samples[:, : last + 60]
    items = [chunk(samples, begins=True), End("p", "a", samples.shape[1])]
    beats = [sample for sample, *_ in score(Pipeline(), [items])["p beats"]]

    assert abs(beats[-1] - last) <= 10


def test_a_stream_without_an_ecg_lead_is_told_and_others_go_on(pipeline):
    pulse = Lead("PLETH", "NU")
    results = pipeline.push(
        [
            chunk(np.zeros(300, np.int16), stream_id="spo2", begins=True, lead=pulse),
            *ward()[0].items,
        ]
    )

    assert list(results.unscored) == ["spo2"]
    assert told([results]) == {k: v for k, v in alone().items() if k.startswith("lively")}


@pytest.mark.parametrize("adc_gain", [1e-300, 1e-2, 1e200, -1e-9])
def test_a_calibration_that_is_no_ecgs_is_told_not_scored(pipeline, adc_gain):
    lead = Lead("II", "mV", adc_gain)
    results = pipeline.push([chunk(np.zeros(300, np.int16), begins=True, lead=lead)])

    assert "adc_gain" in results.unscored["p"]
    assert "allowed" in results.unscored["p"]


@pytest.mark.parametrize("fs", [50.0, 99.7, 128.0, 250.0, 257.3, 360.0, 999.999, 4096.0])
def test_beats_are_found_at_any_sampling_frequency(fs):
    record = patient((sinus(15.0, 70.0),), fs)
    items = [chunk(record.samples, fs=fs, begins=True), End("p", "a", record.samples.shape[1])]
    beats = np.array([sample for sample, *_ in score(Pipeline(), [items])["p beats"]])
    off_s = np.abs(beats[:, None] - record.truth.r_peaks).min(axis=0) / fs

    assert (off_s < 0.04).mean() > 0.85
    assert len(beats) <= len(record.truth.r_peaks) + 1


@pytest.mark.parametrize("first_sample", [2**31 - 100, 2**40 + 1, 2**52])
def test_a_stream_may_begin_at_any_index(first_sample):
    record = patient((sinus(10.0),))
    items = [chunk(record.samples, first_sample, begins=True)]
    beats = [sample for sample, *_ in score(Pipeline(), [items])["p beats"]]

    assert len(beats) >= 8
    near = np.abs(np.array(beats)[:, None] - first_sample - record.truth.r_peaks).min(axis=1)
    assert near.max() <= 10


@pytest.mark.parametrize(
    ("value", "condition"), [(-32767, "LEAD_OFF"), (32767, "LEAD_OFF"), (0, "FLAT_LINE")]
)
def test_extreme_and_flat_signals_give_no_beats_and_a_technical_condition(value, condition):
    found = score(Pipeline(), [[chunk(np.full(5000, value, np.int16), begins=True)]])

    assert "p beats" not in found
    assert next(edge[:2] for edge in found["p edges"] if edge[1]) == (condition, True)


@pytest.mark.parametrize("nothing", [asystole(12.0), lead_off(12.0), lead_off(12.0, level_mv=99.0)])
def test_no_beats_where_there_are_none(nothing):
    record = patient((sinus(10.0), nothing, sinus(5.0)))
    beats = [s for s, *_ in score(Pipeline(), [[chunk(record.samples, begins=True)]])["p beats"]]
    quiet = [s for s in beats if 10.5 * 250 < s < 21.5 * 250]

    assert quiet == []


def test_noise_of_full_scale_does_no_harm(pipeline):
    rng = np.random.default_rng(0)
    noise = rng.integers(-32768, 32768, (1, 3000)).astype(np.int16)
    whole = score(pipeline, [[chunk(noise, begins=True)]])
    clear(pipeline)
    cut_up = score(pipeline, [[piece] for piece in cut([chunk(noise, begins=True)], repeat(33))])
    clear(pipeline)

    assert cut_up == whole
