"""Dead letters on real Kafka: read, chosen, and sent again once, whoever asks how often."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from deploy.cli.main import run
from deploy.services.dead_letters import Choice, read_letters, replay_letters
from ingest.codec import encode
from ingest.dead_letters import decode_dead_letter, encode_dead_letter
from ingest.errors import InputError
from ingest.kafka import KafkaSink, KafkaSource
from ingest.source import DeadLetter
from tests.brokers import fresh_topic, read_messages
from tests.ingest.synthetic import frame

if TYPE_CHECKING:
    from deploy.kafka.cluster import KafkaCluster

GOOD = encode([frame(0, 50)])


@pytest.fixture
def letters(kafka_cluster: KafkaCluster) -> tuple[str, str]:
    """A topic of letters, and the topic of frames that they came from."""
    frames, dead = fresh_topic(kafka_cluster, 2), fresh_topic(kafka_cluster, kind="dead")
    topic = frames.rpartition("/")[2]
    sink = KafkaSink(dead)
    for letter in (
        DeadLetter(GOOD, "version", "once too new", topic, 0, 17, b"p1"),
        DeadLetter(b"junk", "not-protobuf", "no", topic, 1, 3, b"p2"),
        DeadLetter(GOOD, "version", "once too new", topic, 0, 17, b"p1"),  # told twice
        DeadLetter(GOOD, "lead", "none fits", "", 0, -1, b"p3"),
    ):
        sink.write("k", encode_dead_letter(letter))
    sink.write("k", b"no letter")
    sink.close()
    return dead, frames


def test_keys_are_kept_and_letters_without_one_are_still_read() -> None:
    letter = DeadLetter(b"x", "fs", "no", "t", 0, 1, b"\xff\x00key")
    assert decode_dead_letter(encode_dead_letter(letter)) == letter
    old = json.loads(encode_dead_letter(letter))
    del old["key"]
    assert decode_dead_letter(json.dumps(old).encode()).key == b""


@pytest.mark.kafka
def test_a_source_keeps_the_key_of_what_it_cannot_read(kafka_cluster: KafkaCluster) -> None:
    url = fresh_topic(kafka_cluster)
    sink = KafkaSink(url)
    sink.write("p9", b"junk")
    sink.close()
    source, dead = KafkaSource(url, "g-" + url[-6:]), []
    while not dead:
        dead += source.poll(1.0).dead
    source.close()
    assert (dead[0].key, dead[0].payload, dead[0].offset) == (b"p9", b"junk", 0)


@pytest.mark.kafka
def test_letters_are_listed_and_chosen(letters: tuple[str, str]) -> None:
    dead, frames = letters
    found = read_letters(dead)
    assert [each.letter and each.letter.reason for each in found] == [
        "version", "not-protobuf", "version", "lead", None,
    ]  # fmt: skip
    assert "JSON" in found[-1].problem
    assert len(read_letters(dead, Choice(reason="version"))) == 2
    assert len(read_letters(dead, Choice(topic=frames.rpartition("/")[2]))) == 3
    assert read_letters(dead, Choice(place=(0, 1)))[0].letter.payload == b"junk"


@pytest.mark.kafka
def test_a_replay_sends_each_once_under_its_key(letters: tuple[str, str]) -> None:
    dead, frames = letters
    n_sent, left = replay_letters(dead)
    assert n_sent == 2
    whys = sorted(why for _, why in left)
    assert whys[0].startswith("it came from no topic")
    assert whys[1].startswith("no dead letter")
    assert whys[2] == "the same message as one before"
    again, left = replay_letters(dead)
    assert again == 0
    assert sum(why == "already sent again" for _, why in left) == 3
    assert sorted(read_messages(frames, 3, timeout_s=3)) == sorted([("p1", GOOD), ("p2", b"junk")])
    assert sum(found.replayed for found in read_letters(dead)) == 3


@pytest.mark.kafka
def test_what_was_not_committed_is_sent_by_the_next(
    letters: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, frames = letters

    def die(self: KafkaSink) -> None:
        self._producer.flush()  # all of it lies on the broker, in a transaction that never ends
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(KafkaSink, "flush", die)
        patched.setattr(KafkaSink, "close", lambda self: self._producer.close(timeout=0))
        with pytest.raises(KeyboardInterrupt):
            replay_letters(dead)
    assert replay_letters(dead)[0] == 2
    assert len(read_messages(frames, 3, timeout_s=3)) == 2


@pytest.mark.kafka
def test_the_command(letters: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    dead, frames = letters
    assert run(["dead-letters", "list", dead, "--reason", "lead", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["reason"], told["key"], told["bytes"]) == ("lead", "p3", len(GOOD))
    assert run(["dead-letters", "show", dead, "--at", "0/1"]) == 0
    assert "6a 75 6e 6b" in capsys.readouterr().out
    assert (
        run(["dead-letters", "replay", dead, "--reason", "lead", "--to", frames, "--dry-run"]) == 0
    )
    assert "nothing was sent" in capsys.readouterr().out
    assert run(["dead-letters", "replay", dead, "--reason", "lead", "--to", frames]) == 0
    assert "1 sent again, 0 left" in capsys.readouterr().out
    assert read_messages(frames, 1) == [("p3", GOOD)]
    assert run(["dead-letters", "show", dead, "--at", "0/99"]) == 2


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["burn", "kafka://a:1/b"], "known are list, show, replay"),
        (["show", "kafka://a:1/b"], "show needs --at"),
        (["list", "kafka://a:1/b", "--dry-run"], "are of replay"),
        (["list", "kafka://a:1/b", "--at", "x"], "PARTITION/OFFSET"),
        (["list", "kafka://a:1/b", "--since", "soon"], "ISO 8601"),
        (["list", "a"], "kafka://HOST:PORT"),
    ],
)
def test_bad_use_exits_2(argv: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dead-letters", *argv]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.kafka
def test_another_kafka_is_refused(letters: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="not on the Kafka of"):
        replay_letters(letters[0], to="kafka://elsewhere:1/frames")
