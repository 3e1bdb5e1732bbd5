import pytest

from inference.alarm_transition import TransitionKind as T
from inference.annunciation import (
    Acknowledge,
    AlarmOff,
    AlarmOn,
    Annunciator,
    AudioOn,
    AudioPause,
    Change,
    Policy,
    Resume,
    SetLimits,
    Standby,
    Timing,
)
from inference.annunciation.phases import TABLE, Event, Phase
from inference.annunciation.policy import SOURCES, is_lethal
from inference.annunciation.signalling import HIDERS_FIRST
from inference.conditions import CONDITIONS, Code, Kind, Priority
from ingest.errors import InputError

VT, ASYSTOLE, BRADY = "ventricular_tachycardia", "asystole", "bradycardia"


class Bed:
    """A bed in words: what was told since it was last asked."""

    def __init__(self, policy=None):
        self.machine, self.log = Annunciator("p1", policy), []

    def up(self, name, alarm_id="a"):
        return self.note(self.machine.take(Change(name, T.RAISED, alarm_id)))

    def over(self, name, kind=T.ENDED):
        return self.note(self.machine.take(Change(name, kind)))

    def do(self, command):
        return self.note(self.machine.take(command))

    def wait(self, seconds):
        return self.note(self.machine.advance(self.machine.now_ms + round(1000 * seconds)))

    def note(self, told):
        self.log += told
        return [
            f"{s.kind.value} {s.condition or (s.priority.value if s.priority else '-')}"
            for s in told
        ]


def refused(bed, command, match):
    before = bed.machine.state()
    with pytest.raises(InputError, match=match):
        bed.do(command)
    assert bed.machine.state() == before


def test_a_high_priority_is_told_at_once_and_a_low_one_after_its_delay():
    bed = Bed()
    assert bed.up(ASYSTOLE) == ["on asystole", "sound high"]
    assert bed.up("noise") == []
    assert bed.wait(4.999) == []
    assert bed.wait(0.001) == ["on noise"]


def test_a_condition_shorter_than_its_delay_is_not_told():
    bed = Bed()
    bed.up("noise")
    bed.wait(4)
    assert bed.over("noise") == []
    assert bed.wait(100) == []


def test_vt_then_asystole_is_announced_again_though_vt_was_acknowledged_and_audio_paused():
    bed = Bed()
    bed.up(VT)
    bed.do(Acknowledge("nurse 7", VT))
    bed.do(AudioPause("nurse 7"))
    told = bed.up(ASYSTOLE)
    assert told == ["on asystole", "audio_resumed -", "sound high"]
    assert bed.log[-3].because == "follows ventricular_tachycardia"
    assert bed.log[-2].because == "asystole broke through"


def test_vt_that_turns_into_vf_and_asystole_is_announced_at_each_turn():
    bed = Bed()
    bed.up(VT)
    bed.do(Acknowledge("nurse 7"))
    assert bed.up("ventricular_fibrillation") == [
        "on ventricular_fibrillation", f"off {VT}", "sound high"]  # fmt: skip
    assert bed.log[-3].because == f"follows {VT}"
    bed.do(Acknowledge("nurse 7"))
    assert bed.up(ASYSTOLE) == []  # the engine holds it back too while fibrillation is told
    assert bed.over("ventricular_fibrillation") == [
        "off ventricular_fibrillation", "on asystole", f"on {VT}", "sound high"]  # fmt: skip


def test_a_second_lethal_alarm_sounds_anew_while_the_first_still_sounds():
    bed = Bed()
    bed.up(VT)
    assert bed.up(ASYSTOLE) == ["on asystole", "sound high"]


def test_what_is_not_lethal_keeps_quiet_in_a_pause_and_is_heard_behind_it():
    bed = Bed()
    bed.do(AudioPause("nurse 7"))
    assert bed.up(BRADY) == ["on bradycardia"]
    assert bed.wait(119.999) == []
    assert bed.wait(0.001) == ["audio_resumed -", "sound medium"]


def test_the_higher_takes_the_lower_from_the_screen_and_gives_it_back():
    bed = Bed()
    bed.up(BRADY)
    assert bed.up("extreme_bradycardia") == ["on extreme_bradycardia", "off bradycardia",
                                             "sound high"]  # fmt: skip
    assert bed.log[-2].because == "hidden by extreme_bradycardia"
    bed.over("extreme_bradycardia")
    assert bed.wait(3) == ["off extreme_bradycardia", "on bradycardia", "sound medium"]


def test_a_rate_about_its_limit_is_one_signal():
    bed = Bed()
    bed.up(BRADY)
    bed.do(Acknowledge("nurse 7"))
    for _ in range(10):
        assert bed.over(BRADY) == []
        assert bed.wait(4) == []
        assert bed.up(BRADY) == []
        assert bed.wait(4) == []


