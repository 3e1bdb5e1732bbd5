"""``vigil evaluate --alarms``: alarms against episodes, or against the Challenge of 2015."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from deploy.cli.progress import progress_bar
from deploy.services.models import choose_models
from deploy.services.score_jobs import score_to_folder
from deploy.services.scoring import Refusal, ScoreOptions
from ingest.errors import InputError
from training.alarm_scoring import (
    SUFFIX,
    TABLE,
    AlarmScore,
    Case,
    Interval,
    ReferenceRecord,
    ToldAlarm,
    TypeScore,
    annotated_record,
    challenge_to_dict,
    confirmed,
    read_alarms,
    read_cases,
    read_reference,
    score_alarms,
    score_to_dict,
    score_types,
)
from training.alarm_scoring.threshold_rules import said_true

DASH = "–"
EPISODE_COLUMNS = (
    "condition", "epis.", "pat.", "Se %", "95 %", "false/h", "95 %", "delay s", "p95 s",
)  # fmt: skip
NAMES = {
    "ventricular_tachycardia": "VT",
    "ventricular_fibrillation": "VF, VFL",
    "atrial_fibrillation": "AF, AFL",
    "shockable": "VT or VF",
}
"""What the table calls conditions."""
CHALLENGE_COLUMNS = ("alarm", "TP", "FN", "FP", "TN", "score %", "95 %", "kept %", "suppressed %")
SHORT = {"Ventricular_Tachycardia": "VT", "Ventricular_Flutter_Fib": "VFL, VF"}
"""What the table calls the Challenge's longer types."""
ECG_ALONE = "ecg-alone"
"""Folder of alarms that no pulse was asked about, beside the others."""
RESAMPLES = 2000
"""Draws of patients where --bootstrap names none."""


@dataclass(frozen=True, slots=True)
class AlarmOptions:
    """What was asked for."""

    ref: str
    """Extension of the reference annotations."""
    records: tuple[str, ...] | None
    """Records; None: all that the reference has."""
    score_with: tuple[str, ...] | None
    """Score the records first, with these models beside the shipped ones; None: they are."""
    within_s: float
    """An alarm must be raised so soon behind the onset, s."""
    least_s: float
    """Shorter episodes do not count, s."""
    draws: int
    """Draws of patients for the intervals; 0: as many as is usual."""
    seed: int
    """Of the intervals."""
    quiet: bool
    """Print no tables and no progress."""

    @property
    def resamples(self) -> int:
        """Draws of patients."""
        return self.draws or RESAMPLES


def evaluate_alarms(reference: Path, alarms: Path, options: AlarmOptions) -> dict[str, Any]:
    """Score alarms, and print tables unless it is to be quiet.

    Parameters
    ----------
    reference : Path
        Folder of WFDB records with rhythm annotations, or of the Challenge's
        records with its table of alarms; or a file of lines of JSON.
    alarms : Path
        Folder of ``NAME.alarms.jsonl``.
    options : AlarmOptions
        How.

    Returns
    -------
    dict
        What ``--json`` prints.
    """
    if (reference / TABLE).is_file():
        cases, verdicts = _challenge(reference, alarms, options)
        systems = {
            name: score_types(cases, said, resamples=options.resamples, seed=options.seed)
            for name, said in verdicts.items()
        }
        if not options.quiet:
            _show_challenge(systems)
        return challenge_to_dict(systems, cases, verdicts)
    records = _references(reference, options)
    if options.score_with is not None:
        folder = reference if reference.is_dir() else reference.parent
        _score_first(folder, [each.record for each in records], alarms, options)
    told = {each.record: _read(alarms, each.record) for each in records}
    score = score_alarms(
        records, told, within_s=options.within_s, resamples=options.resamples, seed=options.seed
    )
    if not options.quiet:
        _show(score)
    return score_to_dict(score)


def _references(reference: Path, options: AlarmOptions) -> list[ReferenceRecord]:
    """Read the reference's records."""
    if reference.is_file():
        found = read_reference(reference)
        names = options.records
        chosen = [each for each in found if names is None or each.record in names]
    else:
        if not reference.is_dir():
            raise InputError(f"{reference} is neither a folder nor a file")
        paths = sorted(reference.glob(f"*.{options.ref}"))
        records = [path.stem for path in paths] if options.records is None else options.records
        chosen = [annotated_record(reference, r, options.ref, options.least_s) for r in records]
    if not chosen:
        raise InputError(f"{reference} has no record to compare with")
    return chosen


