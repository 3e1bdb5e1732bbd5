"""Beat strings by CTC: what a transcriber sees, its loss, its error rate on patients kept aside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import ctc_loss
from torch.utils.data import DataLoader, IterableDataset

from inference.strings import BLANK, collapse
from inference.ticks import AAMI
from training.architectures.qrs import STRIDE, QrsSize
from training.architectures.size import Values, read_size
from training.architectures.transcriber import SYMBOLS, Transcriber
from training.config import CLASSES, TrainConfig
from training.datasets import LabelledSignal
from training.export import ExportSpec, export
from training.string_scores import edit_distance
from training.string_sequences import Difficulty, StringSampler
from training.task import Task

SYMBOL_OF = np.array([SYMBOLS.index(name) if name in SYMBOLS else -1 for name in AAMI])
"""Symbol of each class code; -1 where there is none."""

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""signal (batch, 1, n_samples), frames (batch,), all symbols in a row, their numbers."""


class StringBatches(IterableDataset[Batch]):
    """Draws batches; one iteration is one epoch."""

    def __init__(self, sampler: StringSampler, config: TrainConfig) -> None:
        self._sampler, self._fit = sampler, config.fit
        self._rng = np.random.default_rng(config.fit.seed)

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self._fit.steps):
            drawn = self._sampler.draw(self._rng, self._fit.batch, self._fit.length)
            yield (
                torch.from_numpy(drawn.signal)[:, None],
                torch.from_numpy(drawn.n_samples // STRIDE),
                torch.from_numpy(SYMBOL_OF[np.concatenate(drawn.strings)]),
                torch.tensor([len(string) for string in drawn.strings]),
            )


class CtcTask(Task):
    """Fits a :class:`Transcriber`; parameters as :class:`Task`."""

    SIZE, ENRICHMENT = QrsSize, Difficulty
    JUDGED_BY = "val_accuracy"
    model: Transcriber

    @staticmethod
    def build(architecture: Values) -> Transcriber:
        """Make a transcriber of the size that is asked for."""
        return Transcriber(read_size(QrsSize, {"hidden": 64, **architecture}))

    def train_dataloader(self) -> DataLoader[Batch]:
        """Stretches of the training patients, each with its string."""
        sampler = StringSampler(self.training_signals, Difficulty(**self.config.enrichment))
        return DataLoader(StringBatches(sampler, self.own_config), batch_size=None)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Negative log-likelihood of the strings, over all their alignments, a beat."""
        signal, n_frames, symbols, n_symbols = batch
        logits, _ = self.model.frames(signal, self.model.initial_state(len(signal)))
        loss = ctc_loss(
            logits.float().log_softmax(2), symbols, n_frames, n_symbols, BLANK, zero_infinity=True
        )
        self.log("loss", loss, prog_bar=True, on_epoch=True, batch_size=len(signal))
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the counts of the epoch before."""
        self._counts: list[NDArray[np.int64]] = []

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Transcribe one whole record, the state carried through."""
        record = self.validation_signals[int(batch)]
        said = self.transcribe(record)
        errors = edit_distance(record.aami, said)
        kinds = [int((codes == kind).sum()) for kind in range(3) for codes in (record.aami, said)]
        self._counts.append(np.array([errors, len(record.aami), len(said), *kinds]))

    def on_validation_epoch_end(self) -> None:
        """Log the error rate of the strings, and the beats said over those there were."""
        errors, n_beats, n_said, *kinds = np.sum(self._counts, axis=0).tolist()
        counts = {
            f"val_count_{name}": kinds[2 * at + 1] / max(kinds[2 * at], 1)
            for at, name in enumerate(SYMBOLS[1:])
        }
        scores = {"val_error_rate": errors / n_beats, "val_count": n_said / n_beats, **counts}
        scores["val_accuracy"] = 1 - scores["val_error_rate"]
        self.log_dict(scores, prog_bar=True)

    def transcribe(self, record: LabelledSignal) -> NDArray[np.int64]:
        """Class codes of a whole record's beats in order, those in ventricular flutter left out."""
        scaled = record.scaled[: len(record.scaled) // STRIDE * STRIDE]
        with torch.no_grad():
            signal = torch.from_numpy(scaled[None, None]).to(self.device)
            logits, _ = self.model.frames(signal, self.model.initial_state(1))
        symbols = collapse(logits[:, 0].argmax(1).cpu().numpy()[None], np.array([BLANK]))
        at_ms = symbols.frames * (STRIDE * 1000 / record.fs)
        kept = np.ones(len(at_ms), np.bool_)
        for begin, end in record.flutter_ms:
            kept &= (at_ms < begin) | (at_ms > end)
        return np.asarray(symbols.classes[kept] - 1)  # the classes stand in AAMI's order

    def write(self, path: Path, data_digest: str) -> float:
        """Export the model; return its largest difference from torch."""
        past, past_fine, h, c = self.model.initial_state(2)
        inputs = {
            "signal": torch.zeros(2, 1, STRIDE * 10),
            "state_signal": past,
            "state_fine": past_fine,
            "state_h": h[0],
            "state_c": c[0],
        }
        spec = ExportSpec(
            name=self.config.name,
            version=self.config.version,
            kind="string",
            fs=self.config.data.fs,
            classes=CLASSES["ctc"],
            thresholds=self.config.thresholds,
            data_digest=data_digest,
            look_ahead_s=0.0,
            stride=STRIDE,
        )
        return export(self.model, inputs, spec, path, free_time=True)
