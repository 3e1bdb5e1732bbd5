"""VT and VF of patients left out, as the very stage calls them that serves.

The probabilities are those of models that never saw the patient; beats, what can be heard and how
steep it is come from the shipped pipeline, whose QRS and beat models learned nothing from vfdb.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from inference import model
from inference.alarm_transition import TransitionKind
from inference.conditions import Code
from inference.corroboration import TACHYCARDIAS
from inference.lethal import LethalRhythm
from inference.limits import Limits
from inference.pipeline import Pipeline
from inference.rhythm_turns import RhythmTurns
from inference.session import StreamSession
from inference.slots import SlotArrays, Slots
from inference.ticks import TICK_MS, BlockBeats, no_beats
from ingest.wfdb_replay import open_recording
from training.assessment.scoring import push_records

Choice = TypeVar("Choice", bound=tuple[Any, ...])
"""What may be chosen for a patient."""

Key = tuple[str, int]
"""Record, and place of the lead in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What the stage that calls VT and VF is given of one lead."""

    scaled: NDArray[np.float32]
    """Array of shape (n_ticks, n_samples): signal over its amplitude scale."""
    scale_uv: NDArray[np.float32]
    """Array of shape (n_ticks,): amplitude scale, uV."""
    heard: NDArray[np.bool_]
    """Array of shape (n_ticks,): there is a signal."""
    beats: BlockBeats
    """All beats, by the tick that decided them."""
    by_beats: tuple[tuple[int, int], ...] = ()
    """Ticks from which and before which an alarm of tachycardia is up that the beats raised."""


class _Listener(LethalRhythm):
    """Takes down what it is given, and calls nothing."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(StreamSession(model.builtin("rhythm"), "rhythm"), pipeline.limits)
        self._streams = pipeline.streams
        self.taken: dict[str, list[Given]] = defaultdict(list)

    def find(
        self,
        slots: Slots,
        first_ms: NDArray[np.int64],
        scaled: NDArray[np.float32],
        scale_uv: NDArray[np.float32],
        heard: NDArray[np.bool_],
        beats: BlockBeats | None = None,
        past: SlotArrays | None = None,
    ) -> RhythmTurns:
        """Take down."""
        found = no_beats() if beats is None else beats
        for row, slot in enumerate(slots.tolist()):
            mine = _at(found, np.flatnonzero(found.row == row), int(first_ms[row]) // TICK_MS - 1)
            given = Given(scaled[row].copy(), scale_uv[row].copy(), heard[row].copy(), mine)
            self.taken[self._streams.info(slot).stream_id].append(given)
        return RhythmTurns.of([])


def _at(beats: BlockBeats, index: NDArray[np.intp], first_tick: int) -> BlockBeats:
    """Take some beats as those of one row, ticks counted from the stream's begin."""
    return BlockBeats(
        np.zeros(len(index), np.intp),
        beats.tick[index] + first_tick,
        beats.r_ms[index],
        beats.rr_ms[index],
        beats.aami[index],
        beats.confidence[index],
        beats.windows[index],
    )


def listen(folder: Path, keys: Sequence[Key]) -> dict[Key, Given]:
    """Run leads of records through the shipped pipeline, each as a stream of its own."""
    streams = {}
    for record, lead in keys:
        whole = open_recording(folder / record)
        streams[f"{record}.{lead}"] = replace(
            whole, leads=(whole.leads[lead],), samples=whole.samples[[lead]]
        )
    pipeline = Pipeline()
    listener = _Listener(pipeline)
    pipeline.told.lethal = pipeline.told.parts["lethal"] = listener
    up: dict[str, list[tuple[int, int]]] = defaultdict(list)
    since: dict[tuple[str, Code], int] = {}
    for results in push_records(pipeline, streams):
        for change in results.alarms:
            name, told = change.stream.stream_id, change.transition
            key, tick = (name, told.condition.code), told.decided_ms // TICK_MS
            if told.kind is TransitionKind.RAISED and key[1] in TACHYCARDIAS:
                since[key] = tick - 1
            elif key in since:
                up[name].append((since.pop(key), tick))
    joined = {key: _joined(listener.taken[f"{key[0]}.{key[1]}"]) for key in keys}
    return {
        key: replace(one, by_beats=tuple(up[f"{key[0]}.{key[1]}"])) for key, one in joined.items()
    }


def _joined(parts: Sequence[Given]) -> Given:
    names = BlockBeats.__slots__
    beats = [part.beats for part in parts if len(part.beats)]
    return Given(
        np.concatenate([part.scaled for part in parts]),
        np.concatenate([part.scale_uv for part in parts]),
        np.concatenate([part.heard for part in parts]),
        BlockBeats(*(np.concatenate([getattr(each, name) for each in beats]) for name in names)),
    )


class _Kept(StreamSession):
    """A session that answers with probabilities that are known."""

    def __init__(self, probs: NDArray[np.float32]) -> None:
        super().__init__(model.builtin("rhythm"), "rhythm", 1)
        self._probs = probs

    def step(
        self,
        slots: Slots,
        signal: NDArray[np.float32],
        rr_s: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Give all of them."""
        return self._probs[None]


def named(
    probs: NDArray[np.float32], given: Given, *, on: float | None = None, sharp: float | None = None
) -> NDArray[np.int8]:
    """Say what of VT and VF is called at the end of each tick, by waveform and beats together.

    Parameters
    ----------
    probs : array of shape (n_ticks, n_classes)
        Of a model that never saw the patient.
    given : Given
        What else the stage is given; a few ticks more or less at the end do not matter.
    on, sharp : float, optional
        Mean probability from which it is called, and steepness from which complexes are sharp;
        those that serve where not given.

    Returns
    -------
    array of shape (n_ticks,)
        :class:`~inference.conditions.Code`; -1 where neither is.
    """
    n = min(len(probs), len(given.heard))
    _, info = model.load(model.builtin("beat"))
    stage = LethalRhythm(_Kept(probs[:n]), Limits(), 1, before=info.before)
    stage.on, stage.sharp = on or stage.on, sharp or stage.sharp
    early = np.flatnonzero(given.beats.tick < n)
    turns = stage.find(
        np.array([0]),
        np.array([TICK_MS], np.int64),
        given.scaled[None, :n],
        given.scale_uv[None, :n],
        given.heard[None, :n],
        _at(given.beats, early, 0),
    )
    told = np.full(len(probs), -1, np.int8)
    for tick, code, onset in zip(turns.tick, turns.code, turns.onset, strict=True):
        told[tick:] = code if onset else -1
    return told


def by_fold(
    tried: Mapping[Choice, Sequence[tuple[int, int, int, int]]], least_se: float
) -> list[Choice]:
    """Choose for each patient what is best for all the others.

    Parameters
    ----------
    tried : mapping
        By what may be chosen, such as threshold and steepness, for each patient: stretches
        called and missed that are shockable, called and not called that are not.
    least_se : float
        Sensitivity of the others below which a choice is not considered, percent, where any
        reaches it.

    Returns
    -------
    list of tuple
        For each patient of those that reach it the most specific.

    Examples
    --------
    >>> tried = {(0.4, 3.0): [(9, 1, 2, 8)] * 3, (0.5, 3.0): [(9, 1, 1, 9)] * 3}
    >>> by_fold(tried, 80.0)
    [(0.5, 3.0), (0.5, 3.0), (0.5, 3.0)]
    """
    counts = {setting: np.array(rows) for setting, rows in tried.items()}
    chosen = []
    for patient in range(len(next(iter(counts.values())))):
        ranked = []
        for setting, rows in counts.items():
            hit, missed, false, left = np.delete(rows, patient, axis=0).sum(axis=0).tolist()
            se, sp = 100 * hit / (hit + missed), 100 * left / (false + left)
            ranked.append((min(se, least_se), sp, se, setting))
        chosen.append(max(ranked)[-1])
    return chosen
