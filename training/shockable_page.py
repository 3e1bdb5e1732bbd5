"""VT and VF as they are served, of patients left out: ``python -m training.shockable_page CONFIG``.

Writes ``docs/shockable.md`` and draws every episode of 10 s or more that is not alarmed within 10 s
of its onset. The probabilities are those of ``training.shockable`` (folds made before are kept).
What the stage makes of them rests on two settings; these are chosen for each patient on all the
others, too.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from inference.conditions import Code
from inference.lethal import SMALLEST_UV, THRESHOLD
from inference.sharpness import SHARP
from inference.ticks import TICK_MS
from ingest.wfdb_replay import open_recording
from training.assessment.drawing import INK, PAPER, WRONG
from training.assessment.kept import keep
from training.assessment.tables import markdown
from training.config import load_config
from training.ec57 import read_annotations
from training.rhythm_task import SHOCKABLE
from training.shockable import (
    DATABASE,
    LONG_MS,
    WINDOW_TICKS,
    Called,
    Counts,
    LeftOut,
    cells,
    counted,
    leave_out,
    sides,
    stretches,
    timed,
)
from training.shockable_served import Choice, Given, Key, by_fold, listen, named

ON, STEEP = (0.4, 0.5), (2.6, 2.7, 2.8)
"""Settings that are tried."""
WITHOUT = "without asystole that moves"
BEFORE, EITHER = "the model before, settings of the others", "model and settings of the others"
LEAST_SE = 97.0
"""Sensitivity that a choice has to keep among the other patients, percent."""
BEFORE_S, BEHIND_S = 5, 20
"""What is drawn of an episode, s about its onset."""
Setting = tuple[float, float]
"""Mean probability from which it is called, and steepness from which complexes are sharp."""
Signals = dict[Setting, dict[Key, NDArray[np.int8]]]
"""What is called by tick, by setting and lead; -1 where nothing is."""


def try_settings(left: Sequence[LeftOut], given: Mapping[Key, Given]) -> Signals:
    """Call every lead with every setting."""
    settings = [(on, steep) for on in ON for steep in STEEP]
    return {
        setting: {
            (one.record, one.lead): named(
                one.probs, given[one.record, one.lead], on=setting[0], sharp=setting[1]
            )
            for one in left
        }
        for setting in track(settings, description="settings")
    }


def readable_asystole(one: LeftOut, given: Given) -> NDArray[np.bool_]:
    """Leave out stretches annotated as asystole in which waves go over 0.2 mV for all that."""
    _, other = sides(one)
    n = len(other)
    truth = one.truth[: n * WINDOW_TICKS].reshape(n, WINDOW_TICKS)
    ticks = min(n * WINDOW_TICKS, len(given.scaled))
    uv = given.scaled[:ticks] * given.scale_uv[:ticks, None]
    uv = np.pad(uv, ((0, n * WINDOW_TICKS - ticks), (0, 0))).reshape(n, -1)
    low, high = np.percentile(uv, (2, 98), axis=1)
    counts: NDArray[np.bool_] = ~((truth == 3).all(axis=1) & (high - low > SMALLEST_UV))
    return counts


def table(rows: Mapping[str, Sequence[Sequence[Counts]]]) -> str:
    """Make the table of all patients together, one way of counting a row, both leads."""
    body = [
        [name, *(cell for of_lead in both for cell in cells(of_lead, intervals=True))]
        for name, both in rows.items()
    ]
    return markdown(("", "lead 0 Se", "Sp", "lead 1 Se", "Sp"), body)


def by_patient(both: Sequence[Sequence[Counts]]) -> str:
    """Make the table of each patient."""
    body = [[one.record, *cells([one]), *cells([two])] for one, two in zip(*both, strict=True)]
    return markdown(("record", "lead 0 Se", "Sp", "lead 1 Se", "Sp"), body)


def false_rhythms(folder: Path, left: Sequence[LeftOut], on: Mapping[Key, Any]) -> str:
    """Say as what the stretches are annotated that are called and should not be."""
    names: Counter[str] = Counter()
    for one in left:
        fs = open_recording(folder / one.record).fs
        notes = read_annotations(folder, one.record, "atr", fs)
        changes = [
            (float(at) / fs, aux.strip("(\x00 "))
            for at, aux in zip(notes.sample, notes.aux_note, strict=True)
            if aux.startswith("(")
        ]
        _, other = sides(one)
        told = on[one.record, one.lead][WINDOW_TICKS - 1 :: WINDOW_TICKS][: len(other)] >= 0
        for i in np.flatnonzero(other & told).tolist():
            known = [name for at, name in changes if at <= i * WINDOW_TICKS * TICK_MS / 1000]
            names[f"{known[-1]} in {one.record}"] += 1
    return ", ".join(f"{name} {n}" for name, n in names.most_common())


def names_given(left: Sequence[LeftOut], on: Mapping[Key, NDArray[np.int8]]) -> str:
    """Make the table of what annotated VT and VF are called, in minutes of both leads."""
    body = []
    for rhythm in SHOCKABLE:
        told = np.concatenate([on[one.record, one.lead][one.truth == rhythm] for one in left])
        codes = (Code.VENTRICULAR_TACHYCARDIA, Code.VENTRICULAR_FIBRILLATION, -1)
        minutes = [float((told == code).sum()) * TICK_MS / 60_000 for code in codes]
        body.append([rhythm.name, *(f"{each:.1f}" for each in minutes)])
    return markdown(("annotated, min", "named VT", "named VF", "not called"), body)


def draw(missed: Sequence[tuple[LeftOut, Called, Given]], picture: Path) -> None:
    """Draw the begin of episodes that were alarmed late or not at all, below one another."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 1.9 * max(len(missed), 1)), facecolor="white", layout="tight")
    FigureCanvasAgg(figure)
    for i, (_, episode, given) in enumerate(missed):
        axes = figure.add_subplot(len(missed), 1, i + 1, facecolor=PAPER)
        first = max(int(episode.onset_s) - BEFORE_S, 0) * 1000 // TICK_MS
        last = int(episode.onset_s + BEHIND_S) * 1000 // TICK_MS
        mv = (given.scaled[first:last] * given.scale_uv[first:last, None] / 1000).reshape(-1)
        n = given.scaled.shape[1]
        axes.plot((first + np.arange(len(mv)) / n) * TICK_MS / 1000, mv, color=INK, linewidth=0.7)
        axes.axvline(episode.onset_s, color=WRONG, linestyle="--", linewidth=1)
        if episode.delay_s is not None:
            axes.axvline(episode.onset_s + episode.delay_s, color=WRONG, linewidth=1.5)
        axes.set_title(f"{episode.in_words()} (mV; dashed: onset, line: alarm)", fontsize=8)
        axes.set_xlim(first * TICK_MS / 1000, last * TICK_MS / 1000)
        axes.tick_params(labelsize=7)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=80)


