from inference.conditions import Code
from inference.rhythm import AUX, Rhythm, rhythm_changes


def test_no_episode_is_one_normal_rhythm():
    assert rhythm_changes([], 0) == [(0, Rhythm.NORMAL)]


def test_the_most_pressing_of_overlapping_episodes_shows():
    episodes = [
        (Code.BRADYCARDIA, 100, 900),
        (Code.EXTREME_BRADYCARDIA, 200, 300),
        (Code.ASYSTOLE, 400, 500),
        (Code.NOISE, 0, 1000),
    ]
    assert rhythm_changes(episodes, 0) == [
        (0, Rhythm.NORMAL),
        (100, Rhythm.BRADYCARDIA),
        (400, Rhythm.ASYSTOLE),
        (500, Rhythm.BRADYCARDIA),
        (900, Rhythm.NORMAL),
    ]


def test_an_episode_that_began_before_the_start_shows_from_the_start():
    assert rhythm_changes([(Code.TACHYCARDIA, 5, 50)], 10) == [
        (10, Rhythm.TACHYCARDIA),
        (50, Rhythm.NORMAL),
    ]


def test_every_rhythm_but_the_unknown_has_its_annotation():
    assert AUX[Rhythm.UNKNOWN] == ""
    assert all(AUX[r].startswith("(") for r in Rhythm if r is not Rhythm.UNKNOWN)
