"""Beat models of two leads: the contract of one lead, and what happens where a lead is off."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.pipeline import Pipeline
from inference.streams import choose_leads
from ingest.errors import InputError
from ingest.frames import MISSING_ADU, Lead
from ingest.sequence_types import Chunk, End, Item
from ingest.simulator import Ectopy, sinus, with_ectopy
from tests.inference.onnx_models import beats_heard, listening
from tests.inference.patients import (
    LEAD,
    START_UNIX_NS,
    Tape,
    Told,
    cut,
    patient,
    random_pushes,
    score,
    told,
    ward,
)

V1 = Lead("V1", "mV", 400.0, 12)
FS = 250


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A beat model of two leads."""
    return listening(tmp_path_factory.mktemp("model") / "listening.onnx")


@pytest.fixture(scope="module")
def pipeline(model: Path) -> Pipeline:
    """One pipeline of two leads for many tests."""
    return Pipeline(beat=model)


def in_two_leads(item: Item, *, other: str = "V1") -> Item:
    """Give a chunk a second lead: another view of the first, lost now and then."""
    if not isinstance(item, Chunk):
        return item
    first = item.samples[0].astype(np.int64)
    second = np.where(first == MISSING_ADU, 0, -first * 2 // 3 + 12)
    at = item.first_sample + np.arange(len(first))
    second = np.where(at // 700 % 3 == 2, 31, second)  # off
    second = np.where(at // 500 % 7 == 3, MISSING_ADU, second)
    samples = np.stack([item.samples[0], second.clip(-32768, 32767).astype(np.int16)])
    return replace(item, samples=samples, leads=(*item.leads, replace(V1, name=other)))


@cache
def two_lead_ward() -> tuple[Tape, ...]:
    """Some of the ward's streams with a second lead, one of them with none."""
    tapes = []
    for at, tape in enumerate((ward()[0], ward()[3], ward()[5], ward()[9], ward()[2])):
        copy = Tape(tape.stream_id, tape.fs, tape.lead)
        copy.items = [in_two_leads(item) if at < 4 else item for item in tape.items]
        tapes.append(copy)
    return tuple(tapes)


@pytest.fixture(scope="module")
def alone(model: Path) -> Told:
    """What each stream gives by itself, pushed whole."""
    found: Told = {}
    for tape in two_lead_ward():
        told([Pipeline(beat=model).push(tape.items)], into=found)
    return found


def of_streams(found: Told, tapes: list[Tape]) -> Told:
    ids = {tape.stream_id for tape in tapes}
    return {k: v for k, v in found.items() if k.rsplit(" ", 1)[0] in ids}


def clear(pipeline: Pipeline) -> None:
    pipeline.forget(list(pipeline.streams.slots()))


@given(seed=st.integers(0, 2**32), n_streams=st.integers(1, len(two_lead_ward())))
@settings(max_examples=5, deadline=None)
def test_any_cut_and_any_batch_mates_give_the_same(pipeline, alone, seed, n_streams):
    rng = np.random.default_rng(seed)
    tapes = [two_lead_ward()[i] for i in rng.permutation(len(two_lead_ward()))[:n_streams]]
    found = score(pipeline, random_pushes(tapes, rng))
    clear(pipeline)

    assert found == of_streams(alone, tapes)


def test_a_prefix_of_the_input_gives_a_prefix_of_the_output(pipeline, alone):
    tape = two_lead_ward()[0]
    (first,) = tape.items[:1]
    for end in (777, 1250):
        found = score(pipeline, [[replace(first, samples=first.samples[:, :end])]])
        clear(pipeline)
        assert found
        for key, values in found.items():
            assert values == alone[key][: len(values)]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=2, deadline=None)
def test_streams_that_move_go_on_as_if_they_had_stayed(pipeline, model, alone, seed):
    rng = np.random.default_rng(seed)
    tapes = list(two_lead_ward())
    pushes = random_pushes(tapes, rng, longest_s=2.0)
    at = int(rng.integers(0, len(pushes) + 1))
    first = Pipeline(beat=model)
    found = told([first.push(push) for push in pushes[:at]])
    pipeline.restore(first.snapshot(list(first.streams.slots())))
    told([pipeline.push(push) for push in pushes[at:]], into=found)
    clear(pipeline)

    assert found == alone


def play(samples: np.ndarray, leads: tuple[Lead, ...] = (LEAD, V1)) -> list[Item]:
    """One stream from its beginning to its end."""
    n = samples.shape[1]
    return [
        Chunk("p", "a", 0, samples, float(FS), leads, START_UNIX_NS, True, False),
        End("p", "a", n),
    ]


def simulated(seconds: float = 40.0) -> tuple[np.ndarray, np.ndarray]:
    """Two leads of a patient, array of shape (2, n_samples), and the R-peaks."""
    busy = with_ectopy(sinus(seconds, 75.0), Ectopy(probability=0.1))
    record = patient((busy,))
    samples = np.stack([record.samples[0], -record.samples[0] + 12])
    return samples.astype(np.int16), record.truth.r_peaks


def beats(pipeline: Pipeline, items: list[Item]) -> list[tuple[int, tuple[int, int]]]:
    """Sample of each beat, and how many were heard in each lead by then."""
    found = [(b[0], beats_heard(b[4])) for b in score(pipeline, [items])["p beats"]]
    clear(pipeline)
    return found


def test_both_leads_are_heard_where_there_are_two(pipeline):
    samples, _ = simulated()
    found = beats(pipeline, play(samples))

    assert len(found) > 40
    assert [heard for _, heard in found] == [(k, k) for k in range(1, len(found) + 1)]


def test_beats_lie_where_they_do_for_a_model_of_one_lead(pipeline):
    samples, _ = simulated()
    one = [b[0] for b in score(Pipeline(), [play(samples)])["p beats"]]

    assert [sample for sample, _ in beats(pipeline, play(samples))] == one


def test_a_stream_of_one_lead_is_scored_by_it_alone(pipeline):
    samples, _ = simulated()
    single = beats(pipeline, play(samples[:1], (LEAD,)))

    assert [heard for _, heard in single] == [(k, 0) for k in range(1, len(single) + 1)]
    assert [sample for sample, _ in single] == [s for s, _ in beats(pipeline, play(samples))]


@pytest.mark.parametrize("nothing", [12, MISSING_ADU])
def test_a_second_lead_that_is_off_is_not_heard_till_it_is_back(pipeline, nothing):
    samples, _ = simulated()
    begin, end = 12 * FS, 24 * FS
    samples[1, begin:end] = nothing
    found = beats(pipeline, play(samples))
    in_second = np.diff([0, *(heard[1] for _, heard in found)])
    sample = np.array([at for at, _ in found])

    assert np.diff([heard[0] for _, heard in found]).min() == 1  # the first is always heard
    assert in_second[sample < begin - FS].all()
    assert not in_second[(sample > begin + 2.5 * FS) & (sample < end)].any()
    assert in_second[sample > end + FS].all()


def test_where_the_first_lead_is_off_the_second_goes_on_and_no_beat_is_lost(pipeline):
    samples, r_peaks = simulated()
    begin, end = 12 * FS, 24 * FS
    samples[0, begin:end] = MISSING_ADU
    told_of = score(pipeline, [play(samples)])
    clear(pipeline)
    sample = np.array([b[0] for b in told_of["p beats"]])
    heard = np.array([beats_heard(b[4]) for b in told_of["p beats"]])
    inside = (sample > begin + FS) & (sample < end - FS)
    off_s = np.abs(sample[:, None] - r_peaks).min(axis=0) / FS

    assert (off_s <= 0.15).mean() > 0.98
    assert inside.sum() > 10
    assert np.diff(heard[inside], axis=0).min(axis=0).tolist() == [0, 1]
    assert np.ptp(heard[inside][:, 0]) == 0
    assert not [edge for edge in told_of.get("p edges", []) if edge[0] != "NOISE"]


def test_where_both_leads_are_off_there_are_no_beats_and_it_is_told(pipeline):
    samples, _ = simulated()
    samples[:, 12 * FS : 24 * FS] = 500
    found = score(pipeline, [play(samples)])
    clear(pipeline)

    inside = [b for b in found["p beats"] if 13 * FS < b[0] < 23.5 * FS]
    assert inside == []
    assert "LEAD_OFF" in {edge[0] for edge in found["p edges"]}


def test_chunks_of_a_stream_with_lost_leads_may_be_of_any_length(pipeline):
    samples, _ = simulated(20.0)
    samples[0, 1200:2600] = MISSING_ADU
    samples[1, 2500:3300] = 12
    whole = score(pipeline, [play(samples)])
    clear(pipeline)
    for n in (7, 333):
        assert score(pipeline, [[piece] for piece in cut(play(samples), repeat(n))]) == whole
        clear(pipeline)


LEADS = tuple(Lead(name, "mV", 200.0) for name in ("aVR", "V5", "I", "V1", "II"))


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (None, ("II", "V1")),
        ("I", ("I",)),
        ("v5, avr", ("V5", "aVR")),
        ("V9,V5", ("V5",)),
    ],
)
def test_two_leads_are_chosen_by_name_or_the_best_known(wanted, chosen):
    assert tuple(LEADS[row].name for row in choose_leads(LEADS, wanted, 2)) == chosen


def test_of_leads_that_are_not_there_those_that_are_are_named():
    with pytest.raises(InputError, match="'V8,V9' is not there; there are: aVR, V5, I, V1, II"):
        choose_leads(LEADS, "V8,V9", 2)


def test_a_second_lead_without_an_ecgs_calibration_is_passed_over():
    broken = replace(LEADS[3], adc_gain=1e-9)
    leads = (*LEADS[:3], broken, LEADS[4])

    assert [leads[row].name for row in choose_leads(leads, None, 2)] == ["II", "V5"]


def test_a_model_of_three_leads_is_refused(tmp_path):
    import onnx

    path = listening(tmp_path / "three.onnx")
    model = onnx.load(str(path))
    onnx.helper.set_model_props(
        model,
        {p.key: p.value for p in model.metadata_props} | {"leads": '["any", "any", "any"]'},
    )
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 3
    model.graph.input[-1].type.tensor_type.shape.dim[1].dim_value = 3
    worth = np.ones((3, 1), np.float32)
    model.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(worth, "worth"))
    onnx.save(model, str(path))

    with pytest.raises(InputError, match="3 leads; allowed for beat models: 'scale', up to 2"):
        Pipeline(beat=path)
