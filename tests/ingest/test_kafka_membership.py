from __future__ import annotations

import time
import uuid
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaAdminClient
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.base import Generation
from kafka.protocol.consumer.metadata import ConsumerProtocolSubscription
from kafka.structs import ConsumerGroupMetadata, TopicPartition

from ingest.codec import encode
from ingest.kafka import KafkaSink, KafkaSource
from ingest.kafka_membership import Assignment, Assignor, Membership
from ingest.kafka_url import KafkaUrl
from tests.brokers import fresh_topic
from tests.ingest.synthetic import cut

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

TOPIC, N_PARTITIONS, NOW = "ecg.frames", 6, 8


class Topics:
    """What an assignor asks of a cluster."""

    def topics(self) -> set[str]:
        return {TOPIC}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(N_PARTITIONS))


@dataclass
class Joining:
    """A member as the group's leader sees it."""

    member_id: str
    metadata: Any


@dataclass
class Group:
    """What members have, and what those who were shut out before claim they had."""

    has: dict[str, set[int]]
    stale: dict[str, tuple[int, set[int]]] = field(default_factory=dict)

    def joining(self, generation: int, assignor: type[CooperativeStickyAssignor]) -> list[Joining]:
        claims = {name: (generation, has) for name, has in self.has.items()} | self.stale
        return [Joining(name, said(assignor, *claims[name])) for name in claims]


def said(assignor: type[CooperativeStickyAssignor], generation: int, has: set[int]) -> Any:
    """Return what a member says, as the leader reads it from the wire."""
    member = Assignor(Membership()) if assignor is Assignor else assignor()
    member.member_assignment = [TopicPartition(TOPIC, p) for p in sorted(has)]
    member.generation = generation
    metadata = member.metadata({TOPIC})
    return ConsumerProtocolSubscription.decode(metadata.encode(header=True))


def share(
    group: Group, generation: int, assignor: type[CooperativeStickyAssignor]
) -> dict[str, set[int]]:
    """Return what the leader gives to each member."""
    leader = Assignor(Membership()) if assignor is Assignor else assignor()
    given_to = leader.assign(Topics(), group.joining(generation, assignor))
    return {name: {at.partition for at in found.partitions()} for name, found in given_to.items()}


@st.composite
def groups(draw: st.DrawFn) -> Group:
    """Members that have partitions, and others that were shut out and come again."""
    names = draw(st.permutations(["a", "b", "c", "d"]))
    n_members = draw(st.integers(1, 3))
    owners = draw(
        st.lists(
            st.sampled_from([*names[:n_members], None]),
            min_size=N_PARTITIONS,
            max_size=N_PARTITIONS,
        )
    )
    has = {name: {p for p, owner in enumerate(owners) if owner == name} for name in names}
    claims = st.tuples(st.integers(1, NOW - 1), st.sets(st.integers(0, N_PARTITIONS - 1)))
    return Group(
        {name: has[name] for name in names[:n_members]},
        {name: draw(claims) for name in names[n_members:]},
    )


@given(groups())
def test_nobody_is_given_a_partition_in_the_round_in_which_another_hears_that_it_went(
    group: Group,
) -> None:
    owner = {p: name for name, has in group.has.items() for p in has}

    for name, partitions in share(group, NOW, Assignor).items():
        assert {owner.get(p, name) for p in partitions} <= {name}


def test_kafka_pythons_own_assignor_believes_the_stale() -> None:
    group = Group({"a": {0, 1, 2, 3, 4, 5}}, {"b": (NOW - 1, {3, 4, 5})})

    assert share(group, NOW, CooperativeStickyAssignor)["b"]  # while a has them
    assert not share(group, NOW, Assignor)["b"]


@given(groups())
def test_after_a_few_rounds_each_partition_is_at_one_member_and_all_have_their_share(
    group: Group,
) -> None:
    for generation in range(NOW, NOW + 3):
        group = Group(share(group, generation, Assignor))

    has = list(group.has.values())
    assert sorted(p for partitions in has for p in partitions) == list(range(N_PARTITIONS))
    assert max(map(len, has)) - min(map(len, has)) <= 1


