"""Partitions move only where they must: restarts one by one, members that come and go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.brokers import fresh_topic
from tests.ingest.test_kafka import Member, group, until

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster


@pytest.fixture
def members() -> Iterator[list[Member]]:
    made: list[Member] = []
    yield made
    for each in made:
        each.leave()


@pytest.mark.kafka
@pytest.mark.timeout(300)
def test_a_rolling_restart_of_named_members_moves_nothing(
    kafka_cluster: KafkaCluster, members: list[Member]
) -> None:
    url, name = fresh_topic(kafka_cluster, n_partitions=6), group()
    members += [Member(url, name, instance_id=f"w{i}") for i in range(3)]
    assert until(lambda: all(len(m.source.assigned) == 2 for m in members))
    before = [each.source.assigned for each in members]
    for each in members:
        each.gone.clear()

    for i in range(3):
        members[i].leave()
        members[i] = Member(url, name, instance_id=f"w{i}")
        assert until(lambda i=i: members[i].source.assigned == before[i])
        stayed = [each for j, each in enumerate(members) if j != i]
        assert [each.gone for each in stayed] == [[], []]

    assert [each.source.assigned for each in members] == before


@pytest.mark.kafka
@pytest.mark.timeout(300)
def test_a_member_that_joins_takes_only_what_it_gets(
    kafka_cluster: KafkaCluster, members: list[Member]
) -> None:
    url, name = fresh_topic(kafka_cluster, n_partitions=6), group()
    members += [Member(url, name), Member(url, name)]
    assert until(lambda: all(len(m.source.assigned) == 3 for m in members))
    for each in members:
        each.gone.clear()

    members.append(Member(url, name))

    assert until(lambda: all(len(m.source.assigned) == 2 for m in members))
    moved = sorted(partition for each in members[:2] for partition in each.gone)
    assert moved == sorted(members[2].source.assigned)
