"""All gates of one candidate that rest on the models themselves and on the locked set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from ingest.errors import InputError
from ingest.wfdb_replay import open_recording
from training.assessment.scoring import ModelFiles
from training.gates.attack import BeatModule, attack
from training.gates.cost import cost
from training.gates.gate import Decision, Gate
from training.gates.parity import parity_gate
from training.gates.robust import adversary, drawn_noise, noise
from training.gates.tables import Compared, calibration, groups, noninferiority
from training.noise_bank import NoiseSegment, load_noise
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
    records = locked.first(config.noise.records)
    rates = {_fs(folder, record) for folder, record in records}
    segments: dict[int, list[NoiseSegment]] = {}
    for fs in sorted(rates):
        recorded = config.noise.source == "recorded"
        segments[fs] = load_noise(data, "test", fs) if recorded else drawn_noise(fs)
    models = (ModelFiles(beat=champion.path), ModelFiles(beat=candidate.path))
    told = "recorded noise" if config.noise.source == "recorded" else "drawn noise"
    return noise(records, segments, models, config.limits, told)


def _adversary(champion: Known, candidate: Known, config: RetrainConfig, locked: LockedSet) -> Gate:
    signals = locked.signals(config.attack.records, candidate.info.fs)
    limit = config.limits.attack_uv
    own = attack(cast("BeatModule", candidate.module), signals, limit)
    known = champion.module is not None
    before = attack(cast("BeatModule", champion.module), signals, limit) if known else None
    return adversary(own, before, config.limits)


def _fs(folder: Path, record: str) -> int:

    return round(open_recording(folder / record).fs)
