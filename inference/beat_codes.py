"""Conditions that beats begin and end, in the order of the columns of state arrays."""

from __future__ import annotations

from inference.conditions import Code

RATE_CODES = (
    Code.EXTREME_BRADYCARDIA,
    Code.EXTREME_TACHYCARDIA,
    Code.BRADYCARDIA,
    Code.TACHYCARDIA,
)
"""Conditions of rate, in the order of the columns of the ``rate_*`` arrays."""

RUN_CODES = (
    Code.SUSTAINED_VENTRICULAR_TACHYCARDIA,
    Code.VENTRICULAR_TACHYCARDIA,
    Code.NON_SUSTAINED_VENTRICULAR_TACHYCARDIA,
    Code.V_RUN,
)
"""Runs of ventricular beats."""

BURDEN_CODES = (
    Code.SUPRAVENTRICULAR_RUN,
    Code.R_ON_T,
    Code.COUPLET,
    Code.BIGEMINY,
    Code.TRIGEMINY,
    Code.FREQUENT_VEBS,
    Code.MISSED_BEAT,
    Code.IRREGULAR_RHYTHM,
)
"""Ectopy and irregularity, in the order of the columns of ``seen_ms``."""

BEAT_CODES = (*RATE_CODES, *RUN_CODES, *BURDEN_CODES, Code.ATRIAL_FIBRILLATION)
"""Conditions that a silence or its length ends, and that do not keep a stream from being quiet."""