def test_within_the_refractory_time_it_is_held_and_told_when_it_holds_on():
    bed = Bed()
    bed.up(BRADY)
    bed.over(BRADY)
    assert bed.wait(5) == ["off bradycardia", "sound -"]
    bed.wait(10)
    assert bed.up(BRADY) == ["held bradycardia"]
    assert bed.wait(19.999) == []
    assert bed.wait(0.001) == ["on bradycardia", "sound medium"]


@pytest.mark.parametrize("condition", [c for c in CONDITIONS if c.priority is Priority.HIGH])
def test_no_refractory_time_of_any_other_holds_back_a_high_priority(condition):
    bed = Bed()
    for other in CONDITIONS:
        if other.priority is not Priority.HIGH:
            bed.up(other.name)
            bed.wait(20)
            bed.over(other.name)
    bed.wait(11)
    assert f"on {condition.name}" in bed.up(condition.name)


def test_lethal_alarms_latch_until_acknowledged_and_technical_ones_never():
    bed = Bed()
    bed.up(ASYSTOLE)
    bed.up("lead_off")
    assert bed.over(ASYSTOLE) == ["latched asystole"]
    bed.over("lead_off")
    bed.wait(1000)
    assert [c.name for c in CONDITIONS if bed.machine.phase(c.name) is not Phase.QUIET] == [
        ASYSTOLE
    ]
    assert bed.do(Acknowledge("nurse 7")) == ["off asystole", "sound -"]
    before = bed.machine.state()
    with pytest.raises(InputError, match="technical conditions never latch"):
        bed.over("lead_off", T.LATCHED)
    assert bed.machine.state() == before


def test_nobody_acknowledges_and_the_second_recipient_is_told_once():
    bed = Bed()
    bed.up(ASYSTOLE)
    bed.do(AudioPause("nurse 7", 600))
    assert bed.wait(60) == ["escalated asystole"]
    assert (bed.log[-1].recipient, bed.log[0].recipient) == ("second", "bedside")
    assert "escalated asystole" not in bed.wait(1000)


def test_what_is_acknowledged_and_holds_on_is_called_to_mind():
    bed = Bed()
    bed.up(ASYSTOLE)
    bed.do(Acknowledge("nurse 7"))
    assert bed.wait(360) == ["reminder asystole"] * 3
    assert [s.at_ms for s in bed.log[-3:]] == [120_000, 240_000, 360_000]


def test_alarm_off_takes_one_condition_out_and_on_again_tells_what_holds():
    bed = Bed()
    bed.up(BRADY)
    assert bed.do(AlarmOff("dr 1", BRADY, "athlete")) == [
        "off bradycardia", "alarm_off bradycardia", "sound -"]  # fmt: skip
    bed.over(BRADY)
    assert bed.up(BRADY) == []
    assert bed.do(AlarmOn("dr 1", BRADY)) == [
        "alarm_on bradycardia", "on bradycardia", "sound medium"]  # fmt: skip


def test_standby_is_silent_and_resuming_tells_what_holds():
    bed = Bed()
    bed.up(VT)
    assert bed.do(Standby("nurse 7", "CT")) == [f"off {VT}", "standby -", "sound -"]
    assert bed.over(VT, T.LATCHED) == []
    assert bed.up(ASYSTOLE) == []
    assert bed.wait(1000) == []
    assert bed.do(Resume("nurse 7")) == ["resumed -", "on asystole", "sound high"]


def test_other_limits_are_taken_whole_or_not_at_all():
    bed = Bed()
    bed.do(SetLimits("dr 1", "paced", {"bradycardia_bpm": 45.0}))
    assert bed.machine.limits.bradycardia_bpm == 45.0
    contradictory = {"tachycardia_bpm": 110.0, "pause_s": 4.5}
    refused(bed, SetLimits("dr 1", "paced", contradictory), "pause_s = 4.5 must be below")
    refused(bed, SetLimits("dr 1", "paced", {"rate": 1}), "'rate' is unknown")
    refused(bed, SetLimits("dr 1", "paced", {}), "at least one limit")


