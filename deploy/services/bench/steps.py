"""The models' own cost: batches, the core's peak, and the same net by other means."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Callable, Iterator

import numpy as np

from deploy.services.bench.figure import Figure, Sample, beside, cpu_s, sampled
from inference.model import builtin, builtin_names, load
from inference.session import StreamSession

BATCH = 128
"""Rows of the large batch."""
REPEATS = 15
"""Repetitions."""


def models() -> Iterator[Figure]:
    """Step each shipped model at batch 128, beside the same work at batch 1."""
    rng = np.random.default_rng(0)
    for name in builtin_names():
        session = StreamSession(builtin(name), load(builtin(name))[1].kind, BATCH)
        length = session.info.length or session.info.fs
        shape = (BATCH, len(session.info.leads), length)
        signal = rng.standard_normal(shape).astype(np.float32)
        many = sampled(REPEATS, lambda: _cost_us(session, signal, BATCH))  # noqa: B023
        one = sampled(REPEATS, lambda: _cost_us(session, signal, 1))  # noqa: B023
        per_s = session.info.length == 0 or session.info.kind == "forecast"
        unit = "us a s of signal" if per_s else "us a beat"
        yield beside(f"model {name}, batch {BATCH}", many, unit, "batch 1", one)


def bound() -> Iterator[Figure]:
    """Step the QRS model with its states bound in place, as on an accelerator, beside without."""
    for batch in (1, BATCH):
        signal = np.zeros((BATCH, 1, 25), np.float32)
        kept = StreamSession(builtin("qrs"), "qrs", BATCH, device="cpu")
        plain = StreamSession(builtin("qrs"), "qrs", BATCH)
        ours = sampled(REPEATS, lambda: _step_us(kept, signal[:batch]))  # noqa: B023
        peer = sampled(REPEATS, lambda: _step_us(plain, signal[:batch]))  # noqa: B023
        name = f"step of 0.2 s, batch {batch}, states bound where the model runs"
        yield beside(name, ours, "us", "states fetched each time", peer)


def _step_us(session: StreamSession, signal: np.ndarray) -> float:
    slots = np.arange(len(signal))
    session.step(slots, signal)
    return cpu_s(lambda: [session.step(slots, signal) for _ in range(50)]) / 50 * 1e6


def _cost_us(session: StreamSession, signal: np.ndarray, batch: int) -> float:
    rr_s = np.full((BATCH, 1), 0.8, np.float32)

    def work() -> None:
        for at in range(0, BATCH, batch):
            rows = slice(at, at + batch)
            session.step(np.arange(at, at + batch), signal[rows], rr_s[rows])

    return cpu_s(work) / BATCH * 1e6


def peak(gflops: float, *, compiled: bool) -> Iterator[Figure]:
    """Tell the share of the core's measured peak that the QRS model reaches, and by other means.

    Letting torch compile the net takes half a minute, so that is done for reports only.
    """
    session = StreamSession(builtin("qrs"), "qrs", BATCH)
    states = {name: session.state[name].shape for name in session.state_names}
    fine, hidden = states["state_fine"][1], states["state_h"][1]
    coarse = 24
    signal = np.random.default_rng(0).standard_normal((BATCH, 1, 125)).astype(np.float32)
    own = sampled(REPEATS, lambda: _cost_us(session, signal, BATCH))
    n_frames = session.info.fs // session.info.stride
    macs = 125 * 9 * fine + n_frames * (10 * fine * coarse + 4 * hidden * (coarse + hidden))
    ours = Sample(2 * macs / own.median / 1e3, own.spread)
    peer = "numpy's matrix product on this core"
    yield beside("QRS model", ours, "GFLOP/s", peer, Sample(gflops, 0.0))
    others: dict[str, Callable[[], object]] = {
        "plain numpy": numpy_net(signal, fine, coarse, hidden)
    }
    if importlib.util.find_spec("torch"):
        torch_step = importlib.import_module("training.eager_step").qrs_step
        others["torch, eager"] = torch_step(signal, fine, coarse, hidden)
        if compiled and shutil.which("g++"):
            others["torch.compile"] = torch_step(signal, fine, coarse, hidden, compiled=True)
    if importlib.util.find_spec("openvino"):
        others["OpenVINO"] = openvino_step(session, signal)
    for name, work in others.items():
        work()  # the first step compiles, or makes room
        sample = sampled(5, lambda work=work: cpu_s(work) / BATCH * 1e6)  # type: ignore[misc]
        yield beside(
            f"QRS net by {name}, batch {BATCH}", sample, "us a s of signal", "ONNX Runtime", own
        )


def openvino_step(session: StreamSession, signal: np.ndarray) -> Callable[[], object]:
    """Return a step of the shipped QRS model in OpenVINO, one thread."""
    openvino = importlib.import_module("openvino")
    one_thread = {"INFERENCE_NUM_THREADS": 1}
    model = openvino.Core().compile_model(str(builtin("qrs")), "CPU", one_thread)
    rows = np.arange(BATCH)
    feed = {"signal": signal} | {name: session.state[name][rows] for name in session.state_names}
    return lambda: model(feed)


def numpy_net(signal: np.ndarray, fine: int, coarse: int, hidden: int) -> Callable[[], object]:
    """Return a step of a net of the same shape in numpy, the batch in one product."""
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> np.ndarray:
        return (0.1 * rng.standard_normal(shape)).astype(np.float32)

    w_fine, w_coarse = drawn(9, fine), drawn(10 * fine, coarse)
    w_lstm = drawn(coarse + hidden, 4 * hidden)
    padded = np.pad(signal[:, 0], ((0, 0), (13, 0)))

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-x)))

    def step() -> object:
        windows = np.lib.stride_tricks.sliding_window_view(padded, 9, axis=1)
        first = np.maximum(windows @ w_fine, 0)
        h = c = np.zeros((len(signal), hidden), np.float32)
        for at in range(0, first.shape[1] - 9, 5):
            x = np.maximum(first[:, at : at + 10].reshape(len(signal), -1) @ w_coarse, 0)
            gates = np.concatenate([x, h], axis=1) @ w_lstm
            i, o, f = (sigmoid(gates[:, k * hidden : (k + 1) * hidden]) for k in range(3))
            c = f * c + i * np.tanh(gates[:, 3 * hidden :])
            h = o * np.tanh(c)
        return h

    return step
