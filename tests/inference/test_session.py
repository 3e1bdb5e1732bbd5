"""Scores have the same bits in any batch, beside anyone, and cut anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from inference import model
from inference.model import ModelInfo, builtin_names
from inference.session import StreamSession
from tests.inference.contract import StageCase, check_all
from tests.inference.onnx_models import counting, largest

N_ROWS = 70


@pytest.fixture(params=builtin_names())
def session(request) -> StreamSession:
    path = model.builtin(request.param)
    return StreamSession(path, model.load(path)[1].kind, N_ROWS)


def signals(info: ModelInfo, n_calls: int, n_rows: int = N_ROWS, seed: int = 0) -> list[np.ndarray]:
    """Signal-like input of several calls, each (n_rows, n_leads, n_samples)."""
    rng = np.random.default_rng(seed)
    n = info.length or info.fs // 5
    bumps = np.exp(-0.5 * (np.arange(-20, 21) / 2.5) ** 2)
    calls = []
    for _ in range(n_calls):
        x = rng.normal(0, 0.05, (n_rows, len(info.leads), n))
        for row in x.reshape(-1, n):
            at = int(rng.integers(0, n))
            row[at : at + 41] += (bumps * rng.normal(0.6, 0.4))[: n - at]
        calls.append(x.astype(np.float32))
    return calls


def rr_of(signal: np.ndarray) -> np.ndarray:
    """RR intervals, unknown for some, s."""
    rr_s = 0.3 + np.abs(signal[:, 0, :1]) * 3
    return np.where(rr_s > 0.7, 0, rr_s).astype(np.float32)


def bits(session: StreamSession, probs: np.ndarray, slots: np.ndarray) -> list[bytes]:
    """Scores and states of each row, as bytes."""
    parts = [probs, *session.snapshot(slots).values()]
    return [b"".join(part[i].tobytes() for part in parts) for i in range(len(slots))]


def _step(session: StreamSession, slots: np.ndarray, x: np.ndarray) -> list[bytes]:
    return bits(session, session.step(slots, x, rr_of(x)), slots)


def test_scores_and_states_do_not_depend_on_the_batch(session):
    rng = np.random.default_rng(1)
    every = np.arange(N_ROWS)
    calls = signals(session.info, 6)
    expected = [_step(session, every, x) for x in calls]

    for size in [*range(1, 35), 48, 63, 64, 65]:
        rows = rng.permutation(N_ROWS)[:size]
        session.reset(every)
        for x, wanted in zip(calls, expected, strict=True):
            got = _step(session, rows, x[rows])
            assert got == [wanted[row] for row in rows], f"batch of {size}"


def test_scores_do_not_depend_on_how_wild_the_batch_mates_are(session):
    x = signals(session.info, 1)[0]
    alone = session.step(np.array([3]), x[3:4], rr_of(x)[3:4])
    wild = x * 1e6
    wild[5:9] = np.nan
    wild[3] = x[3]
    session.reset(np.arange(N_ROWS))
    rr_s = rr_of(x)

    assert (session.step(np.arange(N_ROWS), wild, rr_s)[3:4] == alone).all()


@pytest.mark.parametrize("name", ["qrs", "rhythm"])
def test_states_that_stay_where_the_model_runs_give_the_same_bits(name: str) -> None:
    path, every = model.builtin(name), np.arange(N_ROWS)
    ours = StreamSession(path, name, N_ROWS)
    kept = StreamSession(path, name, N_ROWS, device="cpu")
    rng, calls = np.random.default_rng(7), signals(ours.info, 24)
    for k, x in enumerate(calls):
        rows = every if k % 6 < 4 else rng.permutation(N_ROWS)[: rng.integers(1, N_ROWS)]
        np.testing.assert_array_equal(kept.step(rows, x[rows]), ours.step(rows, x[rows]))
        if k % 7 == 3:
            for session in (ours, kept):
                session.reset(rows[:5])
        if k % 7 == 5:
            moved = kept.snapshot(rows[:9])
            for session in (ours, kept):
                session.restore(rows[-9:][: len(rows[:9])], moved)
        if k % 7 == 6:
            for session in (ours, kept):
                session.resize(session.state.n_slots + 8)
    for part, values in ours.snapshot(every).items():
        np.testing.assert_array_equal(kept.snapshot(every)[part], values)


def test_any_number_of_ticks_a_call_gives_the_same():
    session = StreamSession(model.builtin("qrs"), "qrs", N_ROWS)
    x = np.concatenate(signals(session.info, 30, 7), axis=2)
    slots, tick = np.arange(7), session.info.fs // 5
    whole = session.step(slots, x)
    state = session.snapshot(slots)
    for n_ticks in (1, 2, 3, 7, 29):
        session.reset(slots)
        parts = [
            session.step(slots, x[:, :, at : at + n_ticks * tick])
            for at in range(0, x.shape[2], n_ticks * tick)
        ]
        assert np.concatenate(parts, axis=1).tobytes() == whole.tobytes()
        assert all((session.snapshot(slots)[k] == state[k]).all() for k in state)


@pytest.mark.parametrize("name", builtin_names())
def test_shipped_models_keep_the_contract_of_stages(name):
    path = model.builtin(name)
    info = model.load(path)[1]
    inputs = signals(info, 5, 6)
    check_all(StageCase(lambda n: StreamSession(path, info.kind, n), _step, inputs, 6))


@pytest.mark.parametrize("make", [largest, counting])
def test_own_models_keep_the_contract_of_stages(tmp_path, make):
    path = make(tmp_path / "own.onnx")
    inputs = signals(model.load(path)[1], 5, 6)
    check_all(StageCase(lambda n: StreamSession(path, "window", n), _step, inputs, 6))
