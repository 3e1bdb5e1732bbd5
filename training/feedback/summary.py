"""How much was said, how much of it is settled, and how often people agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from ingest.verdicts import Verdict, unique
from training.feedback.resolve import State, last_words, resolve
from training.feedback.trust import TrustPolicy


def summarise(verdicts: Sequence[Verdict], policy: TrustPolicy = TrustPolicy()) -> dict[str, Any]:
    """Sum up feedback.

    Parameters
    ----------
    verdicts : sequence of Verdict
        All of them.
    policy : TrustPolicy
        What is believed of whom.

    Returns
    -------
    dict
        ``verdicts``, ``people``, ``streams``; ``targets`` by state; ``alarms`` by condition with
        the settled answers; ``agreement``: of pairs of people who judged the same thing, by roles.
    """
    own = unique(verdicts)
    answers = resolve(own, policy)
    alarms: dict[str, Counter[str]] = {}
    for one in answers:
        if one.alarm_id is not None:
            said = one.answer if one.state is State.SETTLED else one.state.value
            alarms.setdefault(one.condition or "unknown", Counter())[said] += 1
    return {
        "verdicts": len(own),
        "people": len({one.who for one in own}),
        "streams": len({one.stream_id for one in own}),
        "disputes": sum(one.disputes is not None for one in own),
        "targets": {state.value: sum(a.state is state for a in answers) for state in State},
        "alarms": {name: dict(counts) for name, counts in sorted(alarms.items())},
        "beats": dict(Counter(a.answer for a in answers if a.sample is not None)),
        "agreement": agreement(own),
    }


def agreement(verdicts: Sequence[Verdict]) -> dict[str, dict[str, float | int]]:
    """Tell how often two people who judged the same thing said the same, by their roles.

    Two who are each right with probability p agree in p**2 + (1 - p)**2 / (k - 1) of what has
    k answers: 0.82 of beats and of alarms for p = 0.9.
    """
    by_target: dict[tuple[str, str, str], list[Verdict]] = {}
    for one in verdicts:
        by_target.setdefault(one.target, []).append(one)
    pairs: Counter[str] = Counter()
    same: Counter[str] = Counter()
    for those in by_target.values():
        for one, other in combinations(last_words(those).values(), 2):
            roles = " and ".join(sorted((one.role, other.role)))
            pairs[roles] += 1
            same[roles] += one.answer == other.answer
    return {
        roles: {"pairs": n, "agree": round(same[roles] / n, 4)}
        for roles, n in sorted(pairs.items())
    }
