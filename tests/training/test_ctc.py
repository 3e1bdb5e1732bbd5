"""Beat strings by CTC: learned without times, judged by edit distance, said in any chunks."""

from __future__ import annotations

import warnings
from pathlib import Path

import lightning
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from deploy.services.models import choose_models
from deploy.services.verify import why_not_batch_invariant
from inference.session import StreamSession
from inference.strings import BeatStrings
from inference.ticks import TICK_MS, F, N, S, V
from ingest.errors import InputError
from tests.training.databases import NAMES, tiny_config
from training.architectures.qrs import STRIDE
from training.ctc_task import CtcTask
from training.datasets import LabelledSignal
from training.fit import fit
from training.string_scores import edit_distance
from training.string_sequences import Difficulty, StringSampler

FS = 125


def pulses(name: str, seed: int, n_beats: int = 120) -> LabelledSignal:
    """Make beats that differ in shape alone: N narrow, S with a wave before it, V wide and down."""
    rng = np.random.default_rng(seed)
    aami = rng.choice([N, S, V], n_beats, p=[0.6, 0.2, 0.2]).astype(np.int8)
    r_ms = (500 + np.cumsum(rng.uniform(450, 900, n_beats))).astype(np.int64)
    t = np.arange((r_ms[-1] + 1000) * FS // 1000 // 25 * 25) * 1000 / FS
    signal = rng.normal(0, 0.03, len(t))
    for at, code in zip(r_ms, aami, strict=True):
        width, height = (45, -1) if code == V else (12, 1)
        signal += height * np.exp(-((t - at) ** 2) / (2 * width**2))
        signal += 0.5 * (code == S) * np.exp(-((t - at + 120) ** 2) / (2 * 25**2))
    scale = np.ones(len(t) * 1000 // FS // TICK_MS, np.float32)
    flutter = np.empty((0, 2), np.int64)
    return LabelledSignal(
        name, "II", 0, name, FS, signal.astype(np.float32), scale, r_ms, aami, flutter
    )


@pytest.fixture(scope="module")
def task() -> CtcTask:
    """Train on two patients, with a third kept aside."""
    torch.set_num_threads(1)
    lightning.seed_everything(0, verbose=False)
    config = tiny_config(
        "ctc",
        fit={"epochs": 1, "steps": 320, "batch": 8, "length": 8, "learning_rate": 0.04},
        architecture={"fine": 4, "coarse": 12, "hidden": 32},
        enrichment={"inversion": 0.0, "noise": 0.0},
    )
    task = CtcTask(config, [pulses("a", 0), pulses("b", 1)], [])
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=1,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(task)
    return task.eval()


@pytest.mark.train
def test_it_learns_strings_from_labels_without_times(task: CtcTask) -> None:
    unseen = pulses("c", 2)
    said = task.transcribe(unseen)
    assert edit_distance(unseen.aami, said) / len(unseen.aami) < 0.1
    assert abs(len(said) - len(unseen.aami)) <= 5
    always_n = np.full(len(unseen.aami), N)
    assert edit_distance(unseen.aami, always_n) / len(unseen.aami) > 0.3


@pytest.mark.train
@pytest.mark.parametrize("n_frames", [1, 4, 25])
def test_exported_it_says_the_same_in_any_chunks(
    task: CtcTask, tmp_path: Path, n_frames: int
) -> None:
    assert task.write(tmp_path / "m.onnx", "ab" * 32) < 1e-5
    records = [pulses("c", 2), pulses("d", 3)]
    n = min(len(record.scaled) for record in records) // (100 * STRIDE) * (100 * STRIDE)
    signal = np.stack([record.scaled[:n] for record in records])
    strings = BeatStrings(StreamSession(tmp_path / "m.onnx", "string"), 2)
    said: list[list[int]] = [[], []]
    for part in np.split(signal, n // (n_frames * STRIDE), axis=1):
        symbols = strings.step(np.arange(2), part)
        for row, symbol in zip(symbols.rows, symbols.classes, strict=True):
            said[row].append(int(symbol) - 1)
    for row, record in enumerate(records):
        whole = task.transcribe(record)[: len(said[row])]
        assert said[row] == whole.tolist()
        assert len(said[row]) > 100


@pytest.mark.train
def test_exported_it_does_not_see_its_neighbours(task: CtcTask, tmp_path: Path) -> None:
    task.write(tmp_path / "m.onnx", "ab" * 32)
    assert why_not_batch_invariant(tmp_path / "m.onnx") is None
    with pytest.raises(InputError, match="is a string model: the pipeline takes qrs, beat"):
        choose_models([str(tmp_path / "m.onnx")])


@pytest.mark.train
def test_a_run_by_configuration_logs_error_rate_and_counts(data: Path, tmp_path: Path) -> None:
    config = tiny_config(
        "ctc", data={"validation": NAMES[1:2]}, fit={"length": 8, "patience": 1, "epochs": 1}
    )
    run = fit(config, data, tmp_path, progress=False)
    scores = run.summary["scores"]
    assert isinstance(scores, dict)
    assert {"val_error_rate", "val_count", "val_count_N", "val_count_S", "val_count_V"} <= {*scores}
    assert scores["val_accuracy"] == pytest.approx(1 - scores["val_error_rate"], abs=1e-6)
    assert StreamSession(run.model, "string").info.classes == ("blank", "N", "S", "V")


def test_a_stretch_holds_its_beats_whole_and_in_order() -> None:
    record = pulses("a", 0)
    sampler = StringSampler([record], Difficulty(inversion=0.0, noise=0.0))
    drawn = sampler.draw(np.random.default_rng(0), 40, 6)
    whole = record.scaled
    for x, n, string in zip(drawn.signal, drawn.n_samples, drawn.strings, strict=True):
        assert not x[n:].any()
        begin = _find(whole, x[:n])
        inside = (record.r_ms * FS / 1000 >= begin) & (record.r_ms * FS / 1000 < begin + n)
        np.testing.assert_array_equal(string, record.aami[inside])
        assert len(string) > 0


def _find(whole: NDArray[np.float32], part: NDArray[np.float32]) -> int:
    (places,) = np.nonzero(whole[: len(whole) - len(part) + 1] == part[0])
    return next(int(at) for at in places if np.array_equal(whole[at : at + len(part)], part))


def test_stretches_with_beats_of_other_classes_are_passed_over() -> None:
    record = pulses("a", 0)
    record.aami[:] = F
    with pytest.raises(InputError, match="holds only beats that are N, S or V"):
        StringSampler([record]).draw(np.random.default_rng(0), 1, 6)
    with pytest.raises(InputError, match="three beats"):
        StringSampler([])


@pytest.mark.parametrize("seed", range(8))
def test_edit_distance_is_that_of_the_textbook(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 3, rng.integers(0, 12)) for _ in range(2))
    table = np.zeros((len(a) + 1, len(b) + 1), int)
    table[:, 0], table[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            changed = table[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, changed)
    assert edit_distance(a, b) == table[-1, -1]
