import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import InputError
from training.alarm_scoring import (
    Episode,
    ToldAlarm,
    annotated_record,
    count,
    make_record,
    patient_interval,
    read_alarms,
    read_reference,
    score_alarms,
    score_to_dict,
    spans,
)

VT, VF = "ventricular_tachycardia", "ventricular_fibrillation"


def alarm(onset_s, told_s, over_s, condition=VT, record="r"):
    return ToldAlarm(record, condition, "high", onset_s, told_s, over_s)


def record(*episodes, name="r", patient=None, duration_s=3600.0, judged=(VT, VF, "asystole")):
    listed = [Episode(*each) for each in episodes]
    return make_record(name, patient or name, duration_s, listed, frozenset(judged))


def counted(reference, *alarms, condition=VT, within_s=10.0, grace_s=5.0):
    return count(reference, alarms, condition, within_s=within_s, grace_s=grace_s)


def test_an_alarm_up_during_the_episode_finds_it_and_tells_how_late():
    found = counted(record((VT, 100.0, 130.0)), alarm(101.0, 104.5, 129.0))
    assert (found.delays_s, found.missed, found.n_false) == ((4.5,), (), 0)


def test_an_alarm_too_late_misses_it_but_is_not_false():
    found = counted(record((VT, 100.0, 130.0)), alarm(108.0, 110.1, 129.0))
    assert (found.delays_s, found.n_false) == ((), 0)
    assert found.missed[0].told_after_s == pytest.approx(10.1)


def test_one_alarm_that_is_up_already_finds_the_next_episode_at_once():
    found = counted(record((VT, 100.0, 110.0), (VT, 115.0, 130.0)), alarm(101.0, 104.0, 128.0))
    assert found.delays_s == (4.0, 0.0)


@pytest.mark.parametrize(
    ("told", "n_false"),
    [(alarm(50.0, 53.0, 60.0), 1), (alarm(88.0, 91.0, 94.9), 1), (alarm(88.0, 91.0, 95.1), 0),
     (alarm(134.9, 137.0, 140.0), 0), (alarm(135.0, 138.0, 140.0), 1)],
)  # fmt: skip
def test_an_alarm_is_false_where_its_condition_touches_no_episode_within_the_grace(told, n_false):
    assert counted(record((VT, 100.0, 130.0)), told).n_false == n_false


def test_an_alarm_in_an_episode_too_short_to_be_asked_for_is_neither_found_nor_false():
    listed = [Episode(VT, 100.0, 106.0), Episode(VF, 106.0, 112.0), Episode(VT, 300.0, 330.0)]
    reference = make_record("r", "r", 3600.0, listed, frozenset([VT, VF]), least_s=10.0)
    found = counted(reference, alarm(101.0, 104.5, 105.0), alarm(500.0, 503.0, 510.0))
    assert (found.delays_s, len(found.missed), found.n_false) == ((), 1, 1)
    shockable = counted(reference, alarm(101.0, 104.5, 105.0), condition="shockable")
    assert (shockable.delays_s, len(shockable.missed)) == ((4.5,), 1)  # joined it is long enough


def test_an_alarm_of_another_condition_finds_nothing_and_is_nothing_of_this_one():
    found = counted(record((VT, 100.0, 130.0)), alarm(101.0, 104.0, 129.0, "v_run"))
    assert (found.delays_s, found.n_alarms, len(found.missed)) == ((), 0, 1)


def test_vt_that_turns_into_vf_is_one_shockable_episode_found_by_either_alarm():
    reference = record((VT, 100.0, 130.0), (VF, 130.0, 160.0), (VT, 300.0, 310.0))
    shockable = [e for e in reference.episodes if e.condition == "shockable"]
    assert [(e.onset_s, e.offset_s) for e in shockable] == [(100.0, 160.0), (300.0, 310.0)]
    found = counted(reference, alarm(101.0, 104.0, 158.0), condition="shockable")
    assert found.delays_s == (4.0,)
    assert len(found.missed) == 1


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 60)), max_size=6),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 15), st.integers(0, 90)), max_size=6),
)
def test_episodes_are_found_or_missed_and_more_alarms_never_find_less(episodes, told):
    reference = record(*[(VT, float(a), float(a + n)) for a, n in episodes], duration_s=4000.0)
    alarms = [alarm(float(a), float(a + late), float(a + n)) for a, late, n in told]
    for n in range(len(alarms) + 1):
        found = counted(reference, *alarms[:n])
        assert len(found.delays_s) + len(found.missed) == len(episodes)
        assert 0 <= found.n_false <= n
        assert all(0 <= delay <= 10 for delay in found.delays_s)
    if alarms:
        fewer = counted(reference, *alarms[:-1])
        assert len(counted(reference, *alarms).delays_s) >= len(fewer.delays_s)


