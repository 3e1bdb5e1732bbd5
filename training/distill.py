"""Distillation: a small model is also taught what a large one says (Hinton et al. 2015).

The teacher is an exported model, so any architecture may teach any other; the
student gets its probabilities, softened by a temperature, beside the labels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from inference import model
from inference.session import StreamSession
from ingest.errors import InputError
from training.export import ExportSpec

SURE = 1e-6
"""Probabilities nearer to 0 or 1 than this are taken to lie here."""


class Teacher:
    """An exported model that teaches a student of its own form.

    Parameters
    ----------
    name_or_path : str or Path
        A shipped model's name, or an ONNX file.
    student : ExportSpec
        What the student will be: the teacher must take the same signal and tell the same classes
        of the same time.

    Raises
    ------
    ingest.errors.InputError
        If there is no such model, or it is not of the student's form.
    """

    def __init__(self, name_or_path: str | Path, student: ExportSpec) -> None:
        path = model.find(name_or_path)
        self._session = StreamSession(path, student.kind)
        info = self._session.info
        for key in ("fs", "units", "length", "before", "stride", "look_ahead_s", "leads"):
            ours, theirs = getattr(student, key), getattr(info, key)
            if ours != theirs:
                raise InputError(
                    f"distill.teacher: model {path.name} has {key} {theirs}; "
                    f"allowed: {ours}, as the student"
                )
        if set(info.classes) != set(student.classes):
            raise InputError(
                f"distill.teacher: model {path.name} tells {', '.join(info.classes)}; "
                f"allowed: {', '.join(student.classes)}"
            )

    def beats(self, windows: NDArray[np.float32], rr_s: NDArray[np.float32]) -> Tensor:
        """Score sequences of beats from their beginning.

        Parameters
        ----------
        windows : array of shape (batch, n_beats, length) or (batch, n_leads, n_beats, length)
            Beats over their amplitude scale.
        rr_s : array of shape (batch, n_beats), s

        Returns
        -------
        Tensor of shape (n_beats, batch, 2)
            Logits of V, and of S if not V.
        """
        slots = self._fresh(len(windows))
        leads = windows[:, None] if windows.ndim == 3 else windows
        probs = np.stack(
            [
                self._session.step(slots, np.ascontiguousarray(leads[:, :, i]), rr_s[:, i, None])
                for i in range(rr_s.shape[1])
            ]
        )
        n, s, v = (probs[..., self._session.info.classes.index(name)] for name in "NSV")
        return torch.from_numpy(np.stack([_logit(v), _logit(s / np.maximum(n + s, SURE))], axis=2))

    def frames(self, signal: NDArray[np.float32]) -> Tensor:
        """Score stretches of signal from their beginning.

        Parameters
        ----------
        signal : array of shape (batch, n_samples)
            Signal over its amplitude scale.

        Returns
        -------
        Tensor of shape (batch, n_frames)
            Logits.
        """
        probs = self._session.step(self._fresh(len(signal)), signal[:, None])
        return torch.from_numpy(_logit(probs))

    def _fresh(self, n: int) -> NDArray[np.intp]:
        slots = np.arange(n)
        self._session.resize(n)
        self._session.reset(slots)
        return slots


def soft_losses(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Cross-entropy with the teacher's probabilities, both softened.

    Its gradient is of the size that labels give, whatever the temperature.

    Parameters
    ----------
    logits, taught : Tensors of one shape
        The student's and the teacher's.
    temperature : float
        What both are divided by.

    Returns
    -------
    Tensor of that shape
    """
    return temperature**2 * binary_cross_entropy_with_logits(
        logits / temperature, torch.sigmoid(taught / temperature), reduction="none"
    )


def _logit(p: NDArray[np.float32]) -> NDArray[np.float32]:
    sure = p.astype(np.float64).clip(SURE, 1 - SURE)
    logit: NDArray[np.float32] = np.log(sure / (1 - sure)).astype(np.float32)
    return logit
