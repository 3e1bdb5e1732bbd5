"""What a member of a consumer group has, told together with the membership it has it by.

kafka-python 3.0.12 joins groups on a thread of its own, and gets four things wrong. Three let two
members take themselves for the owner of one partition:

* A member that was shut out of its group, because it was frozen beyond its session, claims what
  it had when it joins again, without saying that this was generations ago. The leader may then
  give it a partition in the very round in which its owner hears that it went
  (:class:`Assignor` forgets claims that were lost, dates all, and believes the latest).
* One shut out *while it joins* is never told that it lost its partitions. Given them again, it
  would go on from where it was, though others have gone on meanwhile.
* A member learns the new generation before it learns what it has in it. By the number alone the
  brokers would take offsets of partitions that went.

So whoever commits uses the membership of the assignment it was last told (:class:`Assignment`),
never that of now, and with another membership nothing is left of what a member had.

The fourth makes a member that is none: a leader that joins because partitions were added, or were
not yet known, forgets why as soon as it has shared them out. If that happens between two polls its
join is never completed, it says nothing to the group any more and goes on with what others are
given meanwhile (:meth:`Membership.poll` reminds it).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.protocol.consumer.metadata import ConsumerProtocolSubscription
from kafka.structs import MemberState

logger = logging.getLogger(__name__)

DATED_VERSION = 2
"""First version of a subscription that says of which generation its claims are (KIP-792)."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a member has, as of one generation of its group."""

    member: Any
    """Its place in the group, kafka-python's ``ConsumerGroupMetadata``; None: it was shut out."""
    partitions: frozenset[int]
    """All its partitions."""

    def is_of(self, member: Any) -> bool:
        """Tell whether it is of the same membership, so that what it had before is still its own.

        The brokers give a new id to whoever joins after it was shut out, or started again.
        """
        return (
            self.member is not None
            and member is not None
            and self.member.member_id == member.member_id
        )


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    """Notes on the network's thread what the group gives, until it is taken."""

    def __init__(self) -> None:
        self.assignor = Assignor(self)
        self._consumer: Any = None
        self._noted: deque[Assignment] = deque()
        self._lock = threading.Lock()

    def follow(self, consumer: Any) -> None:
        """Ask this consumer who it is, from now on."""
        self._consumer = consumer

    def poll(self, timeout_s: float) -> Any:
        """Return kafka-python's records by partition; goes on with a join that is under way."""
        coordinator = self._consumer._coordinator  # nothing public tells or asks
        if self.joining and not coordinator.need_rejoin():
            logger.info("takes up a join of the group that was left half done")
            coordinator.request_rejoin()
        return self._consumer.poll(timeout_ms=round(timeout_s * 1000))

    @property
    def joining(self) -> bool:
        """True while a join of the group is under way."""
        return bool(self._consumer.group_metadata().state == MemberState.REBALANCING)

    def take(self) -> list[Assignment]:
        """Return what was noted, in order, and forget it."""
        with self._lock:
            noted = list(self._noted)
            self._noted.clear()
        return noted

    def note(self, partitions: Iterable[Any]) -> None:
        """Note all that this member has from now on."""
        has = frozenset(at.partition for at in partitions)
        member = self._consumer.group_metadata()
        logger.debug("%s has %s", member, sorted(has))
        self._append(Assignment(member, has))

    def on_partitions_lost(self, lost: Sequence[Any]) -> None:
        """Note that this member was shut out, and has nothing."""
        logger.info("shut out of the group, without %s", sorted(at.partition for at in lost))
        self.assignor.forget()
        self._append(Assignment(None, frozenset()))

    def on_partitions_revoked(self, revoked: Sequence[Any]) -> None:
        """Do nothing: the assignment that takes partitions away was noted."""

    def on_partitions_assigned(self, assigned: Sequence[Any]) -> None:
        """Do nothing: the assignment that brings partitions was noted."""

    def _append(self, assignment: Assignment) -> None:
        with self._lock:
            self._noted.append(assignment)


class Assignor(CooperativeStickyAssignor):  # type: ignore[misc]  # kafka-python has no types
    """Cooperative sticky assignor whose members' claims are dated, and believed by their dates.

    Members with kafka-python's own assignor may be in the same group, as while workers are
    exchanged one by one.
    """

    def __init__(self, membership: Membership) -> None:
        super().__init__()
        self._membership = membership

    def metadata(self, topics: Iterable[str]) -> Any:
        """Return what this member says when it joins: its claims, and their generation."""
        said = super().metadata(topics)
        return ConsumerProtocolSubscription(
            version=DATED_VERSION,
            topics=said.topics,
            user_data=said.user_data,
            owned_partitions=said.owned_partitions,
            generation_id=self.generation,
        )

    def on_assignment(self, assignment: Any, generation: int) -> None:
        """Note what this member was given, before its consumer goes on."""
        super().on_assignment(assignment, generation)
        self.generation = generation
        self._membership.note(assignment.partitions())

    def forget(self) -> None:
        """Claim nothing any more."""
        self.member_assignment = None
        self.generation = self.DEFAULT_GENERATION_ID

    def assign(self, cluster: Any, members: Sequence[Any]) -> Any:
        """Share the partitions among the members, as the group's leader."""
        latest: dict[tuple[str, int], tuple[int, str]] = {}
        for member in members:
            for at in _claims(member):
                dated = member.metadata.generation_id, member.member_id
                latest[at] = max(latest.get(at, dated), dated)
        for member in members:
            owned: dict[str, list[int]] = {}
            for topic, partition in _claims(member):
                if latest[topic, partition][1] == member.member_id:
                    owned.setdefault(topic, []).append(partition)
            make = ConsumerProtocolSubscription.TopicPartition
            member.metadata.owned_partitions = [
                make(topic=topic, partitions=partitions) for topic, partitions in owned.items()
            ]
        return super().assign(cluster, members)


def _claims(member: Any) -> list[tuple[str, int]]:
    """Return what a member says that it has."""
    return [
        (owned.topic, partition)
        for owned in member.metadata.owned_partitions or ()
        for partition in owned.partitions
    ]
