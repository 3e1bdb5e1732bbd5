"""Whether a storage can hold an archive: ``python -m deploy.trials.archive_place s3://bucket/try``.

Writes a small archive below the address, reads, compacts and verifies it, forgets a stream, and
lets a second writer try to take its partition; what it wrote stays, in a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from ingest.archive import (
    Archive,
    ArchiveWriter,
    LogMessage,
    Plan,
    forget_stream,
    maintain,
    verify,
)
from ingest.archive.manifest import ChainMovedError
from ingest.codec import encode
from ingest.errors import InputError
from ingest.frames import Frame, Lead

TOPIC, SECONDS, STREAMS = "trial.frames", 8, 6
LEADS = (Lead("II"), Lead("V1"))


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    place: str = ""
    """Where, without user and password."""
    rows: int = 0
    """Rows that were written and read again."""
    files: int = 0
    """Files before compaction."""
    compacted: int = 0
    """Files after it."""
    wall_s: float = 0.0
    """Time that it took, s."""
    faults: list[str] = field(default_factory=list)
    """What the storage did not do."""


def try_place(url: str) -> Outcome:
    """Try a storage.

    Raises
    ------
    InputError
        If it cannot be used at all.
    OSError
        If it fails.

    Examples
    --------
    >>> outcome = try_place("memory://doctest-try")
    >>> outcome.rows, outcome.compacted < outcome.files, outcome.faults
    (48, True, [])
    """
    began_s, outcome = time.monotonic(), Outcome()
    base, mark, query = url.partition("?")
    address = f"{base.rstrip('/')}/vigil-try-{secrets.token_hex(4)}{mark}{query}"
    sent = [_moment(second) for second in range(SECONDS)]
    messages = [LogMessage(i, 1000 * i, encode(moment)) for i, moment in enumerate(sent)]
    writer, other = ArchiveWriter(address), ArchiveWriter(address)
    outcome.place = writer.place.url
    for each in (writer, other):
        each.take("frames", TOPIC, 0)
    other.add(TOPIC, 0, messages[:1])
    for message in messages:
        writer.add(TOPIC, 0, [message])
        writer.commit(TOPIC, 0)
    try:
        other.commit(TOPIC, 0)
        outcome.faults.append("a second writer of a partition was not refused")
    except ChainMovedError:
        pass
    archive = Archive(address)
    _compare(archive, sent, "as written", outcome)
    outcome.files = len(archive.files())
    maintain(archive, Plan(grace_s=0))
    maintain(archive, Plan(grace_s=0), now_s=lambda: time.time() + 1)
    _compare(archive, sent, "compacted", outcome)
    outcome.compacted, outcome.rows = len(archive.files()), verify(archive).rows
    forget_stream(archive, "bed-3")
    left = [[each for each in moment if each.stream_id != "bed-3"] for moment in sent]
    _compare(archive, left, "without a stream", outcome)
    outcome.wall_s = round(time.monotonic() - began_s, 1)
    return outcome


def _moment(second: int) -> list[Frame]:
    """Return a second of all streams."""
    ramp = np.arange(500, dtype=np.int16).reshape(2, 250) + np.int16(second)
    at_ns = 1_700_000_000_000_000_000 + second * 10**9
    return [Frame(f"bed-{i}", "0", 250 * second, at_ns, 250.0, LEADS, ramp) for i in range(STREAMS)]


def _compare(
    archive: Archive, sent: Sequence[Sequence[Frame]], when: str, outcome: Outcome
) -> None:
    """Note what an archive holds that was not sent, or lacks."""
    wanted = [encode([each]) for moment in sent for each in moment]
    if [encode([each]) for each in archive.frames()] != wanted:
        outcome.faults.append(f"{when}: frames differ from those that were sent")
    outcome.faults += [f"{when}: {fault}" for fault in verify(archive).faults]


def main(arguments: Sequence[str] | None = None) -> int:
    """Try a storage; 0 where it did all that an archive needs, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="folder or address to try, as vigil archive --url")
    try:
        outcome = try_place(parser.parse_args(arguments).url)
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(outcome)))
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
