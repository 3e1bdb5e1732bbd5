"""Thresholds of each group beside an exported model: told in a log line, a file, and models."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from ingest.errors import InputError
from training.beat_task import BeatTask
from training.datasets import LabelledSignal
from training.mitigation.group_thresholds import (
    GroupThresholds,
    OptIn,
    Scores,
    fit_thresholds,
)
from training.mitigation.groups import Grouping, groups_of

FILE = "differential-treatment.json"
"""File of the run folder that says what was done, for whom, and who asked."""

log = logging.getLogger(__name__)


def write_thresholds(
    task: BeatTask, validation: Sequence[LabelledSignal], model: Path
) -> GroupThresholds:
    """Fit thresholds on the validation patients; write what they are, and a model for each group.

    The models differ from the given one in metadata only. Nothing in serving chooses among
    them: streams carry no demographics.

    Parameters
    ----------
    task : BeatTask
        What was fitted.
    validation : sequence of LabelledSignal
        Patients whom it has not learned from.
    model : Path
        The exported ONNX file; ``FILE`` and ``NAME.GROUP.onnx`` are written beside it.

    Raises
    ------
    ingest.errors.InputError
        If the table ``[mitigation.thresholds]`` is not there, does not allow it, or says not who
        asks and why.
    """
    asked = task.config.mitigation.thresholds
    if asked is None or not asked.allow:
        raise InputError(
            "thresholds of each group are differential treatment: mitigation.thresholds.allow "
            "must be true"
        )
    how = task.config.mitigation
    task.eval()
    scores = scores_by_group(task, validation, Grouping.of(how))
    opt_in = OptIn(asked.asked_by, asked.why)
    default = {name: task.spec("").thresholds[name] for name in ("V", "S")}
    found = fit_thresholds(scores, how.attribute, opt_in, asked.metric, how.min_patients, default)
    (model.parent / FILE).write_text(json.dumps(found.as_json(), indent=2) + "\n", "utf-8")
    log.warning(
        "differential treatment: thresholds by %s %s, asked for by %s: %s",
        found.attribute,
        json.dumps(found.thresholds),
        opt_in.asked_by,
        opt_in.why,
    )
    for group, thresholds in found.thresholds.items():
        if dict(thresholds) != default:
            slug = re.sub(r"[^a-z0-9]+", "-", group.lower()).strip("-")
            write_with_thresholds(
                model, thresholds, model.with_name(f"{model.stem}.{slug}.onnx"), group
            )
    return found


def scores_by_group(
    task: BeatTask, signals: Sequence[LabelledSignal], grouping: Grouping
) -> dict[str, Scores]:
    """Score records and pool them by group, in the order in which groups come."""
    groups = groups_of(signals, grouping)
    parts: dict[str, list[tuple[LabelledSignal, np.ndarray, np.ndarray]]] = {}
    for signal in signals:
        parts.setdefault(groups[signal.patient], []).append((signal, *task.predict(signal)))
    return {
        name: Scores(
            np.concatenate([v for _, v, _ in own]),
            np.concatenate([s for _, _, s in own]),
            np.concatenate([signal.aami for signal, _, _ in own]),
            len({signal.patient for signal, _, _ in own}),
        )
        for name, own in sorted(parts.items())
    }


def write_with_thresholds(
    source: Path, thresholds: Mapping[str, float], to: Path, group: str
) -> Path:
    """Write a model again with other thresholds, and the group that they are for, in its metadata.

    Parameters
    ----------
    source : Path
        An ONNX file.
    thresholds : mapping of class to threshold
    to : Path
        File to write.
    group : str
        The group.
    """
    model = onnx.load(str(source))
    meta = {entry.key: entry.value for entry in model.metadata_props}
    meta["thresholds"] = json.dumps(dict(thresholds))
    meta["differential_treatment"] = group
    onnx.helper.set_model_props(model, meta)
    onnx.save(model, str(to))
    return to
