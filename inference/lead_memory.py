"""What models know of the shapes of each lead, kept while another lead is scored.

What a model remembers of one lead is of no use for another. Where the scoring goes to a lead for
the first time, its models learn it anew; where it comes back, they go on with what they knew when
it was left. Streams whose lead never changed take no room here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from inference.lead_choice import Segment
from inference.some_slots import SomeSlots
from inference.stage import Composite, Stage


class LeadMemory(SomeSlots):
    """Parks the state of stages, lead by lead.

    Parameters
    ----------
    stages : mapping of str to Stage
        Those that know shapes.
    n_leads : int
        Leads that a stream may be scored by.

    Examples
    --------
    >>> from inference.slots import Field
    >>> shapes = Stage({"usual": Field(initial=-1)}, 1)
    >>> memory = LeadMemory({"shapes": shapes}, 2); memory.resize(1)
    >>> shapes.state["usual"][0] = 7; memory.change(0, 0, 1); shapes.state["usual"].tolist()
    [-1.0]
    >>> memory.change(0, 1, 0); shapes.state["usual"].tolist()
    [7.0]
    """

    def __init__(self, stages: Mapping[str, Stage], n_leads: int) -> None:
        self._stages = dict(stages)
        self._parked = [
            {name: Stage(stage.state.fields) for name, stage in self._stages.items()}
            for _ in range(n_leads)
        ]
        super().__init__(
            Composite({f"lead{i}": Composite(each) for i, each in enumerate(self._parked)})
        )

    def follow(self, part: Segment) -> None:
        """Change where the lead of a segment's stream does."""
        for slot in part.fresh.tolist():
            self.change(slot, part.was, int(part.lead[0]))

    def change(self, slot: int, was: int, now: int) -> None:
        """Park what is known of the lead left, and go on with what was known of the other.

        Parameters
        ----------
        slot : int
            The stream.
        was, now : int
            The lead left and the one that is scored from here on.
        """
        slots = np.array([slot])
        if self.places(slots)[0] < 0:
            self.seat(slot)
        place = self.places(slots)
        for name, stage in self._stages.items():
            self._parked[was][name].restore(place, stage.snapshot(slots))
            stage.restore(slots, self._parked[now][name].snapshot(place))
