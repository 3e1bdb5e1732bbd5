"""A classifier behind a gate: learns from what it is shown, and never misses a lethal rhythm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from inference.gate import CONTENT, RULES, GatedSession, open_beat
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.session import StreamSession
from inference.ticks import N, V
from ingest.errors import InputError
from ingest.simulator import (
    asystole,
    atrial_fibrillation,
    bradycardia,
    sinus,
    tachycardia,
    ventricular_fibrillation,
    ventricular_tachycardia,
)
from tests.inference.patients import Tape, random_pushes, score, told
from tests.training.databases import NAMES, tiny_config
from training.beat_sequences import IGNORE
from training.beat_task import recall_sequences
from training.datasets import LabelledSignal
from training.fit import fit
from training.gated_task import GatedBeatTask, beats_of, leave_out_passed

pytestmark = pytest.mark.train

LAX = {"limit": 2.0, "hold": 4}
STREAMS = np.arange(3)
UNTAUGHT = 0.5
"""Probability of N that is told for a passed beat, where training has not counted any."""


def gated_task(**tables: dict[str, object]) -> GatedBeatTask:
    """Return an unfitted classifier that calls every beat N: nothing but the gate's rules help."""
    torch.manual_seed(0)
    config = tiny_config("gated-beat", **{"gate": LAX, **tables})
    config = config.model_copy(update={"thresholds": {"S": 1.0, "V": 1.0}})
    task = GatedBeatTask(config, [], [])
    task.eval()
    return task


@pytest.fixture(scope="module")
def bare(path: Path) -> Path:
    """The same model without its gate."""
    model = onnx.load(str(path))
    meta = {e.key: e.value for e in model.metadata_props if e.key not in (CONTENT, RULES)}
    onnx.helper.set_model_props(model, meta)
    onnx.save(model, str(path.with_name("bare.onnx")))
    return path.with_name("bare.onnx")


