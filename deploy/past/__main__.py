"""``python -m deploy.past``: make a past, say its alarms again, write ``docs/replay.md``."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from deploy.past.trial import FRAME_S, LATER, THEN, Told, make_past, say_some_again
from inference import model

PAGE = Path(__file__).parents[2] / "docs" / "replay.md"
BEGIN = "<!-- measured -->\n"
"""What stands before what is measured."""
RECORDS = ("119", "203", "207", "208", "223", "230")
"""Of mitdb's training half, those with many kinds of alarms."""
TEXT = """
## Measured

Made by `python -m deploy.past DATA`, never by hand. A worker scored the first {minutes:g} minutes
of mitdb {records} as streams of {frame_s:g} s frames, with the beat model
`{name}` {version}, which is not what runs today, and `tachycardia_bpm` {before:g}. Half-way,
{half:g} s from the begin, other limits were selected for every stream (`tachycardia_bpm` {after:g},
`bradycardia_bpm` {slow:g}, `vebs_per_min` {vebs}). {n} of its {all} alarms, {most} of a record
at most, drawn by chance, were said again from frames of 7.3 s:

| said again | every byte of every change the same |
|---|---|
| with the model and limits of then, as they were noted | **{same} of {n}** |
| the change of limits left out | {limits} of {n} |
| with the model that ships today | {today} of {n} |

The last two are there to show that the first could fail. {changes} messages were compared;
{late} of the alarms lie behind the change of limits. Conditions: {conditions}.
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Make a past, say it again, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the databases")
    parser.add_argument("--most", type=int, default=4, help="alarms of a record (4)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of each record (10)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=PAGE)
    asked = parser.parse_args(argv)
    records = [asked.data / "mitdb" / name for name in RECORDS]
    beat = model.builtin("beat-edge")
    past = make_past(records, beat, asked.minutes)
    print(f"{len(past.alarms)} alarms", flush=True)
    told = say_some_again(past, records, beat.parent, asked.minutes, asked.most, asked.seed)
    for one in told:
        if not one.as_then.is_same:
            print(
                f"not the same: {one.first['condition']} of {one.first['stream_id']}: "
                f"{[each.state for each in one.as_then.compared if not each.is_same]}"
            )
    _, info = model.load(beat)
    text = TEXT.format(
        records=", ".join(RECORDS), frame_s=FRAME_S, name=info.name, version=info.version,
        before=THEN.tachycardia_bpm, after=LATER.tachycardia_bpm, slow=LATER.bradycardia_bpm,
        vebs=LATER.vebs_per_min, half=30 * asked.minutes, minutes=asked.minutes,
        all=len(past.alarms), most=asked.most,
        **counts(told, 30 * asked.minutes),
    )  # fmt: skip
    written = asked.out.read_text(encoding="utf-8") if asked.out.is_file() else BEGIN
    asked.out.write_text(written.partition(BEGIN)[0] + BEGIN + text, encoding="utf-8")
    print(asked.out)


def counts(told: Sequence[Told], half_s: float) -> dict[str, object]:
    """Count what was the same."""
    often = Counter(str(one.first["condition"]) for one in told)
    late = [
        one
        for one in told
        if one.first["decided"]["sample"] / one.first["strip"]["fs"] > half_s  # type: ignore[index]
    ]
    return {
        "n": len(told),
        "same": sum(one.as_then.is_same for one in told),
        "limits": sum(one.today_limits for one in told),
        "today": sum(one.today_model for one in told),
        "changes": sum(len(one.as_then.compared) for one in told),
        "late": len(late),
        "conditions": ", ".join(f"{name} {n}" for name, n in often.most_common()),
    }


if __name__ == "__main__":
    main()
