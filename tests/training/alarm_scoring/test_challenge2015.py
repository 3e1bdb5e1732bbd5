import json

import numpy as np
import pytest

from deploy.cli.main import run
from inference.conditions import CONDITIONS
from ingest.errors import InputError
from training.alarm_scoring import Case, ToldAlarm, confirmed, read_cases, score_types, tally
from training.alarm_scoring import challenge2015 as challenge
from training.alarm_scoring.threshold_rules import RULES, beat_times_s


def told(told_s, over_s, condition="asystole"):
    return ToldAlarm("a", condition, "high", told_s - 4.2, told_s, over_s)


CASE = Case("a", "Asystole", True)


@pytest.mark.parametrize(
    ("alarm", "yes"),
    [
        (told(295.0, 299.0), True),
        (told(300.0, 310.0), True),
        (told(300.2, 310.0), False),
        (told(150.0, 290.0), False),
        (told(150.0, 290.1), True),
        (told(150.0, float("inf")), True),
        (told(295.0, 299.0, "pause"), False),
    ],
)
def test_an_alarm_confirms_where_it_is_up_in_the_window_and_told_before_its_end(alarm, yes):
    assert confirmed(CASE, [alarm]) is yes


def test_what_hides_a_condition_confirms_it_only_where_that_is_asked_for():
    fast = Case("a", "Tachycardia", True)
    fibrillation = told(295.0, 299.0, "ventricular_fibrillation")
    assert not confirmed(fast, [fibrillation])
    assert confirmed(fast, [fibrillation], or_hider=True)
    assert not confirmed(fast, [told(295.0, 299.0, "asystole")], or_hider=True)


def test_the_score_weighs_a_suppressed_true_alarm_five_times():
    cases = [Case(str(i), "Asystole", i < 2) for i in range(10)]
    said = {str(i): i in (0, 2, 3) for i in range(10)}
    verdicts = tally(cases, said)
    assert (verdicts.tp, verdicts.fn, verdicts.fp, verdicts.tn) == (1, 1, 2, 6)
    assert verdicts.score == pytest.approx(100 * 7 / (1 + 6 + 2 + 5))
    assert (verdicts.tpr, verdicts.tnr) == (50.0, 75.0)


def test_types_are_scored_apart_and_together_with_intervals():
    cases = [Case(f"{alarm}{i}", alarm, i % 2 == 0) for alarm in ("Asystole", "Tachycardia")
             for i in range(6)]  # fmt: skip
    said = {case.record: case.true or case.alarm == "Tachycardia" for case in cases}
    by_type = {each.alarm: each for each in score_types(cases, said, resamples=300)}
    assert by_type["Asystole"].verdicts.score == 100.0
    assert by_type["Tachycardia"].verdicts.score == 50.0
    assert by_type["all"].verdicts.score == 75.0
    assert by_type["all"].score.low < 75.0 < by_type["all"].score.high
    with pytest.raises(InputError, match="no verdict on Asystole0"):
        score_types(cases, {})


def test_every_condition_that_exists_and_confirms_is_lethal_or_extreme():
    known = {c.name: c for c in CONDITIONS}
    wanted = {name for names in challenge.CONDITIONS.values() for name in names}
    assert all(known[name].priority == "high" for name in wanted & set(known))
    assert set(RULES) == set(challenge.CONDITIONS)


def test_a_table_that_is_not_the_challenges_is_refused_by_line(tmp_path):
    (tmp_path / "ALARMS").write_text("record,alarm,true\na1,Asystole,1\na2,Sneeze,0\n")
    with pytest.raises(InputError, match=r"line 3: not record, alarm \(Asystole"):
        read_cases(tmp_path)


def beats(*spans):
    """Beats every so often in stretches: (from, to, RR), s before the alarm."""
    return np.concatenate([np.arange(a, b, rr) for a, b, rr in spans])


@pytest.mark.parametrize(
    ("alarm", "beats_s", "yes"),
    [
        ("Asystole", beats((-60, -5, 0.8)), True),
        ("Asystole", beats((-60, -30, 0.8), (-24, 0, 0.8)), False),
        ("Bradycardia", beats((-60, -12, 0.8), (-11, 0, 1.7)), True),
        ("Bradycardia", beats((-60, 0, 1.4)), False),
        ("Tachycardia", beats((-60, -9, 0.8), (-8, 0, 0.4)), True),
        ("Tachycardia", beats((-60, -5, 0.8), (-4, 0, 0.4)), False),
        ("Ventricular_Tachycardia", beats((-60, -5, 0.8), (-4, 0, 0.5)), True),
        ("Ventricular_Tachycardia", beats((-60, 0, 0.7)), False),
        ("Ventricular_Flutter_Fib", beats((-60, -8, 0.8), (-8, 0, 0.2)), True),
        ("Ventricular_Flutter_Fib", beats((-60, 0, 0.5)), False),
    ],
)
def test_threshold_rules_do_what_the_challenge_defines(alarm, beats_s, yes):
    assert RULES[alarm](beats_s) is yes


@pytest.mark.data
def test_nothing_behind_the_alarm_is_heard(data_dir, monkeypatch):
    from training.alarm_scoring import threshold_rules

    folder = data_dir / "challenge2015"
    before = beat_times_s(folder / "a163l")
    assert before.size > 30
    assert before.min() >= -60
    assert before.max() <= 0
    real = threshold_rules.open_recording

    def cut(path):
        recording = real(path)
        recording.samples[:, 75_000:] = 0
        return recording

    monkeypatch.setattr(threshold_rules, "open_recording", cut)
    assert np.array_equal(beat_times_s(folder / "a163l"), before)


@pytest.mark.data
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_one_command_scores_and_judges_beside_rules_and_monitor(data_dir, tmp_path, capsys):
    folder = str(data_dir / "challenge2015")
    options = ["--alarms", "--score", "--records", "a163l,a203l", "--bootstrap", "50", "--json"]
    assert run(["evaluate", folder, str(tmp_path), *options]) == 0
    told = json.loads(capsys.readouterr().out)
    systems = told["systems"]
    assert [(each["record"], each["true"]) for each in told["records"]] == [
        ("a163l", False), ("a203l", True)]  # fmt: skip
    assert all(each["said_true"]["bedside monitor"] for each in told["records"])
    assert list(systems) == [
        "vigil",
        "vigil, or what hides it",
        "vigil on the ECG alone",
        "threshold rules on xqrs",
        "bedside monitor",
    ]
    monitor = {each["alarm"]: each for each in systems["bedside monitor"]}
    assert (monitor["all"]["tp"], monitor["all"]["fp"]) == (1, 1)
    assert (tmp_path / "a203l.alarms.jsonl").is_file()


def test_alarms_that_were_not_scored_are_asked_for(tmp_path, capsys):
    (tmp_path / "ALARMS").write_text("record,alarm,true\na1,Asystole,1\n")
    assert run(["evaluate", str(tmp_path), str(tmp_path), "--alarms"]) == 2
    assert "a1.alarms.jsonl is not there: score the records first" in capsys.readouterr().err
