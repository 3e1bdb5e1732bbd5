"""The pipeline: a pure composition of stages, over all streams at once.

Sequenced chunks go in; beats, episodes and alarms come out. A file is a batch
of one. Streams advance tick by tick on their own clocks, so what comes out for
a stream does not depend on how it was cut or on who else is in the batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from inference.alarms import Alarms
from inference.beats import Beats
from inference.conditioning import ConditionedBlock, Conditioning
from inference.corroborated import Corroborated
from inference.corroboration_gate import GatedEdges
from inference.episodes import Episodes
from inference.gate import open_beat, require_allowed
from inference.intake import Intake, Leave, Queue, Signal, seated
from inference.lead_choice import LeadChoice, Segment, segments
from inference.lead_memory import LeadMemory
from inference.leads import first_heard, of_leads, quality_of
from inference.limits import Limits
from inference.model import ModelInfo, builtin
from inference.pulse_leads import PulseKind
from inference.pulses import kinds_of
from inference.resample import HALF_WIDTH_S, rate_plan
from inference.results import Results
from inference.rhythm_models import RhythmModels
from inference.rhythm_turns import RhythmTurns
from inference.session import StreamSession
from inference.sorting import portions, sort_out
from inference.stage import Composite
from inference.streams import StreamInfo, Streams, StreamsSnapshot
from inference.strips import Strips
from inference.ticks import TICK_MS
from inference.windows import Windows
from ingest.errors import InputError
from ingest.frame_columns import INT16_LE
from ingest.sequence_types import Chunk, Ordered

LEAST_SLOTS = 64
"""Slots that are made at first; from there their number doubles."""
SPARE_LEADS = 1
"""Leads of a stream that are watched beside the one that is scored."""
MOST_ROWS = 2048
"""Streams that are advanced at once: bounds the memory of a step."""


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
        Lead to score, or leads with commas where the beat model takes two; by default the
        stream's own best known.
    rhythm, atrial : Path, optional
        Models that tell ventricular and atrial fibrillation; the shipped ones where not given.
    explain : bool
        Ask the beat model why it calls beats so, for alarms to tell.
    spare_leads : int
        Most leads that are watched beside the one that is scored, to be scored in its place
        where it cannot be read; a beat model of two leads looks at both, and has none.
    strips : bool
        Keep the last 10 s of every stream, for alarms to show.

    Raises
    ------
    ingest.errors.InputError
        If a model does not fit, or is asked for reasons and has none.
    """

    def __init__(
        self,
        qrs: Path | None = None,
        beat: Path | None = None,
        windows: Sequence[Path] = (),
        limits: Limits | None = None,
        lead: str | None = None,
        *,
        rhythm: Path | None = None,
        atrial: Path | None = None,
        explain: bool = False,
        spare_leads: int = SPARE_LEADS,
        strips: bool = False,
    ) -> None:
        self.limits = limits or Limits()
        self.streams = Streams()
        self.lead = lead
        self.beats = Beats(
            StreamSession(qrs or builtin("qrs"), "qrs"),
            open_beat(beat or builtin("beat"), self.limits),
            explain=explain,
        )
        self.told = RhythmModels(self.beats.beat.info, rhythm, atrial, self.limits)
        self.windows = [Windows(StreamSession(path, "window")) for path in windows]
        self.episodes = Episodes(self.limits, self.beats.picker.decision_delay_ms)
        self.alarms = Alarms()
        self.corroborated = Corroborated(self.streams, self.episodes.limits_of)
        rates = {self.beats.fs, *(w.session.info.fs for w in self.windows)}
        self.conditioning = {fs: Conditioning(fs) for fs in sorted(rates)}
        self._n_spare = spare_leads if self.beats.n_leads == 1 else 0
        n_beside = self.beats.n_leads - 1 + self._n_spare
        self._beside = [Conditioning(self.beats.fs) for _ in range(n_beside)]
        self.choice = LeadChoice(self.limits, 1 + self._n_spare)
        self._of_leads = LeadMemory({"beat": self.beats.beat, **self.told.of_shapes}, 1 + n_beside)
        self.strips: Strips | None = None
        late_ms = self.beats.picker.oldest_ms + round(HALF_WIDTH_S * 1000)
        end_ticks = -(-late_ms // TICK_MS) + 2
        self._intake = Intake(self.streams, end_ticks, self.beats.n_leads)
        self._stages = Composite(
            {
                "intake": self._intake,
                **{f"conditioning{fs}": stage for fs, stage in self.conditioning.items()},
                **{f"beside{i}": stage for i, stage in enumerate(self._beside, 1)},
                "choice": self.choice,
                "of_leads": self._of_leads,
                "beats": self.beats,
                **{f"windows{i}": stage for i, stage in enumerate(self.windows)},
                "told": self.told,
                "episodes": self.episodes,
                "alarms": self.alarms,
                "pulses": self.corroborated,
            }
        )
        self._capacity = 0
        self._limits_of: dict[str, Limits] = {}
        if strips:
            self.keep_strips()

    @property
    def models(self) -> list[ModelInfo]:
        """Metadata of all models, the beat model first."""
        beside = [stage.session.info for stage in self.windows]
        return [self.beats.beat.info, self.beats.qrs.info, *self.told.models, *beside]

    def keep_strips(self) -> None:
        """Keep the last 10 s of every stream, for alarms to show; before the first stream."""
        self.strips = self._stages.parts["strips"] = Strips(self.beats.fs, self._capacity)

    def quality_index(self, slot: int) -> float:
        """Quality index of a stream's latest tick in the lead scored, 0 to 1, for display."""
        stages = [self.conditioning[self.beats.fs], *self._beside]
        return float(stages[self.choice.state["scored"][slot]].quality.state["index"][slot])

    def push(self, items: Iterable[Ordered]) -> Results:
        """Take sequenced items of any streams, in each stream's order.

        A stream that has no lead to score is passed over, and told in
        :attr:`~inference.results.Results.unscored`; the others go on.
        """
        results = Results()
        sorted_out = sort_out(items, self.streams, self.beats.n_leads)
        ready, queues = sorted_out.ready, sorted_out.queues
        self._intake.note_heard(ready)
        while queues or ready:
            for stream_id, queue in list(queues.items()):
                signal = self._until_signal(queue, results)
                if signal is None:
                    del queues[stream_id]
                else:
                    ready[signal.slot] = signal.raw
            for part in portions(ready, MOST_ROWS):
                self._advance(part, results)
            ready = {}
        return results

    def forget(self, stream_ids: Iterable[str]) -> None:
        """Let streams go without a word: another worker goes on with them.

        Unlike an end, this decides no last beats and ends no alarm. Streams that
        sit nowhere are passed over.
        """
        slots = self.streams.seated(stream_ids)
        self._stages.reset(slots)
        for slot in slots.tolist():
            self._limits_of.pop(self.streams.info(slot).stream_id, None)
            self.streams.leave(slot)

    def limits_of(self, stream_id: str) -> Limits:
        """Give the limits in force for a stream."""
        return self._limits_of.get(stream_id, self.limits)

    def set_limits(self, stream_id: str, limits: Limits) -> None:
        """Select the limits of one stream, from its next tick on, whether it is heard yet or not.

        Raises
        ------
        ingest.errors.InputError
            If the beat model's gate does not allow them; nothing is changed.
        """
        require_allowed(self.beats.beat, limits)
        slots = self.streams.seated([stream_id])
        for slot in slots.tolist():
            self.episodes.set_limits(slot, limits)
        self._limits_of[stream_id] = limits

    def snapshot(self, stream_ids: Iterable[str]) -> StreamsSnapshot:
        """Copy all that is remembered of some streams.

        Raises
        ------
        ingest.errors.InputError
            If one of them sits nowhere.
        """
        wanted = list(stream_ids)
        slots = self.streams.seated(wanted)
        if len(slots) < len(wanted):
            gone = sorted(set(wanted) - self.streams.slots().keys())
            raise InputError(f"streams that are not being scored: {', '.join(gone)}")
        infos = tuple(self.streams.info(slot) for slot in slots.tolist())
        return StreamsSnapshot(infos, self._digests(), self._stages.snapshot(slots))

    def restore(self, snapshot: StreamsSnapshot) -> None:
        """Go on with streams as the pipeline would have that took the snapshot.

        Raises
        ------
        ingest.errors.InputError
            If it is of other models, or not a snapshot of this pipeline's stages;
            its streams are forgotten then.
        """
        if snapshot.models != self._digests():
            raise InputError("the snapshot was taken with other models than these")
        stream_ids = [info.stream_id for info in snapshot.streams]
        chosen = {name: self._limits_of[name] for name in stream_ids if name in self._limits_of}
        self.forget(stream_ids)
        slots = np.array([self._take_slot(info) for info in snapshot.streams], np.intp)
        try:
            self._stages.restore(slots, snapshot.state)
        except ValueError as error:
            self.forget(stream_ids)
            raise InputError(f"the snapshot does not fit: {error}") from error
        for slot, name in zip(slots.tolist(), stream_ids, strict=True):
            limits = chosen.get(name) or self.episodes.limits_of(slot)
            if limits != self.limits:
                self.set_limits(name, limits)

    def _digests(self) -> tuple[str, ...]:
        return tuple(info.digest for info in self.models)

    def _until_signal(self, queue: Queue, results: Results) -> Signal | None:
        """Take steps of one stream until it has signal; None when there is no more."""
        while (step := self._intake.next_step(queue)) is not None:
            if isinstance(step, Signal):
                return step
            if isinstance(step, Leave):
                self._let_go(step, results)
            elif self._seat(step.chunk, results):
                seated(queue)
            else:
                queue.popleft()
        return None

    def _seat(self, chunk: Chunk, results: Results) -> bool:
        """Give a stream a slot; False where it has no lead to score."""
        try:
            info = StreamInfo.of_chunk(chunk, self.lead, self.beats.n_leads, self._n_spare)
        except InputError as error:
            results.unscored[chunk.stream_id] = str(error)
            return False
        slot = self._take_slot(info)
        if info.stream_id in self._limits_of:
            self.episodes.set_limits(slot, self._limits_of[info.stream_id])
        if info.pulse_rows:
            self.corroborated.start(
                slot,
                fs=chunk.fs,
                first_sample=chunk.first_sample,
                first_adu=chunk.samples[list(info.pulse_rows), 0],
                leads=info.pulse_leads,
            )
        for stage in self.conditioning.values():
            stage.start_lead(slot, chunk, info.row)
        rows = (*info.rows, *info.spare_rows)
        for k, stage in enumerate(self._beside, 1):
            if k < max(len(rows), self.beats.n_leads):  # an absent spare lead has no state
                stage.start_lead(slot, chunk, rows[k] if k < len(rows) else None)
        return True

    def _take_slot(self, info: StreamInfo) -> int:
        slot = self.streams.take(info)
        if slot >= self._capacity:
            self._capacity = max(LEAST_SLOTS, 2 * self._capacity)
            self._stages.resize(self._capacity)
        return slot

    def _let_go(self, leave: Leave, results: Results) -> None:
        """End what is open of a stream, and free its slot."""
        slots, info = np.array([leave.slot]), self.streams.info(leave.slot)
        next_sample = self.conditioning[self.beats.fs].state["next_sample"][leave.slot]
        plan = rate_plan(info.fs, self.beats.fs)
        end_ms = np.array([plan.time_ms(int(next_sample) - leave.n_padding)], np.int64)
        edges = self.episodes.close(slots, end_ms)
        results.note_edges(self.streams, slots, edges)
        for gated in self.corroborated.closing(slots, end_ms, edges):
            self._note_gated(gated, results)
        cleared = self.alarms.withdraw(slots, end_ms)
        results.note_alarms(self.streams, cleared, lead_of=self._last_lead)
        self._stages.reset(slots)
        self.streams.leave(leave.slot)

    def _advance(self, ready: dict[int, bytes], results: Results) -> None:
        """Push samples of many streams, grouped by sampling frequency and length."""
        groups: dict[tuple[float, int, int, tuple[PulseKind, ...]], list[int]] = defaultdict(list)
        for slot, raw in ready.items():
            info = self.streams.info(slot)
            kinds = kinds_of(info.pulse_leads) if info.pulse_leads else ()
            n_leads = self.beats.n_leads + len(info.spare)
            groups[info.fs, len(raw), n_leads, kinds].append(slot)
        for fs, stage in self.conditioning.items():
            stages = [stage, *self._beside] if fs == self.beats.fs else [stage]
            alike: dict[tuple[int, int], list[tuple[ConditionedBlock, ...]]] = defaultdict(list)
            for (source_fs, _, n_leads, kinds), slots in groups.items():
                joined = b"".join([ready[slot] for slot in slots])
                shape = (len(slots), n_leads + len(kinds), -1)
                adu, of = np.frombuffer(joined, INT16_LE).reshape(shape), np.array(slots)
                pushed = [
                    each.push(of, adu[:, lead], source_fs)
                    for lead, each in enumerate(stages[:n_leads])
                ]
                if kinds and fs == self.beats.fs:
                    next_tick = stage.state["next_tick"][of]
                    self.corroborated.push(of, adu[:, n_leads:], source_fs, next_tick)
                for leads in zip(*pushed, strict=True):
                    alike[leads[0].signal_uv.shape[1], len(leads)].append(leads)
            for found in alike.values():
                blocks = [ConditionedBlock.joined(of_lead) for of_lead in zip(*found, strict=True)]
                self._score_windows(fs, blocks[0], results)
                if fs == self.beats.fs:
                    self._score_beats(blocks, results)

    def _score_beats(self, leads: Sequence[ConditionedBlock], results: Results) -> None:
        """Find beats, episodes and alarms in one block of each lead."""
        if self.beats.n_leads > 1:
            self._score_leads(leads, None, results)
            return
        before = self.choice.state["scored"][leads[0].slots]
        readable = of_leads([lead.quality.readable for lead in leads])
        for part in segments(leads, self.choice.choose(leads[0].slots, readable), before):
            self._of_leads.follow(part)
            self.beats.begin_anew(part.fresh, self.episodes.state)
            self._score_leads([part.block], part, results)

    def _score_leads(
        self, leads: Sequence[ConditionedBlock], part: Segment | None, results: Results
    ) -> None:
        """Score blocks of the leads that the beat model looks at."""
        slots, first_ms = leads[0].slots, leads[0].end_ms(0)
        scaled = of_leads([lead.scaled for lead in leads])
        heard = of_leads([lead.quality.heard for lead in leads])
        quality = quality_of([lead.quality for lead in leads], first_heard(heard))
        results.n_ticks += heard[:, 0].size
        scale_uv = of_leads([lead.quality.scale_uv for lead in leads])
        found = self.beats.find(slots, first_ms, scaled, scale_uv, heard)
        results.note_beats(self.streams, slots, found, None if part is None else part.lead)
        if self.strips is not None:
            self.strips.take(leads[0], found)
        first = scaled[:, 0], scale_uv[:, 0], heard[:, 0]
        turns = self.told.find(slots, first_ms, *first, found, self.episodes.state)
        if part is not None and len(part.turns):
            turns = RhythmTurns.of([turns, part.turns])
        decided = self.episodes.advance(slots, first_ms, found, quality, turns)
        for each in decided:
            results.note_edges(self.streams, each.slots, each.edges)
        n_ticks = quality.missing.shape[1]
        for gated in self.corroborated.through(slots, first_ms, n_ticks, decided):
            self._note_gated(gated, results, part)

    def _score_windows(self, fs: int, block: ConditionedBlock, results: Results) -> None:
        """Run the windowed models of one sampling frequency over one block, tick by tick."""
        for stage in self.windows:
            if stage.session.info.fs == fs:
                signal = block.in_unit(stage.session.info.units)
                for k in range(signal.shape[1]):
                    scores = stage.step(block.slots, block.first_tick + k, signal[:, k])
                    results.note_windows(
                        self.streams, block.slots, block.end_ms(k), stage.session.info, scores
                    )

    def _note_gated(self, gated: GatedEdges, results: Results, part: Segment | None = None) -> None:
        """Note what edges of episodes, as far as pulses let them through, do to the alarms."""
        told = gated.told(self.alarms.step(gated.slots, gated.now_ms, gated.edges))
        reasons = None if gated.is_late else self.beats.reasons
        lead_of = self._last_lead if part is None else part.lead_of
        results.note_alarms(self.streams, told, reasons, lead_of, self.strips)

    def _last_lead(self, slot: int) -> int:
        return int(self.choice.state["scored"][slot])
