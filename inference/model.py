"""A model: one ONNX file that says in its metadata what it expects and what it gives.

The runtime refuses what does not fit, naming the key, what stands there and
what is allowed, before the first sample is scored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import onnxruntime as ort

from inference import providers, trust
from inference.ticks import AAMI, TICK_MS
from ingest.errors import InputError

KINDS = ("qrs", "beat", "window", "string", "rhythm", "beat-rhythm", "forecast")
"""``qrs``: R-peak probability by frame; ``beat``: class of a beat; ``window``: of a window;
``string``: by frame, which class of beat is said next, the first class saying none (CTC);
``rhythm``: by frame, the rhythm that it is in; ``beat-rhythm``: by beat;
``forecast``: quantiles of what sensors will tell (:mod:`inference.forecast_info`)."""
MOST_MODEL_BYTES = 1 << 29
"""Longest model file."""
FRAME_KINDS = ("qrs", "string", "rhythm")
"""Kinds that take any number of frames."""
BEAT_KINDS = ("beat", "beat-rhythm")
"""Kinds that take a beat's window, and its RR interval if they want it."""
DTYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}
"""Types of ``state_*`` that are carried, by ONNX Runtime's name of them."""
_TRIAL_ROWS = 2
UNITS = ("scale", "mV", "uV", "own")
"""``scale``: the signal over its amplitude scale (see ``inference.quality``); ``own``: each
channel in a unit of its own, of kind ``forecast``."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model's metadata says, checked."""

    name: str
    """Name of the model."""
    version: str
    """Version of the model, such as ``"1.0.0"``."""
    kind: str
    """One of ``KINDS``."""
    fs: int
    """Sampling frequency of ``signal``, Hz; a whole number of samples a tick of 200 ms, but for
    forecasts."""
    leads: tuple[str, ...]
    """Leads wanted, in order; ``"any"`` takes whichever the stream has."""
    units: str
    """Unit of ``signal``, one of ``UNITS``."""
    classes: tuple[str, ...]
    """Classes in the order of the probabilities."""
    stride: int
    """Samples a frame (qrs, string), a window's hop (window); 0 for beat models."""
    length: int
    """Samples of ``signal`` a call (beat, window); 0 for frame models, which take any number."""
    before: int
    """Samples of ``signal`` that lie before the R-peak (beat); else 0."""
    look_ahead_s: float
    """How far the model looks past the time that it speaks of, s."""
    thresholds: Mapping[str, float]
    """Decision threshold by class."""
    data_digest: str
    """SHA-256 of the training data."""
    digest: str
    """SHA-256 of the file."""


def builtin_names() -> list[str]:
    """Return the names of the models that ship with Vigil.

    Examples
    --------
    >>> "qrs" in builtin_names()
    True
    """
    return sorted(path.stem for path in _builtin_folder().glob("*.onnx"))


def builtin(name: str) -> Path:
    """Path of a model that ships with Vigil.

    Raises
    ------
    ingest.errors.InputError
        Naming the models that there are.
    """
    path = _builtin_folder() / f"{name}.onnx"
    if not path.is_file():
        known = ", ".join(builtin_names())
        raise InputError(f"no built-in model {name!r}; there are: {known}")
    return path


def _builtin_folder() -> Path:
    return Path(str(resources.files("inference") / "models"))


def find(name_or_path: str | Path) -> Path:
    """Resolve a model given by built-in name or by path.

    Raises
    ------
    ingest.errors.InputError
        If it is neither.
    """
    path = Path(name_or_path)
    if path.suffix == ".onnx" or path.exists():
        if not path.is_file():
            raise InputError(f"model file {str(path)!r} does not exist")
        return path
    return builtin(str(name_or_path))


