"""Verdicts on one alarm or beat, brought to one answer, or to none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ingest.verdicts import LABELS, Verdict, unique
from training.feedback.trust import ALARM_ANSWERS, TrustPolicy, posterior


class State(StrEnum):
    """What became of a question."""

    SETTLED = "settled"
    """The answer is trusted."""
    WEAK = "weak"
    """Nobody contradicts, but who spoke is not trusted enough."""
    UNRESOLVED = "unresolved"
    """People disagree, or what is disputed was not judged by anybody else."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """One alarm or beat, and what it is taken to be."""

    stream_id: str
    """Pseudonym of the stream."""
    session: str
    """Session of its device."""
    alarm_id: str | None
    """The alarm, or None of a beat."""
    condition: str | None
    """What the alarm is about."""
    sample: int | None
    """The beat's R-peak, or None of an alarm."""
    answer: str
    """Most probable answer: a label, or true, false, artefact."""
    trust: float
    """Its probability; :func:`training.feedback.trust.posterior`."""
    state: State
    """Whether it may be used."""
    people: int
    """How many spoke."""
    verdicts: tuple[str, ...]
    """Ids of all verdicts on it, also those that their giver took back."""

    def to_dict(self) -> dict[str, object]:
        """Give it as a JSON object."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return told | {"state": self.state.value, "trust": round(self.trust, 4)}


def resolve(verdicts: Iterable[Verdict], policy: TrustPolicy = TrustPolicy()) -> list[Resolved]:
    """Bring verdicts to answers, one for each alarm and beat.

    Of each person the last word counts; the ones before stay on record. A verdict that was
    disputed by somebody else settles nothing until a third person has spoken.

    Parameters
    ----------
    verdicts : iterable of Verdict
        In any order; what is there twice counts once.
    policy : TrustPolicy
        What is believed of whom.

    Raises
    ------
    ingest.errors.InputError
        If nothing is stated of a role.
    """
    by_target: dict[tuple[str, str, str], list[Verdict]] = {}
    for verdict in unique(verdicts):
        by_target.setdefault(verdict.target, []).append(verdict)
    return [_resolved(those, policy) for those in by_target.values()]


def last_words(verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    """Give the last verdict of each person; verdicts in order of time."""
    return {verdict.who: verdict for verdict in verdicts}


def _resolved(verdicts: list[Verdict], policy: TrustPolicy) -> Resolved:
    one, words = verdicts[0], last_words(verdicts)
    answers = LABELS if one.sample is not None else ALARM_ANSWERS
    votes = [(word.answer, policy.of(word.role)) for word in words.values()]
    found = posterior(votes, answers)
    answer = max(answers, key=lambda each: found[each])
    agreed = len({said for said, _ in votes}) == 1
    parties = set(_open_dispute(verdicts, words))
    waiting = bool(parties) and not set(words) - parties
    if waiting or (found[answer] < policy.least and not agreed):
        state = State.UNRESOLVED
    else:
        state = State.SETTLED if found[answer] >= policy.least else State.WEAK
    alarm = None if one.sample is not None else one.alarm_id
    return Resolved(
        one.stream_id,
        one.session,
        alarm,
        one.condition,
        one.sample,
        answer,
        found[answer],
        state,
        len(words),
        tuple(verdict.id for verdict in verdicts),
    )


def _open_dispute(verdicts: list[Verdict], words: dict[str, Verdict]) -> Iterator[str]:
    """Name those who stand against each other by a dispute, and still say different things."""
    by_id = {verdict.id: verdict for verdict in verdicts}
    for verdict in verdicts:
        other = None if verdict.disputes is None else by_id.get(verdict.disputes)
        if other is None or other.who == verdict.who:
            continue
        if words[verdict.who].answer != words[other.who].answer:
            yield from (verdict.who, other.who)
