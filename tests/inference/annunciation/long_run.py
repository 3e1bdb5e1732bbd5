"""Random lives by the million: python -m tests.inference.annunciation.long_run --steps 2000000

Each life has its own seed. Where one differs from the specification, what it did is shortened to
what the difference needs and printed; --seed N --lives 1 lives it again. The stateful test beside
it draws the same steps by Hypothesis; this is longer and denser, and counts what was done.
"""

import argparse
import random
import sys
import time
from collections import Counter

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
RULES = [
    ("wait", 6, lambda r: (r.choice([0, 1, 1, 2, 2, 3, 4, 5, 6, 8, 11, 14, 40]),)),
    ("begin", 4, lambda r: (r.randrange(100),)),
    ("end", 3, lambda r: (r.randrange(100), r.choice(ENDS))),
    ("acknowledge", 2, lambda r: (r.randrange(100),)),
    ("pause", 1, lambda r: (r.choice([None, 3, 20, 1000]), r.random() < 0.5)),
    ("switch", 1, lambda r: (r.randrange(100), r.random() < 0.6)),
    ("engine_acknowledges", 0.5, lambda r: (r.randrange(100), r.random() < 0.5)),
    ("stand_by_or_resume", 0.3, lambda _: ()),
    ("what_may_be_refused", 0.3, lambda r: (r.choice(NONSENSE),)),
    ("clock_runs_backwards", 0.1, lambda _: (1,)),
]
"""Step, how often it is drawn, and what it is given."""


def drawn(seed, n_steps):
    """Draw a policy and the steps of one life."""
    rng = random.Random(seed)
    policy = rng.choice([SHORT, SHORT, BARE, Policy()])
    rules = rng.choices(RULES, [weight for _, weight, _ in RULES], k=n_steps)
    return policy, [(name, given(rng)) for name, _, given in rules]


def lived(policy, steps):
    """Live one life, and hold it against the specification."""
    bed = BedLife()
    bed.admit(policy)
    for name, given in steps:
        getattr(bed, name)(*given)
    bed.teardown()
    return bed


def live(seed, n_steps):
    """Live the life of a seed."""
    return lived(*drawn(seed, n_steps))


def differs(policy, steps):
    """Say whether a life is told otherwise than specified."""
    try:
        lived(policy, steps)
    except AssertionError:
        return True
    return False


def shortened(policy, steps):
    """Leave out what the difference does not need: halves, quarters, … and single steps."""
    size = max(len(steps) // 2, 1)
    while True:
        at, before = 0, len(steps)
        while at < len(steps):
            rest = steps[:at] + steps[at + size :]
            if differs(policy, rest):
                steps = rest
            else:
                at += size
        if size == 1 and len(steps) == before:
            return steps
        size = max(size // 2, 1)


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
    done, signals, n_refused, simulated_s = Counter(), Counter(), 0, 0
    for seed in range(told.seed, told.seed + lives):
        policy, steps = drawn(seed, told.life)
        try:
            bed = lived(policy, steps)
        except AssertionError:
            print(f"the life of seed {seed} differs; of {len(steps)} steps it needs:", flush=True)
            for name, given in shortened(policy, steps):
                print(f"    {name}{given}")
            raise
        done.update(name for name, _ in steps)
        signals.update(kind for _, kind, _ in bed.told)
        n_refused += sum(bed.refused)
        simulated_s += bed.second
        if seed % 200 == 199:
            print(f"{done.total()} steps, no difference", file=sys.stderr, flush=True)
    took_s = time.monotonic() - started_s
    print(f"{lives} lives, {done.total()} steps, {simulated_s / 3600:.0f} h of beds, no difference")
    print(f"seeds {told.seed} to {told.seed + lives - 1}, {took_s:.0f} s")
    print("steps:", ", ".join(f"{name} {n}" for name, n in done.most_common()))
    print("told:", ", ".join(f"{name} {n}" for name, n in signals.most_common()))
    print(f"refused, as specified: {n_refused}")


if __name__ == "__main__":
    sys.exit(main())
