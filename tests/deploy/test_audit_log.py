"""Whatever is done to an audit log's file is seen, and nothing is added to one that was changed."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.audit_log import AuditLog, TamperedError, read, verify
from ingest.errors import InputError

KEY = bytes(range(32))


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    with AuditLog(path, sync=False) as log:
        for i in range(8):
            log.append(f"nurse {i}", "command.acknowledge", {"stream_id": f"p{i}"})
    return path


def test_what_was_written_is_read(log_path: Path) -> None:
    entries = list(read(log_path))
    assert [entry.n for entry in entries] == list(range(9))
    assert entries[3].who == "nurse 2"
    assert entries[3].previous == entries[2].hash


def test_goes_on_from_where_it_stopped(log_path: Path) -> None:
    with AuditLog(log_path, sync=False) as log:
        assert log.append("nurse 9", "command.standby").n == 9
    assert verify(log_path).n_lines == 10


@settings(max_examples=60, deadline=None)
@given(place=st.integers(min_value=0), flip=st.integers(1, 255))
def test_no_byte_can_be_changed(
    tmp_path_factory: pytest.TempPathFactory, place: int, flip: int
) -> None:
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    with AuditLog(path, sync=False, now_s=lambda: 1.7e9) as log:
        for who in ("a", "b", "ü"):
            log.append(who, "login", {"ok": True, "n": 1.5})
    content = bytearray(path.read_bytes())
    before = verify(path)
    content[place % len(content)] ^= flip
    path.write_bytes(content)
    try:  # only the last line's end can go, and then the line counts as torn
        after = verify(path)
    except InputError:
        return
    assert after.n_lines == before.n_lines - 1
    assert after.torn


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:3] + lines[4:],
        lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
        lambda lines: [*lines[:4], lines[3], *lines[4:]],
        lambda lines: lines[1:],
    ],
    ids=["taken out", "swapped", "doubled", "without its begin"],
)
def test_no_line_can_be_moved(log_path: Path, change) -> None:
    lines = log_path.read_bytes().splitlines(keepends=True)
    log_path.write_bytes(b"".join(change(lines)))
    with pytest.raises(InputError):
        verify(log_path)
    with pytest.raises(InputError):
        AuditLog(log_path)


def test_a_changed_line_is_named(log_path: Path) -> None:
    log_path.write_bytes(log_path.read_bytes().replace(b"nurse 4", b"nurse 5"))
    with pytest.raises(TamperedError, match="line 6: its hash does not fit"):
        verify(log_path)


def test_without_the_key_no_chain_can_be_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with AuditLog(path, key=KEY, sync=False) as log:
        log.append("nurse 7", "login")
    assert verify(path, KEY).n_lines == 2
    for other in (None, KEY[::-1]):
        with pytest.raises(InputError, match="key"):
            verify(path, other)
    with pytest.raises(InputError, match="32 bytes"):
        AuditLog(tmp_path / "b", key=b"short")


def test_a_torn_end_is_set_aside(log_path: Path) -> None:
    whole = log_path.read_bytes()
    log_path.write_bytes(whole[:-10])
    with AuditLog(log_path, sync=False) as log:
        assert log.torn
        assert log.head[0] == 8
        log.append("nurse 9", "login")
    assert verify(log_path).n_lines == 9
    assert log_path.with_name("audit.jsonl.torn").stat().st_size > 100


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "a"), pytest.raises(InputError, match="another process"):
        AuditLog(tmp_path / "a")


def test_threads_write_one_chain(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "a", sync=False) as log:
        threads = [
            threading.Thread(target=lambda: [log.append("w", "x") for _ in range(50)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert verify(tmp_path / "a").n_lines == 201


FILL = """
import resource, sys
from pathlib import Path
from deploy.audit_log import AuditLog
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
log = AuditLog(Path(sys.argv[1]))
try:
    while True:
        log.append("w", "x")
except OSError as error:
    print(log.head[0])
"""


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path / "a")],
        capture_output=True, text=True, timeout=60, check=True, env=os.environ,
    )  # fmt: skip
    found = verify(tmp_path / "a")
    assert found.n_lines == int(done.stdout)
    assert not found.torn


@pytest.mark.parametrize(
    ("who", "what", "details"),
    [
        (" ", "login", {}),
        ("w" * 201, "login", {}),
        ("w", "Log In", {}),
        ("w", "login", {"x": float("nan")}),
        ("w", "login", {"x": object()}),
        ("w", "login", {"x": "y" * 9000}),
    ],
)
def test_what_cannot_be_said_is_refused_and_writes_nothing(
    log_path: Path, who: str, what: str, details: dict
) -> None:
    before = log_path.read_bytes()
    with AuditLog(log_path, sync=False) as log, pytest.raises(InputError, match="audit log"):
        log.append(who, what, details)
    assert log_path.read_bytes() == before


def test_a_file_that_is_no_audit_log_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "alarms.jsonl"
    other.write_text(json.dumps({"id": 1}) + "\n")
    with pytest.raises(InputError, match="line 1 is no line of an audit log"):
        verify(other)