PAGE = """# Shockable rhythms, patient by patient

Written by `python -m training.shockable_page {config}` ({made}); every late or missed episode is
drawn by the same command. {patients} patients of vfdb, each scored by a model that never saw them;
stretches of 4 s of one rhythm each (those with a change of rhythm within, or marked as noise, are
left out, as is usual); a stretch is called where VT or VF is called at its end. Se and Sp in
percent of stretches, intervals of 95 % by drawing patients. AHA asks for 90 and 95 (Kerber 1997).

{whole}

- *Waveform alone*: the mean probability of VT and VF over 4 s from 0.5 on, as it was served before.
- *As served*: the mean from {on:g} on; not where complexes are sharp (steepest slope over the mean
  one above {steep:g}, `inference/sharpness.py`) and slower than 180 bpm, nor where they look like
  the stream's usual ones (`inference/usual_shape.py`): those are told by their beats and rates.
  The settings were chosen on these patients.
- *Settings of the others*: for each patient the settings that are the most specific ones among all
  other patients with a sensitivity of {least:g} % or more there. Chosen: {chosen}.
  Where there is a row for *model and settings of the others*, the model is chosen so, too.{models}
  What the model is taught beside (other rhythms squeezed into fast ones) was thought of when the
  errors of all patients had been seen, and was tried once; a choice by the others does not take
  that back.
- *Without asystole that moves*: the row above but for stretches annotated as asystole in which
  waves of more than 0.2 mV go on, which by the same AHA rules is coarse fibrillation or motion.

## By patient, as served

{patients_table}

Called and annotated otherwise, lead 0: {false}.

What the waveform is named, both leads; both names are alarms of high priority that latch:

{names}

## Episodes of 10 s or more

VT into VF is one. An episode counts as alarmed where an alarm of VT or VF is up, by waveform or by
five ventricular beats. Both leads: {n_episodes} episodes, {n_in_time} alarmed within 10 s of the
onset; delay median {median:.1f} s, 95th percentile {late:.1f} s. Late or missed:

{misses}

![Onset of each episode that was alarmed late or missed](figures/shockable/misses.png)
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--kept", type=Path, default=Path("runs/shockable"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument("--before", type=Path, help="configuration of the model to be replaced")
    options = parser.parse_args(argv)
    folder = options.data / DATABASE

    def models(config: Path) -> list[LeftOut]:
        return list(leave_out(load_config(config), options.data, options.kept))

    left, before = models(options.config), models(options.before) if options.before else []
    given = listen(folder, [(one.record, one.lead) for one in left])
    picture = options.docs / "figures" / "shockable" / "misses.png"
    found = figures(folder, left, given, picture, before)
    made = keep("shockable", found).name
    told = f"{options.config} --before {options.before}" if before else str(options.config)
    page = PAGE.format(config=told, made=f"kept in training/results/{made}", **found)
    (options.docs / "shockable.md").write_text(page, "utf-8")
    print(page)


def figures(
    folder: Path,
    left: Sequence[LeftOut],
    given: Mapping[Key, Given],
    picture: Path,
    before: Sequence[LeftOut] = (),
) -> dict[str, Any]:
    """Gather what the page tells, and draw the misses.

    Parameters
    ----------
    folder : Path
        Of the records.
    left : sequence of LeftOut
        Each lead, by models that never saw its patient.
    given : mapping
        What else the stage is given of each lead.
    picture : Path
        Where the misses are drawn.
    before : sequence of LeftOut
        The same leads by another configuration, which a patient's others may choose, too.
    """
    tried = try_settings(left, given)
    served = tried[THRESHOLD, SHARP]
    leads = [[one for one in left if one.lead == lead] for lead in (0, 1)]
    chosen = by_fold(_counts(leads[0], tried), LEAST_SE)
    own = {one.record: setting for one, setting in zip(leads[0], chosen, strict=True)}
    rows = _rows(leads, given, tried, own)
    chosen_models, more = (
        _with_before(leads, tried, try_settings(before, given)) if before else ("", {})
    )
    rows |= more
    episodes = [
        (one, episode, given[one.record, one.lead])
        for one in left
        for episode in timed(one, (served[one.record, one.lead] >= 0) | _by_beats(one, given))
    ]
    missed = [e for e in episodes if e[1].delay_s is None or e[1].delay_s > LONG_MS / 1000]
    draw(missed, picture)
    delays = [e.delay_s for _, e, _ in episodes if e.delay_s is not None]
    settings = Counter(f"{on:g} and {steep:g} for {{}}" for on, steep in chosen)
    return {
        "patients": len(leads[0]),
        "whole": table(rows),
        "patients_table": by_patient(rows["as served"]),
        "chosen": ", ".join(told.format(n) for told, n in settings.most_common()),
        "models": chosen_models,
        "on": THRESHOLD,
        "steep": SHARP,
        "least": LEAST_SE,
        "names": names_given(left, served),
        "false": false_rhythms(folder, leads[0], served),
        "n_episodes": len(episodes),
        "n_in_time": len(episodes) - len(missed),
        "median": float(np.median(delays)),
        "late": float(np.percentile(delays, 95)),
        "misses": "\n".join(f"- {e.in_words()}" for _, e, _ in missed) or "- none",
    }


def _counts(
    of_lead: Sequence[LeftOut], tried: Mapping[Choice, Mapping[Key, NDArray[np.int8]]]
) -> dict[Choice, list[tuple[int, int, int, int]]]:
    """Count each patient's lead with every choice, as :func:`by_fold` takes it."""
    return {
        setting: [
            (c.shocked, c.missed, c.false, c.left)
            for one in of_lead
            for c in [counted(one, on[one.record, one.lead] >= 0)]
        ]
        for setting, on in tried.items()
    }