def _challenge(
    folder: Path, alarms: Path, options: AlarmOptions
) -> tuple[list[Case], dict[str, dict[str, bool]]]:
    """Ask Vigil, plain threshold rules and the bedside monitor about the Challenge's records."""
    cases = read_cases(folder)
    if options.records is not None:
        cases = [case for case in cases if case.record in options.records]
        if not cases:
            raise InputError(f"{folder} has none of the records {', '.join(options.records)}")
    if options.score_with is not None:
        _score_first(folder, [case.record for case in cases], alarms, options)
    told = {case.record: _read(alarms, case.record) for case in cases}
    vigil, with_hiders = (
        {case.record: confirmed(case, told[case.record], or_hider=hider) for case in cases}
        for hider in (False, True)
    )
    systems = {"vigil": vigil, "vigil, or what hides it": with_hiders}
    if options.score_with is not None:
        alone = alarms / ECG_ALONE
        _score_first(folder, [case.record for case in cases], alone, options, ecg_only=True)
        systems["vigil on the ECG alone"] = {
            case.record: confirmed(case, _read(alone, case.record)) for case in cases
        }
    rules = {}
    with progress_bar("threshold rules", len(cases), quiet=options.quiet) as advance:
        for case in cases:
            rules[case.record] = said_true(folder, case)
            advance(1)
    return cases, {
        **systems,
        "threshold rules on xqrs": rules,
        "bedside monitor": {case.record: True for case in cases},
    }


def _score_first(
    folder: Path,
    records: Sequence[str],
    out: Path,
    options: AlarmOptions,
    *,
    ecg_only: bool = False,
) -> None:
    """Score records into the folder that is then judged."""
    scoring = ScoreOptions(choose_models(options.score_with or ()), ecg_only=ecg_only)
    with progress_bar("scoring", len(records), quiet=options.quiet) as advance:
        paths = [str(folder / record) for record in records]
        outcomes = score_to_folder(paths, out, scoring, advance)
    refused = [each.reason for each in outcomes if isinstance(each, Refusal)]
    if refused:
        raise InputError(f"{len(refused)} records were not scored: {refused[0]}")


def _read(alarms: Path, record: str) -> list[ToldAlarm]:
    path = alarms / f"{record}{SUFFIX}"
    if not path.is_file():
        raise InputError(f"{path} is not there: score the records first, or give --score")
    return read_alarms(path)


def _show(score: AlarmScore) -> None:
    """Print a row a condition."""
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, title="Alarms against episodes", padding=(0, 1, 0, 0))
    for name in EPISODE_COLUMNS:
        table.add_column(name, justify="left" if name == "condition" else "right", no_wrap=True)
    for each in score.conditions:
        table.add_row(
            NAMES.get(each.condition, each.condition.replace("_", " ")),
            str(each.n_episodes),
            str(each.n_patients),
            _number(each.sensitivity.value, 1),
            _range(each.sensitivity.interval, 0),
            _number(each.false_per_hour.value, 2),
            _range(each.false_per_hour.interval, 1),
            _number(each.delay_median_s.value, 1),
            _number(each.delay_p95_s.value, 1),
        )
    console.print(table)
    console.print(
        f"{score.n_records} records, {score.n_patients} patients, {score.hours:.2f} h. Found: an "
        f"alarm of the condition is up during the episode, raised within {score.within_s:g} s of "
        f"its onset. False: it touches no episode within {score.grace_s:g} s. "
        "Intervals: 95 %, patients drawn; – where too few, or all draws agree."
    )
    missed = [m for each in score.conditions if each.condition != "shockable" for m in each.missed]
    for m in missed[:20]:
        late = "never" if m.told_after_s is None else f"after {m.told_after_s:.1f} s"
        e = m.episode
        console.print(
            f"missed: {m.record} {e.condition} at {e.onset_s:.1f} s, "
            f"{e.offset_s - e.onset_s:.1f} s long; told {late}"
        )
    if len(missed) > 20:
        console.print(f"and {len(missed) - 20} more (--json tells all)")
    if score.unjudged:
        others = ", ".join(f"{n} {name}" for name, n in score.unjudged.items())
        console.print(f"Not judged, the reference does not tell of them: {others}")


def _show_challenge(systems: dict[str, list[TypeScore]]) -> None:
    """Print a table a system."""
    console = Console(highlight=False)
    for name, scores in systems.items():
        table = Table(box=box.SIMPLE_HEAD, title=name)
        for column in CHALLENGE_COLUMNS:
            table.add_column(column, justify="left" if column == "alarm" else "right")
        for each in scores:
            v, i = each.verdicts, each.score
            table.add_row(
                SHORT.get(each.alarm, each.alarm),
                *(str(n) for n in (v.tp, v.fn, v.fp, v.tn)),
                _number(v.score, 1),
                _range(i, 0),
                _number(v.tpr, 0),
                _number(v.tnr, 0),
            )
        console.print(table)
    console.print(
        "Challenge 2015, real time: score = (TP + TN) / (TP + TN + FP + 5 FN). Kept: true alarms "
        "let through; suppressed: false ones. Public records: not comparable with figures from "
        "the hidden set. Intervals: 95 %, records drawn."
    )


def _range(interval: Interval | None, digits: int) -> str:
    return DASH if interval is None else f"{interval.low:.{digits}f}–{interval.high:.{digits}f}"


def _number(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:.{digits}f}"
