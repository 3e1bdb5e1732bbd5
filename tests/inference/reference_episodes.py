"""The definitions once more, slowly: one stream, plain lists, all of the past looked at each time.

Written from the words of ``inference.conditions`` and ``inference.episodes``,
not from their code: no rings, no bit fields, no arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from inference.limits import Limits
from tests.inference.reference_ectopy import BURDEN, Heard, seen
from tests.inference.streams import FLAT, GOOD, MISSING, NOISY, SATURATED, STUCK, Beat

ORDER = (
    "asystole sustained_ventricular_tachycardia ventricular_tachycardia extreme_bradycardia "
    "extreme_tachycardia non_sustained_ventricular_tachycardia v_run pause bradycardia tachycardia "
    "supraventricular_run r_on_t couplet bigeminy trigeminy frequent_vebs missed_beat "
    "irregular_rhythm lead_off signal_gap flat_line arrhythmia_suspended noise saturation"
).split()
ALWAYS = ("asystole", "ventricular_tachycardia", "sustained_ventricular_tachycardia")
RUNS = (*ALWAYS[1:], "non_sustained_ventricular_tachycardia", "v_run")
TECHNICAL = ("lead_off", "signal_gap", "flat_line", "noise", "saturation", "arrhythmia_suspended")
SLOW = ("extreme_bradycardia", "bradycardia")
FAST = ("extreme_tachycardia", "tachycardia")


@dataclass
class ReferenceStream:
    limits: Limits
    delay_ms: int
    ticks: list[tuple[int, int, int]] = field(default_factory=list)  # start, end, kind
    beats: list[Beat] = field(default_factory=list)
    open: dict[str, int] = field(default_factory=dict)  # condition → onset
    window: dict[str, list[int]] = field(default_factory=dict)  # beats a rate may be taken over
    back_inside: dict[str, int] = field(default_factory=dict)
    v_run: list[int] = field(default_factory=list)
    edges: list[tuple[str, str, int]] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    seen_ms: dict[str, int] = field(default_factory=dict)
    resumed_ms: int = 0

    def tick(self, now_ms: int, beat: Beat | None, kind: int) -> list[tuple[str, str, int]]:
        self.edges = []
        self.ticks.append((now_ms - 200, now_ms, kind))
        self.silence(now_ms - self.delay_ms, beat)
        if beat:
            self.take(beat)
        for name in TECHNICAL[:-1]:
            self.technical(name, now_ms)
        self.suspension(now_ms)
        order = {"onset": 0, "end": 1}
        return sorted(self.edges, key=lambda e: (e[2], ORDER.index(e[0]), order[e[1]]))

    def begin(self, name: str, at_ms: int) -> None:
        barred = "arrhythmia_suspended" in self.open and name not in (*ALWAYS, *TECHNICAL)
        if name not in self.open and not barred:
            self.open[name] = at_ms
            self.edges.append((name, "onset", at_ms))

    def end(self, name: str, at_ms: int) -> None:
        if name in self.open:
            self.edges.append((name, "end", max(at_ms, self.open.pop(name))))

    def readable_since(self, horizon_ms: int) -> int:
        ends = [end for start, end, kind in self.ticks if kind != GOOD and start < horizon_ms]
        return max([self.ticks[0][0], *ends])

    def silence(self, horizon_ms: int, beat: Beat | None) -> None:
        last_ms = self.beats[-1].r_ms if self.beats else None
        since_ms = self.readable_since(horizon_ms)
        known_ms = beat.r_ms if beat else horizon_ms
        doubtful = any(kind != GOOD and start >= horizon_ms for start, _, kind in self.ticks)
        vouched_ms = min(known_ms, horizon_ms) if doubtful else known_ms
        from_ms = since_ms if last_ms is None else max(last_ms, since_ms)
        silent_s = (vouched_ms - from_ms) / 1000
        were_open = dict(self.open)
        if silent_s >= self.limits.asystole_s:
            self.begin("asystole", from_ms)
        between_beats = last_ms is not None and from_ms == last_ms
        if between_beats and "asystole" not in were_open and silent_s >= self.limits.pause_s:
            self.begin("pause", last_ms)
        too_long_s = dict.fromkeys(SLOW, self.limits.asystole_s)
        too_long_s |= dict.fromkeys(FAST, self.limits.pause_s)
        too_long_s |= dict.fromkeys(RUNS, self.limits.v_run_max_rr_s)
        too_long_s |= dict.fromkeys(BURDEN, math.inf)
        for name, limit_s in too_long_s.items():
            if name not in were_open:
                continue
            if silent_s >= limit_s or known_ms - last_ms >= self.limits.stale_s * 1000:
                self.end(name, self.seen_ms[name] if name in BURDEN else last_ms)
                self.window[name] = []
        lost = self.lost_since(horizon_ms)
        if lost is not None:
            for name in ("asystole", "pause"):
                if name in were_open:
                    self.end(name, lost)

    def lost_since(self, horizon_ms: int) -> int | None:
        """Start of the unreadable stretch at the horizon, if it is long enough to give up."""
        past = [t for t in self.ticks if t[0] < horizon_ms]
        n = 0
        while n < len(past) and past[-1 - n][2] != GOOD:
            n += 1
        return past[-n][0] if n and n * 200 >= self.limits.stale_s * 1000 else None

    def take(self, beat: Beat) -> None:
        previous = self.beats[-1] if self.beats else None
        horizon_ms = self.ticks[-1][1] - self.delay_ms
        noise = previous is None or self.readable_since(horizon_ms) > previous.r_ms
        rr_s = beat.rr_ms / 1000
        unknown = rr_s == 0 or rr_s >= self.limits.asystole_s
        unknown |= rr_s >= self.limits.pause_s and noise
        self.beats.append(beat)
        self.end("pause", beat.r_ms) if "pause" in self.open else None
        if previous and not unknown and rr_s < self.limits.pause_s:
            self.end("asystole", previous.r_ms)
        for name in (*SLOW, *FAST):
            self.rate(name, beat, unknown)
        self.ventricular(beat, unknown)
        self.heard.append(Heard(beat.r_ms, beat.rr_ms, beat.aami, unknown, noise))
        self.ectopy(beat)

    def ectopy(self, beat: Beat) -> None:
        now = dict(seen(self.heard, self.limits, False))
        for name in BURDEN:
            if name in now:
                self.begin(name, max(now[name], self.seen_ms.get(name, 0)))
                self.seen_ms[name] = beat.r_ms
            elif beat.r_ms - self.seen_ms.get(name, 0) >= self.limits.burden_end_s * 1000:
                self.end(name, self.seen_ms.get(name, 0))

    def rate(self, name: str, beat: Beat, unknown: bool) -> None:
        bpm, n = getattr(self.limits, f"{name}_bpm"), getattr(self.limits, f"{name}_beats")
        margin, needed = self.limits.rate_margin_bpm, self.limits.rate_end_beats
        window = self.window[name] = [beat.r_ms, *([] if unknown else self.window.get(name, []))]
        was_open = name in self.open
        if not was_open and len(window) >= n:
            mean_bpm = (n - 1) * 60_000 / (window[0] - window[n - 1])
            if mean_bpm < bpm if name in SLOW else mean_bpm > bpm:
                self.begin(name, window[n - 1])
                self.back_inside[name] = 0
                return
        if unknown:
            self.back_inside[name] = 0
        elif was_open:
            here = 60_000 / beat.rr_ms
            back = here >= bpm + margin if name in SLOW else here <= bpm - margin
            self.back_inside[name] = self.back_inside[name] + 1 if back else 0
            if self.back_inside[name] >= needed:
                self.end(name, window[needed])
                self.window[name] = window[: needed + 1]

    def ventricular(self, beat: Beat, unknown: bool) -> None:
        lim = self.limits
        vs = [b.r_ms for b in self.beats if b.aami == "V"]
        if beat.aami != "V":
            self.v_run = []
            if vs:
                self.end("v_run", vs[-1])
                self.end("non_sustained_ventricular_tachycardia", vs[-1])
                last_ones = self.beats[-lim.vt_end_beats :]
                if len(last_ones) == lim.vt_end_beats and all(b.aami != "V" for b in last_ones):
                    self.end("ventricular_tachycardia", vs[-1])
                    self.end("sustained_ventricular_tachycardia", vs[-1])
            self.sustained(beat)
            return
        far = unknown or beat.rr_ms >= lim.v_run_max_rr_s * 1000
        self.v_run = [beat.r_ms] if far else [*self.v_run, beat.r_ms]
        if len(self.v_run) >= lim.v_run_beats:
            first = self.v_run[-lim.v_run_beats]
            self.begin("v_run", first)
            if (lim.v_run_beats - 1) * 60_000 / (beat.r_ms - first) > lim.vt_bpm:
                self.begin("non_sustained_ventricular_tachycardia", first)
        if len(self.v_run) >= lim.vt_beats:
            first = self.v_run[-lim.vt_beats]
            bpm = (lim.vt_beats - 1) * 60_000 / (beat.r_ms - first)
            if bpm > lim.vt_bpm:
                self.begin("ventricular_tachycardia", first)
            elif bpm < lim.vt_bpm - lim.rate_margin_bpm:
                self.end("ventricular_tachycardia", first)
                self.end("sustained_ventricular_tachycardia", first)
        self.sustained(beat)

    def sustained(self, beat: Beat) -> None:
        since_ms = self.open.get("ventricular_tachycardia")
        if since_ms is not None and beat.r_ms - since_ms >= self.limits.vt_sustained_s * 1000:
            self.begin("sustained_ventricular_tachycardia", since_ms)

    def technical(self, name: str, now_ms: int) -> None:
        kinds = {
            "lead_off": (STUCK,),
            "signal_gap": (MISSING,),
            "noise": (NOISY,),
            "flat_line": (FLAT,),
            "saturation": (SATURATED,),
        }[name]
        bad = [kind in kinds for _, _, kind in self.ticks]
        gone = 0
        while gone < len(bad) and not bad[-1 - gone]:
            gone += 1
        clear = self.limits.technical_clear_s * 1000
        if name in self.open:
            if gone * 200 >= clear:
                self.end(name, now_ms - gone * 200)
        elif gone == 0:
            bridge = clear if name in ("noise", "saturation") else 200
            first = i = len(bad) - 1
            while i >= 0 and (bad[i] or (first - i) * 200 < bridge):
                first = i if bad[i] else first
                i -= 1
            if now_ms - self.ticks[first][0] >= getattr(self.limits, f"{name}_s") * 1000:
                self.begin(name, self.ticks[first][0])

    def suspension(self, now_ms: int) -> None:
        this = (now_ms - 1) // 1000
        bad = [
            start // 1000
            for start, _, kind in self.ticks[-150:]
            if kind != GOOD and start >= self.resumed_ms
        ]
        unreadable = {second for second in bad if bad.count(second) >= 3}
        if "arrhythmia_suspended" in self.open:
            recent = range(this - self.limits.resume_s + 1, this + 1)
            if now_ms % 1000 == 0 and unreadable.isdisjoint(recent):
                self.end("arrhythmia_suspended", now_ms)
                self.resumed_ms = now_ms
        elif len(unreadable & set(range(this - 29, this + 1))) >= self.limits.suspend_s:
            for name in [each for each in self.open if each not in (*ALWAYS, *TECHNICAL)]:
                self.end(name, now_ms)
            self.begin("arrhythmia_suspended", now_ms)