def calm_record(seed: int, n_beats: int = 150) -> LabelledSignal:
    """Make a regular rhythm with a wide beat now and then."""
    rng = np.random.default_rng(seed)
    aami = np.where(rng.random(n_beats) < 0.03, V, N).astype(np.int8)
    r_ms = (1000 + np.cumsum(rng.normal(800, 12, n_beats))).astype(np.int64)
    t_ms = np.arange((r_ms[-1] + 1000) // 200 * 25) * 8
    signal = rng.normal(0, 0.005, len(t_ms))
    for at, code in zip(r_ms, aami, strict=True):
        width = 45 if code == V else 15
        signal += np.exp(-((t_ms - at) ** 2) / (2 * width**2))
    scale = np.ones(len(t_ms) // 25, np.float32)
    flutter = np.empty((0, 2), np.int64)
    return LabelledSignal(
        "x", "II", 0, "x", 125, signal.astype(np.float32), scale, r_ms, aami, flutter
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("gated") / "m.onnx"
    assert gated_task().write(file, "ab" * 32) < 1e-5
    return file


def test_sequences_close_up_over_what_is_passed() -> None:
    rng = np.random.default_rng(0)
    passed = torch.from_numpy(rng.random((9, 4)) < 0.4)
    aami = torch.from_numpy(rng.integers(0, 3, (9, 4)))
    numbers = torch.arange(36).reshape(9, 4)
    shape, features, codes, taught = leave_out_passed(passed, (numbers, numbers, aami, numbers))
    for column in range(4):
        kept = numbers[~passed[:, column], column]
        assert (
            shape[: len(kept), column].tolist()
            == kept.tolist()
            == taught[: len(kept), column].tolist()
        )
        assert torch.equal(shape, features)
        assert codes[: len(kept), column].tolist() == aami[~passed[:, column], column].tolist()
        assert (codes[len(kept) :, column] == IGNORE).all()


def test_a_passed_beat_leaves_the_recurrent_state_as_it_was() -> None:
    task, record = gated_task(), calm_record(0)
    v, _, passed = task.run([record], [task.config.gate.limit, 0.0])
    n = len(record.r_ms)
    passed = passed[:, 0, :n]
    assert 0.05 < passed[0].mean() < 0.95
    assert not passed[1].any()
    windows, rr_s = beats_of([record])
    shape, features = recall_sequences(windows, rr_s)
    kept = torch.from_numpy(~passed[0])
    with torch.no_grad():
        only = task.model.logits(shape[kept], features[kept], task.model.initial_state(1))[0]
        every = task.model.logits(shape, features, task.model.initial_state(1))[0]
    np.testing.assert_allclose(v[0, 0, :n][~passed[0]], torch.sigmoid(only)[:, 0], atol=1e-6)
    np.testing.assert_allclose(v[1, 0, :n], torch.sigmoid(every)[:, 0], atol=1e-6)
    assert not v[0, 0, :n][passed[0]].any()


def test_served_it_passes_and_says_what_it_does_in_training(path: Path) -> None:
    task, session = gated_task(), GatedSession(path, 3)
    records = [calm_record(seed) for seed in range(3)]
    v, _, passed = task.run(records, [task.config.gate.limit])
    windows, rr_s = beats_of(records)
    found = [
        session.step(STREAMS, windows[:, i : i + 1].numpy(), rr_s[:, i : i + 1].numpy())
        for i in range(rr_s.shape[1])
    ]
    probs = np.stack(found, axis=1)
    np.testing.assert_allclose(probs[..., V], v[0], atol=1e-5)
    assert session.n_passed == int(passed.sum()) > 20
    assert session.n_beats == passed.size


def test_its_scores_have_the_same_bits_in_any_batch(path: Path) -> None:
    rng = np.random.default_rng(0)
    base = rng.standard_normal((17, 1, 85)).astype(np.float32)
    signal = base + rng.normal(0, 0.01, (60, 17, 1, 85)).astype(np.float32)
    rr_s = (0.8 + rng.normal(0, 0.01, (60, 17, 1))).astype(np.float32)
    found = []
    for size in (17, 1, 2, 5, 7):
        session = GatedSession(path, 17)
        groups = np.array_split(np.arange(17), -(-17 // size))
        probs = [
            np.concatenate([session.step(rows, x[rows], rr[rows]) for rows in groups])
            for x, rr in zip(signal, rr_s, strict=True)
        ]
        assert 0 < session.n_passed < session.n_beats
        state = session.snapshot(np.arange(17)).values()
        found.append([np.stack(probs).tobytes(), *(part.tobytes() for part in state)])
    assert all(bits == found[0] for bits in found)


LETHAL = {
    "vf": ventricular_fibrillation(12.0),
    "vt": ventricular_tachycardia(12.0),
    "slow vt": ventricular_tachycardia(15.0, 115.0),
    "asystole": asystole(9.0),
    "extreme bradycardia": bradycardia(15.0, 32.0),
    "extreme tachycardia": tachycardia(15.0),
    "af": atrial_fibrillation(15.0),
}
SETTLED_MS = 5_000
"""Time until a rhythm that sets in little by little is what it is called."""


@pytest.mark.parametrize("name", LETHAL)
def test_no_beat_is_passed_in_a_lethal_rhythm_and_alarms_are_as_without_a_gate(
    path: Path, bare: Path, name: str
) -> None:
    calm = sinus(30.0, 72.0, variability=0.02)
    tape = Tape("p").simulate(calm, LETHAL[name], calm).end()
    gated, plain = Pipeline(beat=path), Pipeline(beat=bare)
    assert isinstance(gated.beats.beat, GatedSession)
    found, expected = (told([each.push(tape.items)]) for each in (gated, plain))
    at_ms = np.array([r_ms for _, r_ms, *_ in found["p beats"]])
    passed = np.array([confidence == UNTAUGHT for *_, confidence in found["p beats"]])
    assert passed[at_ms < 30_000].sum() > 5
    gradual = name.startswith("extreme")
    begins_ms = 30_000 + (SETTLED_MS if gradual else 0)
    ends_ms = 30_000 + LETHAL[name].duration_s * 1000 + 3_000
    assert not passed[(at_ms > begins_ms) & (at_ms < ends_ms)].any()
    assert [e for e in found if "edges" in e] == [e for e in expected if "edges" in e]
    assert found.get("p edges") == expected.get("p edges")
    assert [beat[:4] for beat in found["p beats"]] == [beat[:4] for beat in expected["p beats"]]


def test_any_cut_and_company_gives_the_same(path: Path) -> None:
    tapes = [
        Tape("a").simulate(sinus(30.0, variability=0.02), ventricular_tachycardia(5.0)).end(),
        Tape("b", 360.0).simulate(sinus(25.0, 66.0, variability=0.02), asystole(5.0)).end(),
    ]
    expected: dict[str, list[tuple]] = {}
    for tape in tapes:
        told([Pipeline(beat=path).push(tape.items)], into=expected)
    assert score(Pipeline(beat=path), random_pushes(tapes, np.random.default_rng(0))) == expected


def test_stricter_alarm_limits_than_the_gates_close_it(path: Path) -> None:
    assert isinstance(open_beat(path, Limits()), GatedSession)
    for strict in (Limits(vt_bpm=90.0), Limits(bradycardia_bpm=60.0)):
        session = open_beat(path, strict)
        assert type(session) is StreamSession


def test_a_gate_that_is_broken_is_refused(path: Path, tmp_path: Path) -> None:
    model = onnx.load(str(path))
    meta = {entry.key: entry.value for entry in model.metadata_props}
    for broken in ({CONTENT: "nonsense"}, {RULES: "[]"}):
        onnx.helper.set_model_props(model, {**meta, **broken})
        onnx.save(model, str(tmp_path / "m.onnx"))
        with pytest.raises(InputError, match="metadata 'gate"):
            open_beat(tmp_path / "m.onnx", Limits())


PUT_IN = ("premature_atrial", "premature_ventricular", "rhythm", "tilt")
"""Synthesis that makes beats unusual."""


def test_a_run_by_configuration_learns_and_is_served(data: Path, tmp_path: Path) -> None:
    config = tiny_config(
        "gated-beat",
        data={"validation": NAMES[1:2]},
        fit={"epochs": 3, "steps": 24, "batch": 4, "length": 60, "learning_rate": 0.01},
        enrichment=dict.fromkeys(PUT_IN, 0.0),
        architecture={"channels": 4, "embedding": 8, "hidden_v": 8, "hidden_s": 8},
        gate={"limit": 3.0, "hold": 4},
    )
    run = fit(config, data, tmp_path, progress=False)
    scores = run.summary["scores"]
    assert isinstance(scores, dict)
    assert scores["val_veb_f1"] > 0.7
    session = open_beat(run.model, Limits())
    assert isinstance(session, GatedSession)
    assert session.info.kind == "beat"
    counts = torch.load(tmp_path / "last.ckpt")["state_dict"]["passed_counts"].tolist()
    assert counts[1] >= counts[0] > 2
