"""The page of false alarms, made of what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.assessment.kept import kept
from training.assessment.tables import markdown

PAGE = Path("docs/false-alarms.md")
"""Where it stands."""
TITLES = {"ds2": "mitdb DS2, held out", "ds1": "mitdb DS1, which the beat models were trained on"}
PRIORITIES = ("high", "medium", "low")


def write_page(path: Path = PAGE) -> None:
    """Write it from what :mod:`training.false_alarms` kept, of DS2 and of DS1."""
    parts = [_part(kept(f"false_alarms_{name}"), title) for name, title in TITLES.items()]
    text = "".join([*parts, _cost(kept("false_alarms_ds1"))])
    path.write_text(_HEAD + text, "utf-8")


_HEAD = """# False alarms where the rhythm is normal

Made by `python -m training.false_alarms` (DS1) and `--records ds2 --why REASON`. Normal is sinus
rhythm by the reference, 20 s or more of N beats alone at 50 to 120 bpm. An alarm of the patient
whose onset and raising both lie within such a part is false. xqrs is that of the wfdb package: its
beats go through the same rules as Vigil's, all as N, since it tells no classes. Intervals: 95 %,
patients drawn.
"""


def _part(found: dict[str, Any] | None, title: str) -> str:
    if found is None:
        return ""
    rows = [[name, *(_rate(of[p]) for p in PRIORITIES)] for name, of in found["systems"].items()]
    hours = next(iter(found["systems"].values()))["hours"]
    named = [
        [name, ", ".join(f"{c} {n}" for c, n in of["conditions"].items()) or "none"]
        for name, of in found["systems"].items()
    ]
    return f"""
## {title}
{found["made"]}, {hours:.1f} h of normal rhythm. False alarms an hour, by priority:

{markdown(["gate", *PRIORITIES], rows)}

Which they are:

{markdown(["gate", "false alarms"], named)}
"""


def _cost(found: dict[str, Any] | None) -> str:
    if found is None or "vfdb" not in found:
        return ""
    lethal = [
        [name, *(_found(of.get(kind)) for kind in ("shockable", "asystole"))]
        for name, of in found["vfdb"].items()
    ]
    return f"""
## What the gates cost
On the episodes of 10 s and more of vfdb, sensitivity within 10 s, and false alarms an hour. The
rhythm model learned from these patients: to compare the rows with one another.

{markdown(["gate", "VT, VF", "asystole"], lethal)}
"""


def _rate(of: dict[str, Any]) -> str:
    within = of["interval"]
    between = "" if within is None else f" [{within[0]:.2f}, {within[1]:.2f}]"
    return f"{of['per_hour']:.2f}{between} ({of['n']})"


def _found(of: dict[str, Any] | None) -> str:
    if of is None:
        return "–"
    return f"{of['se']:.1f} % of {of['episodes']}, {of['false_per_hour']:.2f} an hour"
