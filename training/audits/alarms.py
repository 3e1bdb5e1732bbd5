"""Rows of predictions from one record's alarms, beside the episodes that its experts marked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.alarm_scoring import Episode, ReferenceRecord, ToldAlarm, count
from training.audits.material import Counted
from training.audits.rows import Row

SHORT = {
    "ventricular_tachycardia": "VT",
    "ventricular_fibrillation": "VF",
    "atrial_fibrillation": "AF",
}
"""What conditions are called in tables and plots; others by their name."""
WITHIN_S, GRACE_S = 10.0, 5.0
"""As ``vigil evaluate --alarms``: an alarm finds an episode within 10 s of its onset, and is not
false where it lies 5 s beside one."""


def alarm_name(condition: str) -> str:
    """Name the condition of the predictions that is about an alarm.

    Examples
    --------
    >>> alarm_name("ventricular_tachycardia"), alarm_name("asystole")
    ('VT alarm', 'asystole alarm')
    """
    return f"{SHORT.get(condition, condition)} alarm"


def alarm_rows(
    patient: str, reference: ReferenceRecord, alarms: Sequence[ToldAlarm], counted: Counted
) -> list[Row]:
    """Write a row for each episode, found or missed, and for each false alarm.

    Parameters
    ----------
    patient : str
        Who.
    reference : ReferenceRecord
        Episodes, and the conditions of which every one is marked.
    alarms : sequence of ToldAlarm
        Alarms of the record.
    counted : Counted
        Its start does not count: what begins there makes no row.

    Returns
    -------
    list of Row
        Conditions ``VT alarm`` and so on; the delay of those found.
    """
    rows = []
    for condition in sorted(reference.judged):
        told = alarm_name(condition)
        rows += [
            _episode_row(patient, reference, episode, alarms)
            for episode in reference.episodes
            if episode.condition == condition and episode.onset_s >= counted.begin_s
        ]
        late = [alarm for alarm in alarms if alarm.told_s >= counted.begin_s]
        for number in range(_false(reference, late, condition)):
            unit = f"{reference.record}:{condition}+{number}"
            rows.append(Row(patient, told, unit, np.nan, 0, 1, np.nan, 0))
    return rows


def _episode_row(
    patient: str, reference: ReferenceRecord, episode: Episode, alarms: Sequence[ToldAlarm]
) -> Row:
    alone = ReferenceRecord(
        reference.record, patient, reference.duration_s, reference.judged, (episode,)
    )
    found = count(alone, alarms, episode.condition, within_s=WITHIN_S, grace_s=GRACE_S)
    delay_s = found.delays_s[0] if found.delays_s else np.nan
    unit = f"{reference.record}:{episode.condition}:{episode.onset_s:.3f}"
    return Row(
        patient,
        alarm_name(episode.condition),
        unit,
        episode.onset_s,
        1,
        int(bool(found.delays_s)),
        np.nan,
        0,
        delay_s,
    )


def _false(reference: ReferenceRecord, alarms: Sequence[ToldAlarm], condition: str) -> int:
    return count(reference, alarms, condition, within_s=WITHIN_S, grace_s=GRACE_S).n_false
