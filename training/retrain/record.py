"""The record of a change, in the form of a predetermined change control plan.

Its parts are those of FDA's guidance on such plans for AI-enabled device software functions
(December 2024): description of modifications, modification protocol, impact assessment. Vigil
is no medical device: the form is taken because it asks the right questions.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from training.config import TrainConfig
from training.gates.gate import Gate
from training.retrain.config import RetrainConfig
from training.retrain.manifest import Manifest
from training.retrain.models import Known

SCHEMA = "vigil.change/1"
"""Name and version of the form."""
PASSED, STOPPED = "passed", "stopped"
"""What can come of a change."""


def make_record(
    config: RetrainConfig,
    training: TrainConfig,
    manifest: Manifest,
    models: tuple[Known, Known | None],
    gates: Sequence[Gate],
    look: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Write down a change and what came of it.

    Parameters
    ----------
    config : RetrainConfig
        As it was declared.
    training : TrainConfig
        The candidate's training.
    manifest : Manifest
        Who and what it rests on.
    models : (champion, candidate)
        The candidate is None where it was stopped before it was made.
    gates : sequence of Gate
        Those that were tried, in order.
    look : mapping or None
        What the log of looks holds of it, if the locked set was looked at.
    """
    champion, candidate = models
    stopped = [gate.name for gate in gates if not gate.passed]
    return {
        "schema": SCHEMA,
        "name": config.name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "outcome": STOPPED if stopped else PASSED,
        "stopped_by": stopped,
        "description_of_modifications": {
            **config.change.model_dump(),
            "champion": describe(champion),
            "candidate": None if candidate is None else describe(candidate),
            "training": differences(champion, training),
            "data": _data(champion, manifest),
        },
        "modification_protocol": {
            "data_management": {
                "manifest_sha256": manifest.digest,
                "locked_sha256": manifest.locked_digest,
                "records": {
                    side: len(manifest.of(side))
                    for side in ("training", "validation", "locked", "left out")
                },
                "labels": label_sources(manifest),
                "rule": "split by patient; DS2 of mitdb is barred; the locked set judges a "
                "candidate once",
            },
            "retraining": training.model_dump(mode="json"),
            "performance_evaluation": [
                {"gate": g.name, "protocol": g.protocol, "limit": g.limit} for g in gates
            ],
            "update_procedure": "promoted only with this record, signed and passed; installed "
            f"whole or not at all; {config.change.rollback}",
            "look": None if look is None else dict(look),
        },
        "impact_assessment": {"gates": [gate.to_dict() for gate in gates]},
        "made_with": {
            "vigil": version("vigil-ecg"),
            "python": platform.python_version(),
            "revision": None if candidate is None or candidate.run is None
            else candidate.run.get("revision"),
        },
    }  # fmt: skip


def describe(known: Known) -> dict[str, Any]:
    """Say which model it is."""
    info = known.info
    told: dict[str, Any] = {"name": info.name, "version": info.version, "sha256": info.digest}
    if known.run is not None:
        told["temperature"] = known.run.get("temperature")
    return told | {"file": known.path.name, "patients": len(known.patients) or None}


def differences(champion: Known, training: TrainConfig) -> dict[str, Any]:
    """Say which keys of the training are other than the champion's, as far as these are known."""
    if champion.run is None:
        return {"unknown": "the champion's training is not told by its file"}
    before = _flat(champion.run["config"])
    after = _flat(training.model_dump(mode="json"))
    return {
        key: [before.get(key), after.get(key)]
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    }


def label_sources(manifest: Manifest) -> dict[str, int]:
    """Count records by where their labels come from, and feedback's beats by what they rest on."""
    own = manifest.of("training", "validation")
    found = {
        f"records labelled by {source}": sum(entry.labels == source for entry in own)
        for source in sorted({entry.labels for entry in own})
    }
    for entry in own:
        for what, n in (entry.told or {}).get("beats", {}).items():
            found[f"beats {what}"] = found.get(f"beats {what}", 0) + n
    return found


def _data(champion: Known, manifest: Manifest) -> dict[str, Any]:
    """Say who is new, who is gone, and who of the locked set the champion knows."""
    now = {entry.patient for entry in manifest.of("training", "validation")}
    locked = {entry.patient for entry in manifest.of("locked")}
    return {
        "patients": len(now),
        "new": sorted(now - champion.patients) if champion.patients else None,
        "gone": sorted(champion.patients - now),
        "locked_patients": len(locked),
        "locked_known_to_champion": sorted(champion.patients & locked),
    }


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Name nested keys with dots."""
    if not isinstance(value, Mapping):
        return {prefix[:-1]: value}
    return {
        k: v for name, each in value.items() for k, v in _flat(each, f"{prefix}{name}.").items()
    }
