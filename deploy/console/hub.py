"""The hub: what comes in from one thread, and what browsers get of it, from the server's loop.

Nothing is queued for a browser. What must not be missed stands numbered in a
journal; waveforms stand in blocks, the last few seconds of them. Each browser
has a place in both and takes what lies behind it when it can: one that is slow
skips waveforms, never alarms, and costs no memory.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from deploy.console.journal import Journal
from deploy.console.patient import Patient, Vitals
from deploy.console.waves import DETAIL, WALL, Wave, pack
from ingest.dead_letters import MARK_SCHEMA
from ingest.frames import Frame

MOST_BLOCKS = 40
"""Blocks kept: about four seconds; who is further behind skips."""
BLOCK_S = 0.1
"""Shortest time between two blocks, s."""
WAKE_S = 0.01
"""How long browsers are not woken, so that what belongs together goes together, s."""
VITALS_S = 1.0
"""Time between two tellings of the vital signs, s."""
MOST_PATIENTS = 2000
"""Most streams that are taken on."""
MOST_DEAD = 500
"""Dead letters kept for reading."""


class Block:
    """What came in a tenth of a second; packed once for all who want the same."""

    def __init__(self, number: int, waves: list[dict[int, Wave]], told: dict[str, Any]) -> None:
        self.number, self._waves, self._told = number, waves, told
        self._packed: dict[tuple[int, int], bytes] = {}
        self._lock = threading.Lock()

    def wall(self, thinning: int) -> bytes:
        """Pack the main lead of every patient."""
        return self._pack(
            (WALL, thinning), (w[thinning] for w in self._waves if thinning in w), self._told
        )

    def detail(self, index: int) -> bytes:
        """Pack all leads of one patient."""
        told = {
            "beats": [b for b in self._told["beats"] if b[0] == index],
            "vitals": {i: v for i, v in self._told["vitals"].items() if i == index},
        }
        return self._pack((DETAIL, index), (w[0] for w in self._waves if w[0].index == index), told)

    def _pack(self, key: tuple[int, int], waves: Iterable[Wave], told: dict[str, Any]) -> bytes:
        with self._lock:
            if key not in self._packed:
                self._packed[key] = pack(key[0], self.number, told, waves)
            return self._packed[key]


class Hub:
    """Keeps the patients, and wakes browsers.

    Parameters
    ----------
    beds : mapping of str to str, optional
        Beds by pseudonym; others are called by their pseudonym. Numerics are shown with the ECG
        of the same bed.
    keep_s : float
        Signal kept of each patient, s.
    clock_s, wall_ms : callable
        Monotonic time in s, and UTC in ms since 1970.
    """

    def __init__(
        self,
        beds: Mapping[str, str] | None = None,
        *,
        keep_s: float = 600.0,
        clock_s: Callable[[], float] = time.monotonic,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._beds, self._keep_s = dict(beds or {}), keep_s
        self.clock_s, self._wall_ms = clock_s, wall_ms
        self.lock = threading.RLock()
        self.patients: dict[str, Patient] = {}
        self.journal = Journal()
        self.blocks: deque[Block] = deque(maxlen=MOST_BLOCKS)
        self.dead: deque[dict[str, Any]] = deque(maxlen=MOST_DEAD)
        self.counts = {"frames": 0, "beats": 0, "alarms": 0, "signals": 0, "refused": 0, "dead": 0}
        self.started_ms = wall_ms()
        self._n_blocks = 0
        self._waves: list[dict[int, Wave]] = []
        self._new_beats: list[list[Any]] = []
        self._block_s = self._vitals_s = float("-inf")
        self._waking = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._events: set[asyncio.Event] = set()

    def see(self, frames: Iterable[Frame]) -> None:
        """Take frames."""
        with self.lock:
            for frame in frames:
                self.counts["frames"] += 1
                patient = self._patient(frame.stream_id)
                if patient is None:
                    continue
                before = _source(patient)
                waves = patient.take(frame, self.clock_s())
                if _source(patient) != before:
                    self._bind(patient.bed)
                    self._tell_of(patient)
                if waves is not None:
                    self._waves.append(waves)

    def take(self, beats: Iterable[bytes], alarms: Iterable[bytes]) -> list[dict[str, Any]]:
        """Take beats and changes of alarms, as JSON; return the alarms."""
        found = []
        with self.lock:
            for message in beats:
                beat = self._read(message, "sample")
                patient = beat and self._patient(beat["stream_id"])
                kept = patient.note_beat(beat) if beat and patient else None
                if kept and patient:
                    self.counts["beats"] += 1
                    self._new_beats.append([patient.index, *kept.values()])
            for message in alarms:
                alarm = self._read(message, "condition")
                patient = alarm and self._patient(alarm["stream_id"])
                if alarm and patient:
                    self.counts["alarms"] += 1
                    patient.note_alarm(alarm)
                    self._tell({"t": "alarm", "alarm": alarm})
                    found.append(alarm)
        return found

    def signal(self, signals: Iterable[Mapping[str, Any]]) -> None:
        """Take signals of annunciators, as objects; each bed's board is told once."""
        with self.lock:
            changed: dict[str, Patient] = {}
            for signal in signals:
                patient = self._patient(str(signal.get("stream_id")))
                if patient is None:
                    continue
                self.counts["signals"] += 1
                patient.board.take(signal, self._wall_ms())
                self._tell({"t": "signal", "signal": dict(signal), "utc_ms": self._wall_ms()})
                changed[patient.stream_id] = patient
            for stream_id, patient in changed.items():
                board = patient.board.to_dict()
                self._tell({"t": "board", "stream_id": stream_id, "board": board})

    def tell(self, item: dict[str, Any]) -> None:
        """Tell all browsers something that they must not miss."""
        with self.lock:
            self._tell(item)

    def note_dead(self, letter: Mapping[str, Any]) -> None:
        """Keep a dead letter for reading; marks of what was done about them are none."""
        if letter.get("schema") == MARK_SCHEMA:
            return
        with self.lock:
            self.counts["dead"] += 1
            self.dead.append({**letter, "heard_ms": self._wall_ms()})

    def set_vitals(self, told: Mapping[str, tuple[float | None, str, float | None]]) -> None:
        """Take vital signs by stream: heart rate in bpm, rhythm, quality."""
        with self.lock:
            for stream_id, values in told.items():
                if patient := self.patients.get(stream_id):
                    patient.vitals, patient.given_vitals = Vitals(*values), True

    def turn(self) -> bool:
        """Close a block where it is time, and wake browsers; True where a block was closed."""
        now_s = self.clock_s()
        with self.lock:
            due = bool(self.patients) and now_s - self._vitals_s >= VITALS_S
            if now_s - self._block_s < BLOCK_S or not (self._waves or self._new_beats or due):
                return False
            vitals: dict[int, list[Any]] = {}
            if due:
                self._vitals_s = now_s
                for patient in self.patients.values():
                    patient.make_vitals(now_s)
                    patient.note_trend()
                    vitals[patient.index] = patient.vitals_list(now_s)
            self._n_blocks += 1
            told = {"beats": self._new_beats, "vitals": vitals, "sent_ms": self._wall_ms()}
            self.blocks.append(Block(self._n_blocks, self._waves, told))
            self._waves, self._new_beats, self._block_s = [], [], now_s
        self._wake()
        return True

    def state(self) -> str:
        """Give all that a browser begins with, as JSON."""
        with self.lock:
            return json.dumps(
                {
                    "t": "hello",
                    "epoch": self.journal.epoch,
                    "seq": self.journal.last,
                    "now_ms": self._wall_ms(),
                    "patients": [p.to_dict(self.clock_s()) for p in self.patients.values()],
                    "alarms": self.latest_alarms(200),
                },
                separators=(",", ":"),
                ensure_ascii=False,
            )

    def items(self, seq: int, most: int) -> tuple[str, list[str], int]:
        """Items behind number ``seq``; or, where some are forgotten, all there is.

        Returns
        -------
        tuple of str, list of str and int
            All there is, or empty; items; the number up to which they go.
        """
        with self.lock:
            found = None if seq < 0 else self.journal.since(seq)
            if found is None:
                return self.state(), [], self.journal.last
            return "", found[:most], seq + min(len(found), most)

    def latest_alarms(self, most: int, stream_id: str | None = None) -> list[dict[str, Any]]:
        """Return changes of alarms of all patients or one, the newest first."""
        with self.lock:
            chosen = [
                p for p in self.patients.values() if stream_id is None or p.stream_id == stream_id
            ]
            found = [alarm for p in chosen for alarm in reversed(p.alarms)]
        found.sort(key=lambda alarm: str((alarm.get("decided") or {}).get("utc", "")), reverse=True)
        return found[:most]

    def join(self, event: asyncio.Event) -> None:
        """Let a browser's task be woken; called on the server's loop."""
        if self._loop is not asyncio.get_running_loop():
            self._loop, self._waking = asyncio.get_running_loop(), False
        self._events.add(event)

    def leave(self, event: asyncio.Event) -> None:
        """Wake it no longer."""
        self._events.discard(event)

    def now_ms(self) -> int:
        """UTC now, ms since 1970."""
        return self._wall_ms()

    @property
    def n_browsers(self) -> int:
        """Browsers that are connected."""
        return len(self._events)

    def blocks_since(self, number: int) -> Sequence[Block]:
        """Blocks behind number ``number``; what is older than the last few seconds is skipped."""
        with self.lock:
            return [block for block in self.blocks if block.number > number]

    def _patient(self, stream_id: str) -> Patient | None:
        """Find a patient, or take a new one on."""
        patient = self.patients.get(stream_id)
        if patient is None:
            if len(self.patients) >= MOST_PATIENTS:
                self.counts["refused"] += 1
                return None
            bed = self._beds.get(stream_id, stream_id)
            patient = Patient(stream_id, bed, len(self.patients), self._keep_s)
            self.patients[stream_id] = patient
        return patient

    def _bind(self, bed: str) -> None:
        """Show the numerics of a bed with its ECG; tell of those of which that is new."""
        there = [p for p in self.patients.values() if p.bed == bed]
        owner = next((p for p in there if p.leads), None)
        companions = [p for p in there if owner and p is not owner and not (p.leads or p.pulses)]
        for patient in there:
            patient.companions = companions if patient is owner else []
            of = owner.stream_id if owner and patient in companions else ""
            if patient.of != of:
                patient.of = of
                self._tell_of(patient)

    def _tell_of(self, patient: Patient) -> None:
        self._tell({"t": "patient", "patient": patient.to_dict(self.clock_s())})

    def _read(self, message: bytes, needed: str) -> dict[str, Any] | None:
        """Read an object of a stream; what is none is counted."""
        try:
            found = json.loads(message)
            if isinstance(found["stream_id"], str) and found[needed] is not None:
                return dict(found)
        except (ValueError, KeyError, TypeError):
            pass
        self.counts["refused"] += 1
        return None

    def _tell(self, item: dict[str, Any]) -> None:
        self.journal.add(item)
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            if self._waking:
                return
            self._waking = True
            try:
                self._loop.call_soon_threadsafe(self._wake_soon)
            except RuntimeError:  # the loop has just been closed
                self._loop = None

    def _wake_soon(self) -> None:
        """Wait for what comes with it: an alarm, its signals and the board are one message."""
        asyncio.get_running_loop().call_later(WAKE_S, self._set_events)

    def _set_events(self) -> None:
        self._waking = False
        for event in self._events:
            event.set()


def _source(patient: Patient) -> tuple[object, ...]:
    """Return what browsers must be told of where it changes."""
    return patient.session, patient.leads, patient.pulses, patient.origin_ms