@pytest.mark.parametrize(
    ("command", "match"),
    [
        (Acknowledge("nurse 7"), "no alarm to acknowledge; there are: none"),
        (Acknowledge("nurse 7", ASYSTOLE), "no alarm 'asystole' to acknowledge"),
        (
            Acknowledge("nurse 7", "sneeze"),
            "'sneeze' is unknown; known are ventricular_fibrillation",
        ),
        (Acknowledge("  "), "acknowledge must say who"),
        (AudioPause("nurse 7", 0), "length_s of an audio pause = 0 must be"),
        (AudioPause("nurse 7", float("nan")), "must be a number from 1 to 600"),
        (AudioOn("nurse 7"), "no audio pause"),
        (AlarmOff("nurse 7", BRADY, ""), "alarm_off must say why"),
        (AlarmOff("nurse 7", ASYSTOLE, "noisy"), "asystole cannot be switched off; these can: "),
        (AlarmOn("nurse 7", BRADY), "bradycardia is not off"),
        (Resume("nurse 7"), "no standby"),
        (Change("sneeze", T.RAISED), "'sneeze' is unknown"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(command, match):
    refused(Bed(), command, match)


def test_twice_the_same_is_refused():
    bed = Bed()
    bed.up(ASYSTOLE)
    bed.do(Acknowledge("nurse 7", ASYSTOLE))
    refused(bed, Acknowledge("nurse 7", ASYSTOLE), "acknowledged already")
    bed.do(AlarmOff("dr 1", "pause", "known"))
    refused(bed, AlarmOff("dr 1", "pause", "known"), "pause is off already, by dr 1")
    bed.do(Standby("nurse 7", "CT"))
    refused(bed, Standby("nurse 7", "CT"), "in standby by nurse 7")
    refused(bed, AudioPause("nurse 7"), "in standby by nurse 7")


def test_a_clock_that_runs_backwards_is_refused():
    bed = Bed()
    bed.wait(10)
    before = bed.machine.state()
    with pytest.raises(InputError, match="ran backwards: from 10000 ms to 9999 ms"):
        bed.machine.advance(9_999)
    assert bed.machine.state() == before


def test_time_in_one_step_or_in_many_tells_the_same():
    whole, parts = Bed(), Bed()
    for bed in (whole, parts):
        bed.up(VT)
        bed.up(BRADY)
        bed.up("noise")
        bed.do(Acknowledge("nurse 7", VT))
        bed.do(AudioPause("nurse 7"))
    whole.wait(400)
    for _ in range(4000):
        parts.wait(0.1)
    assert whole.log == parts.log
    assert whole.machine.state() == parts.machine.state()


def test_who_hides_comes_before_whom_it_hides_and_is_never_less_urgent():
    urgency = [Priority.LOW, Priority.MEDIUM, Priority.HIGH]
    for condition in CONDITIONS:
        for hidden in condition.hides:
            assert HIDERS_FIRST.index(condition.code) < HIDERS_FIRST.index(hidden)
            other = CONDITIONS[hidden]
            assert urgency.index(condition.priority) >= urgency.index(other.priority)
    assert sorted(HIDERS_FIRST) == sorted(Code)


def test_the_table_knows_phases_only_and_every_phase_can_be_reached_and_left():
    reached = {Phase.QUIET} | {after for after, _ in TABLE.values()}
    assert reached == set(Phase)
    assert {phase for phase, _ in TABLE} == set(Phase)
    assert {event for _, event in TABLE} == set(Event)


def test_every_kind_of_value_has_a_source_and_lethal_means_high_and_latching():
    fields = {"audio_pause_s", "audio_pause_most_s", "latching", "recipients"}
    assert set(SOURCES) == fields | set(Timing.__dataclass_fields__)
    for condition in CONDITIONS:
        row = Policy().row(condition.name)
        assert row.lethal == is_lethal(condition)
        assert not (row.latching and condition.kind is Kind.TECHNICAL)
        if condition.priority is Priority.HIGH:
            assert (row.onset_delay_ms, row.refractory_ms, row.may_be_off) == (0, 0, False)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"timings": {"high": {"onset_delay_s": 1}}}, "onset_delay_s of priority high must be 0"),
        ({"timings": {"high": {"refractory_s": 9}}}, "refractory_s of priority high must be 0"),
        ({"timings": {"urgent": {}}}, "'urgent' is unknown; known are high, medium, low"),
        ({"timings": {"low": {"loudness": 1}}}, "'loudness' is unknown"),
        ({"timings": {"low": {"reminder_s": 1}}}, "reminder_s = 1 must be a number from 10"),
        ({"audio_pause_s": 900}, "audio_pause_s = 900 must be a number from 1 to 600"),
        ({"latching": ["noise"]}, "noise is technical"),
        ({"latching": ["sneeze"]}, "'sneeze' is unknown"),
        ({"recipients": ["bedside"]}, "recipients must be two names"),
        ({"volume": 3}, "'volume' is unknown"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_by_name(values, match):
    with pytest.raises(InputError, match=match):
        Policy.from_dict(values)


def test_a_policy_survives_being_written():
    policy = Policy.from_dict({"timings": {"low": {"reminder_s": 60}}, "audio_pause_s": 90})
    assert Policy.from_dict(policy.to_dict()) == policy
