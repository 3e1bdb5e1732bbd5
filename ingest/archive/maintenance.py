"""What keeps an archive small and lawful: compaction, retention, erasure, and clearing up.

All of it is one change of the archive's state: new files are written first, then one
snapshot swaps them for the old ones, which are removed some time later, when nobody who
read the state before can still be reading them.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ingest.archive.keys import StreamKeys
from ingest.archive.manifest import FileEntry, State, add_snapshot, spent
from ingest.archive.reader import Archive
from ingest.archive.schema import ORDER, TABLES, bucket_of
from ingest.archive.writer import write_file
from ingest.errors import InputError

TARGET_BYTES = 64 << 20
"""Samples and messages that a compacted file should hold, bytes before compression."""
GRACE_S = 3600.0
"""How long files that were taken out are kept for those who read them still, s."""
FEWEST_FILES = 2
"""Fewer files than these are not worth writing anew."""

Progress = Callable[[int], None]
"""Is told how many files are done."""


@dataclass(slots=True)
class Done:
    """What maintenance did."""

    merged: int = 0
    """Files that were put together."""
    written: int = 0
    """Files that they became."""
    expired: int = 0
    """Files older than what is kept."""
    erased_rows: int = 0
    """Rows of erased streams that were left out."""
    removed: int = 0
    """Files that were removed for good."""
    refused: bool = False
    """Whether other maintenance came first; nothing was changed then."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What maintenance is to do."""

    keep_days: int | None = None
    """Days (UTC) that are kept, today among them; None: all."""
    target_bytes: int = TARGET_BYTES
    """Samples and messages that a file should hold; 0: nothing is compacted."""
    grace_s: float = GRACE_S
    """How long files that were taken out are kept, s."""
    forget: frozenset[str] = frozenset()
    """Streams whose rows are left out, wherever they are."""


@dataclass(slots=True)
class _Swap:
    """New files for old ones."""

    old: list[FileEntry] = field(default_factory=list)
    new: list[FileEntry] = field(default_factory=list)


def maintain(
    archive: Archive,
    plan: Plan,
    keys: StreamKeys | None = None,
    *,
    now_s: Callable[[], float] = time.time,
    progress: Progress = lambda _: None,
) -> Done:
    """Compact small files, let old days go, leave out erased streams, and clear up.

    May run beside writers and readers, and beside itself: of two the second is refused.

    Parameters
    ----------
    archive : Archive
        The archive.
    plan : Plan
        What to do.
    keys : StreamKeys, optional
        Keys of a sealed archive: rows of destroyed ones are left out of what is written anew.
    now_s : callable
        Clock, s since 1970.
    progress : callable
        Is told how many files are done, again and again.

    Raises
    ------
    InputError
        If the plan cannot be carried out.
    OSError
        If the place fails; what was not swapped stays as it was.
    """
    if plan.keep_days is not None and plan.keep_days < 1:
        raise InputError(f"{plan.keep_days} days cannot be kept: 1 or more")
    state, done, at_s = archive.state(), Done(), now_s()
    live = dict(state.files)
    expired = _expired(live.values(), plan.keep_days, at_s)
    for entry in expired:
        del live[entry.path]
    done.expired = len(expired)
    swap = _rewritten(archive, live.values(), plan, keys, done, progress)
    for entry in swap.old:
        del live[entry.path]
    live |= {entry.path: entry for entry in swap.new}
    out = {entry.path: at_s for entry in (*expired, *swap.old)}
    gone = {p for p, dropped_s in state.dropped.items() if at_s - dropped_s > plan.grace_s}
    behind = any(end.stop > state.settled.get(chain, 0) for chain, end in state.ends.items())
    if out or gone or behind:
        left = {path: s for path, s in state.dropped.items() if path not in gone}
        following = State(state.number + 1, live, state.ends, left | out, at_s)
        if not add_snapshot(archive.place, following):
            done.refused = True
            return done
    done.removed = _clear(archive, state, gone, at_s, plan.grace_s)
    return done


def forget_stream(archive: Archive, stream: str, *, grace_s: float = 0.0) -> Done:
    """Write all files that have rows of a stream anew without them, and remove the old ones.

    Raises
    ------
    OSError
        If the place fails.
    """
    plan = Plan(target_bytes=0, grace_s=grace_s, forget=frozenset({stream}))
    done = maintain(archive, plan)
    if not done.refused and grace_s == 0:
        # What was taken out just now is removed by a turn that finds it taken out.
        done.removed += maintain(archive, plan, now_s=lambda: time.time() + 1).removed
    return done


