"""How each arm of the comparison is fitted on one fold and judged on its patients left out."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from inference.ticks import AAMI, S, V
from training.adaptation.adapt import adapt
from training.adaptation.cohort import classify
from training.adaptation.labelled_start import LabelledStart, ServedBeats
from training.beat_task import BeatTask, beats_of
from training.config import TrainConfig
from training.crossval import LEARNING_MS, LeftOut
from training.datasets import LabelledSignal, digest
from training.mitigation.group_thresholds import OptIn, Scores, fit_thresholds
from training.mitigation.groups import Grouping, groups_of, members
from training.mitigation.held_back import HeldBack, fit_held_back
from training.mitigation.leakage import gather_evidence, probe, recall_beginnings
from training.survey.fit_beats import fit_task
from training.survey.folds import Fold
from training.survey.outcome import Outcome


def fit_groups(config: TrainConfig, fold: Fold, folder: Path) -> Outcome:
    """Fit on all patients but those left out, as the table ``[mitigation]`` asks for."""
    task, training_s = _fitted(config, fold)
    probed = config.mitigation.method in ("none", "adversary")
    leaks = leakage(task, fold, config.mitigation.age_bands) if probed else {}
    return Outcome(fold.score(task), _size(task), training_s, further=leaks)


def adapt_patients(config: TrainConfig, fold: Fold, folder: Path) -> Outcome:
    """Adapt the plain model to the first five labelled minutes of each patient left out."""
    task, training_s = _fitted(config, fold)
    base = folder / "model.onnx"
    task.write(base, digest(fold.split.training))
    scored = [_adapted(signal, base) for signal in fold.split.validation]
    return Outcome(scored, _size(task), training_s)


def choose_epoch(config: TrainConfig, fold: Fold, folder: Path) -> Outcome:
    """Fit without the patients held back, and choose the epoch on them."""
    fitted = fit_held_back(config, fold)
    epoch = fitted.chosen(config.mitigation)
    task = fitted.at(epoch)
    return Outcome(
        fold.score(task), _size(task), fitted.training_s, further={"epoch": float(epoch + 1)}
    )


def fit_group_thresholds(config: TrainConfig, fold: Fold, folder: Path) -> Outcome:
    """Fit thresholds of each group on the patients held back; the model is the last epoch's."""
    fitted, how = fit_held_back(config, fold), config.mitigation
    asked = how.thresholds
    opt_in = OptIn("" if asked is None else asked.asked_by, "" if asked is None else asked.why)
    grouping = Grouping.of(how)
    found = fit_thresholds(
        _held_scores(fitted, grouping), how.attribute, opt_in, min_patients=how.min_patients
    )
    task = fitted.at(len(fitted.epochs) - 1)
    of = groups_of(fold.split.validation, grouping)
    scored = []
    for signal, one in zip(fold.split.validation, fold.score(task), strict=True):
        told = Scores(one.v, one.s, one.aami).called(found.of(of[signal.patient]))
        scored.append(as_called(one.record, told, one.aami))
    further = {
        f"threshold/{group}/{name}": value
        for group, own in found.thresholds.items()
        for name, value in own.items()
    }
    return Outcome(scored, _size(task), fitted.training_s, further=further)


def as_called(record: str, called: np.ndarray, aami: np.ndarray) -> LeftOut:
    """Give decisions as certain scores, so that any threshold gives them back.

    Parameters
    ----------
    record : str
    called : array of shape (n_beats,)
        Classes called.
    aami : array of shape (n_beats,)
        Reference classes.
    """
    v, s = ((called == code).astype(np.float32) for code in (V, S))
    return LeftOut(record, v, s, aami)


def leakage(task: BeatTask, fold: Fold, age_bands: tuple[int, ...]) -> dict[str, float]:
    """Probe a fitted model for sex and age: fitted on its patients, tried on those left out.

    Returns
    -------
    dict of ``leak/ATTRIBUTE/PATIENT`` to the share of beats of which the group is told
    """
    if "recalled" not in fold.memo:
        firsts = [s for s in fold.split.training if s.first]
        fold.memo["recalled"] = recall_beginnings([*firsts, *fold.split.validation])
    found: dict[str, float] = {}
    left_out = set(fold.split.validation_patients)
    for grouping in (Grouping("sex"), Grouping("age", age_bands)):
        groups = groups_of([*fold.split.training, *fold.split.validation], grouping)
        evidence = gather_evidence(task.model, fold.memo["recalled"], groups)
        told = probe(
            [e for e in evidence if e.patient not in left_out],
            [e for e in evidence if e.patient in left_out],
        )
        found |= {f"leak/{grouping.attribute}/{name}": share for name, share in told.items()}
    return found


def _fitted(config: TrainConfig, fold: Fold) -> tuple[BeatTask, float]:
    """Fit, or take what an arm with the very same configuration fitted."""
    key = f"fitted {config.model_dump_json()}"
    if key not in fold.memo:
        fold.memo[key] = fit_task(config, fold)
    found: tuple[BeatTask, float] = fold.memo[key]
    return found


def _size(task: BeatTask) -> int:
    return sum(int(part.count_nonzero()) for part in task.model.parameters())


def _adapted(signal: LabelledSignal, base: Path) -> LeftOut:
    """Adapt to one record's start at its reference R-peaks; without an N beat there, to nothing."""
    windows, rr_s = beats_of(signal)
    served = ServedBeats(signal.r_ms, windows[:, None], rr_s[:, None])
    n_start = int(np.searchsorted(signal.r_ms, LEARNING_MS))
    aami = signal.aami[:n_start]
    with TemporaryDirectory() as folder:
        own = base
        if (aami == 0).any():
            own = Path(folder) / "own.onnx"
            own.write_bytes(
                adapt(LabelledStart(signal.name, served.first(n_start), aami), base).content
            )
        letters = classify(own, served)
    called = np.array([AAMI.index(letter) for letter in letters])
    return as_called(signal.name, called[n_start:], signal.aami[n_start:])


def _held_scores(fitted: HeldBack, grouping: Grouping) -> dict[str, Scores]:
    """Pool the last epoch's scores of the patients held back by group."""
    groups = groups_of(fitted.records, grouping)
    by_patient = {
        signal.patient: one
        for signal, one in zip(fitted.records, fitted.epochs[-1].held, strict=True)
    }
    found = {}
    for name, own in members(groups, sorted(groups)).items():
        parts = [by_patient[patient] for patient in own]
        v, s, aami = (
            np.concatenate([getattr(p, key) for p in parts]) for key in ("v", "s", "aami")
        )
        found[name] = Scores(v, s, aami, len(own))
    return found
