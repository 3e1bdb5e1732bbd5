"""All workers hear a command; one writes it down, and refusals of the others are none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kafka.partitioner.default import DefaultPartitioner

from deploy.audit_log import AuditLog, read
from deploy.cli.monitor import own_files
from deploy.services.announcing import Announcer
from deploy.services.command_trail import CommandTrail
from deploy.services.ownership import GRACE_S, Ownership, partition_of
from deploy.settings import load_settings
from inference.annunciation import Desk
from ingest.kafka_commands import Message
from ingest.source import MemorySink
from tests.deploy.test_lateness import Ear

N = 12


@dataclass
class Group:
    """What one member of a group has."""

    assigned: tuple[int, ...] = ()
    joined: bool = True
    n_partitions: int = N


class Cluster:
    """What kafka-python asks of a cluster."""

    def topics(self) -> set[str]:
        return {"t"}

    def partitions_for_topic(self, _: str) -> set[int]:
        return set(range(N))

    available_partitions_for_topic = partitions_for_topic


@dataclass
class Work:
    """A worker as far as commands go."""

    folder: Path
    name: str
    held: Group
    now_s: float = 0.0
    inbox: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.owner = Ownership(lambda: self.held, lambda: self.now_s)
        self.audit = AuditLog(self.folder / f"{self.name}.jsonl", sync=False)
        self.dead = MemorySink()
        trail = CommandTrail(self.audit, self.dead, "ecg.commands", self.owner)
        self.announcer = Announcer(Desk(lambda: 1), [Ear()], self, trail=trail)

    def poll(self) -> list[bytes]:
        given, self.inbox = self.inbox, []
        return given

    def close(self) -> None:
        """Have nothing to close."""

    def written(self) -> list[str]:
        found = read(self.audit.path)
        return [each.what for each in found if each.what.startswith("command.")]


@pytest.fixture
def workers(tmp_path: Path):
    made = [Work(tmp_path, f"w{i}", Group(tuple(range(i, N, 3)))) for i in range(3)]
    yield made
    for each in made:
        each.audit.close()


def given(number: int, stream_id: str = "", **keys: object) -> Message:
    told = {"schema": "vigil.command/1", "who": "n", "stream_id": stream_id or f"p{number}"}
    made = Message(json.dumps({**told, **keys}).encode())
    made.partition_number, made.offset, made.key = number % 4, number, b"k"
    return made


def hear(workers: list[Work], texts: list[Message]) -> None:
    for each in workers:
        each.inbox += texts
        each.announcer.turn()


def test_each_command_stands_in_one_log_and_each_refused_one_is_one_dead_letter(workers) -> None:
    good = [given(i, command="standby", why="bath") for i in range(30)]
    absent = [given(30 + i, command="acknowledge") for i in range(20)]  # no such alarm anywhere
    junk = [given(50 + i, command="sing") for i in range(10)]
    hear(workers, [*good, *absent, *junk])
    written = [what for each in workers for what in each.written()]
    assert written.count("command.standby") == 30
    assert written.count("command.acknowledge") == 20
    assert written.count("command.refused") == 30
    assert sum(len(each.dead.messages) for each in workers) == 30
    assert all(len(each.announcer.desk.beds) == 30 for each in workers)  # all heard them


def test_a_command_is_written_down_where_its_stream_is(workers) -> None:
    one = given(7, command="standby", why="bath")
    hear(workers, [one])
    (owner,) = [each for each in workers if each.written()]
    assert partition_of(b"p7", N) in owner.held.assigned
    (entry,) = [each for each in read(owner.audit.path) if each.what == "command.standby"]
    assert (entry.details["partition"], entry.details["offset"]) == (3, 7)


def test_partitions_are_chosen_as_producers_choose_them() -> None:
    cluster = Cluster()
    for i in range(200):
        key = f"stream-{i}".encode()
        chosen = DefaultPartitioner().partition("t", None, key, None, None, cluster)
        assert partition_of(key, N) == chosen


def test_while_partitions_move_a_command_is_written_down_at_least_once(workers) -> None:
    first, second, _ = workers
    moving = first.held.assigned
    first.held.assigned = ()
    first.owner.lose(moving)
    texts = [given(i, command="standby", why="bath") for i in range(30)]
    hear(workers, texts)  # nobody else has them yet
    assert sum(len(each.written()) for each in workers) == 30
    second.held.assigned = (*second.held.assigned, *moving)
    for each in workers:
        each.now_s += GRACE_S + 1
    hear(workers, [given(100 + i, command="standby", why="bath") for i in range(30)])
    assert sum(len(each.written()) for each in workers) == 60


def test_a_worker_alone_or_not_yet_in_its_group_writes_down_all(tmp_path: Path) -> None:
    alone = Work(tmp_path, "alone", Group((), joined=False))
    hear([alone], [given(i, command="standby", why="bath") for i in range(5)])
    assert len(alone.written()) == 5
    alone.audit.close()


def test_workers_of_one_supervisor_have_files_of_their_own(tmp_path: Path) -> None:
    config = tmp_path / "vigil.toml"
    config.write_text('[audit]\nlog = "a.jsonl"\n[annunciation]\nenabled = true\nlog = "s"\n')
    settings = load_settings(config)
    assert own_files(settings, 0) == ["VIGIL_AUDIT__LOG=a.0.jsonl", "VIGIL_ANNUNCIATION__LOG=s.0"]
    assert not set(own_files(settings, 0)) & set(own_files(settings, 1))
