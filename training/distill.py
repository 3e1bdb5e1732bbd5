"""Distillation: a model is also taught what another one says, or several (Hinton et al. 2015).

A teacher is an exported model, so any architecture may teach any other; the
student gets its probabilities, softened by a temperature, beside the labels.
Several teachers, such as the seeds of one training, are heard as one: the mean
of their logits.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """Exported models that teach a student of their own form.

    Parameters
    ----------
    names_or_paths : sequence of str or Path
        Shipped models' names, or ONNX files.
    student : ExportSpec
        What the student will be: each teacher must take the same signal and tell the same classes
        of the same time.

    Raises
    ------
    ingest.errors.InputError
        If there is no such model, or one is not of the student's form.
    """

    def __init__(self, names_or_paths: Sequence[str | Path], student: ExportSpec) -> None:
        self._sessions = [_open(name, student) for name in names_or_paths]

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
        leads = windows[:, None] if windows.ndim == 3 else windows
        return _mean([_beats(session, leads, rr_s) for session in self._sessions])

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
        leads = signal[:, None]
        return _mean(
            [_logit(session.step(_fresh(session, len(leads)), leads)) for session in self._sessions]
        )


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


def _open(name_or_path: str | Path, student: ExportSpec) -> StreamSession:
    """Open one teacher, or refuse it; see :class:`Teacher`."""
    path = model.find(name_or_path)
    session = StreamSession(path, student.kind)
    info = session.info
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
    return session


def _beats(
    session: StreamSession, leads: NDArray[np.float32], rr_s: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Logits of one teacher, array of shape (n_beats, batch, 2)."""
    slots = _fresh(session, len(leads))
    probs = np.stack(
        [
            session.step(slots, np.ascontiguousarray(leads[:, :, i]), rr_s[:, i, None])
            for i in range(rr_s.shape[1])
        ]
    )
    n, s, v = (probs[..., session.info.classes.index(name)] for name in "NSV")
    return np.stack([_logit(v), _logit(s / np.maximum(n + s, SURE))], axis=2)


def _fresh(session: StreamSession, n: int) -> NDArray[np.intp]:
    """Slots of as many streams of which nothing was heard."""
    slots = np.arange(n)
    session.resize(n)
    session.reset(slots)
    return slots


def _mean(logits: Sequence[NDArray[np.float32]]) -> Tensor:
    return torch.from_numpy(np.mean(logits, axis=0, dtype=np.float32))
