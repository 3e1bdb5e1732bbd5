"""The rhythm model: labelled by stretches, learned from them, carried from tick to tick."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from deploy.services.verify import why_not_batch_invariant
from inference.session import StreamSession
from inference.ticks import TICK_MS
from ingest.errors import InputError
from ingest.recording import Recording
from ingest.simulator import (
    Script,
    asystole,
    atrial_fibrillation,
    simulate,
    sinus,
    ventricular_fibrillation,
    ventricular_tachycardia,
)
from tests.training.databases import tiny_config
from training.datasets import LabelledSignal, condition
from training.ec57 import make_annotations
from training.quiet import fitted
from training.rhythm_sequences import Disturbance, RhythmSampler
from training.rhythm_spans import EDGE_MS, SpanRhythm, by_tick, spans_of
from training.rhythm_task import RhythmTask

FS = 125
SEGMENTS = (
    (sinus(20.0, 70.0), SpanRhythm.OTHER),
    (ventricular_fibrillation(20.0), SpanRhythm.VF),
    (atrial_fibrillation(20.0), SpanRhythm.OTHER),
    (ventricular_tachycardia(20.0), SpanRhythm.VT),
    (sinus(20.0, 90.0), SpanRhythm.OTHER),
    (asystole(20.0), SpanRhythm.ASYSTOLE),
)


def patient(seed: int) -> LabelledSignal:
    """Simulate two minutes through all rhythms."""
    name = f"p{seed}"
    record = simulate(Script(name, tuple(s for s, _ in SEGMENTS)), 250.0, 120.0, seed)
    signal, scale = condition(Recording(name, 250.0, record.leads, record.samples), 0, FS)
    ends = 1000 * np.cumsum([s.duration_s for s, _ in SEGMENTS])
    spans = [
        (int(end - 1000 * segment.duration_s) + EDGE_MS, int(end) - EDGE_MS, int(rhythm))
        for (segment, rhythm), end in zip(SEGMENTS, ends, strict=True)
    ]
    nothing = np.zeros((0, 2), np.int64)
    return LabelledSignal(
        name, "II", 0, name, FS, signal, scale, nothing[:, 0], nothing[:, 0].astype(np.int8),
        nothing, rhythm_ms=np.array(spans, np.int64),
    )  # fmt: skip


@pytest.fixture(scope="module")
def task() -> RhythmTask:
    """Train on four patients."""
    torch.set_num_threads(1)
    config = tiny_config(
        "rhythm",
        fit={"epochs": 1, "steps": 200, "batch": 12, "length": 16, "learning_rate": 1e-2},
        enrichment={"weak_qrs": 0.0, "noise": 0.2, "noise_db_low": 6.0, "tachycardia": 0.0},
        architecture={"fine": 4, "coarse": 12, "tick": 16, "hidden": 24},
    )
    return fitted(lambda: RhythmTask(config, [patient(s) for s in range(4)], []), config.fit)


@pytest.mark.train
def test_other_rhythms_are_squeezed_and_lethal_ones_are_not():
    """What is squeezed is steeper; stretches of lethal rhythms are still drawn, as they are."""
    plain, tight = (
        RhythmSampler(
            [patient(3)], Disturbance(about=0, tachycardia=0, squeeze=share, tightest=2.2)
        )
        for share in (0.0, 1.0)
    )
    lethal = (SpanRhythm.VT, SpanRhythm.VF, SpanRhythm.ASYSTOLE)

    def draws(sampler: RhythmSampler) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        return sampler.draw(np.random.default_rng(5), 60, 4)

    (x, y), (squeezed, z) = draws(plain), draws(tight)

    calm = [row for row in range(60) if not np.isin(z[row], lethal).any()]
    steep = [float(np.abs(np.diff(each[calm])).mean()) for each in (x, squeezed)]
    assert 10 < len(calm) < 60
    assert np.isin(y, lethal).any()
    assert np.isin(z, lethal).any()
    assert steep[1] > 1.2 * steep[0]


def test_it_tells_the_rhythms_of_a_patient_never_seen(task: RhythmTask) -> None:
    unseen = patient(9)
    truth, called = by_tick(unseen), task.probabilities(unseen).argmax(axis=1)
    truth[truth == SpanRhythm.VF] = called[called == SpanRhythm.VF] = SpanRhythm.VT
    right = {rhythm: (called == rhythm)[truth == rhythm].mean() for rhythm in set(truth) - {-1}}
    # VT and VF count as one, as they do where they are served; two to three seconds of twenty go
    # by before a new rhythm is certain.
    assert min(right.values()) > 0.7, right


@pytest.mark.train
def test_the_exported_model_says_the_same_in_any_chunks_and_any_batch(
    task: RhythmTask, tmp_path: Path
) -> None:
    path = tmp_path / "rhythm.onnx"
    task.write(path, "digest")
    session = StreamSession(path, "rhythm", 3)
    unseen = patient(9)
    x = unseen.scaled[: FS * 40]
    whole = session.step(np.array([0]), x[None, None])[0]
    np.testing.assert_allclose(whole, task.probabilities(unseen)[: len(whole)], atol=1e-5)
    rng, at, said = np.random.default_rng(0), 0, []
    while at < len(x):
        n = int(rng.integers(1, 9)) * FS * TICK_MS // 1000
        rows = np.stack([x[at : at + n], np.zeros_like(x[at : at + n])])[:, None]
        said.append(session.step(np.array([1, 2]), rows)[0])
        at += n
    np.testing.assert_array_equal(np.concatenate(said), whole)
    assert session.info.classes == ("other", "VT", "VF", "ASYS")
    assert why_not_batch_invariant(path) is None


def notes(*changes: tuple[int, str, str]):  # type: ignore[no-untyped-def]
    sample, symbol, aux = zip(*changes, strict=True)
    return make_annotations(sample, symbol, 250.0, aux_note=aux)


def test_spans_are_read_from_rhythm_changes_with_their_edges_left_out() -> None:
    told = notes((0, "+", "(N"), (2500, "+", "(VFL"), (5000, "+", "(NOISE"), (7500, "+", "(ASYS"))
    spans = spans_of(told, 250.0, 40_000)
    assert spans.tolist() == [
        [400, 9600, SpanRhythm.OTHER],
        [10_400, 19_600, SpanRhythm.VF],
        [20_400, 29_600, SpanRhythm.UNKNOWN],
        [30_400, 39_600, SpanRhythm.ASYSTOLE],
    ]


def test_where_no_rhythm_is_annotated_runs_of_ventricular_beats_are_not_another_rhythm() -> None:
    beats = [(250 * i, "V" if i in (10, 11, 12, 20) else "N", "") for i in range(1, 30)]
    spans = spans_of(notes(*beats), 250.0, 30_000)
    assert spans.tolist() == [[0, 9600, 0], [12_400, 30_000, 0]]


def test_sequences_bring_rare_rhythms_as_often_as_common_ones() -> None:
    signal = patient(1)
    rare = replace(signal, rhythm_ms=np.array([[0, 110_000, 0], [110_000, 112_000, 2]]))

    def share(about: float) -> float:
        sampler = RhythmSampler([rare], Disturbance(about=about))
        drawn: NDArray[np.int64] = sampler.draw(np.random.default_rng(0), 200, 8)[1]
        return float((drawn == SpanRhythm.VF).any(axis=1).mean())

    assert share(1.0) > 0.4 > 0.15 > share(0.0)


def test_signals_without_labelled_rhythm_are_refused() -> None:
    with pytest.raises(InputError, match="rhythm is labelled"):
        RhythmSampler([replace(patient(1), rhythm_ms=np.zeros((0, 3), np.int64))])
