"""Time and memory of an audit, beside fairlearn's bootstrap: ``python -m fairness.benchmark``."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from fairlearn import metrics as fair
from sklearn import metrics as sk  # type: ignore[import-untyped]

from fairness.audit import audit
from fairness.build import build_cohort
from fairness.declaration import Declaration
from fairness.measures import MEASURES
from fairness.result import Provenance

LABELS = {
    "sensitivity": sk.recall_score,
    "specificity": fair.true_negative_rate,
    "ppv": sk.precision_score,
    "fnr": fair.false_negative_rate,
    "fpr": fair.false_positive_rate,
    "f1": sk.f1_score,
    "accuracy": sk.accuracy_score,
    "selection_rate": fair.selection_rate,
}
"""Metrics that fairlearn and we compute alike, by our names."""
ATTRIBUTES = ("sex", "age", "site")
"""Two, four and six groups: twelve in all."""
AGES = (40.0, 60.0, 80.0)


def tables(units: int, patients: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate predictions with scores and delays, and the subjects.

    Parameters
    ----------
    units
        Rows of the predictions, about.
    patients
        Patients; the largest have many times the units of the median.
    seed
        Of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    share = rng.lognormal(0, 1, patients)
    of = np.maximum(1, rng.multinomial(units, share / share.sum()))
    who = np.repeat(np.arange(patients), of)
    truth = rng.random(len(who)) < rng.beta(1, 4, patients)[who]
    ease = rng.normal(2, 0.7, patients)[who]
    score = 1 / (1 + np.exp(-(np.where(truth, ease, -ease) + rng.normal(0, 1.5, len(who)))))
    called = score >= 0.5
    names = np.array([f"p{one}" for one in range(patients)])
    predictions = pd.DataFrame(
        {
            "patient": names[who],
            "condition": "VEB",
            "truth": truth.astype(int),
            "prediction": called.astype(int),
            "score": score,
            "delay_s": np.where(truth & called, rng.gamma(3, 2, len(who)), np.nan),
        }
    )
    subjects = pd.DataFrame(
        {
            "patient": names,
            "sex": np.array(["F", "M"])[rng.integers(0, 2, patients)],
            "age": rng.integers(18, 96, patients),
            "site": np.array(list("ABCDEF"))[rng.integers(0, 6, patients)],
            "monitored_h": rng.uniform(1, 24, patients),
        }
    )
    return predictions, subjects


def declare(names: tuple[str, ...], rounds: int) -> Declaration:
    """Declare metrics of VEB by sex, age and site."""
    groups = [{"attribute": "sex"}, {"attribute": "age", "bands": AGES}, {"attribute": "site"}]
    metrics = [{"name": name, "condition": "VEB", "margin": 0.05} for name in names]
    return Declaration.model_validate(
        {"title": "Benchmark", "metrics": metrics, "groups": groups, "rounds": rounds}
    )


def ours(
    predictions: pd.DataFrame, subjects: pd.DataFrame, names: tuple[str, ...], rounds: int
) -> tuple[float, float]:
    """Audit the tables; give wall and processor time, s, tables' checks included."""
    declaration = declare(names, rounds)
    wall, busy = time.perf_counter(), time.process_time()
    cohort = build_cohort(predictions, subjects, declaration)
    audit(cohort, declaration, Provenance("", "", "", "", "", ""))
    return time.perf_counter() - wall, time.process_time() - busy


def theirs(predictions: pd.DataFrame, subjects: pd.DataFrame, rounds: int | None) -> float:
    """Run fairlearn's MetricFrame by the same attributes; give processor time, s.

    Parameters
    ----------
    predictions, subjects
        The tables.
    rounds
        Of its bootstrap over rows; None for none.
    """
    joined = predictions.merge(subjects, on="patient")
    joined["age"] = np.searchsorted(AGES, joined["age"], side="right")
    bootstrap = {"n_boot": rounds, "ci_quantiles": [0.025, 0.975]} if rounds else {}
    busy = time.process_time()
    for attribute in ATTRIBUTES:
        fair.MetricFrame(
            metrics=LABELS,
            y_true=joined["truth"].to_numpy(),
            y_pred=joined["prediction"].to_numpy(),
            sensitive_features=joined[attribute].to_numpy(),
            random_state=1,
            **bootstrap,
        )
    return time.process_time() - busy


def measure(units: int, patients: int, rounds: int, part: int) -> dict[str, Any]:
    """Run both; fairlearn one round on part of the rows, and its time is scaled up.

    Parameters
    ----------
    units, patients
        Size of the cohort.
    rounds
        Draws and permutations of ours.
    part
        fairlearn gets one patient of so many.
    """
    predictions, subjects = tables(units, patients, seed=1)
    every = ours(predictions, subjects, tuple(MEASURES), rounds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    alike = ours(predictions, subjects, tuple(LABELS), rounds)
    few = predictions[predictions["patient"].isin(subjects["patient"][::part])]
    plain, drawn = theirs(few, subjects, None), theirs(few, subjects, 1)
    scaled = (plain + (drawn - plain) * rounds) * len(predictions) / len(few)
    return {
        "units": len(predictions),
        "patients": patients,
        "groups": 12,
        "rounds": rounds,
        "metrics": len(MEASURES),
        "wall_s": round(every[0], 1),
        "processor_s": round(every[1], 1),
        "peak_mib": round(peak),
        "labels_wall_s": round(alike[0], 1),
        "labels_processor_s": round(alike[1], 1),
        "fairlearn_units": len(few),
        "fairlearn_round_s": round(drawn - plain, 2),
        "fairlearn_scaled_s": round(scaled),
        "ratio": round(scaled / alike[1]),
    }


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(prog="python -m fairness.benchmark", description=__doc__)
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--part", type=int, default=10, help="fairlearn gets 1 patient of so many")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.units, given.patients, given.rounds, given.part)
    if given.json:
        print(json.dumps(found))
        return
    sys.stdout.write(
        "{units:,} units, {patients:,} patients, {groups} groups, {rounds:,} rounds\n"
        "audit, all {metrics} metrics: {wall_s} s ({processor_s} s of processor), "
        "{peak_mib} MiB at most, the tables included\n"
        "audit, the 8 metrics of labels: {labels_wall_s} s ({labels_processor_s} s)\n"
        "fairlearn, the same 8: a round on {fairlearn_units:,} units takes {fairlearn_round_s} s "
        "of processor; scaled up to all units and rounds {fairlearn_scaled_s:,} s, "
        "{ratio:,} times as long\n".format(**found)
    )


if __name__ == "__main__":
    main()