def load(path: Path) -> tuple[ort.InferenceSession, ModelInfo]:
    """Open a model for one thread and check its metadata and its inputs.

    Raises
    ------
    ingest.errors.InputError
        If the file is not trusted, is not an ONNX model, or does not fit; the message
        names the key.
    """
    try:
        if path.stat().st_size > MOST_MODEL_BYTES:
            raise InputError(f"model {path.name}: more than {MOST_MODEL_BYTES} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"model {path.name}: cannot be read: {error}") from error
    trust.check(path, content)
    ort.disable_telemetry_events()  # what a monitor does is told to nobody
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(content, options, providers=providers.in_use())
    except Exception as error:  # onnxruntime raises types of its own without a common base
        raise InputError(f"model {path.name}: not a readable ONNX model: {error}") from error
    meta = session.get_modelmeta().custom_metadata_map
    info = parse(meta, path.name, hashlib.sha256(content).hexdigest())
    _check_graph(session, info, path.name)
    _try_out(session, info, path.name)
    return session, info


def parse(meta: Mapping[str, str], file: str, digest: str) -> ModelInfo:
    """Read metadata, refusing what does not fit.

    Raises
    ------
    ingest.errors.InputError
        Naming the key, what stands there and what is allowed.
    """
    reader = _Reader(meta, file)
    kind = reader.one_of("kind", KINDS)
    fs = reader.integer("fs", minimum=1 if kind == "forecast" else 50)
    if kind != "forecast" and fs * TICK_MS % 1000:
        raise reader.refuse("fs", f"a multiple of {1000 // TICK_MS} Hz")
    if kind == "window":
        tick = fs * TICK_MS // 1000
        if reader.integer("stride", minimum=tick) % tick:
            raise reader.refuse("stride", f"a multiple of {tick} samples ({TICK_MS} ms)")
    classes = reader.names("classes")
    if len(set(classes)) < len(classes):
        raise reader.refuse("classes", "names that differ from one another")
    if kind == "beat" and set(classes) - set(AAMI):
        raise reader.refuse("classes", f"AAMI classes out of {', '.join(AAMI)}")
    thresholds = reader.numbers("thresholds")
    if set(thresholds) - set(classes):
        raise reader.refuse("thresholds", f"thresholds of its classes {', '.join(classes)}")
    length = reader.integer("length", minimum=0 if kind in FRAME_KINDS else 1)
    before = reader.integer("before", minimum=0)
    if kind in BEAT_KINDS and before >= length:
        raise reader.refuse("before", f"less than its length {length}")
    return ModelInfo(
        name=reader.text("name"),
        version=reader.text("version"),
        kind=kind,
        fs=fs,
        leads=reader.names("leads"),
        units=reader.one_of("units", UNITS),
        classes=classes,
        stride=reader.integer("stride", minimum=0 if kind in BEAT_KINDS else 1),
        length=length,
        before=before,
        look_ahead_s=reader.number("look_ahead_s", 0.0, 10.0),
        thresholds=thresholds,
        data_digest=reader.text("data_digest"),
        digest=digest,
    )


def explanations(session: ort.InferenceSession) -> list[str]:
    """Names of the outputs by which a model says why; they are run only where asked for."""
    return [one.name for one in session.get_outputs() if one.name.startswith("explain_")]


def _check_graph(session: ort.InferenceSession, info: ModelInfo, file: str) -> None:
    """Refuse a graph whose inputs and outputs are not those of its kind."""
    inputs = {i.name: i for i in session.get_inputs()}
    outputs = [o.name for o in session.get_outputs()]
    if "signal" not in inputs or len(inputs["signal"].shape) != 3:
        raise InputError(f"model {file}: wants an input 'signal' of shape (batch, lead, time)")
    states = [name for name in inputs if name.startswith("state_")]
    allowed = ("signal", "rr_s") if info.kind in BEAT_KINDS else ("signal",)
    unknown = set(inputs) - set(states) - set(allowed)
    if unknown:
        raise InputError(
            f"model {file}: unknown inputs {sorted(unknown)}; "
            f"allowed of kind {info.kind!r}: {', '.join(allowed)}, state_*"
        )
    for name, there in inputs.items():
        types = tuple(DTYPES) if name in states else ("tensor(float)",)
        if there.type not in types:
            raise InputError(f"model {file}: {name} is {there.type}; allowed: {', '.join(types)}")
    wanted = ["probs", *(f"next_{name}" for name in states)]
    if sorted({*outputs} - {*explanations(session)}) != sorted(wanted):
        raise InputError(f"model {file}: outputs are {outputs}, wanted {wanted}")
    for name in states:
        if any(not isinstance(n, int) for n in inputs[name].shape[1:]):
            raise InputError(f"model {file}: {name} must have a fixed shape behind its batch axis")
    n_leads = inputs["signal"].shape[1]
    if isinstance(n_leads, int) and n_leads != len(info.leads):
        raise InputError(
            f"model {file}: takes {n_leads} leads, its metadata names {len(info.leads)}"
        )


def _try_out(session: ort.InferenceSession, info: ModelInfo, file: str) -> None:
    """Score zeros for two streams, and refuse a model that fails or gives other shapes."""
    inputs = {i.name: i for i in session.get_inputs()}
    states = {
        f"next_{name}": np.zeros((_TRIAL_ROWS, *there.shape[1:]), DTYPES[there.type])
        for name, there in inputs.items()
        if name.startswith("state_")
    }
    n_samples = info.length or info.fs * TICK_MS // 1000
    feed = {name.removeprefix("next_"): zeros for name, zeros in states.items()}
    feed["signal"] = np.zeros((_TRIAL_ROWS, len(info.leads), n_samples), np.float32)
    if "rr_s" in inputs:
        feed["rr_s"] = np.zeros((_TRIAL_ROWS, 1), np.float32)
    try:
        given = session.run(["probs", *states], feed)
        why = explanations(session)
        told = session.run(why, feed) if why else []
    except Exception as error:  # as in load
        raise InputError(
            f"model {file}: cannot score {_TRIAL_ROWS} streams of {n_samples} samples: {error}"
        ) from error
    columns = [n_samples // info.stride] if info.kind in FRAME_KINDS else []
    columns += [] if info.kind == "qrs" else [len(info.classes)]
    probs = np.zeros((_TRIAL_ROWS, *columns), np.float32)
    if any(value.ndim != 2 or len(value) != _TRIAL_ROWS for value in told):
        raise InputError(f"model {file}: {', '.join(why)} must be of shape (batch, n)")
    for name, value, like in zip(["probs", *states], given, [probs, *states.values()], strict=True):
        if value.shape != like.shape or value.dtype != like.dtype:
            raise InputError(
                f"model {file}: gives {name} as {value.dtype}{value.shape} for {_TRIAL_ROWS} "
                f"streams of {n_samples} samples; wanted {like.dtype}{like.shape}"
            )


class _Reader:
    """Typed access to a string map, with errors that name key, value and what is allowed."""

    def __init__(self, meta: Mapping[str, str], file: str) -> None:
        self._meta, self._file = meta, file

    def refuse(self, key: str, allowed: str) -> InputError:
        there = repr(self._meta[key]) if key in self._meta else "missing"
        return InputError(f"model {self._file}: metadata {key!r} is {there}; allowed: {allowed}")

    def text(self, key: str) -> str:
        if not self._meta.get(key):
            raise self.refuse(key, "a text that is not empty")
        return self._meta[key]

    def one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        if self._meta.get(key) not in allowed:
            raise self.refuse(key, ", ".join(allowed))
        return self._meta[key]

    def number(self, key: str, minimum: float, maximum: float) -> float:
        try:
            value = float(self._meta.get(key, ""))
        except ValueError:
            value = float("nan")
        if not minimum <= value <= maximum:
            raise self.refuse(key, f"a number from {minimum} to {maximum}")
        return value

    def integer(self, key: str, minimum: int) -> int:
        value = self._meta.get(key, "")
        if not value.isdecimal() or not minimum <= int(value) <= 1_000_000:
            raise self.refuse(key, f"a whole number from {minimum} to 1000000")
        return int(value)

    def names(self, key: str) -> tuple[str, ...]:
        value = self._json(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
            raise self.refuse(key, "a JSON list of names, not empty")
        return tuple(value)

    def numbers(self, key: str) -> dict[str, float]:
        value = self._json(key)
        if not isinstance(value, dict) or not all(
            isinstance(v, int | float) and 0 <= v <= 1 for v in value.values()
        ):
            raise self.refuse(key, "a JSON object of numbers from 0 to 1")
        return {name: float(v) for name, v in value.items()}

    def _json(self, key: str) -> object:
        try:
            return json.loads(self._meta.get(key, ""))
        except json.JSONDecodeError:
            return None
