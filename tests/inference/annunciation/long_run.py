"""Random lives by the million: python -m tests.inference.annunciation.long_run --steps 3000000

Each life has its own seed, which is printed should it fail; --seed N --lives 1
lives it again. The stateful test beside it shrinks what it finds; this one is
longer and denser.
"""

import argparse
import random
import sys
import time

from inference.alarm_transition import TransitionKind
from inference.annunciation.inputs import Acknowledge, AlarmOn, AudioPause, Change, SetLimits
from inference.annunciation.policy import Policy
from tests.inference.annunciation.test_against_specification import BARE, SHORT, BedLife

ENDS = [TransitionKind.ENDED, TransitionKind.ENDED, TransitionKind.LATCHED]
NONSENSE = [
    Acknowledge(" "),
    AudioPause("nurse 7", 0),
    AlarmOn("dr 1", "v_run"),
    SetLimits("dr 1", "asked for", {"pause_s": 4.5}),
    Change("noise", TransitionKind.LATCHED),
]


def live(seed, steps):
    """Live one life, and hold it against the specification."""
    rng = random.Random(seed)
    bed = BedLife()
    bed.admit(rng.choice([SHORT, SHORT, BARE, Policy()]))

    def pick():
        return rng.randrange(100)

    rules = [
        (6, lambda: bed.wait(rng.choice([0, 1, 1, 2, 2, 3, 4, 5, 6, 8, 11, 14, 40]))),
        (4, lambda: bed.begin(pick())),
        (3, lambda: bed.end(pick(), rng.choice(ENDS))),
        (2, lambda: bed.acknowledge(pick())),
        (1, lambda: bed.pause(rng.choice([None, 3, 20, 1000]), rng.random() < 0.5)),
        (1, lambda: bed.switch(pick(), rng.random() < 0.6)),
        (0.5, lambda: bed.engine_acknowledges(pick(), rng.random() < 0.5)),
        (0.3, bed.stand_by_or_resume),
        (0.3, lambda: bed.what_may_be_refused(rng.choice(NONSENSE))),
        (0.1, lambda: bed.clock_runs_backwards(1)),
    ]
    weights, calls = [w for w, _ in rules], [call for _, call in rules]
    for call in rng.choices(calls, weights, k=steps):
        call()
    bed.teardown()
    return bed


def main():
    """Live as many lives as were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000, help="of all lives together")
    parser.add_argument("--lives", type=int, help="instead of --steps")
    parser.add_argument("--life", type=int, default=150, help="steps of one life")
    parser.add_argument("--seed", type=int, default=0, help="of the first life")
    told = parser.parse_args()
    lives = told.lives or -(-told.steps // told.life)
    started_s = time.monotonic()
    n_told = 0
    for seed in range(told.seed, told.seed + lives):
        try:
            n_told += len(live(seed, told.life).told)
        except AssertionError:
            print(f"the life of seed {seed} differs", flush=True)
            raise
    took_s = time.monotonic() - started_s
    print(f"{lives} lives of {told.life} steps, {n_told} signals, no difference, {took_s:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