def test_figures_are_over_all_records_and_what_is_not_judged_is_only_counted():
    records = [record((VT, 100.0, 130.0), name="a"), record((VT, 10.0, 20.0), name="b"),
               record(name="c", duration_s=7200.0)]  # fmt: skip
    told = {
        "a": [alarm(101.0, 104.0, 129.0, record="a")],
        "c": [alarm(5.0, 8.0, 12.0, record="c"), alarm(5.0, 8.0, 12.0, "bradycardia", "c")],
    }
    score = score_alarms(records, told, resamples=200)
    vt = next(each for each in score.conditions if each.condition == VT)
    assert (vt.n_episodes, vt.n_patients, vt.n_alarms, vt.n_false) == (2, 2, 2, 1)
    assert vt.sensitivity.value == 50.0
    assert vt.false_per_hour.value == 0.25
    assert vt.delay_median_s.value == vt.delay_p95_s.value == 4.0
    assert (vt.sensitivity.interval.low, vt.sensitivity.interval.high) == (0.0, 100.0)
    assert score.unjudged == {"bradycardia": 1}
    json.dumps(score_to_dict(score), allow_nan=False)


def test_records_of_one_patient_are_drawn_together():
    items = [("p", 0), ("p", 100), ("q", 80)]

    def mean(drawn):
        return sum(value for _, value in drawn) / len(drawn)

    interval = patient_interval(items, lambda i: i[0], mean)
    assert (interval.low, interval.high) == (50.0, 80.0)  # never 0 or 100: p is drawn whole
    assert patient_interval(items[:2], lambda i: i[0], mean) is None
    alike = [("p", 1), ("q", 1), ("r", 1)]
    assert patient_interval(alike, lambda i: i[0], mean) is None


def document(state, onset, decided, offset=None, name="x"):
    time = {"utc": "2023-01-01T00:00:00.000000000Z"}
    return {
        "id": name, "stream_id": "r", "condition": VT, "priority": "high", "state": state,
        "onset": {"sample": onset, **time}, "decided": {"sample": decided, **time},
        "offset": offset and {"sample": offset, **time}, "strip": {"fs": 250.0},
    }  # fmt: skip


def test_spans_run_from_onset_to_the_end_of_the_condition_not_of_the_latch():
    changes = [
        document("raised", 250, 1000),
        document("acknowledged", 250, 1500),
        document("latched", 250, 2500, 2000),
        document("cleared", 250, 9000, 2000),
        document("raised", 5000, 6000, name="y"),
    ]
    assert spans(changes) == [alarm(1.0, 4.0, 8.0), alarm(20.0, 24.0, float("inf"))]


def test_a_line_that_is_no_alarm_is_refused_by_number(tmp_path):
    path = tmp_path / "r.alarms.jsonl"
    path.write_text(json.dumps(document("raised", 250, 1000)) + "\n{}\n")
    with pytest.raises(InputError, match="line 2 is no alarm of Vigil"):
        read_alarms(path)


HEAD = {"record": "a", "duration_s": 100, "judged": [VT]}
EPISODE = {"record": "a", "condition": VT, "onset_s": 10, "offset_s": 20}


def reference_of(tmp_path, *lines):
    path = tmp_path / "reference.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_reference(path)


def test_a_reference_of_json_lines_is_read(tmp_path):
    [found] = reference_of(tmp_path, HEAD | {"patient": "p"}, EPISODE)
    assert found.patient == "p"
    assert found.episodes == (Episode(VT, 10.0, 20.0),)


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ({**EPISODE, "record": "b"}, "line 2 cannot be used: 'b'"),
        ({**EPISODE, "condition": "asystole"}, "'asystole' is not among those judged"),
        ({**EPISODE, "offset_s": 5}, "must lie in 0 to 100 s and end behind its onset"),
        ({**EPISODE, "offset_s": 101}, "must lie in 0 to 100 s"),
        ({**EPISODE, "onset_s": float("nan")}, "is no number"),
        ([], "line 2 cannot be used"),
    ],
)
def test_a_reference_that_contradicts_itself_is_refused_by_line(tmp_path, line, match):
    with pytest.raises(InputError, match=match):
        reference_of(tmp_path, HEAD, line)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_rhythm_annotations_become_episodes(tmp_path):
    import wfdb

    wfdb.wrsamp("r", 100, ["mV"], ["II"], p_signal=np.zeros((10_000, 1)), fmt=["16"],
                adc_gain=[200], baseline=[0], write_dir=str(tmp_path))  # fmt: skip
    marks = [(100, "(N"), (1000, "(VT"), (2000, "(VFL"), (3000, "(N"), (4000, "(AFIB")]
    wfdb.wrann("r", "atr", np.array([s for s, _ in marks]), symbol=["+"] * 5,
               aux_note=[aux for _, aux in marks], fs=100, write_dir=str(tmp_path))  # fmt: skip
    found = annotated_record(tmp_path, "r")
    assert [(e.condition, e.onset_s, e.offset_s) for e in found.episodes] == [
        ("shockable", 10.0, 30.0),
        (VT, 10.0, 20.0),
        (VF, 20.0, 30.0),
        ("atrial_fibrillation", 40.0, 100.0),
    ]
    assert found.duration_s == 100.0
    long = annotated_record(tmp_path, "r", least_s=15.0)
    assert [e.condition for e in long.episodes] == ["shockable", "atrial_fibrillation"]
    assert [e.condition for e in long.short] == [VT, VF]
    with pytest.raises(InputError, match=r"nobody.hea is not there"):
        annotated_record(tmp_path, "nobody")
