"""States are written evenly over time, so that no turn has to write them all."""

from __future__ import annotations

from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry

from inference.keeper import LEAST_A_TURN, PACE, Keeper
from inference.pipeline import Pipeline
from inference.progress import Dirty, Progress
from inference.recovery_metrics import RecoveryMetrics
from inference.roster import Known, Roster
from ingest.memory import LogSource, MemoryLog
from ingest.sequence import Sequencer

N_STREAMS, EVERY_S, TURN_S = 1000, 15.0, 0.5


class Counting:
    """A log of states that notes when each stream's was written."""

    def __init__(self) -> None:
        self.at_s: dict[str, list[float]] = {}
        self.a_turn: list[int] = []
        self.now_s = 0.0

    def load(self, partition: int) -> dict[str, list[bytes]]:
        raise AssertionError("nothing is taken over here")

    def write(self, partition: int, key: str, value: bytes | None) -> None:
        self.at_s.setdefault(key, []).append(self.now_s)
        self.a_turn[-1] += 1


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.mark.parametrize("n_partitions", [1, 3])
def test_streams_that_began_together_are_written_evenly(
    pipeline: Pipeline, n_partitions: int
) -> None:
    states, roster, progress = Counting(), Roster(), Progress()
    source = LogSource(MemoryLog(n_partitions))
    keeper = Keeper(
        source,
        states,
        pipeline,
        Sequencer(),
        roster,
        progress,
        RecoveryMetrics(CollectorRegistry()),
        every_s=EVERY_S,
        clock=lambda: states.now_s,
    )
    for i in range(N_STREAMS):
        roster.known[f"bed-{i}"] = Known(i % n_partitions, (), 0)
    for _ in range(round(6 * EVERY_S / TURN_S)):
        for name, known in roster.known.items():  # all are heard in every turn
            if not known.is_dirty:
                known.is_dirty = True
                progress.place(known.partition).dirty[name] = Dirty(0, 0, states.now_s)
        states.now_s += TURN_S
        states.a_turn.append(0)
        keeper.write()
        keeper.settled()

    even = TURN_S / EVERY_S * N_STREAMS
    assert max(states.a_turn) <= 1.5 * even
    assert even / n_partitions > LEAST_A_TURN  # which would hide an uneven pace
    waits_s = [b - a for at in states.at_s.values() for a, b in pairwise(at)]
    assert len(states.at_s) == N_STREAMS
    assert max(at[0] for at in states.at_s.values()) <= EVERY_S * (1 + 1 / PACE) + TURN_S
    assert max(waits_s) <= EVERY_S + 2 * TURN_S
