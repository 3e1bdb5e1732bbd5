"""What is asked of a candidate: declared before it is trained, in the table ``[limits]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Margin = Annotated[float, Field(ge=0)]
"""How much worse is let pass."""


class GateLimits(BaseModel):
    """Margins and limits of all gates; differences are of the candidate less the champion."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    f1_points: dict[str, Margin] = {"QRS": 0.5, "VEB": 3.0, "SVEB": 5.0}
    """Non-inferiority of the gross F1, points of percent, by condition."""
    group_points: Margin = 10.0
    """How much a group's F1 may fall, points of percent."""
    group_conditions: tuple[str, ...] = ("VEB",)
    """Conditions that groups are judged by."""
    group_patients: Annotated[int, Field(ge=2)] = 5
    """Patients with the condition, below which a group is named but not judged."""
    ece: Margin = 0.01
    """How much the expected calibration error may rise."""
    brier: Margin = 0.01
    """How much the Brier score may rise."""
    log_loss: Margin = 0.05
    """How much the log loss may rise, nats a beat."""
    latency_ratio: Annotated[float, Field(gt=0)] = 1.25
    """Largest time of a step, of the champion's in the same run."""
    size_ratio: Annotated[float, Field(gt=0)] = 1.5
    """Largest file, of the champion's."""
    parity: Annotated[float, Field(gt=0)] = 1e-5
    """Largest difference between torch's and ONNX Runtime's probabilities."""
    noise_db: float = 12.0
    """Signal-to-noise ratio of the noise stress, dB."""
    noise_points: Margin = 5.0
    """How much the VEB F1 under noise may fall, points of percent."""
    attack_uv: Annotated[float, Field(gt=0)] = 20.0
    """Largest change of a sample by an adversary, uV."""
    attack_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Largest share of beats whose class an adversary changes."""
    attack_points: Margin = 5.0
    """How much that share may rise where the champion's is known, points of percent."""
