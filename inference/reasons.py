"""Why beats were called as they were, kept until an alarm that rests on them is told.

A beat model may offer reasons (outputs ``explain_signal`` and ``explain_beats``,
see ``docs/interpretability.md``). They are asked for only where somebody wants
them, and kept for as many beats of each stream as an alarm may rest on, with
the beats before these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.alarm_transition import VENTRICULAR, AlarmTransition, TransitionKind
from inference.limits import MAX_BEATS
from inference.model import ModelInfo
from inference.session import StreamSession
from inference.slots import Field, Slots, Snapshot
from inference.stage import Stage
from inference.stream_clock import StreamClock
from ingest.errors import InputError

SIGNAL, BEATS = "explain_signal", "explain_beats"
"""Outputs of a model that says why: weights of the parts of a beat, and of the beats before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Reason:
    """Why one beat was called ventricular."""

    r_ms: int
    """Its R-peak on the stream's clock, ms."""
    trace_ms: NDArray[np.float64]
    """Array of shape (n_parts + 1,), ms: bounds of the parts of its window."""
    trace: NDArray[np.float32]
    """Array of shape (n_parts,): how much each part raised the logit of V."""
    before_ms: NDArray[np.int64]
    """Array of shape (n_before,), ms: R-peaks of the beats before it, oldest first."""
    before: NDArray[np.float32]
    """Array of shape (n_before,): how much each of these raised it."""


class Reasons(Stage):
    """Keeps what a beat model says of its last beats.

    Parameters
    ----------
    beat : StreamSession
        A beat model that offers reasons.

    Raises
    ------
    ingest.errors.InputError
        If it offers none.
    """

    def __init__(self, beat: StreamSession) -> None:
        sizes = beat.explanation_sizes
        if not {SIGNAL, BEATS} <= sizes.keys():
            raise InputError(
                f"model {beat.info.name} does not say why it calls a beat so: it has no outputs "
                f"{SIGNAL} and {BEATS}; python -m training.interpret.write makes one that does"
            )
        self._info = beat.info
        self._n_before = sizes[BEATS]
        n_kept = MAX_BEATS + self._n_before
        fields = {"r_ms": Field((n_kept,), np.int64, -1)}
        fields |= {name: Field((n_kept, sizes[name])) for name in (SIGNAL, BEATS)}
        self._of_block: dict[int, list[Snapshot]] = {}
        super().__init__(fields)

    def begin(self, slots: Slots) -> None:
        """Begin a block of ticks: alarms rest on its beats, and on those kept from before."""
        for slot in slots.tolist():
            self._of_block.pop(slot, None)

    def reset(self, slots: Slots) -> None:
        """Make the given slots fresh, as for a new session."""
        self.begin(slots)
        super().reset(slots)

    def restore(self, slots: Slots, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Write what :meth:`snapshot` gave into the given slots."""
        self.begin(slots)
        super().restore(slots, snapshot)

    def note(
        self, slots: Slots, r_ms: NDArray[np.int64], why: Mapping[str, NDArray[np.float32]]
    ) -> None:
        """Add the next beat of some streams.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        r_ms : array of shape (n_rows,), ms
            R-peaks.
        why : mapping of str to array of shape (n_rows, n)
            What the model says.
        """
        new: dict[str, NDArray[Any]] = {"r_ms": r_ms, SIGNAL: why[SIGNAL], BEATS: why[BEATS]}
        for row, slot in enumerate(slots.tolist()):
            known = self._of_block.setdefault(slot, [self.snapshot(np.array([slot]))])
            known.append({name: values[row : row + 1, None] for name, values in new.items()})
        for name, values in new.items():
            kept = self.state[name]
            kept[slots] = np.concatenate([kept[slots][:, 1:], values[:, None]], axis=1)

    def of_alarm(self, transition: AlarmTransition) -> tuple[Reason, ...]:
        """Give the reasons of the ventricular beats that raised an alarm; none for any other."""
        if transition.kind is not TransitionKind.RAISED:
            return ()
        if transition.condition.code not in VENTRICULAR:
            return ()
        parts = self._of_block.get(transition.slot) or [self.snapshot(np.array([transition.slot]))]
        line = {name: np.concatenate([p[name][0] for p in parts]) for name in parts[0]}
        place = {int(r_ms): i for i, r_ms in enumerate(line["r_ms"].tolist()) if r_ms >= 0}
        return tuple(
            self._reason(line, place[beat.r_ms])
            for beat in transition.evidence.beats
            if beat.aami == "V" and beat.r_ms in place
        )

    def _reason(self, line: Mapping[str, NDArray[Any]], at: int) -> Reason:
        """Read one beat's reasons, and where they lie in time."""
        r_ms, trace = int(line["r_ms"][at]), line[SIGNAL][at]
        first = max(at - self._n_before, 0)
        before_ms = line["r_ms"][first:at]
        known = before_ms >= 0
        before = line[BEATS][at][self._n_before - (at - first) :]
        return Reason(
            r_ms,
            part_bounds_ms(self._info, r_ms, len(trace)),
            trace,
            before_ms[known],
            before[known],
        )


def part_bounds_ms(info: ModelInfo, r_ms: int, n_parts: int) -> NDArray[np.float64]:
    """Bounds of equal parts of a beat's window, array of shape (n_parts + 1,), ms."""
    first_ms = r_ms - 1000 * info.before / info.fs
    bounds_ms = first_ms + np.arange(n_parts + 1) * (1000 * info.length / info.fs / n_parts)
    return np.asarray(bounds_ms, np.float64)


def explanation(reasons: tuple[Reason, ...], clock: StreamClock) -> dict[str, Any]:
    """Write reasons as an alarm's JSON has them; weights are changes of the logit of V.

    Parameters
    ----------
    reasons : tuple of Reason
        Of the beats that drove it, oldest first.
    clock : StreamClock
        Of their stream.
    """
    return {
        "of": "logit of V",
        "beats": [
            {
                "sample": clock.sample(reason.r_ms),
                "trace": [
                    {
                        "first_sample": clock.sample(round(float(begin_ms))),
                        "end_sample": clock.sample(round(float(end_ms))),
                        "weight": round(float(weight), 6),
                    }
                    for begin_ms, end_ms, weight in zip(
                        reason.trace_ms[:-1], reason.trace_ms[1:], reason.trace, strict=True
                    )
                ],
                "before": [
                    {"sample": clock.sample(int(r_ms)), "weight": round(float(weight), 6)}
                    for r_ms, weight in zip(reason.before_ms, reason.before, strict=True)
                ],
            }
            for reason in reasons
        ],
    }
