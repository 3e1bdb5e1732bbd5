"""All gates of one candidate that rest on the models themselves and on the locked set."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from ingest.errors import InputError
from ingest.wfdb_replay import open_recording
from training.assessment.scoring import ModelFiles
from training.gates.attack import BeatModule, Flips, attack
from training.gates.cost import cost
from training.gates.gate import Decision, Gate
from training.gates.parity import parity_gate
from training.gates.robust import adversary, drawn_noise, f1_under_noise, noise
from training.gates.tables import Compared, calibration, groups, noninferiority
from training.noise_bank import load_noise
from training.retrain.config import RetrainConfig
from training.retrain.locked import LockedSet
from training.retrain.manifest import Manifest
from training.retrain.models import Known

Tell = Callable[[Gate], None]
"""Is told of each gate as it is decided."""


def data_gate(manifest: Manifest) -> Gate:
    """Ask that nobody of the locked set was learned from; decided before anything is trained."""
    leaks = manifest.leaks()
    counts = {side: len(manifest.of(side)) for side in ("training", "validation", "locked")}
    return Gate(
        "leakage",
        "Every record of training and validation beside every locked one: by patient, by the "
        "digest of its signal and by the places of its beats, whatever its name",
        "nobody stands on both sides",
        counts | {"left_out": len(manifest.of("left out")), "leaks": leaks},
        Decision.FAILED if leaks else Decision.PASSED,
        f"{len(leaks)} leaks: {leaks[0]}" if leaks else f"none among {counts['locked']} locked",
    )


def model_gates(champion: Known, candidate: Known, config: RetrainConfig) -> list[Gate]:
    """Judge the files themselves: export and cost.

    Raises
    ------
    ingest.errors.InputError
        If the candidate's trained module is not there.
    """
    if candidate.module is None:
        raise InputError(f"{candidate.path}: a candidate is a run folder of vigil train")
    return [
        parity_gate(candidate.module, candidate.path, config.limits),
        cost(champion.path, candidate.path, config.limits),
    ]


def locked_gates(
    champion: Known, candidate: Known, config: RetrainConfig, locked: LockedSet, data: Path
) -> list[Gate]:
    """Judge what both models say of the locked set: a look at it."""
    compared = Compared(
        locked.scored(champion.path, champion.info.digest),
        locked.scored(candidate.path, candidate.info.digest),
        locked.subjects,
        tuple(name for name in config.groups if name in locked.subjects),
    )
    limits = config.limits
    return [
        noninferiority(compared, limits),
        groups(compared, limits),
        calibration(compared, limits),
        _noise(champion, candidate, config, locked, data),
        _adversary(champion, candidate, config, locked),
    ]


def _noise(
    champion: Known, candidate: Known, config: RetrainConfig, locked: LockedSet, data: Path
) -> Gate:
    records, recorded = locked.first(config.noise.records), config.noise.source == "recorded"
    rates = sorted({round(open_recording(folder / record).fs) for folder, record in records})

    def f1(model: Known) -> float:
        segments = {
            fs: load_noise(data, "test", fs) if recorded else drawn_noise(fs) for fs in rates
        }
        return f1_under_noise(
            records,
            segments,
            ModelFiles(beat=model.path),
            config.limits.noise_db,
            model.n_leads,
        )

    before, after = (
        locked.once(("noise", model.info.digest), partial(f1, model))
        for model in (champion, candidate)
    )
    told = f"{len(records)} locked records with {config.noise.source} noise"
    return noise(before, after, config.limits, told)


def _adversary(champion: Known, candidate: Known, config: RetrainConfig, locked: LockedSet) -> Gate:
    def flips(model: Known) -> Flips:
        n, uv = model.n_leads, config.limits.attack_uv
        signals = locked.signals(config.attack.records, candidate.info.fs, n)
        return attack(cast("BeatModule", model.module), signals, uv, n)

    before = None
    if champion.module is not None:
        before = locked.once(("attack", champion.info.digest), partial(flips, champion))
    return adversary(flips(candidate), before, config.limits)
