"""Count false alarms an hour over the normal parts of mitdb, and what the gates cost on vfdb.

``python -m training.false_alarms`` looks at DS1; ``--records ds2 --why REASON`` is a
look at DS2 and is logged. Writes ``training/results/false_alarms_RECORDS.json`` and
``docs/false-alarms.md``.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.conditions import Kind, condition_by_name
from inference.pipeline import Pipeline
from ingest.errors import InputError
from ingest.recording import Recording
from ingest.wfdb_replay import open_recording
from training.alarm_scoring import ToldAlarm, annotated_record, patient_interval, score_alarms
from training.assessment.kept import keep, log_look
from training.false_alarms.normal import NormalPart, normal_parts
from training.false_alarms.page import write_page
from training.false_alarms.systems import VARIANTS, vigil, xqrs
from training.splits import DS1, DS2, patient_of

PRIORITIES = ("high", "medium", "low")
RECORDS = {"ds1": DS1, "ds2": DS2}

Told = Mapping[str, Sequence[ToldAlarm]]


def false_alarms(parts: Sequence[NormalPart], alarms: Sequence[ToldAlarm]) -> list[ToldAlarm]:
    """Give the alarms of the patient that lie within the normal parts of one record."""
    return [
        alarm
        for alarm in alarms
        if condition_by_name(alarm.condition).kind is Kind.PHYSIOLOGICAL
        and any(part.holds(alarm.onset_s, alarm.told_s) for part in parts)
    ]


def count(parts: Mapping[str, Sequence[NormalPart]], told: Told) -> dict[str, Any]:
    """Count those of all records, an hour, by priority and by condition."""
    hours = {name: sum(p.end_s - p.begin_s for p in of) / 3600 for name, of in parts.items()}
    false = {name: false_alarms(parts[name], told[name]) for name in parts}
    total = sum(hours.values())
    found: dict[str, Any] = {"hours": total}
    for priority in PRIORITIES:
        n = {name: sum(a.priority == priority for a in of) for name, of in false.items()}

        def rate(names: Sequence[str], n: Mapping[str, int] = n) -> float:
            return sum(n[name] for name in names) / max(sum(hours[x] for x in names), 1e-9)

        interval = patient_interval(list(parts), lambda name: patient_of("mitdb", name), rate)
        found[priority] = {
            "n": sum(n.values()),
            "per_hour": rate(list(parts)),
            "interval": None if interval is None else [interval.low, interval.high],
        }
    conditions = Counter(alarm.condition for of in false.values() for alarm in of)
    found["conditions"] = dict(conditions.most_common())
    technical = [a for of in told.values() for a in of if a.condition == "arrhythmia_suspended"]
    found["suspended"] = len(technical)
    return found


def cost(data: Path, told: Mapping[str, Told]) -> dict[str, Any]:
    """Score the alarms of vfdb's episodes of 10 s and more."""
    names = sorted(path.stem for path in (data / "vfdb").glob("*.hea"))
    references = [annotated_record(data / "vfdb", name, least_s=10.0) for name in names]
    rows = {}
    for system, alarms in told.items():
        score = score_alarms(references, alarms, resamples=1)
        rows[system] = {
            each.condition: {
                "episodes": each.n_episodes,
                "se": each.sensitivity.value,
                "false_per_hour": each.false_per_hour.value,
            }
            for each in score.conditions
            if each.n_episodes and each.condition in ("shockable", "asystole")
        }
    return rows


def _systems(recordings: dict[str, Recording], cache: Path | None) -> dict[str, Told]:
    told: dict[str, Told] = {VARIANTS[name]: vigil(recordings, name) for name in VARIANTS}
    if cache is not None:
        told["xqrs, the same rules, no gate"] = {
            name: xqrs(each, cache) for name, each in recordings.items()
        }
    return told


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="training.false_alarms", description=__doc__)
    parser.add_argument("--records", choices=RECORDS, default="ds1")
    parser.add_argument("--why", help="why DS2 is looked at")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path("runs/noise"), help="of QRS detectors")
    told = parser.parse_args(arguments)
    if told.records == "ds2" and not told.why:
        raise InputError("--records ds2 is a look at DS2: say why with --why")
    folder = told.data / "mitdb"
    recordings = {name: open_recording(folder / name) for name in RECORDS[told.records]}
    parts = {
        name: normal_parts(folder, name, each.n_samples, each.fs)
        for name, each in recordings.items()
    }
    rows = {name: count(parts, alarms) for name, alarms in _systems(recordings, told.cache).items()}
    if told.records == "ds2":
        qrs, beat = (info.digest[:12] for info in reversed(Pipeline().models[:2]))
        log_look(f"{qrs} {beat}", ("–", "–", "–"), f"{told.why} (false alarms, not beats)")
    found: dict[str, Any] = {"records": told.records, "systems": rows}
    if told.records == "ds1":
        names = sorted(path.stem for path in (told.data / "vfdb").glob("*.hea"))
        shocks = {name: open_recording(told.data / "vfdb" / name) for name in names}
        found["vfdb"] = cost(told.data, _systems(shocks, None))
    keep(f"false_alarms_{told.records}", found)
    write_page()


if __name__ == "__main__":
    main()
