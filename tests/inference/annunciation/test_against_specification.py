"""Random lives of a bed: the machine and the specification must tell the same."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from inference.alarm_transition import TransitionKind
from inference.annunciation.inputs import (
    Acknowledge,
    AlarmOff,
    AlarmOn,
    AudioOn,
    AudioPause,
    Change,
    Resume,
    SetLimits,
    Standby,
)
from inference.annunciation.machine import Annunciator
from inference.annunciation.phases import HEARD
from inference.annunciation.policy import Policy, Timing
from inference.conditions import Priority
from ingest.errors import InputError
from tests.inference.annunciation.specification import NAMES, OF, Specification

EXAMPLES = int(os.environ.get("VIGIL_STATEFUL_EXAMPLES", "120"))
STEPS = 60

SHORT = Policy(
    timings={
        Priority.HIGH: Timing(end_delay_s=2, reminder_s=10, escalation_s=6),
        Priority.MEDIUM: Timing(
            onset_delay_s=1, end_delay_s=3, refractory_s=8, reminder_s=11, escalation_s=9
        ),
        Priority.LOW: Timing(onset_delay_s=2, end_delay_s=4, refractory_s=7),
    },
    audio_pause_s=12,
    audio_pause_most_s=30,
)
BARE = Policy(
    timings={
        Priority.HIGH: Timing(escalation_s=5),
        Priority.MEDIUM: Timing(refractory_s=6, reminder_s=10),
        Priority.LOW: Timing(),
    },
    audio_pause_s=9,
    latching=("ventricular_tachycardia", "pause", "bradycardia"),
)

TOLD = {
    "on", "off", "held", "latched", "acknowledged", "reminder", "escalated",
    "audio_paused", "audio_resumed",
}  # fmt: skip
BUSY = [
    "ventricular_fibrillation", "asystole", "ventricular_tachycardia", "v_run",
    "extreme_bradycardia", "bradycardia", "pause",
    "tachycardia", "noise",
]  # fmt: skip
SWITCHES = ["v_run", "pause", "bradycardia", "tachycardia", "noise", "asystole"]
picks = st.integers(0, 99)


class BedLife(RuleBasedStateMachine):
    """A bed as the machine has it, and all that was ever tried."""

    @initialize(policy=st.sampled_from([SHORT, SHORT, BARE, Policy()]))
    def admit(self, policy):
        self.policy, self.bed = policy, Annunciator("p1", policy)
        self.attempts, self.told, self.refused, self.sounds = [], [], [], []
        self.sound = {}

    @property
    def second(self):
        return self.bed.now_ms // 1000

    def attempt(self, given):
        self.attempts.append((self.second, given))
        before = self.bed.state()
        try:
            told = self.bed.take(given)
        except InputError:
            self.refused.append(True)
            assert self.bed.state() == before
            return
        self.refused.append(False)
        self.hear(told)

    def hear(self, told):
        for signal in told:
            if signal.kind.value in TOLD:
                self.told.append((signal.at_ms / 1000, signal.kind.value, signal.condition))
            if signal.kind.value == "sound":
                self.sound["now"] = signal.priority
        assert self.sound.get("now") == self.bed.sound

    @rule(seconds=st.sampled_from([0, 1, 1, 2, 2, 3, 4, 5, 6, 8, 11, 14]))
    def wait(self, seconds):
        self.hear(self.bed.advance(self.bed.now_ms + 1000 * seconds))

    def chosen(self, names, pick):
        """One of the conditions that it makes sense for; any, where it makes sense for none."""
        return (names or BUSY)[pick % len(names or BUSY)]

    @rule(pick=picks)
    def begin(self, pick):
        absent = [n for n in BUSY if not self.bed.lines[OF[n].code].present]
        name = self.chosen(absent, pick)
        self.attempt(Change(name, TransitionKind.RAISED, f"{name}-{len(self.attempts)}"))

    @rule(pick=picks, kind=st.sampled_from([*2 * [TransitionKind.ENDED], TransitionKind.LATCHED]))
    def end(self, pick, kind):
        present = [n for n in BUSY if self.bed.lines[OF[n].code].present]
        self.attempt(Change(self.chosen(present, pick), kind))

    @rule(pick=picks, cleared=st.booleans())
    def engine_acknowledges(self, pick, cleared):
        kind = TransitionKind.CLEARED if cleared else TransitionKind.ACKNOWLEDGED
        heard = [n for n in BUSY if self.bed.phase(n) in HEARD]
        self.attempt(Change(self.chosen(heard, pick), kind))

    @rule(pick=picks)
    def acknowledge(self, pick):
        heard = [n for n in BUSY if self.bed.phase(n) in HEARD]
        self.attempt(Acknowledge("nurse 7", "" if pick % 5 == 0 else self.chosen(heard, pick)))

    @rule(length_s=st.sampled_from([None, 3, 20, 1000]), end=st.booleans())
    def pause(self, length_s, end):
        ends = end and self.bed.paused
        self.attempt(AudioOn("nurse 7") if ends else AudioPause("nurse 7", length_s))

    @rule(pick=picks, on=st.booleans())
    def switch(self, pick, on):
        off = [n for n in BUSY if self.bed.lines[OF[n].code].off_by]
        if on and off:
            self.attempt(AlarmOn("dr 1", self.chosen(off, pick)))
        else:
            self.attempt(AlarmOff("dr 1", self.chosen(SWITCHES, pick), "known"))

    @precondition(lambda self: self.bed.standby or len(self.attempts) % 4 == 3)
    @rule()
    def stand_by_or_resume(self):
        self.attempt(Resume("nurse 7") if self.bed.standby else Standby("nurse 7", "CT"))

    @rule(
        what=st.sampled_from(
            [
                Acknowledge("nurse 7", "nonsense"),
                Acknowledge(" "),
                AudioPause(""),
                AudioOn("nurse 7"),
                AlarmOn("nurse 7", "pause"),
                AlarmOff("nurse 7", "noise", ""),
                Resume("nurse 7"),
                Standby("nurse 7", " "),
                SetLimits("dr 1", "asked for", {}),
                SetLimits("dr 1", "asked for", {"pause_s": 3.5}),
                SetLimits("dr 1", "asked for", {"pause_s": 4.5}),
                Change("noise", TransitionKind.LATCHED),
                Change("nonsense", TransitionKind.RAISED),
            ]
        )
    )
    def what_may_be_refused(self, what):
        self.attempt(what)

    @rule(back_s=st.integers(1, 5))
    def clock_runs_backwards(self, back_s):
        before = self.bed.state()
        try:
            self.bed.advance(self.bed.now_ms - 1000 * back_s)
        except InputError:
            assert self.bed.state() == before
        else:
            raise AssertionError("a clock that ran backwards was taken")

    def teardown(self):
        if not hasattr(self, "bed"):
            return
        wanted = Specification(self.policy, self.attempts, self.second)
        assert self.refused == wanted.verdicts
        assert Counter(self.told) == Counter(wanted.told)
        assert self.bed.sound == wanted.sound()
        assert self.bed.paused == wanted.paused()
        for name in NAMES:
            assert (self.bed.phase(name) in ("latched",)) == wanted.latched(name), name
            assert (self.bed.phase(name) in ("on", "ending", "latched")) == (
                wanted.on(name) and not wanted.known(name)
            ), name
            assert (self.bed.phase(name) in ("acknowledged", "ending_acknowledged")) == (
                wanted.known(name)
            ), name


BedLife.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestBedLife = BedLife.TestCase


@pytest.mark.parametrize("seed", range(30))
def test_a_long_dense_life_is_told_as_specified(seed):
    from tests.inference.annunciation.long_run import live

    assert len(live(seed, 250).told) > 10


def test_a_life_that_differs_is_shortened_to_what_the_difference_needs(monkeypatch):
    from tests.inference.annunciation import long_run

    def heard_from_no_one(self, specified=Specification.refuses):
        return lambda what: isinstance(what, Acknowledge) or specified(self, what)

    monkeypatch.setattr(Specification, "refuses", property(heard_from_no_one))
    policy, steps = long_run.drawn(0, 120)
    assert long_run.differs(policy, steps)
    names = [name for name, _ in long_run.shortened(policy, steps)]
    assert sorted(names) in (["acknowledge", "begin"], ["acknowledge", "begin", "wait"])
