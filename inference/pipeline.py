"""The pipeline: a pure composition of stages, over all streams at once.

Sequenced chunks go in; beats, episodes and alarms come out. A file is a batch
of one. Streams advance tick by tick on their own clocks, so what comes out for
a stream does not depend on how it was cut or on who else is in the batch.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.alarm_transition import AlarmTransition
from inference.alarms import Alarms
from inference.beats import Beats
from inference.conditioning import ConditionedBlock, Conditioning
from inference.conditions import Code
from inference.episode_edges import EpisodeEdges
from inference.episodes import Episodes
from inference.limits import Limits
from inference.model import ModelInfo, builtin
from inference.results import AlarmChange, BeatArrays, EpisodeEdge, Results, WindowResult
from inference.session import StreamSession
from inference.slots import Slots
from inference.streams import UV_PER_UNIT, Streams, choose_lead
from inference.ticks import TICK_MS, TickBeats
from inference.windows import Windows
from ingest.errors import InputError
from ingest.frames import MISSING_ADU
from ingest.sequence_types import Chunk, End, Gap, Item

LONGEST_PUSH_S = 20.0
"""Signal of one stream taken in one step, s: bounds the memory of a step."""
LONGEST_FILL_S = 10.0
"""A gap up to this long is stepped through; behind a longer one the stream starts anew."""
END_TICKS = 8
"""Ticks of missing signal that follow a stream's end, so that its last beats are decided."""


