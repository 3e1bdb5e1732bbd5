"""Which lead is scored where a stream has several: hysteresis, warm-up, and what is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.lead_choice import LeadChoice
from inference.limits import Limits
from inference.pipeline import Pipeline
from ingest.frames import MISSING_ADU, Lead
from ingest.sequence_types import Chunk, End, Item
from ingest.simulator import Ectopy, sinus, with_ectopy
from tests.inference.contract import StageCase, check_all
from tests.inference.patients import LEAD, START_UNIX_NS, cut, patient, score

FS = 250
V1 = Lead("V1", "mV", 400.0, 12)


def chosen(readable: np.ndarray, limits: Limits | None = None) -> list[int]:
    """Lead of each tick, given whether each of two can be read, array of shape (2, n_ticks)."""
    stage = LeadChoice(limits or Limits(), 2, 1)
    return stage.choose(np.array([0]), readable[None])[0].tolist()


def test_a_lead_that_cannot_be_read_for_3_s_is_left_for_one_that_can():
    readable = np.ones((2, 100), bool)
    readable[0, 20:] = False
    leads = chosen(readable)

    assert leads.index(1) == 20 + 15
    assert set(leads[35:]) == {1}


def test_the_first_lead_is_taken_again_after_10_readable_seconds_and_not_before():
    readable = np.ones((2, 300), bool)
    readable[0, 20:60] = False
    readable[0, 100] = False
    leads = chosen(readable)

    assert leads[35:151] == [1] * 116
    assert set(leads[151:]) == {0}


def test_scattered_noise_within_10_s_counts_together():
    readable = np.ones((2, 300), bool)
    readable[0, 40:300:3] = False

    assert 1 in chosen(readable)
    readable[0, :] = True
    readable[0, 40:300:5] = False
    assert 1 not in chosen(readable)


def test_nothing_changes_where_no_other_lead_can_be_read():
    readable = np.ones((2, 200), bool)
    readable[:, 20:] = False
    readable[1, ::7] = True

    assert set(chosen(readable)) == {0}


@given(seed=st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_the_choice_keeps_the_contract_of_stages(seed):
    rng = np.random.default_rng(seed)
    share = rng.random((3, 2, 1))
    ticks = np.repeat(rng.random((3, 2, 40)) < share, 5, axis=2)
    inputs = [ticks[:, :, i : i + 1] for i in range(ticks.shape[2])]

    def step(stage: LeadChoice, slots: np.ndarray, taken: np.ndarray) -> list[list[int]]:
        return stage.choose(slots, taken).tolist()

    check_all(StageCase(lambda n: LeadChoice(Limits(), 2, n), step, inputs, 3), seed)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """One pipeline for many tests."""
    return Pipeline()


def play(samples: np.ndarray) -> list[Item]:
    """One stream of two leads from its beginning to its end."""
    leads = (LEAD, V1)
    chunk = Chunk("p", "a", 0, samples, float(FS), leads, START_UNIX_NS, True, False)
    return [chunk, End("p", "a", samples.shape[1])]


def two_leads(off: slice, value: int = MISSING_ADU) -> tuple[np.ndarray, np.ndarray]:
    """Two leads, the first of which is off for a while; and the R-peaks."""
    record = patient((with_ectopy(sinus(90.0, 75.0), Ectopy(probability=0.05)),))
    first = record.samples[0].astype(np.int64)
    samples = np.stack([first, (-first * 2 // 3 + 12).clip(-32767, 32767)]).astype(np.int16)
    samples[0, off] = value
    return samples, record.truth.r_peaks


@pytest.mark.parametrize("value", [MISSING_ADU, 0, 32767])
def test_beats_go_on_in_the_other_lead_and_it_is_told(pipeline, value):
    samples, r_peaks = two_leads(slice(20 * FS, 50 * FS), value)
    results = pipeline.push(play(samples))
    pipeline.forget(["p"])
    beats = list(results.beats())
    in_v1 = np.array([beat.sample for beat in beats if beat.lead == "V1"])
    wanted = r_peaks[(r_peaks > 26 * FS) & (r_peaks < 59 * FS)]
    edges = [(e.onset, e.at_ms) for e in results.edges if e.code.name == "OTHER_LEAD"]

    assert np.abs(in_v1[:, None] - wanted).min(axis=0).max() < 20
    assert [onset for onset, _ in edges] == [True, False]
    assert 22_000 < edges[0][1] < 26_000
    assert 59_000 < edges[1][1] < 62_000
    assert {beat.lead for beat in beats if beat.sample > 63 * FS} == {"II"}
    lethal = {"ASYSTOLE", "VENTRICULAR_TACHYCARDIA", "VENTRICULAR_FIBRILLATION"}
    assert not lethal & {edge.code.name for edge in results.edges}


def test_what_is_known_of_a_lead_is_kept_while_another_is_scored(pipeline):
    samples, _ = two_leads(slice(20 * FS, 40 * FS))
    beat = pipeline.beats.beat
    pipeline.push(play(samples[:, : 22 * FS])[:1])
    (slot,) = pipeline.streams.seated(["p"])
    as_left = beat.snapshot(np.array([slot]))
    rest = Chunk(
        "p", "a", 22 * FS, samples[:, 22 * FS :], float(FS), (LEAD, V1), START_UNIX_NS, False, False
    )
    entered = []
    change = pipeline._of_leads.change

    def spied(slot, was, now):
        before = beat.snapshot(np.array([slot]))
        change(slot, was, now)
        entered.append((was, now, before, beat.snapshot(np.array([slot]))))

    pipeline._of_leads.change = spied
    pipeline.push([rest])
    del pipeline._of_leads.change
    pipeline.forget(["p"])

    (_, to_v1, left, fresh), (_, back, _, again) = entered
    assert (to_v1, back) == (1, 0)
    for name in as_left:
        assert not fresh[name].any()
        np.testing.assert_array_equal(again[name], left[name])
    assert any(left[name].any() for name in left)


def test_asystole_in_both_leads_is_called_whichever_is_scored(pipeline):
    samples, _ = two_leads(slice(20 * FS, None))
    quiet = np.random.default_rng(0).integers(-4, 5, 12 * FS)
    samples[1, 60 * FS : 72 * FS] = quiet + 12
    found = score(pipeline, [play(samples)])
    onsets = [edge[2] for edge in found["p edges"] if edge[:2] == ("ASYSTOLE", True)]

    assert onsets
    assert 58_000 < onsets[0] < 61_000


@given(seed=st.integers(0, 2**32))
@settings(max_examples=3, deadline=None)
def test_any_cut_gives_the_same(pipeline, seed):
    rng = np.random.default_rng(seed)
    samples, _ = two_leads(slice(20 * FS, 35 * FS))
    items = play(samples[:, : 60 * FS])
    whole = score(pipeline, [items])
    lengths = iter(lambda: int(rng.integers(1, 5 * FS)), None)
    assert score(pipeline, [[item] for item in cut(items, lengths)]) == whole
