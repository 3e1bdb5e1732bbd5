"""What is shown and told as the heart rate while there are no beats to count."""

from __future__ import annotations

import numpy as np

from inference.conditions import Code
from inference.episode_edges import EpisodeEdges
from inference.episodes import Episodes
from inference.limits import Limits
from inference.rhythm import Rhythm
from inference.rhythm_turns import RhythmTurns
from inference.ticks import TICK_MS
from tests.inference.streams import DELAY_MS, Script, ticks_of

SLOT = np.array([0])


def test_heart_rate_is_unknown_in_ventricular_fibrillation_whose_waves_are_no_beats():
    episodes, script = Episodes(Limits(), DELAY_MS, 1), Script().rhythm(10, 800)
    for now_ms, beats, quality in ticks_of([script], script.n_ticks(DELAY_MS)):
        episodes.step(SLOT, now_ms, beats, quality)
    now_ms = int(episodes.state["now_ms"][0])

    def tell(tick: int, *, onset: bool) -> EpisodeEdges:
        one, at_ms = np.zeros(1, np.intp), np.array([now_ms + tick * TICK_MS])
        code = np.array([Code.VENTRICULAR_FIBRILLATION], np.int8)
        turn = RhythmTurns(one, one, code, np.array([onset]), at_ms)
        [(_, beats, quality)] = ticks_of([Script()], 1)
        return episodes.step(SLOT, at_ms, beats, quality, turn)

    assert episodes.heart_rate_bpm(SLOT).tolist() == [75.0]
    edges = tell(1, onset=True)
    assert np.isnan(edges.heart_rate_bpm).all()
    assert np.isnan(episodes.heart_rate_bpm(SLOT)).all()
    assert episodes.rhythm(SLOT).tolist() == [Rhythm.VF]
    tell(2, onset=False)
    assert episodes.heart_rate_bpm(SLOT).tolist() == [75.0]
