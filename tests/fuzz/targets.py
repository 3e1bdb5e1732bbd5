"""Every reader of bytes from outside, with good inputs to begin from."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from ingest.codec import decode, encode
from ingest.dead_letters import decode_dead_letter, encode_dead_letter
from ingest.frame_columns import FrameColumns
from ingest.frames import Frame, Lead
from ingest.kafka_url import KafkaUrl
from ingest.memory import unpack
from ingest.sequence import Sequencer
from ingest.source import DeadLetter
from tests.fuzz.target import Target

JSON_WORDS = (
    b"null", b"true", b"[]", b"{}", b'"', b'""', b"\\u0000", b"\\ud800", b"\xff", b"[" * 100_000,
    b'{"a":' * 60_000, b",", b":", b"1" * 5000,
)  # fmt: skip
"""What readers of JSON stumble over."""


@cache
def folder() -> Path:
    """A folder for files that are read, in memory where there is one."""
    shm = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
    made = tempfile.mkdtemp(prefix="vigil-fuzz-", dir=shm if shm.is_dir() else None)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


def file_reader(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """Make a reader of bytes of a reader of files."""

    def call(content: bytes) -> object:
        path = folder() / name
        path.write_bytes(content)
        return read(path)

    return call


def frames(n_frames: int = 2, n_leads: int = 2, n_samples: int = 20) -> list[Frame]:
    """Return good frames of one stream."""
    leads = tuple(Lead(f"L{i}", "mV", 200.0, 0) for i in range(n_leads))
    samples = np.arange(n_leads * n_samples, dtype=np.int16).reshape(n_leads, n_samples)
    return [
        Frame("p1", "s1", i * n_samples, 10**18, 250.0, leads, samples, last=i == n_frames - 1)
        for i in range(n_frames)
    ]


def codec() -> Target:
    """Messages of frames."""
    seeds = [
        encode(frames()), encode(frames(1, 1, 250)), encode(frames(3, 12, 5)), encode([]),
        encode([Frame("n", "", 0, 0, 1.0, (Lead("SpO2", "%", 1.0),), np.zeros((1, 3), np.int16))]),
    ]  # fmt: skip
    return Target("codec", seeds, lambda content: list(decode(content)), (b"\x08\x01", b"\x12\x00"))


def sequence() -> Target:
    """Messages of frames, put in order: state is carried from input to input."""
    held = [Sequencer()]
    n_calls = [0]

    def call(content: bytes) -> None:
        n_calls[0] += 1
        if n_calls[0] % 5000 == 0:  # streams that come and go are forgotten by the worker
            held[0] = Sequencer()
        batch = unpack(content, "ecg.frames", 0, 0)
        held[0].push_columns(FrameColumns.of(batch.frames))

    return Target("sequence", codec().seeds, call, codec().tokens)


def command() -> Target:
    """People's commands."""
    from inference.annunciation.wire import COMMAND_SCHEMA, read_command

    head = {"schema": COMMAND_SCHEMA, "stream_id": "p1", "who": "nurse 7"}
    seeds = [
        json.dumps({**head, **keys}).encode()
        for keys in (
            {"command": "acknowledge", "condition": "vtach"},
            {"command": "audio_pause", "length_s": 120},
            {"command": "set_limits", "why": "w", "limits": {"tachycardia_bpm": 130}},
            {"command": "standby", "why": "bath"},
        )
    ]
    return Target("command", seeds, read_command, (*JSON_WORDS, b'"limits"', b'"change"'))


def dead_letter() -> Target:
    """Dead letters."""
    seeds = [encode_dead_letter(DeadLetter(b"junk", "fs", "no", "ecg.frames", 2, 17))]
    return Target("dead-letter", seeds, decode_dead_letter, (*JSON_WORDS, b"====", b'"payload"'))


def config() -> Target:
    """Settings of the worker."""
    from deploy.settings import load_settings

    seeds = [
        b'[kafka]\nservers = "a:1"\ntopic_in = "x"\n[kafka.security]\nprotocol = "SSL"\n',
        b"[limits]\ntachycardia_bpm = 130\n[http]\nport = 0\n[batch]\npoll_records = 5\n",
        b'[notify]\nwebhook = "https://a/b"\nsecret_file = "s"\n[annunciation]\nenabled = true\n',
    ]
    words = (b"[", b"]", b"[[", b"=", b'"""', b"'''", b"[" * 50_000, b"a." * 20_000, b"#", b"{")
    return Target("config", seeds, file_reader("vigil.toml", load_settings), words)


def address() -> Target:
    """Addresses of topics."""
    seeds = [b"kafka://b1:9092,b2:9092/ecg.frames", b"kafka://[::1]:1/x"]
    return Target(
        "address", seeds, lambda content: KafkaUrl.parse(content.decode("latin-1")), (b"a:1," * 9,)
    )