def test_who_was_shut_out_claims_nothing() -> None:
    membership = Membership()
    membership.assignor.member_assignment = [TopicPartition(TOPIC, 1)]
    membership.assignor.generation = 5

    membership.on_partitions_lost([TopicPartition(TOPIC, 1)])

    metadata = membership.assignor.metadata({TOPIC})
    assert (list(metadata.owned_partitions), metadata.generation_id) == ([], -1)
    assert membership.take() == [Assignment(None, frozenset())]


def test_only_the_same_member_goes_on_with_what_it_had() -> None:
    before, after = (ConsumerGroupMetadata("g", 3, name, "worker-1") for name in "ab")
    later = ConsumerGroupMetadata("g", 9, "a", "worker-1")

    assert Assignment(later, frozenset()).is_of(before)
    assert not Assignment(after, frozenset()).is_of(before)
    assert not Assignment(None, frozenset()).is_of(before)
    assert not Assignment(after, frozenset()).is_of(None)


@pytest.fixture
def heard(kafka_cluster: KafkaCluster) -> Any:
    """A static member of a group, which was handed two of three messages and committed one."""
    url, told = fresh_topic(kafka_cluster), []
    sink = KafkaSink(url)
    for frame in cut([0, 50, 100, 150]):
        sink.write("bed-1", encode([frame]))
    sink.close()
    source = KafkaSource(
        url,
        f"group-{uuid.uuid4()}",
        instance_id="worker-1",
        on_assigned=lambda partitions: told.append(("came", list(partitions))),
        on_revoked=lambda partitions: told.append(("went", list(partitions))),
        options={"max_poll_records": 1},
    )
    for _ in range(2):
        while not source.poll(0.2).frames:
            pass
        if source.positions == {0: 1}:
            source.commit()
    yield source, told
    source.close()


@pytest.mark.kafka
@pytest.mark.parametrize("while_it_joins", [False, True])
def test_who_was_shut_out_and_comes_again_begins_where_the_group_is(
    heard: tuple[KafkaSource, list[Any]], while_it_joins: bool
) -> None:
    source, told = heard
    coordinator = source._consumer._coordinator
    before = source.group_metadata.member_id

    coordinator.rejoining = while_it_joins
    coordinator.reset_generation()  # as when a broker says that it does not know this member
    offsets: list[int] = []
    while len(offsets) < 2:
        offsets += [at for at in source.poll(0.2).offsets if len(told) == 3]

    assert offsets == [1, 2]
    assert told == [("came", [0]), ("went", [0]), ("came", [0])]
    assert source.group_metadata.member_id != before


@pytest.mark.kafka
def test_nothing_is_committed_by_a_generation_whose_assignment_was_not_told(
    heard: tuple[KafkaSource, list[Any]],
) -> None:
    source, _ = heard
    told = source.group_metadata
    coordinator = source._consumer._coordinator

    coordinator._generation = Generation(told.generation_id + 1, told.member_id, "cooperative")

    assert source.group_metadata.generation_id == told.generation_id


@pytest.mark.kafka
def test_a_leader_whose_join_ends_between_two_polls_stays_a_member(
    kafka_cluster: KafkaCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = fresh_topic(kafka_cluster)
    options = {"metadata_max_age_ms": 300}
    source = KafkaSource(url, f"group-{uuid.uuid4()}", options=options)
    while source.assigned != (0,):
        source.poll(0.2)
    poll = source._consumer.poll

    def poll_and_pause(timeout_ms: int) -> Any:
        """As where a busy machine lets the joining thread run first."""
        found = poll(timeout_ms=timeout_ms)
        time.sleep(0.3)
        return found

    monkeypatch.setattr(source._consumer, "poll", poll_and_pause)
    with closing(KafkaAdminClient(bootstrap_servers=kafka_cluster.bootstrap)) as admin:
        admin.create_partitions({KafkaUrl.parse(url).topic: 3})
    deadline_s = time.monotonic() + 60
    while source.assigned != (0, 1, 2) and time.monotonic() < deadline_s:
        source.poll(0.001)

    assert source.assigned == (0, 1, 2)
    source.close()
