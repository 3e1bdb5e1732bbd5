"""Which alarm of the champion is which of the candidate: by condition and overlap in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from deploy.shadow.said import SaidAlarm

Kind = Literal["both", "only_champion", "only_candidate", "other_condition"]
"""Both raised it; one alone did; or they raised different conditions at the same time."""
KINDS: tuple[Kind, ...] = ("only_champion", "only_candidate", "other_condition", "both")
"""In the order of reports."""
ROOM_S = 5.0
"""How far two alarms may lie apart and still be of the same, s."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One alarm of either, or of both."""

    champion: SaidAlarm | None
    """The champion's; None where it raised none."""
    candidate: SaidAlarm | None
    """The candidate's."""

    @property
    def kind(self) -> Kind:
        """Which kind of difference it is."""
        if self.champion is None or self.candidate is None:
            return "only_candidate" if self.champion is None else "only_champion"
        same = self.champion.condition == self.candidate.condition
        return "both" if same else "other_condition"

    @property
    def one(self) -> SaidAlarm:
        """The champion's alarm, or else the candidate's."""
        found = self.champion or self.candidate
        if found is None:
            raise ValueError("a pair of nothing")
        return found

    @property
    def shift_s(self) -> float | None:
        """How much later the candidate decided, s; None where one did not."""
        if self.champion is None or self.candidate is None:
            return None
        return self.candidate.decided_s - self.champion.decided_s

    @property
    def priority_change(self) -> str | None:
        """From which priority to which; None where it is the same."""
        if self.champion is None or self.candidate is None:
            return None
        before, after = self.champion.priority, self.candidate.priority
        return None if before == after else f"{before} to {after}"


def overlap(a: SaidAlarm, b: SaidAlarm) -> bool:
    """Tell whether two alarms lie in the same time, or within :data:`ROOM_S`."""
    return a.onset_s - ROOM_S <= b.end_s and b.onset_s - ROOM_S <= a.end_s


def pair_alarms(champion: Iterable[SaidAlarm], candidate: Iterable[SaidAlarm]) -> list[Pair]:
    """Pair alarms, each at most once.

    First those of one condition that overlap, the nearest onsets first; then, of what is left,
    different conditions that overlap.

    Returns
    -------
    list of Pair
        By stream and time.
    """
    by_stream: dict[tuple[str, str], tuple[list[SaidAlarm], list[SaidAlarm]]] = defaultdict(
        lambda: ([], [])
    )
    for side, alarms in enumerate((champion, candidate)):
        for alarm in alarms:
            by_stream[alarm.stream][side].append(alarm)
    pairs: list[Pair] = []
    for ours, theirs in by_stream.values():
        pairs += _of_stream(ours, theirs)
    return sorted(pairs, key=lambda pair: (pair.one.stream, pair.one.onset_s, pair.one.condition))


def _of_stream(ours: Sequence[SaidAlarm], theirs: Sequence[SaidAlarm]) -> list[Pair]:
    """Pair the alarms of one stream."""
    left, right = list(ours), list(theirs)
    pairs: list[Pair] = []
    for same in (True, False):
        near = sorted(
            (
                (abs(a.onset_s - b.onset_s), i, j)
                for i, a in enumerate(left)
                for j, b in enumerate(right)
                if (a.condition == b.condition) == same and overlap(a, b)
            ),
        )
        used_a: set[int] = set()
        used_b: set[int] = set()
        for _, i, j in near:
            if i not in used_a and j not in used_b:
                used_a.add(i)
                used_b.add(j)
                pairs.append(Pair(left[i], right[j]))
        left = [a for i, a in enumerate(left) if i not in used_a]
        right = [b for j, b in enumerate(right) if j not in used_b]
    return [*pairs, *(Pair(a, None) for a in left), *(Pair(None, b) for b in right)]