def _with_before(
    leads: Sequence[Sequence[LeftOut]], tried: Signals, before: Signals
) -> tuple[str, dict[str, list[list[Counts]]]]:
    """Count by the model before, and by whichever of the two a patient's others would choose."""
    of_before = {(True, setting): of for setting, of in before.items()}
    either = of_before | {(False, setting): of for setting, of in tried.items()}
    rows, told = {}, ""
    for name, of in ((BEFORE, of_before), (EITHER, either)):
        chosen = by_fold(_counts(leads[0], of), LEAST_SE)
        rows[name] = [
            [
                counted(one, of[setting][one.record, one.lead] >= 0)
                for one, setting in zip(of_lead, chosen, strict=True)
            ]
            for of_lead in leads
        ]
        n_new = sum(not is_before for is_before, _ in chosen)
        told = f" {n_new} of {len(chosen)} patients' others choose this model over the one before."
    return told, rows


def _rows(
    leads: Sequence[Sequence[LeftOut]],
    given: Mapping[Key, Given],
    tried: Signals,
    own: Mapping[str, tuple[float, float]],
) -> dict[str, list[list[Counts]]]:
    """Count each patient by each way of counting, both leads."""

    def count(of: str, one: LeftOut) -> Counts:
        key = (one.record, one.lead)
        if of == "waveform alone":
            return stretches(one, 0.5)
        by_tick = tried[(THRESHOLD, SHARP) if of == "as served" else own[one.record]][key]
        counts = readable_asystole(one, given[key]) if of == WITHOUT else None
        return counted(one, by_tick >= 0, counts)

    ways = ("waveform alone", "as served", "settings of the others", WITHOUT)
    return {of: [[count(of, one) for one in of_lead] for of_lead in leads] for of in ways}


def _by_beats(one: LeftOut, given: Mapping[Key, Given]) -> NDArray[np.bool_]:
    """Say of each tick whether five ventricular beats have called a tachycardia by its end."""
    up = np.zeros(len(one.truth), np.bool_)
    for begin, end in given[one.record, one.lead].by_beats:
        up[begin:end] = True
    return up


if __name__ == "__main__":
    main()