def _expired(entries: Iterable[FileEntry], keep_days: int | None, at_s: float) -> list[FileEntry]:
    """Return files of days that are no longer kept."""
    if keep_days is None:
        return []
    oldest = (datetime.fromtimestamp(at_s, UTC) - timedelta(days=keep_days - 1)).date()
    return [entry for entry in entries if entry.day < oldest.isoformat()]


def _rewritten(
    archive: Archive,
    entries: Iterable[FileEntry],
    plan: Plan,
    keys: StreamKeys | None,
    done: Done,
    progress: Progress,
) -> _Swap:
    """Write files anew that are small, or have rows that must go."""
    swap, n_seen = _Swap(), 0
    erased = {} if keys is None else keys.destroyed()
    for group in _groups(archive, entries, plan):
        n_seen += len(group)
        _rewrite(archive, group, plan.forget, _Erased(keys, erased), swap, done)
        progress(n_seen)
    return swap


@dataclass(frozen=True, slots=True)
class _Erased:
    """Streams whose keys were destroyed."""

    keys: StreamKeys | None
    at_s: Mapping[str, int]

    def keeps(self, rows: Any) -> Any:
        """Return for each row whether it can still be read."""
        which = pc.is_in(rows["stream_id"], pa.array(sorted(self.at_s), pa.string()))
        keeps = [True] * rows.num_rows
        if self.keys is None or not pc.any(which).as_py():
            return pa.array(keeps, pa.bool_())
        for i in pc.indices_nonzero(which).to_pylist():
            sealed = rows["sealed"][i].as_py()
            if sealed is not None:
                generation = int.from_bytes(sealed[:4], "little")
                keeps[i] = self.keys.key(rows["stream_id"][i].as_py(), generation) is not None
        return pa.array(keeps, pa.bool_())


def _groups(archive: Archive, entries: Iterable[FileEntry], plan: Plan) -> list[list[FileEntry]]:
    """Return which files become one, by table, day and bucket, in the order of the log."""
    buckets = {bucket_of(stream, archive.n_buckets) for stream in plan.forget}
    if plan.forget:
        return [[entry] for entry in entries if entry.bucket in buckets]
    parts: dict[tuple[str, str, int], list[FileEntry]] = {}
    for entry in entries:
        if entry.raw_bytes < plan.target_bytes:
            parts.setdefault((entry.table, entry.day, entry.bucket), []).append(entry)
    groups = []
    for part in parts.values():
        group: list[FileEntry] = []
        size = 0
        for entry in sorted(part, key=lambda each: (each.heard_ms, each.path)):
            if group and size + entry.raw_bytes > plan.target_bytes:
                groups.append(group)
                group, size = [], 0
            group.append(entry)
            size += entry.raw_bytes
        groups.append(group)
    return [group for group in groups if len(group) >= FEWEST_FILES]


def _rewrite(
    archive: Archive,
    group: list[FileEntry],
    forget: frozenset[str],
    erased: _Erased,
    swap: _Swap,
    done: Done,
) -> None:
    """Write one group of files as one."""
    rows = pa.concat_tables([archive.read(entry) for entry in group])
    before = rows.num_rows
    if forget:
        named = pc.is_in(rows["stream_id"], pa.array(sorted(forget), pa.string()))
        if not pc.any(named).as_py():
            return
        rows = rows.filter(pc.invert(named))
    rows = rows.filter(erased.keeps(rows))
    done.erased_rows += before - rows.num_rows
    done.merged += len(group)
    swap.old += group
    if rows.num_rows == 0:
        return
    first = group[0]
    day = (datetime.fromisoformat(first.day).replace(tzinfo=UTC)).timestamp() // 86_400
    made = write_file(
        archive.place, first.table, (int(day), first.bucket), rows.sort_by(ORDER), "compact", None
    )
    share = rows.num_rows / before
    if made.sealed:
        held = round(sum(entry.raw_bytes for entry in group) * share)
        made = dataclasses.replace(made, raw_bytes=held)
    swap.new.append(made)
    done.written += 1


def _clear(archive: Archive, before: State, gone: set[str], at_s: float, grace_s: float) -> int:
    """Remove files that nobody reads: taken out long ago, left by writers that died, log."""
    place, removed = archive.place, 0
    for path in gone:
        place.remove(path)
        removed += 1
    now = archive.state()
    for table in TABLES:
        for path, (_, written_s) in place.files(table).items():
            known = path in now.files or path in now.dropped
            if not known and at_s - written_s > max(grace_s, GRACE_S):
                place.remove(path)
                removed += 1
    if before.number and at_s - before.at_s > grace_s:
        # Only what the snapshot before the newest has: a reader may just have read that one.
        for name in spent(place, before):
            place.remove(name)
            removed += 1
    return removed