class Pipeline:
    """Conditioning, models, beats, episodes and alarms for any number of streams.

    Parameters
    ----------
    qrs, beat : Path, optional
        Frame model and beat model; the shipped ones where not given.
    windows : sequence of Path
        Windowed models that are scored beside them.
    limits : Limits
        Alarm limits in force.
    lead : str, optional
        Lead to score; by default the stream's own best known.
    """

    def __init__(
        self,
        qrs: Path | None = None,
        beat: Path | None = None,
        windows: Sequence[Path] = (),
        limits: Limits | None = None,
        lead: str | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.streams = Streams()
        self.lead = lead
        self.beats = Beats(
            StreamSession(qrs or builtin("qrs"), "qrs"),
            StreamSession(beat or builtin("beat"), "beat"),
        )
        self.windows = [Windows(StreamSession(path, "window")) for path in windows]
        self.episodes = Episodes(self.limits, self.beats.picker.decision_delay_ms)
        self.alarms = Alarms()
        rates = {self.beats.beat.info.fs, *(w.session.info.fs for w in self.windows)}
        self.conditioning = {fs: Conditioning(fs) for fs in sorted(rates)}
        self._capacity = 0

    @property
    def models(self) -> list[ModelInfo]:
        """Metadata of all models, the beat model first."""
        return [self.beats.beat.info, self.beats.qrs.info, *(w.session.info for w in self.windows)]

    def quality_index(self, slot: int) -> float:
        """Quality index of a stream's latest tick, 0 to 1, for display."""
        stage = self.conditioning[self.beats.beat.info.fs]
        return float(stage.quality.state["index"][slot])

    def push(self, items: Iterable[Item]) -> Results:
        """Take sequenced items of any streams, in each stream's order.

        A stream that has no lead to score is passed over, and told in
        :attr:`~inference.results.Results.unscored`; the others go on.
        """
        results = Results()
        queues: dict[str, deque[Item]] = defaultdict(deque)
        for item in items:
            queues[item.stream_id].append(item)
        while queues:
            self._advance(self._next_signal(queues, results), results)
        return results

    def forget(self, stream_ids: Iterable[str]) -> None:
        """Let streams go without a word: another worker goes on with them.

        Unlike an end, this decides no last beats and ends no alarm. Streams that
        sit nowhere are passed over.
        """
        found = [self.streams.slot(stream_id) for stream_id in stream_ids]
        slots = [slot for slot in found if slot is not None]
        if slots:
            for stage in self._stages():
                stage.reset(np.array(slots))
            for slot in slots:
                self.streams.leave(slot)

    def _next_signal(
        self, queues: dict[str, deque[Item]], results: Results
    ) -> dict[int, NDArray[np.int16]]:
        """Take from each queue what can be pushed now, as samples by slot; drop empty queues."""
        ready: dict[int, NDArray[np.int16]] = {}
        for stream_id in list(queues):
            signal = self._take(queues[stream_id], results)
            if signal is not None:
                ready[signal[0]] = signal[1]
            if not queues[stream_id]:
                del queues[stream_id]
        return ready

    def _take(self, queue: deque[Item], results: Results) -> tuple[int, NDArray[np.int16]] | None:
        """Take the next samples of one stream; seat it, or let it go, on the way."""
        parts: list[NDArray[np.int16]] = []
        n = 0
        while queue:
            item = queue[0]
            slot = self.streams.slot(item.stream_id)
            if parts and (
                not isinstance(item, Chunk) or item.begins or n >= LONGEST_PUSH_S * item.fs
            ):
                break
            if isinstance(item, Chunk):
                if item.begins and slot is not None:
                    self._let_go(slot, results)
                    slot = None
                if slot is None and (slot := self._seat(item, results)) is None:
                    queue.popleft()
                    continue
                info = self.streams.info(slot)
                room = max(int(LONGEST_PUSH_S * info.fs) - n, 1)
                row = item.samples[info.row]
                parts.append(row[:room])
                n += len(parts[-1])
                queue.popleft()
                if len(row) > room:
                    queue.appendleft(_rest(item, room))
                    break
                continue
            queue.popleft()
            if slot is None:
                continue
            if isinstance(item, End):
                self._let_go(slot, results)
            elif (fill := self._through_gap(slot, item, results)) is not None:
                return slot, fill
        return (slot, np.concatenate(parts)) if parts and slot is not None else None

    def _seat(self, chunk: Chunk, results: Results) -> int | None:
        """Give a stream a slot; None where it has no lead to score."""
        try:
            row = choose_lead(chunk.leads, self.lead)
        except InputError as error:
            results.unscored[chunk.stream_id] = str(error)
            return None
        if row is None:
            results.unscored[chunk.stream_id] = "no lead is an electrical signal"
            return None
        slot = self.streams.take(chunk, row)
        if self.streams.capacity > self._capacity:
            self._grow(max(64, 2 * self._capacity))
        for stage in self.conditioning.values():
            lead = chunk.leads[row]
            stage.start(
                slot,
                fs=chunk.fs,
                first_sample=chunk.first_sample,
                first_adu=int(chunk.samples[row, 0]),
                gain=lead.adc_gain / UV_PER_UNIT[lead.unit],
                baseline=lead.baseline,
            )
        return slot

    def _grow(self, n_slots: int) -> None:
        self._capacity = n_slots
        for stage in self._stages():
            stage.resize(n_slots)

    def _stages(self) -> list[Conditioning | Beats | Windows | Episodes | Alarms]:
        return [*self.conditioning.values(), self.beats, *self.windows, self.episodes, self.alarms]

    def _through_gap(self, slot: int, gap: Gap, results: Results) -> NDArray[np.int16] | None:
        """Missing samples for a gap; where it is too long, let the stream go."""
        fs = self.streams.info(slot).fs
        if gap.n_samples <= LONGEST_FILL_S * fs:
            return np.full(gap.n_samples, MISSING_ADU, np.int16)
        self._advance({slot: np.full(int(LONGEST_FILL_S * fs), MISSING_ADU, np.int16)}, results)
        self._let_go(slot, results)
        return None

    def _let_go(self, slot: int, results: Results) -> None:
        """Decide a stream's last beats, end what is open, free its slot."""
        info = self.streams.info(slot)
        slots = np.array([slot])
        stage = self.conditioning[self.beats.beat.info.fs]
        end_sample = int(stage.state["next_sample"][slot])
        padding = np.full(int(END_TICKS * TICK_MS / 1000 * info.fs), MISSING_ADU, np.int16)
        self._advance({slot: padding}, results)
        end_ms = np.array([int(end_sample * 1000 / info.fs)], np.int64)
        edges = self.episodes.close(slots, end_ms)
        self._note_edges(slots, end_ms, edges, results)
        self._note_alarms(self.alarms.withdraw(slots, end_ms), results)
        for each in self._stages():
            each.reset(slots)
        self.streams.leave(slot)

    def _advance(self, ready: dict[int, NDArray[np.int16]], results: Results) -> None:
        """Push samples of many streams, grouped by sampling frequency and length."""
        groups: dict[tuple[float, int], list[int]] = defaultdict(list)
        for slot, samples in ready.items():
            groups[self.streams.info(slot).fs, len(samples)].append(slot)
        for fs, stage in self.conditioning.items():
            by_length: dict[int, list[ConditionedBlock]] = defaultdict(list)
            for (source_fs, _), slots in groups.items():
                raw = np.stack([ready[slot] for slot in slots])
                for block in stage.push(np.array(slots), raw, source_fs):
                    by_length[block.signal_uv.shape[1]].append(block)
            for blocks in by_length.values():
                self._score(fs, ConditionedBlock.joined(blocks), results)

    def _score(self, fs: int, block: ConditionedBlock, results: Results) -> None:
        """Run the models and all that follows over one block, tick by tick."""
        quality = block.quality
        scaled = block.signal_uv / quality.scale_uv[:, :, None]
        windows = [w for w in self.windows if w.session.info.fs == fs]
        if windows:
            units = {"scale": scaled, "uV": block.signal_uv, "mV": block.signal_uv / 1000}
            for k in range(scaled.shape[1]):
                for stage in windows:
                    signal = units[stage.session.info.units][:, k]
                    self._score_windows(stage, block.slots, block.first_tick + k, signal, results)
        if fs != self.beats.beat.info.fs:
            return
        probs = self.beats.frames(block.slots, scaled)
        heard = ~(quality.missing | quality.flat | quality.saturated)
        results.n_ticks += heard.size
        for k in range(scaled.shape[1]):
            now_ms = (block.first_tick + k + 1) * TICK_MS
            found = self.beats.step(block.slots, now_ms, scaled[:, k], probs[:, k], heard[:, k])
            self._note_beats(block.slots, found, results)
            edges = self.episodes.step(block.slots, now_ms, found, quality.tick(k))
            self._note_edges(block.slots, now_ms, edges, results)

    def _score_windows(
        self,
        stage: Windows,
        slots: Slots,
        tick: NDArray[np.int64],
        signal: NDArray[np.float32],
        results: Results,
    ) -> None:
        scores = stage.step(slots, tick, signal)
        info = stage.session.info
        for i, row in enumerate(scores.rows.tolist()):
            end_ms = int(tick[row] + 1) * TICK_MS
            best = int(scores.best[i])
            results.windows.append(
                WindowResult(
                    self.streams.info(int(slots[row])),
                    info.name,
                    end_ms - info.length * 1000 // info.fs,
                    end_ms,
                    info.classes[best],
                    float(scores.probs[i, best]),
                )
            )

    def _note_beats(self, slots: Slots, found: TickBeats, results: Results) -> None:
        rows = np.flatnonzero(found.present)
        if len(rows):
            results.beat_arrays.append(
                BeatArrays(
                    tuple(self.streams.info(slot) for slot in slots[rows].tolist()),
                    found.r_ms[rows],
                    found.rr_ms[rows],
                    found.aami[rows],
                    found.confidence[rows],
                )
            )

    def _note_edges(
        self, slots: Slots, now_ms: NDArray[np.int64], edges: EpisodeEdges, results: Results
    ) -> None:
        if not len(edges):
            return
        for i, row in enumerate(edges.row.tolist()):
            info = self.streams.info(int(slots[row]))
            code = Code(int(edges.code[i]))
            results.edges.append(EpisodeEdge(info, code, bool(edges.onset[i]), int(edges.at_ms[i])))
        self._note_alarms(self.alarms.step(slots, now_ms, edges), results)

    def _note_alarms(self, changes: list[AlarmTransition], results: Results) -> None:
        results.alarms += [AlarmChange(self.streams.info(c.slot), c) for c in changes]


def _rest(chunk: Chunk, n: int) -> Chunk:
    """What is left of a chunk behind its first ``n`` samples."""
    return replace(
        chunk,
        first_sample=chunk.first_sample + n,
        samples=chunk.samples[:, n:],
        begins=False,
        restart=False,
    )
