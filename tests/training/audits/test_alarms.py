"""Rows of alarms add up to what the scoring of alarms counts."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from training.alarm_scoring import Episode, ToldAlarm, count, make_record
from training.audits.alarms import GRACE_S, WITHIN_S, alarm_rows
from training.audits.material import Counted

VT = "ventricular_tachycardia"


def alarm(onset_s: float, told_s: float, over_s: float = math.inf) -> ToldAlarm:
    return ToldAlarm("r", VT, "high", onset_s, told_s, over_s)


spans = st.lists(st.tuples(st.floats(0, 500), st.floats(1, 40)), max_size=8)


@settings(max_examples=150, deadline=None)
@given(spans, spans)
def test_rows_add_up_to_the_counts(episodes: list, alarms: list) -> None:
    reference = make_record(
        "r", "p", 600, [Episode(VT, a, a + b) for a, b in sorted(episodes)], frozenset({VT})
    )
    told = [alarm(a, a + b / 4, a + b) for a, b in alarms]
    rows = alarm_rows("p", reference, told, Counted(0.0))
    found = count(reference, told, VT, within_s=WITHIN_S, grace_s=GRACE_S)
    own = [row for row in rows if row.condition == "VT alarm"]
    assert sum(row.truth == 1 == row.prediction for row in own) == len(found.delays_s)
    assert sum(row.truth == 1 and not row.prediction for row in own) == len(found.missed)
    assert sum(row.truth == 0 for row in own) == found.n_false
    delays = sorted(row.delay_s for row in own if row.truth == 1 == row.prediction)
    assert delays == sorted(found.delays_s)
    assert all(math.isnan(row.delay_s) for row in own if not (row.truth and row.prediction))


def test_what_begins_while_the_system_learns_makes_no_row() -> None:
    reference = make_record("r", "p", 600, [Episode(VT, 100, 110)], frozenset({VT}))
    told = [alarm(50, 52, 60), alarm(100, 103, 110), alarm(400, 402, 405)]
    (row,) = alarm_rows("p", reference, told, Counted(300.0))
    assert (row.truth, row.prediction, row.patient) == (0, 1, "p")
