"""Fit the quality index, judge it by patients left out, and write what serves.

``python -m training.signal_quality`` writes ``inference/quality_index.json``, the
figures as ``training/results/signal_quality.json`` and ``docs/signal-quality.md``.
DS2 is not read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from inference.quality_index import FEATURES, MOVES, ROUGH, QualityModel
from training.assessment.kept import keep
from training.signal_quality.auc import auc, by_patient, by_strip
from training.signal_quality.fitting import Ticks, fit, left_out, weigh
from training.signal_quality.marked import Mark, MarkedLead, marked_leads
from training.signal_quality.page import write_page
from training.signal_quality.peers import PEERS, peer

SHIPPED = Path("inference/quality_index.json")
"""What serves."""
THRESHOLDS = np.arange(0.02, 0.5, 0.01)
"""Limits of the index that are tried."""
MOST_CLEAN, MOST_LETHAL = 0.01, 0.05
"""Most of what mitdb does not mark, and of VT, VF and asystole, that may fall below the limit."""


def threshold(score: NDArray[np.float32], ticks: Ticks) -> float:
    """Choose the index below which beats are not believed, by patients left out.

    The largest at which few ticks that nobody marked, and few of VT, VF and asystole, fall below.
    """
    moves = ticks.moves >= MOVES
    clean = (ticks.database == "mitdb") & (ticks.mark == Mark.CLEAN)
    lethal = ticks.mark == Mark.LETHAL
    fits = []
    for limit in THRESHOLDS:
        low = (score < limit) & moves
        if low[clean].mean() <= MOST_CLEAN and low[lethal].mean() <= MOST_LETHAL:
            fits.append(float(limit))
    return round(max(fits, default=float(THRESHOLDS[0])), 2)


def judge(score: NDArray[np.floating[Any]], ticks: Ticks) -> dict[str, Any]:
    """Score one index: over strips, over patients, and noise against VT, VF and asystole."""
    strips = ticks.database == "cinc2017"
    found: dict[str, Any] = {
        "cinc2017": by_strip(score[strips], ticks.noisy[strips], ticks.patient[strips])
    }
    for database in ("mitdb", "vfdb"):
        own = ticks.database == database
        areas = by_patient(score[own], ticks.noisy[own], ticks.patient[own])
        found[database] = float(np.mean(list(areas.values())))
        found[f"{database}_patients"] = len(areas)
    lethal = ticks.mark >= Mark.NOISE
    lethal &= ticks.database == "vfdb"
    found["vfdb_noise_against_lethal"] = auc(score[lethal], ticks.noisy[lethal])
    return found


def below(flagged: NDArray[np.bool_], ticks: Ticks) -> dict[str, float]:
    """Share of the ticks of each kind that are taken for noise."""
    found = {}
    for database in ("cinc2017", "mitdb", "vfdb"):
        for mark in (Mark.NOISE, Mark.CLEAN, Mark.LETHAL):
            own = (ticks.database == database) & (ticks.mark == mark)
            if own.any():
                found[f"{database} {mark.name.lower()}"] = float(flagged[own].mean())
    return found


def _digest(leads: Sequence[MarkedLead]) -> str:
    total = hashlib.sha256()
    for lead in leads:
        total.update(f"{lead.patient}/{lead.recording.leads[0].name}".encode())
        total.update(lead.features.tobytes() + lead.mark.tobytes())
    return total.hexdigest()


def write_model(model: QualityModel, digest: str, n_patients: int, path: Path) -> None:
    """Write the weights, with where they come from."""
    named = {
        name: {"half": half, "weight": weight}
        for name, half, weight in zip(FEATURES, model.halves, model.weights, strict=True)
    }
    told = {
        "features": named,
        "bias": model.bias,
        "noisy_below": model.noisy_below,
        "made": "python -m training.signal_quality",
        "data": f"cinc2017, mitdb DS1, vfdb: {n_patients} patients; SHA-256 of features and marks",
        "digest": digest,
    }
    path.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="training.signal_quality", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path("runs/noise"), help="of QRS detectors")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=PEERS)
    told = parser.parse_args(arguments)
    leads = list(track(marked_leads(told.data), "reading", total=None))
    ticks = Ticks.of(leads)
    score = left_out(ticks)
    limit = threshold(score, ticks)
    model = fit(ticks.features, ticks.noisy, weigh(ticks), limit)
    scored: dict[str, Callable[[], NDArray[Any]]] = {
        "vigil": lambda: score,
        "roughness alone (Vigil before)": lambda: -ticks.rough,
        **{name: partial(_of_peer, name, leads, told.cache) for name in told.peers},
    }
    found = {
        "patients": len(np.unique(ticks.patient)),
        "hours": len(ticks.mark) / 5 / 3600,
        "areas": {name: judge(make(), ticks) for name, make in scored.items()},
        "noisy_below": limit,
        "taken_for_noise": below(
            ((score < limit) & (ticks.moves >= MOVES)) | (ticks.rough > ROUGH), ticks
        ),
        "taken_for_noise_before": below(ticks.rough > ROUGH, ticks),
        "weights": dict(zip(FEATURES, model.weights, strict=True)),
    }
    write_model(model, _digest(leads), len(np.unique(ticks.patient)), SHIPPED)
    keep("signal_quality", found)
    write_page()
    print(json.dumps(found, indent=1))


def _of_peer(name: str, leads: Sequence[MarkedLead], cache: Path) -> NDArray[np.float64]:
    found = [peer(name, lead, cache)[lead.counted] for lead in track(leads, name)]
    return np.concatenate(found)


if __name__ == "__main__":
    main()
