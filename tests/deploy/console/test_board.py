"""The board of a bed is what its annunciator holds, whatever was told to it."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.console.board import Board
from inference.alarm_transition import TransitionKind
from inference.annunciation import (
    Acknowledge,
    AlarmOff,
    AlarmOn,
    Annunciator,
    AudioOn,
    AudioPause,
    Change,
    Phase,
    Resume,
    SetLimits,
    Standby,
    signal_to_dict,
)
from inference.annunciation.phases import SIGNALLED
from inference.conditions import CONDITIONS
from ingest.errors import InputError

NAMES = st.sampled_from([c.name for c in CONDITIONS])
KINDS = [TransitionKind.RAISED, TransitionKind.ENDED]
GIVEN = st.one_of(
    st.builds(Change, NAMES, st.sampled_from(KINDS), st.just("a")),
    st.builds(Acknowledge, st.just("n"), st.one_of(st.just(""), NAMES)),
    st.builds(AudioPause, st.just("n"), st.sampled_from([None, 5.0])),
    st.builds(AudioOn, st.just("n")),
    st.builds(AlarmOff, st.just("n"), NAMES, st.just("why")),
    st.builds(AlarmOn, st.just("n"), NAMES),
    st.builds(Standby, st.just("n"), st.just("why")),
    st.builds(Resume, st.just("n")),
    st.builds(SetLimits, st.just("n"), st.just("why"), st.just({"tachycardia_bpm": 130.0})),
)
PHASES = {Phase.ACKNOWLEDGED, Phase.ENDING_ACKNOWLEDGED}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(GIVEN, st.integers(0, 40_000)), max_size=25))
def test_the_board_says_what_the_annunciator_holds(steps: list) -> None:
    bed, board, now_ms = Annunciator("p"), Board(), 0
    for given_now, wait_ms in steps:
        now_ms += wait_ms
        told = bed.advance(now_ms)
        with suppress(InputError):
            told += bed.take(given_now)
        for signal in told:
            board.take(signal_to_dict(signal), signal.at_ms)
        held = {
            line.row.condition.name: (
                "acknowledged"
                if line.phase in PHASES
                else "latched"
                if line.phase is Phase.LATCHED
                else "on"
            )
            for line in bed.lines.values()
            if line.phase in SIGNALLED
        }
        assert {name: line.phase for name, line in board.lines.items()} == held
        assert board.sound == (bed.sound and bed.sound.value)
        assert (board.paused_until_ms is not None) == bed.paused
        assert (board.standby is not None) == (bed.standby is not None)
        off = {x.row.condition.name for x in bed.lines.values() if x.off_by}
        assert set(board.off) == off
        assert board.limits.get("tachycardia_bpm", 120.0) == bed.limits.tachycardia_bpm


def test_the_most_urgent_that_nobody_acknowledged_comes_first() -> None:
    bed, board = Annunciator("p"), Board()
    raised = TransitionKind.RAISED
    given_in_turn = [
        Change("tachycardia", raised),
        Change("extreme_bradycardia", raised),
        Acknowledge("n", "extreme_bradycardia"),
    ]
    for given_now in given_in_turn:
        for signal in bed.take(given_now):
            board.take(signal_to_dict(signal), 0)
    lines = board.to_dict()["lines"]
    assert [line["condition"] for line in lines][-1] == "extreme_bradycardia"
    assert lines[-1]["who"] == "n"
