"""The models that tell rhythms, side by side: what each says goes to the episodes together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.fibrillation import AtrialFibrillation
from inference.lethal import LethalRhythm
from inference.limits import Limits
from inference.model import ModelInfo, builtin
from inference.rhythm_turns import RhythmTurns
from inference.session import StreamSession
from inference.slots import SlotArrays, Slots
from inference.stage import Composite, Slotted, Stage
from inference.ticks import BlockBeats
from ingest.errors import InputError


class RhythmModels(Composite):
    """Ventricular and atrial fibrillation in many streams.

    A shipped model that cannot run on what a user's own beat model is given is left out, so
    that :attr:`models` does not name it; one that was asked for is refused.

    Parameters
    ----------
    beat : ModelInfo
        The beat model in use.
    rhythm, atrial : Path or None
        Models asked for; the shipped ones where None.
    limits : Limits
        Limits in force for all slots.

    Raises
    ------
    ingest.errors.InputError
        If a model that was asked for does not fit.
    """

    def __init__(
        self, beat: ModelInfo, rhythm: Path | None, atrial: Path | None, limits: Limits
    ) -> None:
        self.lethal: LethalRhythm | None = None
        self.atrial: AtrialFibrillation | None = None
        session = StreamSession(rhythm or builtin("rhythm"), "rhythm")
        if _fits(session.info, beat, asked=rhythm is not None):
            self.lethal = LethalRhythm(session, limits, before=beat.before)
        session = StreamSession(atrial or builtin("atrial"), "beat-rhythm")
        if _fits(session.info, beat, asked=atrial is not None):
            self.atrial = AtrialFibrillation(session, limits)
        parts: dict[str, Slotted] = {}
        if self.lethal is not None:
            parts["lethal"] = self.lethal
        if self.atrial is not None:
            parts["atrial"] = self.atrial
        super().__init__(parts)

    @property
    def models(self) -> list[ModelInfo]:
        """Metadata of the models in use."""
        return [each.session.info for each in (self.lethal, self.atrial) if each is not None]

    @property
    def of_shapes(self) -> dict[str, Stage]:
        """The parts that know the shapes of beats, which are other ones in another lead."""
        parts: dict[str, Stage] = {}
        if self.lethal is not None:
            parts["usual"] = self.lethal.usual
        if self.atrial is not None:
            parts["atrial"] = self.atrial.session
        return parts

    def find(
        self,
        slots: Slots,
        first_ms: NDArray[np.int64],
        scaled: NDArray[np.float32],
        scale_uv: NDArray[np.float32],
        heard: NDArray[np.bool_],
        beats: BlockBeats,
        past: SlotArrays | None = None,
    ) -> RhythmTurns:
        """Take the next ticks of some streams and their beats; tell what began and what ended.

        Parameters
        ----------
        slots, first_ms, scaled, scale_uv, heard
            As :meth:`inference.lethal.LethalRhythm.find` takes them.
        beats : BlockBeats
            Beats that the ticks decided.
        past : SlotArrays, optional
            State that holds the ring of beats before them.
        """
        told = []
        if self.lethal is not None:
            told.append(self.lethal.find(slots, first_ms, scaled, scale_uv, heard, beats, past))
        if self.atrial is not None:
            told.append(self.atrial.find(slots, beats))
        return RhythmTurns.of(told)


def _fits(info: ModelInfo, beat: ModelInfo, *, asked: bool) -> bool:
    """Tell whether a model can run on what the beat model is given.

    Raises
    ------
    InputError
        If it cannot and was asked for, naming what differs.
    """
    wanted: tuple[object, ...] = (beat.fs, beat.units)
    there: tuple[object, ...] = (info.fs, info.units)
    if info.kind == "beat-rhythm":
        wanted += (beat.length, beat.before)
        there += (info.length, info.before)
    if asked and there != wanted:
        raise InputError(
            f"model {info.name} wants {there}; allowed beside {beat.name}: {wanted} "
            "(Hz, unit, samples of a beat, of these before its R-peak)"
        )
    return there == wanted
