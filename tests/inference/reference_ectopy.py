"""Ectopy and irregularity once more, slowly: what is seen at the last of a list of beats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inference.limits import Limits

BURDEN = (
    "supraventricular_run r_on_t couplet bigeminy trigeminy frequent_vebs missed_beat "
    "irregular_rhythm"
).split()


@dataclass(frozen=True)
class Heard:
    """A beat, and what is known of the RR interval before it."""

    r_ms: int
    rr_ms: int
    aami: str
    unknown: bool
    noise: bool


def run_length(beats: list[Heard], aami: str, max_rr_ms: float) -> int:
    """Beats of one class in a row up to the last, each close enough to the one before."""
    n = 0
    for at in range(len(beats) - 1, -1, -1):
        if beats[at].aami != aami:
            break
        n += 1
        if beats[at].unknown or beats[at].rr_ms >= max_rr_ms:
            break
    return n


def chain_of(beats: list[Heard]) -> list[Heard]:
    """The last beats, from the last unknown RR interval on."""
    first = max((i for i, beat in enumerate(beats) if beat.unknown), default=0)
    return beats[first:]


def mean_bpm(beats: list[Heard]) -> float | None:
    """Rate over the last 8 known RR intervals, None below 2."""
    known = chain_of(beats)[-9:]
    return (len(known) - 1) * 60_000 / (known[-1].r_ms - known[0].r_ms) if len(known) > 2 else None


def uneven(beats: list[Heard]) -> bool:
    """The last RR interval differs from the one before by an eighth, with no V beside either."""
    if len(chain_of(beats)) < 3 or any(beat.aami == "V" for beat in beats[-3:]):
        return False
    now, before = beats[-1].rr_ms, beats[-1 - 1].r_ms - beats[-3].r_ms
    return abs(now - before) > (now + before) / 2 / 8


def seen(beats: list[Heard], lim: Limits, af_is_open: bool) -> Iterator[tuple[str, int]]:
    """Give what is seen at the last beat, and where its evidence begins, ms."""
    this, before = beats[-1], beats[:-1]
    chain = chain_of(beats)
    max_rr_ms = round(lim.v_run_max_rr_s * 1000)
    pattern = "".join("V" if beat.aami == "V" else "-" for beat in chain)

    n = lim.sv_run_beats
    if run_length(beats, "S", 1e9) >= n:
        span_ms = this.r_ms - beats[-n].r_ms
        if (n - 1) * 60_000 / span_ms > lim.sv_run_bpm:
            yield "supraventricular_run", beats[-n].r_ms
    rate = mean_bpm(before) if before else None
    single = rate is not None and this.aami == "V" and before[-1].aami != "V" and not this.unknown
    if single and rate < 100 and this.rr_ms < lim.r_on_t_share * 60_000 / rate:
        yield "r_on_t", before[-1].r_ms
    linked = this.aami == "V" and this.rr_ms < max_rr_ms
    if before and run_length(before, "V", max_rr_ms) == 2 and not linked and not this.unknown:
        yield "couplet", beats[-3].r_ms
    for name, cycle, n in (
        ("bigeminy", "-V", lim.bigeminy_cycles),
        ("trigeminy", "--V", lim.trigeminy_cycles),
    ):
        if pattern.endswith(cycle * n):
            yield name, chain[-len(cycle) * n].r_ms
    stretch = this.r_ms // 5000
    in_a_minute = [b for b in beats if b.aami == "V" and b.r_ms // 5000 > stretch - 12]
    if this.aami == "V" and len(in_a_minute) >= lim.vebs_per_min:
        yield "frequent_vebs", max(this.r_ms - 60_000, 0)
    if uneven(beats):
        yield from _missed(beats, lim, rate)
        n = lim.irregular_beats
        n_uneven = sum(uneven(beats[: len(beats) - ago]) for ago in range(n - 2))
        if len(chain) >= n and n_uneven > lim.irregular_share * (n - 2) and not af_is_open:
            yield "irregular_rhythm", beats[-n].r_ms


def _missed(beats: list[Heard], lim: Limits, rate: float | None) -> Iterator[tuple[str, int]]:
    """Give a beat that is missed before the last, whose RR interval is uneven."""
    this, before = beats[-1], beats[:-1]
    if rate is None or this.noise or len(chain_of(beats)) < 5:
        return
    over = this.rr_ms > (lim.missed_beat_share * 60_000 / rate if rate < 100 else 1000)
    long = 1.5 * before[-1].rr_ms < this.rr_ms < lim.pause_s * 1000
    if over and long and all(beat.aami != "V" for beat in before[-3:]):
        yield "missed_beat", before[-1].r_ms
