"""Many ticks at once give what tick by tick gives, whatever happens in them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.episodes import Episodes
from inference.limits import Limits
from inference.quality import QualityTicks
from inference.ticks import BlockBeats
from tests.inference.contract import row_bytes
from tests.inference.streams import DELAY_MS, Script, Tick, scripts, ticks_of
from tests.inference.test_episodes_reference import SHORT

Told = list[list[tuple]]


def block_of(ticks: list[Tick]) -> tuple[np.ndarray, BlockBeats, QualityTicks]:
    """Join ticks into what a block of them is: end of the first, beats, quality."""
    first_ms, beats = ticks[0][0], [tick[1] for tick in ticks]
    present = np.stack([tick.present for tick in beats], axis=1)
    row, tick = np.nonzero(present)
    taken = [
        np.stack([getattr(one, name) for one in beats], axis=1)[present]
        for name in ("r_ms", "rr_ms", "aami", "confidence")
    ]
    names = ("missing", "flat", "saturated", "noisy", "index")
    quality = {name: np.stack([getattr(t[2], name) for t in ticks], axis=1) for name in names}
    scale_uv = np.ones(present.shape, np.float32)
    return first_ms, BlockBeats(row, tick, *taken), QualityTicks(scale_uv, **quality)


def note(told: Told, slots: np.ndarray, now_ms: np.ndarray, edges: object) -> None:
    """Write down whose each edge is, when it was decided, and its evidence to the bit."""
    of_edge = row_bytes(edges, len(edges.row))
    for row, code, onset, bits in zip(edges.row, edges.code, edges.onset, of_edge, strict=True):
        evidence = bits[row.nbytes :]
        told[slots[row]].append((int(now_ms[row]), int(code), bool(onset), evidence))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(scripts(), min_size=1, max_size=4),
    st.sampled_from([Limits(), SHORT]),
    st.sampled_from([680, 800, 1000]),
    st.integers(0, 2**32),
)
def test_blocks_of_ticks_give_the_edges_and_the_state_of_single_ticks(streams, limits, delay, seed):
    rng = np.random.default_rng(seed)
    ticks = ticks_of(streams, min(max(s.n_ticks() for s in streams), 300))
    slots = rng.permutation(len(streams))
    one, many = (Episodes(limits, delay, len(streams)) for _ in range(2))
    told: tuple[Told, Told] = ([[] for _ in streams], [[] for _ in streams])
    at = 0
    while at < len(ticks):
        n = int(rng.choice([1, 2, 5, 20]))
        for now_ms, beats, quality in ticks[at : at + n]:
            note(told[0], slots, now_ms, one.step(slots, now_ms, beats, quality))
        for decided in many.advance(slots, *block_of(ticks[at : at + n])):
            note(told[1], *decided)
        at += n
        for name, rows in one.snapshot(slots).items():
            np.testing.assert_array_equal(rows, many.snapshot(slots)[name], err_msg=name)
    assert told[0] == told[1]


def test_a_quiet_stream_is_taken_on_without_a_single_step(monkeypatch):
    def never(*_: object) -> None:
        raise AssertionError("stepped")

    ticks = ticks_of([Script().rhythm(60, 800)], 200)
    episodes, slots = Episodes(Limits(), DELAY_MS, 1), np.array([0])
    episodes.advance(slots, *block_of(ticks[:1]))
    monkeypatch.setattr(episodes, "step", never)
    told = [episodes.advance(slots, *block_of(ticks[i : i + 5])) for i in range(1, 195, 5)]
    assert not any(told)
    assert episodes.heart_rate_bpm(slots)[0] == 75
