"""Policies learned of some patients, judged on the others: from the log, and by what was true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InputError
from training.alarm_policy.choices import CHOICES, DEFAULT
from training.alarm_policy.learn import best_fixed, fit_costs, proposed
from training.alarm_policy.logged import Log, draw_log
from training.alarm_policy.off_policy import (
    Estimate,
    by_weight,
    doubly_robust,
    estimate,
    truly,
)
from training.alarm_policy.trials import Heard, costs

FOLDS = 5
"""Folds by patient."""
POLICIES = ("default", "best fixed choice", "per patient")
"""What is compared, and nothing else."""
MISSED = (1.0, 3.0, 10.0)
"""Costs of something worth telling that is missed, in nuisances; the middle one is the trial's."""
LOGS = 20
"""Logs drawn, to see how far the estimates stray from what was true."""


def fold_of(patient: NDArray[np.str_], folds: int = FOLDS) -> NDArray[np.intp]:
    """Deal patients out to folds, in the order of their names.

    Examples
    --------
    >>> fold_of(np.array(["b", "a", "b", "c"]), 2).tolist()
    [1, 0, 1, 0]
    """
    names, place = np.unique(patient, return_inverse=True)
    if len(names) < folds:
        raise InputError(f"{len(names)} patients; allowed: at least {folds}, one a fold")
    return np.asarray(place % folds)


def left_out(log: Log) -> tuple[dict[str, NDArray[np.intp]], NDArray[np.float64]]:
    """Choose for each patient by what other patients' logs say.

    Returns
    -------
    wanted : dict
        By policy: array of shape (n,), choices.
    foretold : array of shape (n, n_choices)
        Costs by a model that did not learn from these patients.
    """
    fold = fold_of(log.patient)
    n = len(fold)
    wanted = {name: np.full(n, DEFAULT, np.intp) for name in POLICIES}
    foretold = np.zeros((n, len(CHOICES)))
    for number in range(FOLDS):
        mine = fold == number
        others = log.of(~mine)
        model = fit_costs(others)
        foretold[mine] = model(log.features[mine])
        wanted["best fixed choice"][mine] = best_fixed(others)
        wanted["per patient"][mine] = proposed(model, log.features[mine])
    return wanted, foretold


def compare(records: Sequence[Heard]) -> dict[str, Any]:
    """Measure all that ``docs/alarm-policy.md`` tells."""
    log = draw_log(records, 0)
    wanted, foretold = left_out(log)
    usual = wanted["default"]
    rows: dict[str, Any] = {}
    for name, choices in wanted.items():
        robust = doubly_robust(log, choices, foretold)
        rows[name] = {
            "ips": _plain(estimate(by_weight(log, choices), log.patient)),
            "dr": _plain(estimate(robust, log.patient)),
            "true": _plain(estimate(truly(log, choices), log.patient)),
            "dr_gain": _plain(estimate(doubly_robust(log, usual, foretold) - robust, log.patient)),
            "true_gain": _plain(estimate(truly(log, usual) - truly(log, choices), log.patient)),
            "choices": {
                str(CHOICES[k]): int(n)
                for k, n in enumerate(np.bincount(choices, minlength=len(CHOICES)))
                if n
            },
        } | _counted(records, choices)
    return {
        "records": len(records),
        "by_database": dict(Counter(each.record.split("/")[0] for each in records)),
        "patients": len(set(log.patient.tolist())),
        "stretches": len(log.cost),
        "hours": sum(each.duration_s for each in records) / 3600,
        "policies": rows,
        "choices": _each_choice(records, log),
        "by_cost": {f"{cost:g}": _gains(records, cost) for cost in MISSED},
        "estimators": _spread(records),
    }


def _plain(found: Estimate) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}


def _counted(records: Sequence[Heard], choices: NDArray[np.intp]) -> dict[str, float]:
    """Count what policies really led to: an hour, and in percent."""
    total, at = np.zeros(4), 0
    for each in records:
        counts = costs(each)[1]
        mine = choices[at : at + len(counts)]
        total += counts[np.arange(len(counts)), mine].sum(axis=0)
        at += len(counts)
    hours = sum(each.duration_s for each in records) / 3600
    return {
        "nuisances_per_h": total[0] / hours,
        "signals_per_h": total[1] / hours,
        "worth": total[2],
        "missed_percent": 100 * total[3] / max(total[2], 1),
    }


def _each_choice(records: Sequence[Heard], log: Log) -> dict[str, Any]:
    """Tell what each fixed choice really cost."""
    n = len(log.cost)
    return {
        str(choice): {"true": _plain(estimate(log.would[:, k], log.patient))}
        | _counted(records, np.full(n, k))
        for k, choice in enumerate(CHOICES)
    }


def _gains(records: Sequence[Heard], missed: float) -> dict[str, Any]:
    """Tell true gains over the default where missing costs so much."""
    log = draw_log(records, 0, missed)
    wanted, _ = left_out(log)
    usual = truly(log, wanted["default"])
    return {
        name: _plain(estimate(usual - truly(log, wanted[name]), log.patient))
        for name in POLICIES[1:]
    } | {"default": _plain(estimate(usual, log.patient))}


def _spread(records: Sequence[Heard]) -> dict[str, Any]:
    """Draw logs again and again: how far do estimates of a policy's cost lie from what is true."""
    errors: dict[str, list[float]] = {"ips": [], "dr": []}
    inside = {"ips": 0, "dr": 0}
    for seed in range(LOGS):
        log = draw_log(records, seed)
        wanted, foretold = left_out(log)
        choices = wanted["per patient"]
        true = estimate(truly(log, choices), log.patient).value
        found = {
            "ips": estimate(by_weight(log, choices), log.patient),
            "dr": estimate(doubly_robust(log, choices, foretold), log.patient),
        }
        for name, each in found.items():
            errors[name].append(each.value - true)
            inside[name] += each.low <= true <= each.high
    return {
        name: {
            "bias": float(np.mean(each)),
            "sd": float(np.std(each, ddof=1)),
            "inside_percent": 100 * inside[name] / LOGS,
        }
        for name, each in errors.items()
    }
