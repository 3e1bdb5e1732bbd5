"""Models that do not fit are refused at start, by key, value and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from inference import model
from inference.beats import Beats
from inference.model import builtin
from inference.pipeline import Pipeline
from inference.session import StreamSession
from inference.windows import Windows
from ingest.errors import InputError
from tests.inference.onnx_models import beat_like, counting, largest, save

FAULTS = [
    ("kind", "magic", "qrs, beat, window"),
    ("kind", None, "qrs, beat, window"),
    ("fs", "0", "a whole number from 50"),
    ("fs", "-125", "a whole number from 50"),
    ("fs", "fast", "a whole number from 50"),
    ("fs", "10000000", "to 1000000"),
    ("fs", "128", "a multiple of 5 Hz"),
    ("fs", None, "a whole number from 50"),
    ("name", "", "a text that is not empty"),
    ("version", None, "a text that is not empty"),
    ("data_digest", None, "a text that is not empty"),
    ("units", "volts", "scale, mV, uV"),
    ("leads", "MLII", "a JSON list of names"),
    ("leads", "[]", "a JSON list of names"),
    ("leads", '{"II": 1}', "a JSON list of names"),
    ("leads", "[1]", "a JSON list of names"),
    ("classes", "[", "a JSON list of names"),
    ("classes", '["low", "low"]', "names that differ"),
    ("thresholds", "[]", "a JSON object of numbers"),
    ("thresholds", '{"low": 1.5}', "a JSON object of numbers from 0 to 1"),
    ("thresholds", '{"low": NaN}', "a JSON object of numbers from 0 to 1"),
    ("thresholds", '{"low": "much"}', "a JSON object of numbers from 0 to 1"),
    ("thresholds", '{"other": 0.5}', "thresholds of its classes low, high"),
    ("stride", "0", "a whole number from 25"),
    ("stride", "30", "a multiple of 25 samples"),
    ("length", "0", "a whole number from 1"),
    ("length", "1e3", "a whole number from 1"),
    ("before", "-1", "a whole number from 0"),
    ("look_ahead_s", "-0.1", "a number from 0.0 to 10.0"),
    ("look_ahead_s", "nan", "a number from 0.0 to 10.0"),
    ("look_ahead_s", "soon", "a number from 0.0 to 10.0"),
]


@pytest.mark.parametrize(("key", "value", "allowed"), FAULTS)
def test_a_fault_in_the_metadata_is_named(tmp_path, key, value, allowed):
    path = largest(tmp_path / "own.onnx", **{key: value})
    there = "missing" if value is None else repr(value)

    with pytest.raises(InputError) as caught:
        model.load(path)
    message = str(caught.value)
    assert message.startswith(f"model own.onnx: metadata {key!r} is {there}; allowed: ")
    assert allowed in message


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [("classes", '["N", "X"]', "AAMI classes out of N, S, V, F, Q"), ("before", "85", "less than")],
)
def test_a_fault_of_a_beat_model_is_named(tmp_path, key, value, allowed):
    path = beat_like(tmp_path / "own.onnx", thresholds="{}", **{key: value})

    with pytest.raises(InputError, match=f"{key!r} is .*{re.escape(allowed)}"):
        model.load(path)


def test_what_the_metadata_says_is_read(tmp_path):
    path = largest(tmp_path / "own.onnx", thresholds='{"high": 0.75}', look_ahead_s="0.4")
    info = model.load(path)[1]

    assert (info.name, info.kind, info.fs, info.leads) == ("tiny", "window", 125, ("any",))
    assert (info.length, info.stride, info.look_ahead_s) == (250, 125, 0.4)
    assert info.classes == ("low", "high")
    assert dict(info.thresholds) == {"high": 0.75}
    assert len(info.digest) == 64


@pytest.mark.parametrize(
    "content", [b"", b"no model", builtin("beat").read_bytes()[:5000], bytes(range(256)) * 40]
)
def test_a_file_that_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "own.onnx"
    path.write_bytes(content)

    with pytest.raises(InputError, match=r"model own\.onnx: "):
        model.load(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"gone\.onnx: cannot be read"):
        model.load(tmp_path / "gone.onnx")
    with pytest.raises(InputError, match="does not exist"):
        model.find(tmp_path / "gone.onnx")
    with pytest.raises(InputError, match=r"no built-in model 'gone'; there are: .*beat.*qrs"):
        model.find("gone")


def _identity(name: str = "probs") -> list:
    return [helper.make_node("ReduceMax", ["signal"], [name], axes=[2], keepdims=0)]


def _wrong_width(path: Path) -> Path:
    return save(path, _identity(), {})


def _wrong_rank(path: Path) -> Path:
    nodes = [helper.make_node("Identity", ["signal"], ["probs"])]
    return save(path, nodes, {})


def _wrong_type(path: Path) -> Path:
    nodes = [*_identity("m"), helper.make_node("Cast", ["m"], ["probs"], to=TensorProto.INT64)]
    return save(path, nodes, {"classes": '["one"]'})


def _one_stream_only(path: Path) -> Path:
    return save(path, _identity(), {"classes": '["one"]'}, signal_shape=(1, 1, 250))


def _other_length(path: Path) -> Path:
    return save(path, _identity(), {"classes": '["one"]'}, signal_shape=("batch", 1, 300))


def _two_leads(path: Path) -> Path:
    return save(path, _identity(), {}, signal_shape=("batch", 2, "time"))


def _flat_signal(path: Path) -> Path:
    nodes = [helper.make_node("Identity", ["signal"], ["probs"])]
    return save(path, nodes, {}, signal_shape=("batch", "time"))


def _doubles(path: Path) -> Path:
    return save(path, _identity(), {"classes": '["one"]'}, signal_type=TensorProto.DOUBLE)


def _unknown_input(path: Path) -> Path:
    nodes = [*_identity("m"), helper.make_node("Add", ["m", "age"], ["probs"])]
    return save(path, nodes, {"classes": '["one"]'}, more_inputs=["age"])


def _rr_for_windows(path: Path) -> Path:
    nodes = [*_identity("m"), helper.make_node("Add", ["m", "rr_s"], ["probs"])]
    return save(path, nodes, {"classes": '["one"]'}, more_inputs=["rr_s"])


def _state_not_given_back(path: Path) -> Path:
    nodes = [*_identity("m"), helper.make_node("Add", ["m", "state_n"], ["probs"])]
    states = {"state_n": ["batch", 1]}
    return save(path, nodes, {"classes": '["one"]'}, states=states, outputs=["probs"])


def _growing_state(path: Path) -> Path:
    nodes = [
        *_identity(),
        helper.make_node("Concat", ["state_n", "state_n"], ["next_state_n"], axis=1),
    ]
    return save(path, nodes, {"classes": '["one"]'}, states={"state_n": ["batch", 1]})


def _loose_state(path: Path) -> Path:
    nodes = [*_identity(), helper.make_node("Identity", ["state_n"], ["next_state_n"])]
    return save(path, nodes, {"classes": '["one"]'}, states={"state_n": ["batch", "any"]})


def _state_of_strings(path: Path) -> Path:
    nodes = [*_identity(), helper.make_node("Identity", ["state_n"], ["next_state_n"])]
    states = {"state_n": ["batch", 1]}
    kind = TensorProto.FLOAT16
    return save(path, nodes, {"classes": '["one"]'}, states=states, state_type=kind)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_wrong_width, r"gives probs as float32\(2, 1\) .*wanted float32\(2, 2\)"),
        (_wrong_rank, r"gives probs as float32\(2, 1, 250\)"),
        (_wrong_type, r"gives probs as int64"),
        (_one_stream_only, "cannot score 2 streams of 250 samples"),
        (_other_length, "cannot score 2 streams of 250 samples"),
        (_two_leads, "takes 2 leads, its metadata names 1"),
        (_flat_signal, r"wants an input 'signal' of shape \(batch, lead, time\)"),
        (_doubles, r"signal is tensor\(double\); allowed: tensor\(float\)"),
        (_unknown_input, r"unknown inputs \['age'\]; allowed"),
        (_rr_for_windows, r"unknown inputs \['rr_s'\]; allowed of kind 'window'"),
        (_state_not_given_back, r"outputs are \['probs'\], wanted \['probs', 'next_state_n'\]"),
        (_growing_state, r"gives next_state_n as float32\(2, 2\) .*wanted float32\(2, 1\)"),
        (_loose_state, "state_n must have a fixed shape behind its batch axis"),
        (_state_of_strings, r"state_n is tensor\(float16\); allowed"),
    ],
)
def test_a_graph_that_does_not_fit_is_refused(tmp_path, make, says):
    with pytest.raises(InputError, match=rf"model own\.onnx: .*{says}"):
        model.load(make(tmp_path / "own.onnx"))


def test_a_model_of_another_kind_is_refused(tmp_path):
    with pytest.raises(InputError, match="'kind' is 'window'; wanted here: 'beat'"):
        Pipeline(beat=largest(tmp_path / "own.onnx"))
    with pytest.raises(InputError, match="'kind' is 'qrs'; wanted here: 'window'"):
        Pipeline(windows=[builtin("qrs")])


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"fs": "250"}, "want 125 and 250 Hz; allowed: one sampling frequency"),
        ({"units": "mV"}, "'units' is 'mV' with 1 leads; allowed for beat models: 'scale'"),
    ],
)
def test_models_that_do_not_go_together_are_refused(tmp_path, metadata, says):
    beat = StreamSession(beat_like(tmp_path / "own.onnx", **metadata), "beat")

    with pytest.raises(InputError, match=says):
        Beats(StreamSession(builtin("qrs"), "qrs"), beat)


@pytest.mark.parametrize(
    ("make", "metadata", "says"),
    [
        (largest, {"length": "240"}, "'length' is 240 with 1 leads; allowed: a multiple of 25"),
        (counting, {"stride": "125"}, "must not overlap: metadata 'length' is 250, 'stride' 125"),
    ],
)
def test_windows_that_do_not_fit_are_refused(tmp_path, make, metadata, says):
    session = StreamSession(make(tmp_path / "own.onnx", **metadata), "window")

    with pytest.raises(InputError, match=says):
        Windows(session)


def test_a_beat_model_of_ones_own_is_used(tmp_path):
    session = StreamSession(beat_like(tmp_path / "own.onnx"), "beat", n_slots=2)
    window = np.zeros((2, 1, 85), np.float32)
    window[1, 0, 40] = -3.0
    probs = session.step(np.array([0, 1]), window, np.zeros((2, 1), np.float32))

    assert probs[:, 1].tolist() == pytest.approx([0.5, 0.9526], abs=1e-3)
