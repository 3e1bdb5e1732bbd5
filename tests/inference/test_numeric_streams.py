"""Streams of numerics: any cut, any batch-mates, and what a plain walk finds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

import jsonschema
import numpy as np
import pytest

from inference.alarm_json import schema
from inference.conditions import OF_NUMERICS
from inference.forecast import ForecastStage
from inference.model import builtin
from inference.numeric_streams import LONGEST_FILL_S, NumericStreams
from inference.numerics import StepMeans, averaged
from inference.results import Results
from inference.session import StreamSession
from ingest.errors import InputError
from ingest.frames import Lead
from ingest.sequence_types import Chunk, End, Item
from tests.inference.numerics import (
    adu,
    chunk,
    cut,
    found_plainly,
    quiet,
    recording,
    rendered,
    restless,
    with_gap,
)

WARD = {f"p{seed}": restless(seed, n_s=380) for seed in range(2)}


@pytest.fixture(scope="module")
def forecaster() -> NumericStreams:
    """One for many tests: opening the model takes longer than all the rest."""
    return NumericStreams()


@pytest.fixture
def streams(forecaster: NumericStreams) -> NumericStreams:
    """The same, with nobody in it."""
    forecaster.forget(list(forecaster.streams.slots()))
    return forecaster


def stage() -> ForecastStage:
    return ForecastStage(StreamSession(builtin("forecast"), "forecast"), n_slots=1)


def pushed(streams: NumericStreams, *pushes: Sequence[Item]) -> dict[str, list[bytes]]:
    results = Results()
    for items in pushes:
        streams.push(items, results)
    return rendered(results.alarms)


def whole(stream_id: str) -> list[Item]:
    samples = adu(WARD[stream_id])
    end = End(stream_id, "0", samples.shape[1])
    return [chunk(stream_id, samples, begins=True), end]


@pytest.fixture(scope="module")
def alone(forecaster: NumericStreams) -> dict[str, list[bytes]]:
    """What each stream gives by itself, pushed whole."""
    found = {}
    for stream_id in WARD:
        found |= pushed(forecaster, whole(stream_id))
    assert all(len(messages) >= 4 for messages in found.values())
    return found


def test_any_cut_and_any_batch_mates_give_the_same_bytes(
    streams: NumericStreams, alone: dict[str, list[bytes]]
) -> None:
    for seed in range(2):
        rng = np.random.default_rng(seed)
        queues = {name: cut(name, values, rng) for name, values in WARD.items()}
        pushes = []
        while any(queues.values()):
            taken: list[Item] = []
            for name in rng.permutation([name for name, queue in queues.items() if queue]):
                n = int(rng.integers(1, 12))
                taken += queues[name][:n]
                queues[name] = queues[name][n:]
            pushes.append(taken)

        assert pushed(streams, *pushes) == alone


def test_alarms_are_what_a_plain_walk_through_the_record_finds(
    alone: dict[str, list[bytes]],
) -> None:
    for name, values in WARD.items():
        wanted = found_plainly(recording(values), stage())
        changes = [json.loads(each) for each in alone[name]]
        raised = [c for c in changes if c["state"] == "raised"]
        ended = [c for c in changes if c["state"] == "ended"]

        assert [c["decided"]["sample"] for c in raised] == [w.onset_s + 1 for w in wanted]
        assert [c["anomaly"]["channel"] for c in ended] == [w.channel for w in wanted]
        assert [c["anomaly"]["why"] for c in ended] == [w.why for w in wanted]
        assert [c["anomaly"]["rarity"] for c in ended] == [round(w.score, 3) for w in wanted]
        assert [c["anomaly"]["value"] for c in ended] == [w.value for w in wanted]
        assert [c["anomaly"]["forecast"] for c in ended] == [w.forecast for w in wanted]


def test_a_desaturation_is_the_patients_and_a_lost_sensor_is_the_equipments(
    alone: dict[str, list[bytes]],
) -> None:
    changes = [json.loads(each) for each in alone["p0"] if json.loads(each)["state"] == "raised"]
    found = {c["condition"]: c for c in changes}

    assert set(found) == {code.name.lower() for code in OF_NUMERICS}
    assert found["unusual_numerics"]["kind"] == "physiological"
    assert found["unusual_numerics"]["anomaly"]["channel"] == "SpO2"
    assert found["lost_numerics"]["kind"] == "technical"
    assert found["lost_numerics"]["anomaly"]["why"] == "gone"
    assert {c["model"]["name"] for c in changes} == {"forecast"}
    for each in changes:
        jsonschema.validate(each, schema())
        assert each["decided"]["sample"] - each["onset"]["sample"] == 3


def test_what_is_open_ends_with_its_stream(streams: NumericStreams) -> None:
    samples = adu(WARD["p0"][:130])

    found = pushed(streams, [chunk("p0", samples, begins=True)], [End("p0", "0", 130)])

    last = json.loads(found["p0"][-1])
    assert (last["state"], last["offset"]["sample"]) == ("ended", 130)
    assert len(streams.streams) == 0


def test_a_gap_in_any_pieces_is_stepped_through(streams: NumericStreams) -> None:
    rng = np.random.default_rng(1)
    items = with_gap(cut("p0", WARD["p0"], rng), 5, 40)
    at = next(i for i, item in enumerate(items) if not isinstance(item, Chunk))
    gap = items[at]
    pieces = [type(gap)("p0", "0", gap.first_sample + i, 1) for i in range(40)]

    once = pushed(streams, items)

    assert pushed(streams, items[:at], pieces, items[at + 1 :]) == once
    assert any(json.loads(each)["anomaly"]["why"] == "gone" for each in once["p0"])


def test_behind_a_long_gap_a_stream_starts_anew(streams: NumericStreams) -> None:
    samples, n = adu(quiet(n_s=200)), round(LONGEST_FILL_S) + 5
    items = [chunk("p", samples, begins=True), End("p", "0", 200)]
    apart = [items[0], *with_gap(items, 1, n)[1:-1], chunk("p", samples, 200 + n)]

    found = pushed(streams, apart)

    last = json.loads(found["p"][-1])
    assert (last["state"], last["condition"]) == ("ended", "lost_numerics")
    assert last["offset"]["sample"] == 200 + LONGEST_FILL_S
    assert streams.stage.state["steps"][streams.streams.slot("p")] == 200


def test_a_device_that_restarts_is_a_new_stream(streams: NumericStreams) -> None:
    again = [*whole("p0")[:1], *whole("p0")]

    found = pushed(streams, again)["p0"]

    assert found == [*found[: len(found) // 2]] * 2


@pytest.mark.parametrize("seed", range(2))
def test_whoever_restores_a_snapshot_goes_on_alike(
    streams: NumericStreams, alone: dict[str, list[bytes]], seed: int
) -> None:
    rng, found = np.random.default_rng(seed), Results()
    queues = {name: cut(name, values, rng) for name, values in WARD.items()}
    at = {name: int(rng.integers(1, len(queue))) for name, queue in queues.items()}
    streams.push([item for name in WARD for item in queues[name][: at[name]]], found)
    names = [name for name in WARD if streams.streams.slot(name) is not None]
    saved = streams.snapshot(names)
    streams.forget(names)
    streams.restore(saved)
    streams.push([item for name in WARD for item in queues[name][at[name] :]], found)

    assert rendered(found.alarms) == alone


def test_a_snapshot_of_another_model_or_shape_is_refused(streams: NumericStreams) -> None:
    streams.push(whole("p0")[:1], Results())
    saved = streams.snapshot(["p0"])
    with pytest.raises(InputError, match="another forecaster"):
        streams.restore(type(saved)(saved.streams, ("x",), saved.state))
    cut_off = {k: v for k, v in saved.state.items() if not k.startswith("means")}
    with pytest.raises(InputError, match="does not fit"):
        streams.restore(type(saved)(saved.streams, saved.models, cut_off))
    assert len(streams.streams) == 0


def test_a_faster_source_is_averaged_alike_however_it_is_cut(streams: NumericStreams) -> None:
    values = quiet(n_s=60, fs=4).astype(np.float32)
    values[np.random.default_rng(0).random(values.shape) < 0.3] = np.nan
    wanted = averaged(values, 4.0, 1.0, "p")
    for seed in range(4):
        rng, means = np.random.default_rng(seed), StepMeans(4)
        means.resize(1)
        edges = [0, *sorted(rng.integers(0, len(values), 30).tolist()), len(values)]
        parts = [means.push(0, values[a:b], 4) for a, b in pairwise(edges)]

        np.testing.assert_array_equal(np.concatenate(parts), wanted)


def test_a_stream_that_is_heard_from_its_middle_keeps_the_steps_of_the_clock(
    streams: NumericStreams,
) -> None:
    samples = adu(quiet(n_s=30, fs=4))
    results = Results()

    streams.push([chunk("p", samples[:, 6:], 6, 4.0, begins=True)], results)

    slot = streams.streams.slot("p")
    assert results.n_steps == 29  # of the first, two of four values came
    assert streams._anomalies.state["step"][slot] == 30


def test_rates_and_leads_that_cannot_be_forecast_are_refused_by_name(
    streams: NumericStreams,
) -> None:
    with pytest.raises(InputError, match=r"has 1.5 Hz; allowed: a multiple of 1 Hz"):
        streams.takes((Lead("HR", "bpm"),), 1.5)
    assert not streams.takes((Lead("TEMP", "C"),), 1.0)
    assert not streams.takes((Lead("II", "mV"), Lead("HR", "bpm")), 250.0)
    results = Results()
    other = Chunk("x", "0", 0, np.zeros((1, 3), np.int16), 1.0, (Lead("TEMP", "C"),), 0, True)
    streams.push([other], results)
    assert results.unscored == {"x": "none of its leads is one of HR, PULSE, RESP, SpO2"}
