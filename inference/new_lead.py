"""Which beats of a lead just taken up are ventricular by their shape alone, and so are not.

A beat model that comes to a lead knows no shape of it. A bundle branch block that was narrow in
the lead before may look ventricular here, and every beat of the visit may be called so: a run of
any length, though nothing changed but the electrode that is looked at. What a clinician does is
what is done here: a beat that comes on the pace from before the change is the beat from before,
whatever it looks like. This ends once the lead has shown a few beats that the model itself calls
normal, since it knows them then. Beats that come early, and such as are fast whatever the pace
was, stay ventricular; so do all beats where a run was on when the lead changed. Ventricular
tachycardia and fibrillation are told by their waveform as ever.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inference.beat_codes import RUN_CODES
from inference.conditions import Code
from inference.limits import MAX_BEATS
from inference.slots import Field, SlotArrays, Slots
from inference.stage import Stage
from inference.ticks import BlockBeats, N, V

LEARNED = 3
"""Beats that the model calls normal behind which it knows the lead; chosen on DS1 and svdb
(docs/lead-changes.md)."""
EARLY = 0.8
"""Share of the pace below which an interval is early, as of a premature beat."""
LEAST_PACE_MS = 500
"""Shortest pace that is taken for one, ms (120 bpm): V beats above 150 bpm always count."""
UNKNOWN_PACE_MS = 750
"""Pace where too few beats are known, ms: V beats above 100 bpm count, as in tachycardia."""
LOOK_BACK = 9
"""Beats that the pace is taken from."""
_RUNS = [*RUN_CODES, Code.VENTRICULAR_TACHYCARDIA, Code.VENTRICULAR_FIBRILLATION]


class NewLead(Stage):
    """Follows streams whose lead changed until its usual shape is known.

    Parameters
    ----------
    n_slots : int
        Streams to make room for.
    """

    def __init__(self, n_slots: int = 0) -> None:
        super().__init__({"pace_ms": Field(dtype=np.int64), "usual": Field(dtype=np.int8)}, n_slots)

    def change(self, slots: Slots, past: SlotArrays) -> None:
        """Take up another lead.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams whose lead changes with the next tick; mostly none.
        past : SlotArrays
            Of the episodes: what was known up to here.
        """
        for slot in slots.tolist():
            running = bool(past["open"][slot, _RUNS].any())
            self.state["pace_ms"][slot] = 0 if running else pace_ms(past, slot)
            self.state["usual"][slot] = 0

    def judge(self, slots: Slots, beats: BlockBeats) -> BlockBeats:
        """Take the beats that the next ticks decided; give them with those on pace made normal.

        Parameters
        ----------
        slots : array of shape (n_rows,)
            Streams.
        beats : BlockBeats
            As the model called them; not changed.

        Returns
        -------
        BlockBeats
            The same where no stream of them is new to its lead. The confidence of a beat that is
            made normal is what the model left for it.
        """
        pace = self.state["pace_ms"][slots]
        if not pace.any() or not len(beats):
            return beats
        aami, confidence = beats.aami.copy(), beats.confidence.copy()
        for i in np.flatnonzero(pace[beats.row]).tolist():
            slot = slots[beats.row[i]]
            own_ms, rr_ms = self.state["pace_ms"][slot], beats.rr_ms[i]
            if own_ms and aami[i] == V and (rr_ms == 0 or rr_ms >= EARLY * own_ms):
                aami[i], confidence[i] = N, 1 - confidence[i]
            elif own_ms and aami[i] == N:
                self.state["usual"][slot] += 1
                if self.state["usual"][slot] >= LEARNED:
                    self.state["pace_ms"][slot] = 0
        return replace(beats, aami=aami, confidence=confidence)


def pace_ms(past: SlotArrays, slot: int) -> int:
    """Give the median of the last RR intervals, no shorter than ``LEAST_PACE_MS``, ms."""
    newest = int(past["newest"][slot])
    r_ms = past["beat_r_ms"][slot, (newest - np.arange(LOOK_BACK)[::-1]) % MAX_BEATS]
    r_ms = r_ms[r_ms >= 0]
    if len(r_ms) < 3:
        return UNKNOWN_PACE_MS
    return max(int(np.median(np.diff(r_ms))), LEAST_PACE_MS)
