"""One model over many patients: ``step(slots, signal) -> probs``, the state carried by slot."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference import model, providers
from inference.model import FRAME_KINDS
from inference.resident import Resident
from inference.slots import Field, SlotArrays, Slots, Snapshot, in_a_row
from inference.stage import Stage
from ingest.errors import InputError

TILE_SAMPLES = {True: 8_192, False: 65_536}
"""Samples of one call of a frame model, and of another: see ``docs/benchmarks``."""
MIN_TILE_ROWS = 16
"""Least rows of a call, however long their signal."""


class StreamSession(Stage):
    """An ONNX model whose ``state_*`` follow each stream from call to call.

    fp32 scores do not depend on the batch size or on who else is in the batch;
    ``tests/inference/test_session.py`` holds every shipped model to it, bit for bit.

    Parameters
    ----------
    path : Path
        The model.
    kind : str
        The kind that is wanted here, one of ``inference.model.KINDS``.
    n_slots : int
        Streams to make room for.
    device : str, optional
        Where the states of a frame model stay between calls, by ONNX Runtime's name; by default
        where the model runs. None on a CPU: they stay in this stage's arrays.

    Raises
    ------
    ingest.errors.InputError
        If the model does not fit.
    """

    def __init__(
        self, path: Path, kind: str, n_slots: int = 0, *, device: str | None = None
    ) -> None:
        self._session, self.info = model.load(path)
        if self.info.kind != kind:
            raise InputError(
                f"model {path.name}: metadata 'kind' is {self.info.kind!r}; wanted here: {kind!r}"
            )
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        inputs = {i.name: i for i in self._session.get_inputs()}
        self.takes_rr = "rr_s" in inputs
        self.state_names = [name for name in inputs if name.startswith("state_")]
        self._outputs = ["probs", *(f"next_{name}" for name in self.state_names)]
        self.explanations = model.explanations(self._session)
        sizes = {o.name: o.shape[-1] for o in self._session.get_outputs()}
        self.explanation_sizes: dict[str, int] = {name: sizes[name] for name in self.explanations}
        self._fields = {
            name: Field(tuple(inputs[name].shape[1:]), model.DTYPES[inputs[name].type])
            for name in self.state_names
        }
        super().__init__(self._fields, n_slots)
        device = device or providers.device()
        self._device = device if kind in FRAME_KINDS else None
        self._resident = self._residence()

    def twin(self) -> StreamSession:
        """Return another set of as many fresh streams, scored by the same loaded model."""
        other = copy(self)
        other.state = SlotArrays(self._fields, self.state.n_slots)
        other._resident = other._residence()
        return other

    def reset(self, slots: Slots) -> None:
        """Make the given slots fresh, as for a new session."""
        self._settle()
        super().reset(slots)

    def snapshot(self, slots: Slots) -> Snapshot:
        """Copy all that is remembered for the given slots."""
        self._settle()
        return super().snapshot(slots)

    def restore(self, slots: Slots, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Write what :meth:`snapshot` gave into the given slots."""
        self._settle()
        super().restore(slots, snapshot)

    def step(
        self,
        slots: Slots,
        signal: NDArray[np.float32],
        rr_s: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Score the next signal of each stream and carry its state on.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        signal : array of shape (n_rows, n_leads, n_samples), in the model's unit
            Their next samples.
        rr_s : array of shape (n_rows, 1), s, optional
            RR interval before the beat, 0 where unknown; for models that take it.

        Returns
        -------
        array of shape (n_rows, ...)
            Probabilities.
        """
        n = self.tile_rows(signal.shape[2])
        if len(slots) <= n or self._resident is not None:
            return np.asarray(self._run(slots, signal, rr_s, [])[0])
        tiles = [slice(at, at + n) for at in range(0, len(slots), n)]
        return np.concatenate(
            [
                self._run(slots[t], signal[t], None if rr_s is None else rr_s[t], [])[0]
                for t in tiles
            ]
        )

    def tile_rows(self, n_samples: int) -> int:
        """Rows of one call: as many as the processor's cache holds the layers of, of that length.

        A frame model has many values a sample; a beat model has few and many small
        operations, which pay over many rows.
        """
        return max(MIN_TILE_ROWS, TILE_SAMPLES[self.info.kind in FRAME_KINDS] // n_samples)

    def step_explained(
        self,
        slots: Slots,
        signal: NDArray[np.float32],
        rr_s: NDArray[np.float32] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Score as :meth:`step` does, and give the model's reasons, where it offers any.

        Returns
        -------
        probs : array of shape (n_rows, ...)
        why : dict of str to array of shape (n_rows, n)
            By the names in ``explanations``.
        """
        probs, *why = self._run(slots, signal, rr_s, self.explanations)
        return probs, dict(zip(self.explanations, why, strict=True))

    def _run(
        self,
        slots: Slots,
        signal: NDArray[np.float32],
        rr_s: NDArray[np.float32] | None,
        more: list[str],
    ) -> list[NDArray[np.float32]]:
        """Run the model, carry the states on, and give the probabilities and more outputs."""
        feed: dict[str, NDArray[np.generic]] = {"signal": signal}
        if self.takes_rr and rr_s is not None:
            feed["rr_s"] = rr_s
        if self._resident is not None:
            return self._resident.run(slots, feed, ["probs", *more])
        of = in_a_row(slots)
        for name in self.state_names:
            feed[name] = self.state[name][of]
        probs, *given = self._session.run([*self._outputs, *more], feed)
        n_states = len(self.state_names)
        for name, rows in zip(self.state_names, given[:n_states], strict=True):
            self.state[name][of] = rows
        return [probs, *given[n_states:]]

    def _residence(self) -> Resident | None:
        """Return what holds the states where the model runs, if they stay there."""
        if self._device is None:
            return None
        return Resident(self._session, self.state, self.state_names, self._device)

    def _settle(self) -> None:
        """Have the states in this stage's arrays before anybody else touches them."""
        if self._resident is not None:
            self._resident.settle()
