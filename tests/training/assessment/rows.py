"""Figures made up: DS2 is not looked at by tests."""

from __future__ import annotations

from typing import Any


def row(cohort: str, *, f1: float | None = 91.234, records: int = 22) -> dict[str, Any]:
    """Make what ``figures`` gives of a cohort."""
    rate = {"se": 90.5, "ppv": None if f1 is None else 92.0, "f1": f1}
    kinds = ("qrs", "veb", "sveb")
    rates = {
        "gross": dict.fromkeys(kinds, rate),
        "average": {kind: {"se": 80.0, "ppv": 70.0} for kind in kinds},
        "interval_f1": dict.fromkeys(kinds, None if f1 is None else [88.88, 93.0]),
    }
    confusion = [[0] * 7 for _ in range(7)]
    confusion[0][0], confusion[1][0], confusion[2][2], confusion[5][0] = 1000, 30, 50, 4
    return {
        "cohort": cohort,
        "key": "ds2" if cohort == "mitdb DS2" else cohort,
        "records": records,
        "patients": 21,
        "beat_classes": records != 48,
        **rates,
        "timing": {"median_ms": 4.0, "p95_ms": 20.0},
        "confusion": confusion,
    }
