"""States that stay where the model runs, as long as the same streams are stepped.

An accelerator is slow to reach and quick to compute. All streams of a worker
tick together, so the frame models are asked for the same slots again and again:
their states are then bound as inputs and outputs on the device, and only the
signal goes there and the probabilities come back. Whoever looks at the states
(a snapshot, a stream that leaves, another set of streams) has them written back
first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from inference.slots import SlotArrays, Slots


class Resident:
    """The states of one set of slots on a device.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        The model.
    state : SlotArrays
        Where the states stand otherwise.
    names : sequence of str
        The model's ``state_*`` inputs; each comes back as ``next_state_*``.
    device : str
        ONNX Runtime's name of the device, such as ``cuda``; ``cpu`` works too, and gains nothing.
    """

    def __init__(
        self, session: ort.InferenceSession, state: SlotArrays, names: Sequence[str], device: str
    ) -> None:
        self._session, self._state, self._device = session, state, device
        self._names = list(names)
        self._slots: Slots | None = None
        self._values: dict[str, ort.OrtValue] = {}

    def run(
        self, slots: Slots, feed: Mapping[str, NDArray[np.generic]], outputs: Sequence[str]
    ) -> list[NDArray[np.float32]]:
        """Run the model once, its states going on from where they are.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        feed : mapping of str to array of shape (n_rows, ...)
            The other inputs.
        outputs : sequence of str
            What to give back, of the outputs that are no states.

        Returns
        -------
        list of array of shape (n_rows, ...)
        """
        if self._slots is None or not np.array_equal(slots, self._slots):
            self.settle()
            self._fetch(slots)
        binding = self._session.io_binding()
        for name, values in feed.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(values))
        for name in self._names:
            binding.bind_ortvalue_input(name, self._values[name])
        for name in outputs:
            binding.bind_output(name)
        for name in self._names:
            binding.bind_output(f"next_{name}", self._device)
        self._session.run_with_iobinding(binding)
        given = binding.get_outputs()
        self._values = dict(zip(self._names, given[len(outputs) :], strict=True))
        return [value.numpy() for value in given[: len(outputs)]]

    def settle(self) -> None:
        """Write the states back, so that they can be looked at and changed."""
        if self._slots is not None:
            for name, value in self._values.items():
                self._state[name][self._slots] = value.numpy()
        self._slots, self._values = None, {}

    def _fetch(self, slots: Slots) -> None:
        """Bring the states of some slots to the device."""
        for name in self._names:
            rows = np.ascontiguousarray(self._state[name][slots])
            self._values[name] = ort.OrtValue.ortvalue_from_numpy(rows, self._device)
        self._slots = slots.copy()
