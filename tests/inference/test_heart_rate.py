"""What is shown and told as the heart rate while there are no beats to count."""

from __future__ import annotations

import numpy as np

from inference.conditions import Code
from inference.episode_edges import EpisodeEdges
from inference.episodes import Episodes
from inference.limits import Limits
from inference.rhythm import Rhythm
from inference.rhythm_turns import RhythmTurns
from tests.inference.streams import DELAY_MS, Script, ticks_of

SLOT = np.array([0])


def test_heart_rate_is_unknown_in_fibrillation_and_counted_anew_behind_it():
    before, n_ticks = Script().rhythm(10, 800), 40
    script = Script().rhythm(10, 800).rhythm(20, 250).rhythm(10, 1000)
    ends = before.n_ticks(DELAY_MS), before.n_ticks(DELAY_MS) + n_ticks
    episodes, shown = Episodes(Limits(), DELAY_MS, 1), []
    for tick, (now_ms, beats, quality) in enumerate(ticks_of([script], script.n_ticks(DELAY_MS))):
        turn = None
        if tick in ends:
            one, code = np.zeros(1, np.intp), np.array([Code.VENTRICULAR_FIBRILLATION], np.int8)
            turn = RhythmTurns(one, one, code, np.array([tick == ends[0]]), now_ms)
        edges: EpisodeEdges = episodes.step(SLOT, now_ms, beats, quality, turn)
        if tick == ends[0]:
            assert np.isnan(edges.heart_rate_bpm).all()
            assert episodes.rhythm(SLOT).tolist() == [Rhythm.VF]
        shown.append(float(episodes.heart_rate_bpm(SLOT)[0]))
    assert shown[ends[0] - 1] == 75.0
    assert np.isnan(shown[ends[0] : ends[1] + 1]).all()
    behind = np.array(shown[ends[1] :])
    assert (behind[~np.isnan(behind)] <= 65.0).all(), "no wave of fibrillation is an RR interval"
    assert behind[-1] == 60.0
